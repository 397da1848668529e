//! The states of an executor's subscription and of its end, as a state machine
//! without I/O, clock or random numbers. Time, random numbers, the content of
//! the journal and the inputs are arguments.
//!
//! ```text
//!            Connect            Opened             Granted
//!     Idle ──────────▶ Connecting ─────▶ Subscribing ─────▶ Subscribed
//!                       ▲   │                │                  │
//!               Connect │   │ Failed         │ Failed           │ Failed
//!          (wait over)  │   ▼                ▼                  ▼
//!                     BackingOff ◀──────────┴──────────────────┘
//!                           │
//!                           │ no agent to wait for
//!                           ▼
//!                         Alone
//!
//!     any state ── closing complete, End ──▶ Ended
//! ```
//!
//! Besides the state, there is the *closing*: why the driver ends, and how long
//! it waits for tasks and acknowledgements. A scheduler's session
//! (`scheduler/session`) differs in nearly every rule: it waits for its master
//! without a limit, and it ends without waiting.
//!
//! The rules are those of `src/executor/executor.cpp`, of
//! `src/launcher/executor.cpp` and of the agent (`src/slave/slave.cpp`). The
//! runtime (`executor/runtime`) sends the inputs and executes the outputs.

mod closing;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::StopReason;
use crate::disconnected::Disconnected;
use crate::error::{Error, ErrorKind, Result};
use crate::runtime::{Backoff, BackoffPolicy};
use closing::{Closing, Why};
pub(super) use closing::{Facts, in_order};

/// The number of a subscription of a driver, from 1.
pub(super) type Generation = u64;

/// The timeouts of an executor.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    /// Whether the executor outlives the agent.
    pub(super) checkpoint: bool,
    /// How long the first subscription may take.
    pub(super) registration_timeout: Duration,
    /// How long a subscription may take after a subscription was lost.
    pub(super) recovery_timeout: Duration,
    /// The limit from a stop to the last acknowledgement.
    pub(super) flush_timeout: Duration,
    /// The limit from a SHUTDOWN to the last acknowledgement of the last task.
    pub(super) grace: Duration,
    pub(super) backoff: BackoffPolicy,
}

/// The state of the subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Before the first attempt.
    Idle,
    /// The backend connects and sends the SUBSCRIBE.
    Connecting,
    /// The agent accepted the SUBSCRIBE. SUBSCRIBED, SHUTDOWN or ERROR follows.
    Subscribing,
    /// Events are received and calls are sent.
    Subscribed,
    /// The last subscription was lost or the last attempt failed. The driver
    /// waits before the next attempt.
    BackingOff,
    /// The agent is gone or has ended the subscription. Only the end of the tasks
    /// remains.
    Alone,
    /// The driver has ended.
    Ended,
}

/// An input of the state machine.
#[derive(Clone, Debug)]
pub(super) enum Input {
    /// Open the next subscription, if it is due.
    Connect,
    /// The agent accepted the SUBSCRIBE for processing.
    Opened(Generation),
    /// A SUBSCRIBED event was received.
    Granted(Generation),
    /// The attempt failed, the stream ended, or a call failed because of that.
    Failed(Generation, Error),
    /// An ERROR event with this text was received, and its handler was called.
    Refused(Generation, String),
    /// A SHUTDOWN event was received.
    ShutDown(Generation),
    /// The executor called `stop`.
    Stop,
    /// The driver can no longer store updates.
    Broken(Error),
    /// Time has passed, or the journal has changed.
    Look,
    /// The driver ends immediately.
    End(Result<StopReason>),
}

/// An output of the state machine: what the runtime has to do.
#[derive(Clone, Debug)]
pub(super) enum Output {
    /// Nothing. The input had no effect.
    Ignored,
    /// Continue according to the state.
    Proceed,
    /// Open a subscription.
    Open(Generation),
    /// Call `subscribed`. Whether this driver was subscribed before.
    Subscribed(bool),
    /// Call `disconnected`, and then also `shutdown` if true.
    Lost(Disconnected, bool),
    /// Call `shutdown`.
    ShutDown,
    /// The driver ends.
    Ended(Result<StopReason>),
}

