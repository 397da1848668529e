//! The metrics of a scheduler driver, recorded through the crate `metrics`.
//!
//! The driver records metrics only with the feature `metrics`, which is off by default. The
//! feature adds the crate `metrics`, and each event and call then costs some lookups in the
//! recorder that the program has installed. Without a recorder the values are dropped. Names
//! and labels are part of this crate's interface.
//!
//! Each metric has the label `framework` with the name in [`Framework`](crate::Framework),
//! which distinguishes several drivers in one program. All times are in seconds.
//!
//! | name | kind | labels | value |
//! |---|---|---|---|
//! | [`EVENTS`] | counter | `type`: the name in the Mesos schema, or `UNKNOWN` | events that the driver took from its queue |
//! | [`QUEUED`] | gauge | | events that were queued behind the last event when the driver took it; 0 if the backend does not report the number |
//! | [`HANDLER_SECONDS`] | histogram | `handler`: the method of [`Scheduler`](crate::Scheduler) | durations of handlers |
//! | [`CALLS`] | counter | `type`: the name in the Mesos schema; `outcome`: `accepted`, `refused`, `not_sent`, `unknown` ([`Delivery`]), or `abandoned` if the caller dropped the call | calls except SUBSCRIBE, calls of the driver itself included |
//! | [`CALL_SECONDS`] | histogram | `type` | time from making a call to its outcome, the time in the queue included |
//! | [`UPDATES`] | counter | `step`: a field of [`UpdateCounts`](crate::scheduler::UpdateCounts) | updates of tasks and operations |
//! | [`DEFERRED`] | gauge | | acknowledgements that handlers took over and have not made yet |
//! | [`OFFERS`] | gauge | | offers that the scheduler holds, or whose ACCEPT or DECLINE was not accepted yet |
//! | [`OFFERS_UNUSED`] | counter | | offers that were declined because they were dropped |
//! | [`RECONCILING`] | gauge | | tasks and operations whose state was requested and not answered yet |
//! | [`SUBSCRIBED`] | gauge | | 1 while subscribed, otherwise 0 |
//! | [`SUBSCRIPTIONS`] | counter | `again`: `false` for the first one | granted subscriptions |
//! | [`DISCONNECTS`] | counter | `reason`: an [`ErrorKind`] | lost subscriptions and failed attempts |
//! | [`UNSUBSCRIBED_SECONDS`] | histogram | | times without a subscription, recorded when a subscription is granted |

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::error::{Delivery, ErrorKind, Result};

/// See the [table](self).
pub const EVENTS: &str = "mesos_scheduler_events_total";
/// See the [table](self).
pub const QUEUED: &str = "mesos_scheduler_events_queued";
/// See the [table](self).
pub const HANDLER_SECONDS: &str = "mesos_scheduler_handler_seconds";
/// See the [table](self).
pub const CALLS: &str = "mesos_scheduler_calls_total";
/// See the [table](self).
pub const CALL_SECONDS: &str = "mesos_scheduler_call_seconds";
/// See the [table](self).
pub const UPDATES: &str = "mesos_scheduler_updates_total";
/// See the [table](self).
pub const DEFERRED: &str = "mesos_scheduler_acknowledgements_deferred";
/// See the [table](self).
pub const OFFERS: &str = "mesos_scheduler_offers_outstanding";
/// See the [table](self).
pub const OFFERS_UNUSED: &str = "mesos_scheduler_offers_unused_total";
/// See the [table](self).
pub const RECONCILING: &str = "mesos_scheduler_reconciliation_open";
/// See the [table](self).
pub const SUBSCRIBED: &str = "mesos_scheduler_subscribed";
/// See the [table](self).
pub const SUBSCRIPTIONS: &str = "mesos_scheduler_subscriptions_total";
/// See the [table](self).
pub const DISCONNECTS: &str = "mesos_scheduler_disconnects_total";
/// See the [table](self).
pub const UNSUBSCRIBED_SECONDS: &str = "mesos_scheduler_unsubscribed_seconds";

/// Records the metrics of one driver.
#[derive(Clone, Debug)]
pub(crate) struct Meter {
    #[cfg_attr(
        not(feature = "metrics"),
        expect(dead_code, reason = "nothing is recorded")
    )]
    framework: Arc<str>,
}

