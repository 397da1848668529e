//! Calls that are repeated after failures.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use mesos_core::{BackoffPolicy, Delivery, Error, ErrorKind, Result};
use tokio::time::{Instant, sleep};

use super::OperatorClient;
use crate::wire::codec::{Codec, Wire};

/// The default limit for the time after which no call is repeated: a new leader is usually known
/// after the session timeout of ZooKeeper, which is 10 s.
const RETRY_FOR: Duration = Duration::from_secs(15);

/// When a call may be repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Repeat {
    /// The call changes nothing, or a second one changes nothing more.
    Always,
    /// Only if the call did not take effect.
    IfRefused,
}

/// A client with a policy for retries.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    pub(super) client: Arc<OperatorClient>,
    pub(super) retry_for: Duration,
}

impl Caller {
    pub(super) fn new(client: impl Into<Arc<OperatorClient>>) -> Self {
        Self {
            client: client.into(),
            retry_for: RETRY_FOR,
        }
    }

    /// Makes a call until it succeeds or must not be repeated.
    pub(super) async fn call<R: Wire>(
        &self,
        call: &impl Wire,
        name: &'static str,
        repeat: Repeat,
    ) -> Result<(StatusCode, R)> {
        let codec = self.client.settings().codec;
        self.call_as(call, name, repeat, codec).await
    }

    /// As [`call`](Self::call), in another encoding than that of the client.
    pub(super) async fn call_as<R: Wire>(
        &self,
        call: &impl Wire,
        name: &'static str,
        repeat: Repeat,
        codec: Codec,
    ) -> Result<(StatusCode, R)> {
        let mut attempts = self.attempts(name, repeat);
        loop {
            match self.client.call(call, name, codec).await {
                Ok(response) => return Ok(response),
                Err(error) => attempts.failed(error).await?,
            }
        }
    }

    pub(super) fn attempts(&self, name: &'static str, repeat: Repeat) -> Attempts<'_> {
        Attempts {
            caller: self,
            name,
            repeat,
            start: Instant::now(),
            attempt: Instant::now(),
            failures: 0,
        }
    }
}

/// The attempts to make one call.
#[derive(Debug)]
pub(super) struct Attempts<'a> {
    caller: &'a Caller,
    name: &'static str,
    repeat: Repeat,
    start: Instant,
    /// When the present attempt began.
    attempt: Instant,
    failures: u32,
}

impl Attempts<'_> {
    /// Waits until the next attempt.
    ///
    /// # Errors
    /// `error`, if the call must not be repeated.
    pub(super) async fn failed(&mut self, error: Error) -> Result<()> {
        let client = &self.caller.client;
        // A call without a time limit may have waited for an hour before its connection was lost.
        let is_patient = client.settings().response_timeout == Duration::MAX;
        if is_patient && self.attempt.elapsed() > self.caller.retry_for {
            (self.start, self.failures) = (Instant::now(), 0);
        }
        let wait = delay(BackoffPolicy::default(), self.failures, fastrand::f64());
        if !may_repeat(&error, self.repeat, client.has_answered())
            || self.start.elapsed().saturating_add(wait) > self.caller.retry_for
        {
            return Err(error);
        }
        tracing::debug!(%error, ?wait, "repeating {}", self.name);
        tokio::select! {
            () = sleep(wait) => {}
            () = client.leader_changed() => {}
        }
        self.failures += 1;
        self.attempt = Instant::now();
        Ok(())
    }
}

/// Whether a call that failed with `error` can succeed later, and may be made again.
fn may_repeat(error: &Error, repeat: Repeat, answered: bool) -> bool {
    // An answer that cannot be used would be the same again.
    let temporary = matches!(
        error.kind(),
        ErrorKind::Transport
            | ErrorKind::Tls
            | ErrorKind::Timeout
            | ErrorKind::NotLeader
            | ErrorKind::Unavailable
    );
    // A wrong address is reported at once.
    let possible = answered || !error.is_configuration();
    let harmless = repeat == Repeat::Always || error.delivery() != Delivery::Unknown;
    temporary && possible && harmless
}

/// The delay after the failure number `attempt`, counted from 0. `random` is in `[0, 1)`.
pub(super) fn delay(policy: BackoffPolicy, attempt: u32, random: f64) -> Duration {
    let factor = 1_u32.checked_shl(attempt).unwrap_or(u32::MAX);
    let bound = policy.first.saturating_mul(factor).min(policy.max);
    bound.mul_f64(0.5 + random / 2.0)
}

/// The error for a response without the body of its type.
pub(super) fn missing(peer: &str, call: &str) -> Error {
    let body = call.to_ascii_lowercase();
    Error::new(
        ErrorKind::Protocol,
        format!("the response of the {peer} to {call} does not contain {body:?}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(kind: ErrorKind) -> Error {
        Error::new(kind, "failed")
    }

    #[test]
    fn a_call_that_may_have_taken_effect_is_repeated_only_if_that_is_harmless() {
        let lost = error(ErrorKind::Transport).with_delivery(Delivery::Unknown);
        assert!(may_repeat(&lost, Repeat::Always, true));
        assert!(!may_repeat(&lost, Repeat::IfRefused, true));
        for kind in [ErrorKind::NotLeader, ErrorKind::Unavailable] {
            assert!(may_repeat(&error(kind), Repeat::IfRefused, true));
        }
    }

    #[test]
    fn an_answer_that_stays_the_same_is_not_requested_again() {
        for kind in [
            ErrorKind::Rejected,
            ErrorKind::Forbidden,
            ErrorKind::Unauthorized,
            ErrorKind::Decode,
            ErrorKind::Protocol,
            ErrorKind::Unsupported,
        ] {
            assert!(!may_repeat(&error(kind), Repeat::Always, true), "{kind:?}");
        }
    }

    #[test]
    fn a_wrong_address_is_reported_at_once_and_a_lost_peer_is_awaited() {
        let refused = error(ErrorKind::Transport).with_configuration();
        assert!(!may_repeat(&refused, Repeat::Always, false));
        assert!(may_repeat(&refused, Repeat::Always, true));
    }

    #[test]
    fn delays_double_up_to_the_maximum_without_overflow() {
        let policy = BackoffPolicy::new(Duration::from_millis(100), Duration::from_secs(1));
        for (attempt, expected) in [(0, 50), (1, 100), (3, 400), (4, 500), (1000, 500)] {
            assert_eq!(delay(policy, attempt, 0.0).as_millis(), expected);
        }
    }
}