/// See the module.
#[derive(Debug)]
pub(super) struct Session {
    rules: Rules,
    state: State,
    generation: Generation,
    backoff: Backoff,
    retry_at: Duration,
    subscribed_before: bool,
    /// When the current subscription was granted.
    granted_at: Option<Duration>,
    /// When the driver stops waiting for the agent.
    give_up: Option<Duration>,
    /// The last error of the subscription.
    last: Option<Error>,
    closing: Option<Closing>,
}

impl Session {
    pub(super) fn new(rules: Rules) -> Self {
        Self {
            backoff: Backoff::new(rules.backoff),
            rules,
            state: State::Idle,
            generation: 0,
            retry_at: Duration::ZERO,
            subscribed_before: false,
            granted_at: None,
            give_up: None,
            last: None,
            closing: None,
        }
    }

    pub(super) fn state(&self) -> State {
        self.state
    }

    /// The current generation, or the last one.
    pub(super) fn generation(&self) -> Generation {
        self.generation
    }

    /// Whether the driver is about to end.
    pub(super) fn is_closing(&self) -> bool {
        self.closing.is_some()
    }

    /// The time of the next timeout: the latest time for `Input::Look`.
    pub(super) fn wake(&self) -> Option<Duration> {
        let retry = (self.state == State::BackingOff).then_some(self.retry_at);
        let give_up = self.give_up.filter(|_| self.is_without());
        let deadline = self.closing.as_ref().map(|closing| closing.deadline);
        [retry, give_up, deadline].into_iter().flatten().min()
    }

    /// Advances the state machine by `input`. `now` is the time since a fixed
    /// moment and never decreases. `random` is in `[0, 1)`. `facts` is the
    /// current content of the journal.
    pub(super) fn step(
        &mut self,
        now: Duration,
        random: f64,
        facts: Facts,
        input: Input,
    ) -> Output {
        use State::*;
        if self.state == Ended {
            return Output::Ignored;
        }
        match input {
            Input::Connect => self.connect(now, facts),
            Input::Opened(of) if self.is(of, &[Connecting]) => {
                self.state = Subscribing;
                Output::Proceed
            }
            // A backend that reconnects by itself can be granted a second subscription in
            // the same stream.
            Input::Granted(of) if self.is(of, &[Subscribing, Subscribed]) => {
                self.state = Subscribed;
                self.backoff.succeeded();
                self.granted_at = Some(now);
                self.give_up = None;
                self.last = None;
                Output::Subscribed(std::mem::replace(&mut self.subscribed_before, true))
            }
            Input::Failed(of, error) if self.is(of, &[Connecting, Subscribing, Subscribed]) => {
                self.failed(now, random, error)
            }
            Input::Refused(of, message) if self.is(of, &[Subscribing, Subscribed]) => {
                let text = format!("the agent ended the subscription: {message}");
                let error = Error::new(ErrorKind::Rejected, text);
                self.state = Alone;
                self.last = Some(error.clone());
                match self.close(now, Why::Failed(error)) {
                    true => Output::ShutDown,
                    false => self.look(now, facts),
                }
            }
            Input::ShutDown(of) if self.is(of, &[Subscribing, Subscribed]) => {
                match self.close(now, Why::ShutDown) {
                    true => Output::ShutDown,
                    false => Output::Ignored,
                }
            }
            Input::Stop => match self.closing {
                None => {
                    self.close(now, Why::Stop);
                    self.look(now, facts)
                }
                Some(_) => Output::Ignored,
            },
            Input::Broken(error) => match self.close(now, Why::Failed(error)) {
                true => Output::ShutDown,
                false => Output::Ignored,
            },
            Input::Look => self.look(now, facts),
            Input::End(end) => self.end(end),
            _ => Output::Ignored,
        }
    }

    /// Whether `of` is the current generation, in one of `states`.
    fn is(&self, of: Generation, states: &[State]) -> bool {
        of == self.generation && states.contains(&self.state)
    }

    /// Whether there is no subscription yet, and the driver waits for one.
    fn is_without(&self) -> bool {
        use State::*;
        matches!(self.state, Idle | Connecting | Subscribing | BackingOff)
    }

