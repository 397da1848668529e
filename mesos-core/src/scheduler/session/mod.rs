//! What a scheduler's subscription goes through, as a machine without I/O,
//! clock or chance: time, random numbers and what happened are arguments.
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
//!     any state ── End, Refused, Failed for good ──▶ Ended
//! ```
//!
//! A wait can be cut short, once, by news of a leader ([`Input::LeaderChanged`]). How
//! short grows with how often that was done in vain, so news that never stop
//! make no more attempts than silence in the end.
//!
//! A SUBSCRIBE that was sent and not answered may still be on its way when a
//! later one is granted, and take that one's place when it arrives: the master
//! tells the later one that its framework failed over, and nobody has the
//! framework then. So for a while each of them excuses one takeover.
//!
//! What answers and is no Mesos ends a driver that has not been subscribed yet:
//! its address is wrong.
//!
//! Each subscription has a generation. What is reported of another generation
//! than the present one is ignored: it speaks of a stream that was given up.
//! The runtime (`scheduler/runtime`) feeds the machine and does what it says.

mod reason;
mod state;

#[cfg(test)]
mod laws;
#[cfg(test)]
mod tests;

use std::time::Duration;

use mesos_proto::v1::FrameworkId;

use crate::StopReason;
use crate::disconnected::Disconnected;
use crate::error::{Delivery, Error, ErrorKind, Result};
use crate::runtime::{Backoff, BackoffPolicy};
pub(crate) use reason::is_removal;
pub use state::{RemovedPolicy, SessionState};

/// How long a SUBSCRIBE may still arrive after it was given up. A connection that
/// was closed sends what it has not sent for about 100 s on Linux
/// (`tcp_orphan_retries`); what holds it up in between rarely takes longer.
const STRAYS: Duration = Duration::from_secs(120);

/// How long the first subscription of a new framework may take. Masters that elect a leader
/// need some seconds (`--zk_session_timeout` is 10 s by default).
const SUBSCRIBE_TIMEOUT: Duration = Duration::from_secs(60);

/// Names one subscription of a driver; they count up from 1.
pub(crate) type Generation = u64;

/// What happened.
#[derive(Clone, Debug)]
pub(crate) enum Input {
    /// Nothing is open and no wait is left: open the next subscription.
    Connect,
    /// The peer took the SUBSCRIBE for processing.
    Opened(Generation),
    /// SUBSCRIBED came, with this id.
    Granted(Generation, FrameworkId),
    /// The connection is lost and the backend makes a new one by itself.
    Interrupted(Generation, Error),
    /// The attempt failed, or the stream ended.
    Failed(Generation, Error),
    /// An ERROR event came, with this text.
    Refused(Generation, String),
    /// A leader appeared, or another one than the last attempt knew of.
    LeaderChanged,
    /// The driver ends for a reason of its own.
    End(Result<StopReason>),
}

