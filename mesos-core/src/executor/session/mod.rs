//! What an executor's subscription and its way to the end go through, as a
//! machine without I/O, clock or chance: time, random numbers, what the journal
//! holds and what happened are arguments.
//!
//! ```text
//!            Connect            Opened             Granted
//!     Idle ──────────▶ Connecting ─────▶ Subscribing ─────▶ Subscribed
//!                       ▲   │                │                  │
//!               Connect │   │ Failed         │ Failed           │ Failed
//!          (wait over)  │   ▼                ▼                  ▼
//!                     BackingOff ◀──────────┴──────────────────┘
//!                           │
//!                           │ no agent to wait for any more
//!                           ▼
//!                         Alone
//!
//!     any state ── its closing is over, End ──▶ Ended
//! ```
//!
//! Beside the state there is the *closing*: why the driver ends, and until
//! when it waits for what is still to be done. A scheduler's session
//! (`scheduler/session`) differs in nearly every rule: it waits for its master
//! without a bound, and nothing has to be done before its end.
//!
//! The rules are those of `src/executor/executor.cpp`, of
//! `src/launcher/executor.cpp` and of the agent (`src/slave/slave.cpp`). The
//! runtime (`executor/runtime`) feeds the machine and does what it says.

mod closing;
#[cfg(test)]
mod laws;
#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::StopReason;
use crate::disconnected::Disconnected;
use crate::error::{Error, ErrorKind, Result};
use crate::runtime::{Backoff, BackoffPolicy};
use closing::{Closing, Why};
pub(super) use closing::{Facts, in_order};

/// Names one subscription of a driver; they count up from 1.
pub(super) type Generation = u64;

/// The times that an executor lives by.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    /// Whether to outlive the agent.
    pub(super) checkpoint: bool,
    /// For the first subscription.
    pub(super) registration_timeout: Duration,
    /// For a subscription after one was lost.
    pub(super) recovery_timeout: Duration,
    /// From a stop to the last acknowledgement.
    pub(super) flush_timeout: Duration,
    /// From a SHUTDOWN to the last acknowledgement of the last task.
    pub(super) grace: Duration,
    pub(super) backoff: BackoffPolicy,
}

/// Where the driver is with its subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Nothing was tried yet.
    Idle,
    /// The backend connects and sends the SUBSCRIBE.
    Connecting,
    /// The agent took the SUBSCRIBE; SUBSCRIBED, SHUTDOWN or ERROR is to come.
    Subscribing,
    /// Events come and calls go.
    Subscribed,
    /// The last subscription was lost or the last attempt failed; the next one
    /// waits for its time.
    BackingOff,
    /// There is no agent any more, for this executor: what is left is to end
    /// the tasks.
    Alone,
    /// Over.
    Ended,
}

/// What happened.
#[derive(Clone, Debug)]
pub(super) enum Input {
    /// Open the next subscription, if it is time.
    Connect,
    /// The agent took the SUBSCRIBE for processing.
    Opened(Generation),
    /// SUBSCRIBED came.
    Granted(Generation),
    /// The attempt failed, or the stream ended, or a call showed that it did.
    Failed(Generation, Error),
    /// An ERROR event came, with this text, and was told.
    Refused(Generation, String),
    /// A SHUTDOWN event came.
    ShutDown(Generation),
    /// The executor wants to end.
    Stop,
    /// The driver cannot keep what it promises any more.
    Broken(Error),
    /// Time has passed or the journal has changed.
    Look,
    /// The driver ends at once.
    End(Result<StopReason>),
}

