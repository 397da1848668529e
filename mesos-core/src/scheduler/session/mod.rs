//! The state machine of a scheduler's subscription. Pure: the time, random numbers and inputs
//! are arguments.
//!
//! ```text
//!            Connect            Opened             Granted
//!     Idle ──────────▶ Connecting ─────▶ Subscribing ─────▶ Subscribed
//!                       ▲   │                │  ▲  Interrupted  │
//!               Connect │   │ Failed         │  └───────────────┤
//!          (wait over)  │   ▼                ▼                  │
//!                     BackingOff ◀──────────┴──────────────────┘
//!                                     Failed
//!
//!     any state ── End, ErrorEvent, fatal Failed ──▶ Ended
//! ```
//!
//! A leader change ([`Input::LeaderChanged`]) shortens each wait at most once. The least time between
//! two attempts grows with the number of shortened waits since the last subscription, so an
//! endless series of leader changes causes hardly more attempts than no leader change.
//!
//! A SUBSCRIBE that was sent and not answered may arrive at the master after a later SUBSCRIBE
//! of the same driver was granted, and replace the later subscription. The master then reports
//! to the later stream that its framework failed over, although no other scheduler took over.
//! So an unanswered SUBSCRIBE of the last two minutes explains one such ERROR, and the driver
//! subscribes again. Several unanswered SUBSCRIBEs explain only one: they wait in the same
//! place, so they arrive before the driver has subscribed again. A SUBSCRIBE that a proxy
//! answered explains nothing. Otherwise an old scheduler behind a broken proxy would end a new
//! scheduler that takes over.
//!
//! If the peer is not a Mesos master, a driver that has not been subscribed yet ends: its
//! address is wrong. The same holds for a setting that is wrong or a file that is missing. A
//! driver that was subscribed once retries all of these.
//!
//! The waits between attempts are short again only after a subscription that lasted
//! (`runtime/backoff.rs`).
//!
//! Each subscription has a generation. Inputs of an earlier generation belong to an abandoned
//! stream and are ignored. The runtime (`scheduler/runtime`) passes the inputs in and carries
//! the outputs out.

mod reason;
mod state;

#[cfg(test)]
mod flapping;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

use std::time::Duration;

use mesos_proto::v1::FrameworkId;

use crate::StopReason;
use crate::disconnected::Disconnected;
use crate::error::{Delivery, Error, ErrorKind, Result};
use crate::runtime::{Backoff, BackoffPolicy};
pub(crate) use reason::{is_removal, is_removal_text};
pub use state::{RemovedPolicy, SessionState};

/// How long an abandoned SUBSCRIBE can still arrive at the master. Linux sends the unsent data
/// of a closed connection for up to about 100 s (`tcp_orphan_retries`). Delays on the way are
/// rarely longer.
const DELAYED_SUBSCRIBE_TIMEOUT: Duration = Duration::from_secs(120);

/// How long the first subscription of a new framework may take. Masters that elect a leader
/// need some seconds (`--zk_session_timeout` is 10 s by default).
const SUBSCRIBE_TIMEOUT: Duration = Duration::from_secs(60);

/// The number of one subscription of a driver, counted from 1.
pub(crate) type Generation = u64;

/// An event that the session reacts to.
#[derive(Clone, Debug)]
pub(crate) enum Input {
    /// No subscription is open and the wait is over: open the next subscription.
    Connect,
    /// The peer accepted the SUBSCRIBE for processing.
    Opened(Generation),
    /// A SUBSCRIBED event arrived, with this id.
    Granted(Generation, FrameworkId),
    /// The connection is lost, and the backend reconnects by itself.
    Interrupted(Generation, Error),
    /// The attempt failed, or the stream ended.
    Failed(Generation, Error),
    /// An ERROR event arrived, with this text.
    ErrorEvent(Generation, String),
    /// A leader was elected, or the leader changed since the last attempt.
    LeaderChanged,
    /// The driver ends for a reason outside the session.
    End(Result<StopReason>),
}