/// What is to be done about it.
#[derive(Clone, Debug)]
pub(crate) enum Output {
    /// Nothing; it was of no importance any more.
    Ignored,
    /// Go on.
    Proceed,
    /// Open a subscription, with this id in both places of the SUBSCRIBE.
    Open(Generation, Option<FrameworkId>),
    /// Store the id, then tell the scheduler.
    Subscribed(Granted),
    /// Tell the scheduler, and go on with the same stream.
    Interrupted(Disconnected),
    /// Tell the scheduler, wait, then [`Input::Connect`]. An id is to be
    /// removed from the store first.
    BackOff(Disconnected, Option<FrameworkId>),
    /// Wait only so much longer, then [`Input::Connect`].
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
    /// The id that was given up for this one.
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
    /// When the last attempt was begun.
    opened_at: Duration,
    /// Whether news have cut the present wait short.
    hurried: bool,
    /// How often they did since the last subscription.
    hurries: u32,
    subscribed_before: bool,
    /// When those SUBSCRIBEs were given up that may have arrived or not.
    strays: Vec<Duration>,
    /// Since when there has been no subscription, once there had been one.
    without_since: Option<Duration>,
    /// Whether the scheduler knows that its failover timeout has passed.
    told: bool,
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
            hurried: false,
            hurries: 0,
            subscribed_before: false,
            strays: Vec::new(),
            without_since: None,
            told: false,
        }
    }

    /// Continues as `id`, from the first subscription on.
    pub(crate) fn continue_as(&mut self, id: Option<FrameworkId>) {
        self.id = id;
    }

    /// How long the framework outlives its subscription.
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

    /// Takes `input` in. `now` is the time since any fixed moment and never
    /// goes back; `random` is from `[0, 1)`.
    pub(crate) fn step(&mut self, now: Duration, random: f64, input: Input) -> Output {
        use SessionState::*;
        if self.state == Ended {
            return Output::Ignored;
        }
        match input {
            Input::Connect => self.connect(now),
            Input::Opened(of) if self.is(of, &[Connecting]) => {
                self.state = Subscribing;
                Output::Proceed
            }
            Input::Granted(of, id) if self.is(of, &[Subscribing]) => self.granted(now, random, id),
            Input::Interrupted(of, error) if self.is(of, &[Subscribing, Subscribed]) => {
                self.leave(now);
                self.state = Subscribing;
                self.generation += 1;
                Output::Interrupted(self.disconnected(now, error, Duration::ZERO))
            }
            Input::Failed(of, error) if self.is(of, &[Connecting, Subscribing, Subscribed]) => {
                if !error.is_retryable() || self.is_no_mesos(&error) {
                    return self.end(Err(error));
                }
                if let Some(timeout) = self.subscribe_timeout_passed(now) {
                    let attempts = self.backoff.attempts() + 1;
                    return self.end(Err(reason::never_subscribed(error, timeout, attempts)));
                }
                if self.state == Connecting && error.delivery() == Delivery::Unknown {
                    self.strays.retain(|since| now - *since < STRAYS);
                    self.strays.push(now);
                }
                self.leave(now);
                self.back_off(now, random, error, None)
            }
            Input::Refused(of, message) if self.is(of, &[Subscribing, Subscribed]) => {
                self.refused(now, random, message)
            }
            Input::LeaderChanged if self.state == BackingOff && !self.hurried => {
                self.hurry(now, random)
            }
            Input::End(end) => self.end(end),
            _ => Output::Ignored,
        }
    }

    /// Whether `error` says that the address is wrong, which waiting does not
    /// mend. Once there had been a subscription at it, it is something that
    /// passes: a proxy in front of the masters has lost them.
    fn is_no_mesos(&self, error: &Error) -> bool {
        error.kind() == ErrorKind::Protocol
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

    /// Whether `of` is the present generation, in one of `states`.
    fn is(&self, of: Generation, states: &[SessionState]) -> bool {
        of == self.generation && states.contains(&self.state)
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
            // Where there had been a master, something in between is broken.
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
        self.backoff.reset();
        self.hurries = 0;
        self.subscribed_before = true;
        self.without_since = None;
        self.told = false;
        Output::Subscribed(granted)
    }

    fn refused(&mut self, now: Duration, random: f64, message: String) -> Output {
        // The master says it to the stream that was replaced. A subscription
        // that is not granted yet has replaced one, and is not replaced.
        if reason::is_takeover(&message) && self.state == SessionState::Subscribing {
            return Output::Ignored;
        }
        if reason::is_takeover(&message) && self.excuses_takeover(now) {
            self.leave(now);
            return self.back_off(now, random, reason::strayed(&message), None);
        }
        let mut error = reason::typed(&message);
        if let Some(without) = self.without(now)
            && is_removal(error.kind())
            && !self.failover_timeout.is_zero()
            && without >= self.failover_timeout
        {
            error = reason::timed_out(&message, without, self.failover_timeout);
        }
        if is_removal(error.kind())
            && self.removed == RemovedPolicy::NewFramework
            && let Some(id) = self.id.take()
        {
            self.leave(now);
            self.replaced = Some(id.clone());
            return self.back_off(now, random, error, Some(id));
        }
        self.end(Err(error))
    }

    /// Whether it may have been a SUBSCRIBE of this driver that took its place.
    fn excuses_takeover(&mut self, now: Duration) -> bool {
        self.strays.retain(|since| now - *since < STRAYS);
        !self.strays.is_empty() && {
            self.strays.remove(0);
            true
        }
    }

    /// The subscription is gone, if there was one.
    fn leave(&mut self, now: Duration) {
        if self.state == SessionState::Subscribed {
            self.without_since = Some(now);
        }
    }

    fn back_off(
        &mut self,
        now: Duration,
        random: f64,
        error: Error,
        forget: Option<FrameworkId>,
    ) -> Output {
        let attempts = self.backoff.attempts();
        let wait = self.backoff.next(random);
        self.state = SessionState::BackingOff;
        self.hurried = false;
        self.retry_at = now.saturating_add(wait);
        let mut disconnected = self.disconnected(now, error, wait);
        disconnected.attempts = attempts;
        Output::BackOff(disconnected, forget)
    }

    /// At once would be too soon: all frameworks of the cluster heard the same
    /// news. So Mesos' own library waits for up to `first`, too
    /// (`src/scheduler/scheduler.cpp`).
    fn hurry(&mut self, now: Duration, random: f64) -> Output {
        let policy = self.backoff.policy();
        let spread = now.saturating_add(policy.first.mul_f64(random.clamp(0.0, 1.0)));
        let spaced = self.opened_at.saturating_add(policy.bound(self.hurries));
        let retry_at = spread.max(spaced);
        if retry_at >= self.retry_at {
            return Output::Ignored;
        }
        self.retry_at = retry_at;
        self.hurried = true;
        self.hurries = self.hurries.saturating_add(1);
        Output::RetrySooner(retry_at.saturating_sub(now))
    }

    fn disconnected(&mut self, now: Duration, error: Error, retry_in: Duration) -> Disconnected {
        let passed = self
            .without(now)
            .is_some_and(|without| without >= self.failover_timeout);
        let tell = passed && !self.told;
        self.told |= passed;
        Disconnected {
            error,
            attempts: 0,
            retry_in,
            failover_timeout_passed: tell,
        }
    }

    /// How long there has been no subscription, if there had been one.
    fn without(&self, now: Duration) -> Option<Duration> {
        Some(now.saturating_sub(self.without_since?))
    }

    fn end(&mut self, end: Result<StopReason>) -> Output {
        self.state = SessionState::Ended;
        Output::Ended(end)
    }
}