/// Records a metric, or only evaluates the arguments without the feature `metrics`.
macro_rules! record {
    ($meter:ident, $kind:ident $name:ident [$($label:literal: $value:expr),*] $method:ident $by:expr) => {{
        #[cfg(feature = "metrics")]
        ::metrics::$kind!(
            $name, "framework" => Arc::clone(&$meter.framework) $(, $label => $value)*
        )
        .$method($by);
        #[cfg(not(feature = "metrics"))]
        {
            let _ = (&$meter, $by, $(&$value),*);
        }
    }};
}

impl Meter {
    pub(crate) fn new(framework: &str) -> Self {
        Self {
            framework: framework.into(),
        }
    }

    /// The driver took an event from its queue, and `queued` events are behind it.
    pub(crate) fn event(&self, event_type: &'static str, queued: usize) {
        record!(self, counter EVENTS ["type": event_type] increment 1);
        record!(self, gauge QUEUED [] set queued as f64);
    }

    pub(crate) fn handler(&self, name: &'static str, took: Duration) {
        record!(self, histogram HANDLER_SECONDS ["handler": name] record took.as_secs_f64());
    }

    /// A call is about to be made.
    pub(crate) fn call(&self, call_type: &'static str) -> CallTimer {
        CallTimer {
            meter: self.clone(),
            call_type,
            since: Self::start(),
            outcome: "abandoned",
        }
    }

    /// The start of a call, if calls are measured.
    pub(crate) fn start() -> Option<Instant> {
        cfg!(feature = "metrics").then(Instant::now)
    }

    /// A call that was made at `since` has a result.
    pub(crate) fn answered(
        &self,
        call_type: &'static str,
        since: Option<Instant>,
        result: &Result<()>,
    ) {
        self.called(call_type, since, outcome(result));
    }

    fn called(&self, call_type: &'static str, since: Option<Instant>, outcome: &'static str) {
        let took = since.map_or(Duration::ZERO, |since| since.elapsed());
        record!(self, counter CALLS ["type": call_type, "outcome": outcome] increment 1);
        record!(self, histogram CALL_SECONDS ["type": call_type] record took.as_secs_f64());
    }

    /// `count` updates have reached `step`.
    pub(crate) fn updates(&self, step: &'static str, count: u64) {
        if count > 0 {
            record!(self, counter UPDATES ["step": step] increment count);
        }
    }

    pub(crate) fn deferred(&self, count: u64) {
        record!(self, gauge DEFERRED [] set count as f64);
    }

    pub(crate) fn offers(&self, outstanding: usize) {
        record!(self, gauge OFFERS [] set outstanding as f64);
    }

    pub(crate) fn offers_unused(&self, count: usize) {
        record!(self, counter OFFERS_UNUSED [] increment count as u64);
    }

    pub(crate) fn reconciling(&self, open: usize) {
        record!(self, gauge RECONCILING [] set open as f64);
    }

    pub(crate) fn subscribed(&self, subscribed: bool) {
        record!(self, gauge SUBSCRIBED [] set f64::from(u8::from(subscribed)));
    }

    /// A subscription was granted, after `outage` without one.
    pub(crate) fn granted(&self, again: bool, outage: Duration) {
        let again = if again { "true" } else { "false" };
        record!(self, counter SUBSCRIPTIONS ["again": again] increment 1);
        record!(self, histogram UNSUBSCRIBED_SECONDS [] record outage.as_secs_f64());
    }

    pub(crate) fn disconnected(&self, reason: ErrorKind) {
        record!(self, counter DISCONNECTS ["reason": format!("{reason:?}")] increment 1);
    }
}

/// Measures a call until its outcome. If this value is dropped without an outcome, the caller
/// has abandoned the call.
#[derive(Debug)]
pub(crate) struct CallTimer {
    meter: Meter,
    call_type: &'static str,
    /// `None` if nothing is recorded.
    since: Option<Instant>,
    outcome: &'static str,
}

impl CallTimer {
    pub(crate) fn finish(mut self, result: &Result<()>) {
        self.outcome = outcome(result);
    }
}

fn outcome(result: &Result<()>) -> &'static str {
    match result.as_ref().map_err(|error| error.delivery()) {
        Ok(()) => "accepted",
        Err(Delivery::Refused) => "refused",
        Err(Delivery::NotSent) => "not_sent",
        Err(Delivery::Unknown) => "unknown",
    }
}

impl Drop for CallTimer {
    fn drop(&mut self) {
        self.meter.called(self.call_type, self.since, self.outcome);
    }
}