/// What is to be done about it.
#[derive(Clone, Debug)]
pub(super) enum Output {
    /// Nothing; it was of no importance any more.
    Ignored,
    /// Go on, as the state says.
    Proceed,
    /// Open a subscription.
    Open(Generation),
    /// Tell `subscribed`. Whether this driver had been subscribed before.
    Subscribed(bool),
    /// Tell `disconnected`, and then `shutdown` too if that is true.
    Lost(Disconnected, bool),
    /// Tell `shutdown`.
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
    /// When an agent that is away has been away for too long.
    give_up: Option<Duration>,
    /// Why there is no subscription, as far as is known.
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
            give_up: None,
            last: None,
            closing: None,
        }
    }

    pub(super) fn state(&self) -> State {
        self.state
    }

    /// The present generation, or the last one.
    pub(super) fn generation(&self) -> Generation {
        self.generation
    }

    /// Whether the driver is on its way to its end.
    pub(super) fn is_closing(&self) -> bool {
        self.closing.is_some()
    }

    /// When to look again at the latest, if nothing happens.
    pub(super) fn wake(&self) -> Option<Duration> {
        let retry = (self.state == State::BackingOff).then_some(self.retry_at);
        let give_up = self.give_up.filter(|_| self.is_without());
        let deadline = self.closing.as_ref().map(|closing| closing.deadline);
        [retry, give_up, deadline].into_iter().flatten().min()
    }

    /// Takes `input` in. `now` is the time since any fixed moment and never
    /// goes back; `random` is from `[0, 1)`; `facts` is what the journal holds
    /// now.
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
            // A backend that reconnects by itself is granted another one in the same stream.
            Input::Granted(of) if self.is(of, &[Subscribing, Subscribed]) => {
                self.state = Subscribed;
                self.backoff.reset();
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

    /// Whether `of` is the present generation, in one of `states`.
    fn is(&self, of: Generation, states: &[State]) -> bool {
        of == self.generation && states.contains(&self.state)
    }

    /// Whether there is no subscription, and one is wanted.
    fn is_without(&self) -> bool {
        use State::*;
        matches!(self.state, Idle | Connecting | Subscribing | BackingOff)
    }

    fn connect(&mut self, now: Duration, facts: Facts) -> Output {
        // What is over, or given up, needs no further attempt.
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
        self.last = Some(error.clone());
        // Without checkpointing an executor does not outlive its agent, and a
        // broken connection cannot be told from that.
        let orphaned = self.subscribed_before && !self.rules.checkpoint;
        if !orphaned && error.is_retryable() {
            let attempts = self.backoff.attempts();
            let retry_in = self.backoff.next(random);
            self.state = State::BackingOff;
            self.retry_at = now.saturating_add(retry_in);
            return Output::Lost(disconnected(error, attempts, retry_in), false);
        }
        let attempts = self.backoff.attempts();
        self.state = State::Alone;
        let why = if error.is_retryable() {
            let text = "the agent is gone, and without checkpointing (MESOS_CHECKPOINT) an \
                        executor ends with it";
            Error::new(ErrorKind::AgentLost, text).with_source(error.clone())
        } else {
            error.clone()
        };
        let first = self.closing.is_none();
        let shut_down = first && self.close(now, Why::Failed(why));
        Output::Lost(disconnected(error, attempts, Duration::ZERO), shut_down)
    }

    /// What is due, or over.
    fn look(&mut self, now: Duration, facts: Facts) -> Output {
        if self.is_without() && self.give_up.is_some_and(|at| now >= at) {
            self.state = State::Alone;
            let error = self.given_up();
            if self.closing.is_none() && self.close(now, Why::Failed(error)) {
                return Output::ShutDown;
            }
        }
        let alone = self.state == State::Alone;
        let over = |closing: &Closing| closing.end(now, facts, alone, self.last.as_ref());
        match self.closing.as_ref().and_then(over) {
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
                    "the agent was away for {after:?}, the recovery timeout \
                     (MESOS_RECOVERY_TIMEOUT)"
                ),
            )
        } else {
            let after = self.rules.registration_timeout;
            (
                ErrorKind::RegistrationTimeout,
                format!("the agent could not be subscribed to within {after:?}"),
            )
        };
        match &self.last {
            Some(last) => Error::new(kind, text).with_source(last.clone()),
            None => Error::new(kind, text),
        }
    }

    /// Starts to end. Whether the executor has to be told to shut down.
    fn close(&mut self, now: Duration, why: Why) -> bool {
        let within = match why {
            Why::Stop => self.rules.flush_timeout,
            Why::ShutDown | Why::Failed(_) => self.rules.grace,
        };
        let mut deadline = now.saturating_add(within);
        match &self.closing {
            None => {}
            // It ends by itself; now it has to.
            Some(closing) if matches!(closing.why, Why::Stop) => {
                deadline = deadline.min(closing.deadline);
            }
            Some(_) => return false,
        }
        let told = !matches!(why, Why::Stop);
        self.closing = Some(Closing { why, deadline });
        told
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
