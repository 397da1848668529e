//! What a scheduler's driver measures, by the `metrics` facade.
//!
//! Measured is with the feature `metrics` only, which is off by default: it
//! brings the facade's crate, and each event and call then costs some lookups in
//! whatever recorder the program has installed. Without a recorder nothing is
//! kept. Names and labels are part of this crate's interface.
//!
//! Each metric has the label `framework`: the name in
//! [`Framework`](crate::Framework), so that several drivers in one program can
//! be told apart. All times are in seconds.
//!
//! | name | kind | labels | what |
//! |---|---|---|---|
//! | [`EVENTS`] | counter | `type`: Mesos' name, `UNKNOWN` for one of a newer Mesos | events taken up |
//! | [`QUEUED`] | gauge | | events that wait behind the one that was taken up last, where the backend can tell |
//! | [`HANDLER_SECONDS`] | histogram | `handler`: the method of [`Scheduler`](crate::Scheduler) | how long handlers took |
//! | [`CALLS`] | counter | `type`: Mesos' name; `outcome`: `taken`, `refused`, `not_sent`, `unknown` ([`Delivery`]), or `abandoned` by those who made it | calls but for the SUBSCRIBE, those of the driver itself included |
//! | [`CALL_SECONDS`] | histogram | `type` | from making a call to its outcome, the wait in line included |
//! | [`UPDATES`] | counter | `step`: a field of [`UpdateCounts`](crate::scheduler::UpdateCounts) | what updates of tasks and operations came to |
//! | [`DEFERRED`] | gauge | | acknowledgements that were taken over and not made yet |
//! | [`OFFERS`] | gauge | | offers that are held |
//! | [`OFFERS_UNUSED`] | counter | | offers that were declined because they were dropped |
//! | [`RECONCILING`] | gauge | | tasks and operations that were asked about and not answered for |
//! | [`SUBSCRIBED`] | gauge | | 1 with a subscription, 0 without |
//! | [`SUBSCRIPTIONS`] | counter | `again`: `false` for the first one | subscriptions that were granted |
//! | [`DISCONNECTS`] | counter | `reason`: an [`ErrorKind`] | lost subscriptions and failed attempts |
//! | [`UNSUBSCRIBED_SECONDS`] | histogram | | how long there was no subscription, told when there is one again |

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

/// The measuring points of one driver.
#[derive(Clone, Debug)]
pub(crate) struct Meter {
    #[cfg_attr(
        not(feature = "metrics"),
        expect(dead_code, reason = "nothing is measured")
    )]
    framework: Arc<str>,
}

/// Measures by the facade, or only looks at the labels' values.
macro_rules! measure {
    ($meter:ident, $kind:ident $name:ident [$($label:literal: $value:expr),*] $act:ident $by:expr) => {{
        #[cfg(feature = "metrics")]
        ::metrics::$kind!(
            $name, "framework" => Arc::clone(&$meter.framework) $(, $label => $value)*
        )
        .$act($by);
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

    /// An event was taken up, and so many wait behind it.
    pub(crate) fn event(&self, event_type: &'static str, queued: usize) {
        measure!(self, counter EVENTS ["type": event_type] increment 1);
        measure!(self, gauge QUEUED [] set queued as f64);
    }

    pub(crate) fn handler(&self, name: &'static str, took: Duration) {
        measure!(self, histogram HANDLER_SECONDS ["handler": name] record took.as_secs_f64());
    }

    /// A call is about to be made.
    pub(crate) fn call(&self, call_type: &'static str) -> Measured {
        Measured {
            meter: self.clone(),
            call_type,
            since: Instant::now(),
            outcome: "abandoned",
        }
    }

    /// So many updates came to `step`.
    pub(crate) fn updates(&self, step: &'static str, count: u64) {
        if count > 0 {
            measure!(self, counter UPDATES ["step": step] increment count);
        }
    }

    pub(crate) fn deferred(&self, count: u64) {
        measure!(self, gauge DEFERRED [] set count as f64);
    }

    pub(crate) fn offers(&self, outstanding: usize) {
        measure!(self, gauge OFFERS [] set outstanding as f64);
    }

    pub(crate) fn offers_unused(&self, count: usize) {
        measure!(self, counter OFFERS_UNUSED [] increment count as u64);
    }

    pub(crate) fn reconciling(&self, open: usize) {
        measure!(self, gauge RECONCILING [] set open as f64);
    }

    pub(crate) fn subscribed(&self, subscribed: bool) {
        measure!(self, gauge SUBSCRIBED [] set f64::from(u8::from(subscribed)));
    }

    /// A subscription was granted, after so long without one.
    pub(crate) fn granted(&self, again: bool, without: Duration) {
        let again = if again { "true" } else { "false" };
        measure!(self, counter SUBSCRIPTIONS ["again": again] increment 1);
        measure!(self, histogram UNSUBSCRIBED_SECONDS [] record without.as_secs_f64());
    }

    pub(crate) fn disconnected(&self, reason: ErrorKind) {
        measure!(self, counter DISCONNECTS ["reason": format!("{reason:?}")] increment 1);
    }
}

/// A call whose outcome is not known yet. Dropped without one, it was
/// abandoned by those who made it.
#[derive(Debug)]
pub(crate) struct Measured {
    meter: Meter,
    call_type: &'static str,
    since: Instant,
    outcome: &'static str,
}

impl Measured {
    pub(crate) fn finish(mut self, result: &Result<()>) {
        self.outcome = match result.as_ref().map_err(|error| error.delivery()) {
            Ok(()) => "taken",
            Err(Delivery::Refused) => "refused",
            Err(Delivery::NotSent) => "not_sent",
            Err(Delivery::Unknown) => "unknown",
        };
    }
}

impl Drop for Measured {
    fn drop(&mut self) {
        let Self {
            meter,
            call_type,
            since,
            outcome,
        } = self;
        let took = since.elapsed();
        measure!(meter, counter CALLS ["type": *call_type, "outcome": *outcome] increment 1);
        measure!(meter, histogram CALL_SECONDS ["type": *call_type] record took.as_secs_f64());
    }
}