/// What the runtime has to do.
#[derive(Clone, Debug)]
pub(crate) enum Output {
    /// Nothing: the input is outdated, or does not apply in this state.
    Ignored,
    /// Continue.
    Proceed,
    /// Open a subscription, with this id in both places of the SUBSCRIBE.
    Open(Generation, Option<FrameworkId>),
    /// Save the id, then call the handler `subscribed`.
    Subscribed(Granted),
    /// Call the handler `disconnected`, and continue with the same stream.
    Interrupted(Disconnected),
    /// Remove the id from the store, if there is one here. Call the handler `disconnected`,
    /// wait, then [`Input::Connect`].
    BackOff(Disconnected, Option<FrameworkId>),
    /// Shorten the wait to this time from now, then [`Input::Connect`].
    RetrySooner(Duration),
    /// The driver ends.
    Ended(Result<StopReason>),
}

/// A subscription that was granted.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Granted {
    pub(crate) id: FrameworkId,
    /// Whether this driver had been subscribed before.
    pub(crate) resubscribed: bool,
    /// The id that this one replaces.
    pub(crate) replaced: Option<FrameworkId>,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Session {
    state: SessionState,
    generation: Generation,
    id: Option<FrameworkId>,
    replaced: Option<FrameworkId>,
    removed: RemovedPolicy,
    failover_timeout: Duration,
    /// How long the first subscription may take, if the program has set a limit.
    subscribe_timeout: Option<Duration>,
    /// When the first attempt began.
    first_attempt_at: Option<Duration>,
    backoff: Backoff,
    retry_at: Duration,
    /// When the last attempt began.
    opened_at: Duration,
    /// Whether a leader change has shortened the present wait.
    wait_shortened: bool,
    /// The number of shortened waits since the last subscription that lasted.
    shortened_waits: u32,
    subscribed_before: bool,
    /// When the present subscription was granted.
    granted_at: Option<Duration>,
    /// When the last SUBSCRIBE was abandoned that may still arrive at the master.
    unanswered_subscribe: Option<Duration>,
    /// When the last subscription was lost; `None` while subscribed, and before the first one.
    unsubscribed_since: Option<Duration>,
    /// Whether the scheduler was informed that its failover timeout has passed.
    timeout_reported: bool,
}

impl Session {
    pub(crate) fn new(backoff: BackoffPolicy, removed: RemovedPolicy) -> Self {
        Self {
            state: SessionState::Idle,
            generation: 0,
            id: None,
            replaced: None,
            removed,
            failover_timeout: Duration::ZERO,
            subscribe_timeout: None,
            first_attempt_at: None,
            backoff: Backoff::new(backoff),
            retry_at: Duration::ZERO,
            opened_at: Duration::ZERO,
            wait_shortened: false,
            shortened_waits: 0,
            subscribed_before: false,
            granted_at: None,
            unanswered_subscribe: None,
            unsubscribed_since: None,
            timeout_reported: false,
        }
    }

    /// Subscribes as `id` from the first attempt on.
    pub(crate) fn continue_as(&mut self, id: Option<FrameworkId>) {
        self.id = id;
    }

    /// How long the framework stays registered without a subscription.
    pub(crate) fn set_failover_timeout(&mut self, timeout: Duration) {
        self.failover_timeout = timeout;
    }

    /// How long the first subscription may take; `None` for the default.
    pub(crate) fn set_subscribe_timeout(&mut self, timeout: Option<Duration>) {
        self.subscribe_timeout = timeout;
    }

    pub(crate) fn state(&self) -> SessionState {
        self.state
    }

    /// The present generation, or the last one.
    pub(crate) fn generation(&self) -> Generation {
        self.generation
    }