    fn connect(&mut self, now: Duration, facts: Facts) -> Output {
        // May end the session, or give the agent up.
        let output = self.look(now, facts);
        let due = match self.state {
            State::Idle => true,
            State::BackingOff => now >= self.retry_at,
            _ => false,
        };
        if !due {
            return output;
        }
        if self.give_up.is_none() {
            self.give_up = Some(now.saturating_add(self.rules.registration_timeout));
        }
        self.state = State::Connecting;
        self.generation += 1;
        Output::Open(self.generation)
    }

    fn failed(&mut self, now: Duration, random: f64, error: Error) -> Output {
        if self.state == State::Subscribed {
            self.give_up = Some(now.saturating_add(self.rules.recovery_timeout));
        }
        if let Some(granted) = self.granted_at.take() {
            self.backoff.ended(now.saturating_sub(granted));
        }
        self.last = Some(error.clone());
        // Without checkpointing, an executor does not outlive its agent. A broken
        // connection looks the same as the end of the agent.
        let orphaned = self.subscribed_before && !self.rules.checkpoint;
        let can_resubscribe = error.can_resubscribe(self.subscribed_before);
        if !orphaned && can_resubscribe {
            let attempts = self.backoff.attempts();
            let retry_in = self.backoff.next(random);
            self.state = State::BackingOff;
            self.retry_at = now.saturating_add(retry_in);
            return Output::Lost(disconnected(error, attempts, retry_in), false);
        }
        let attempts = self.backoff.attempts();
        self.state = State::Alone;
        let why = if can_resubscribe {
            let text = "lost the agent; an executor without checkpointing (MESOS_CHECKPOINT) \
                        ends with its agent";
            Error::new(ErrorKind::AgentLost, text).with_source(error.clone())
        } else {
            error.clone()
        };
        let first = self.closing.is_none();
        let shut_down = first && self.close(now, Why::Failed(why));
        Output::Lost(disconnected(error, attempts, Duration::ZERO), shut_down)
    }

    /// Handles timeouts that have passed.
    fn look(&mut self, now: Duration, facts: Facts) -> Output {
        if self.is_without() && self.give_up.is_some_and(|at| now >= at) {
            self.state = State::Alone;
            let error = self.given_up();
            if self.closing.is_none() && self.close(now, Why::Failed(error)) {
                return Output::ShutDown;
            }
        }
        let alone = self.state == State::Alone;
        let end = |closing: &Closing| closing.end(now, facts, alone, self.last.as_ref());
        match self.closing.as_ref().and_then(end) {
            Some(end) => self.end(end),
            None => Output::Proceed,
        }
    }

    fn given_up(&self) -> Error {
        let (kind, text) = if self.subscribed_before {
            let after = self.rules.recovery_timeout;
            (
                ErrorKind::RecoveryTimeout,
                format!(
                    "the agent did not return within the recovery timeout of {after:?} \
                     (MESOS_RECOVERY_TIMEOUT)"
                ),
            )
        } else {
            let after = self.rules.registration_timeout;
            (
                ErrorKind::RegistrationTimeout,
                format!("cannot subscribe with the agent within {after:?}"),
            )
        };
        match &self.last {
            Some(last) => Error::new(kind, text).with_source(last.clone()),
            None => Error::new(kind, text),
        }
    }

    /// Starts the closing. Returns whether to call `shutdown`.
    fn close(&mut self, now: Duration, why: Why) -> bool {
        let within = match why {
            Why::Stop => self.rules.flush_timeout,
            Why::ShutDown | Why::Failed(_) => self.rules.grace,
        };
        let mut deadline = now.saturating_add(within);
        match &self.closing {
            None => {}
            // A failure or SHUTDOWN during a stop.
            Some(closing) if matches!(closing.why, Why::Stop) => {
                deadline = deadline.min(closing.deadline);
            }
            Some(_) => return false,
        }
        let shut_down = !matches!(why, Why::Stop);
        self.closing = Some(Closing { why, deadline });
        shut_down
    }

    fn end(&mut self, end: Result<StopReason>) -> Output {
        self.state = State::Ended;
        Output::Ended(end)
    }
}

fn disconnected(error: Error, attempts: u32, retry_in: Duration) -> Disconnected {
    Disconnected {
        error,
        attempts,
        retry_in,
        failover_timeout_passed: false,
    }
}