    /// Processes `input`. `now` is the time since a fixed moment and never decreases; `random`
    /// is in `[0, 1)`.
    pub(crate) fn step(&mut self, now: Duration, random: f64, input: Input) -> Output {
        use SessionState::*;
        if self.state == Ended {
            return Output::Ignored;
        }
        match input {
            Input::Connect => self.connect(now),
            Input::Opened(generation) if self.is_current(generation, &[Connecting]) => {
                self.state = Subscribing;
                Output::Proceed
            }
            Input::Granted(generation, id) if self.is_current(generation, &[Subscribing]) => {
                self.granted(now, random, id)
            }
            Input::Interrupted(generation, error)
                if self.is_current(generation, &[Subscribing, Subscribed]) =>
            {
                self.record_loss(now);
                self.state = Subscribing;
                self.generation += 1;
                Output::Interrupted(self.disconnected(now, error, Duration::ZERO))
            }
            Input::Failed(generation, error)
                if self.is_current(generation, &[Connecting, Subscribing, Subscribed]) =>
            {
                let can_resubscribe = error.can_resubscribe(self.subscribed_before);
                if !can_resubscribe || self.is_wrong_address(&error) {
                    return self.end(Err(error));
                }
                if let Some(timeout) = self.subscribe_timeout_passed(now) {
                    let attempts = self.backoff.attempts() + 1;
                    return self.end(Err(reason::never_subscribed(error, timeout, attempts)));
                }
                if self.state == Connecting && may_arrive_later(&error) {
                    self.unanswered_subscribe = Some(now);
                }
                self.record_loss(now);
                self.back_off(now, random, error, None)
            }
            Input::ErrorEvent(generation, message)
                if self.is_current(generation, &[Subscribing, Subscribed]) =>
            {
                self.error_event(now, random, message)
            }
            Input::LeaderChanged if self.state == BackingOff && !self.wait_shortened => {
                self.shorten_wait(now, random)
            }
            Input::End(end) => self.end(end),
            _ => Output::Ignored,
        }
    }

    /// Whether `error` means that the address is wrong, so that a retry cannot help. After a
    /// first subscription at the address the failure is temporary: a proxy in front of the
    /// masters has lost its connection to them.
    fn is_wrong_address(&self, error: &Error) -> bool {
        matches!(error.kind(), ErrorKind::Protocol | ErrorKind::Tls)
            && self.state == SessionState::Connecting
            && !self.subscribed_before
    }

    /// The time that the first subscription may take, if that time has passed.
    fn subscribe_timeout_passed(&self, now: Duration) -> Option<Duration> {
        let default = self.id.is_none().then_some(SUBSCRIBE_TIMEOUT);
        let timeout = self.subscribe_timeout.or(default)?;
        let since = self.first_attempt_at?;
        (!self.subscribed_before && now.saturating_sub(since) >= timeout).then_some(timeout)
    }

    /// Whether `generation` is the present one, and the session is in one of `states`.
    fn is_current(&self, generation: Generation, states: &[SessionState]) -> bool {
        generation == self.generation && states.contains(&self.state)
    }

    fn connect(&mut self, now: Duration) -> Output {
        let due = match self.state {
            SessionState::Idle => true,
            SessionState::BackingOff => now >= self.retry_at,
            _ => false,
        };
        if !due {
            return Output::Ignored;
        }
        self.state = SessionState::Connecting;
        self.opened_at = now;
        self.first_attempt_at.get_or_insert(now);
        self.generation += 1;
        Output::Open(self.generation, self.id.clone())
    }

    fn granted(&mut self, now: Duration, random: f64, id: FrameworkId) -> Output {
        let wrong = match &self.id {
            _ if id.value.is_empty() => Some("SUBSCRIBED carries no framework id".to_owned()),
            Some(own) if *own != id => Some(format!(
                "subscribed as framework {own}, but SUBSCRIBED is for framework {id}"
            )),
            _ => None,
        };
        if let Some(wrong) = wrong {
            let text = format!("{wrong}; is the peer a Mesos master?");
            let error = Error::new(ErrorKind::Protocol, text);
            // After a first subscription a component between driver and master is broken.
            return match self.subscribed_before {
                true => self.back_off(now, random, error, None),
                false => self.end(Err(error)),
            };
        }
        let granted = Granted {
            id: id.clone(),
            resubscribed: self.subscribed_before,
            replaced: self.replaced.take(),
        };
        self.id = Some(id);
        self.state = SessionState::Subscribed;
        self.backoff.succeeded();
        self.granted_at = Some(now);
        self.subscribed_before = true;
        self.unsubscribed_since = None;
        self.timeout_reported = false;
        Output::Subscribed(granted)
    }

    fn error_event(&mut self, now: Duration, random: f64, message: String) -> Output {
        // The master sends this to the stream that was replaced. A subscription that is not
        // granted yet replaces a stream, and is not the replaced one.
        if reason::is_takeover(&message) && self.state == SessionState::Subscribing {
            return Output::Ignored;
        }
        if reason::is_takeover(&message) && self.may_be_own_takeover(now) {
            self.record_loss(now);
            let error = reason::delayed_subscribe(&message);
            return self.back_off(now, random, error, None);
        }
        let mut error = reason::typed(&message);
        if let Some(outage) = self.outage(now)
            && is_removal(error.kind())
            && !self.failover_timeout.is_zero()
            && outage >= self.failover_timeout
        {
            error = reason::timed_out(&message, outage, self.failover_timeout);
        }
        if is_removal(error.kind())
            && self.removed == RemovedPolicy::NewFramework
            && let Some(id) = self.id.take()
        {
            self.record_loss(now);
            self.replaced = Some(id.clone());
            return self.back_off(now, random, error, Some(id));
        }
        self.end(Err(error))
    }

    /// Whether a delayed SUBSCRIBE of this driver can have replaced the subscription. An
    /// unanswered SUBSCRIBE explains one takeover.
    fn may_be_own_takeover(&mut self, now: Duration) -> bool {
        let abandoned = self.unanswered_subscribe.take();
        abandoned.is_some_and(|since| now.saturating_sub(since) < DELAYED_SUBSCRIBE_TIMEOUT)
    }

    /// Records when the subscription was lost, if there was one.
    fn record_loss(&mut self, now: Duration) {
        if self.state == SessionState::Subscribed {
            self.unsubscribed_since = Some(now);
        }
        if let Some(granted) = self.granted_at.take()
            && self.backoff.ended(now.saturating_sub(granted))
        {
            self.shortened_waits = 0;
        }
    }

    fn back_off(
        &mut self,
        now: Duration,
        random: f64,
        error: Error,
        removed: Option<FrameworkId>,
    ) -> Output {
        let attempts = self.backoff.attempts();
        let wait = self.backoff.next(random);
        self.state = SessionState::BackingOff;
        self.wait_shortened = false;
        self.retry_at = now.saturating_add(wait);
        let mut disconnected = self.disconnected(now, error, wait);
        disconnected.attempts = attempts;
        Output::BackOff(disconnected, removed)
    }

    /// Does not retry at once, because all frameworks of the cluster detect the leader change
    /// at the same time. The scheduler library of Mesos also waits for a random part of
    /// `first` (`src/scheduler/scheduler.cpp`).
    fn shorten_wait(&mut self, now: Duration, random: f64) -> Output {
        let policy = self.backoff.policy();
        let spread = now.saturating_add(policy.first.mul_f64(random.clamp(0.0, 1.0)));
        let spaced = self
            .opened_at
            .saturating_add(policy.bound(self.shortened_waits));
        let retry_at = spread.max(spaced);
        if retry_at >= self.retry_at {
            return Output::Ignored;
        }
        self.retry_at = retry_at;
        self.wait_shortened = true;
        self.shortened_waits = self.shortened_waits.saturating_add(1);
        Output::RetrySooner(retry_at.saturating_sub(now))
    }

    fn disconnected(&mut self, now: Duration, error: Error, retry_in: Duration) -> Disconnected {
        let passed = self
            .outage(now)
            .is_some_and(|outage| outage >= self.failover_timeout);
        let first_report = passed && !self.timeout_reported;
        self.timeout_reported |= passed;
        Disconnected {
            error,
            attempts: 0,
            retry_in,
            failover_timeout_passed: first_report,
        }
    }

    /// How long the subscription has been lost; `None` before the first one.
    fn outage(&self, now: Duration) -> Option<Duration> {
        Some(now.saturating_sub(self.unsubscribed_since?))
    }

    fn end(&mut self, end: Result<StopReason>) -> Output {
        self.state = SessionState::Ended;
        Output::Ended(end)
    }
}

/// Whether the SUBSCRIBE of a failed attempt may still arrive at the master. Any answer means
/// that a proxy has processed the request.
fn may_arrive_later(error: &Error) -> bool {
    error.delivery() == Delivery::Unknown && error.status().is_none()
}
