//! Repeats calls that are safe to repeat.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use mesos_proto::v1::scheduler::Call;
use mesos_proto::v1::scheduler::call::Type;
use tokio::time::sleep;

use super::Middleware;
use crate::backend::{Answer, Calls, SchedulerApi};
use crate::error::{Delivery, Error, ErrorKind, Result};
use crate::runtime::{Backoff, BackoffPolicy};

/// Repeats a scheduler's calls that failed temporarily, if repeating them is safe. Off by default:
/// wrap the backend, as in `Wrapped::new(backend, RetryCalls::new())`.
///
/// | calls | repeated |
/// |---|---|
/// | ACKNOWLEDGE, ACKNOWLEDGE_OPERATION_STATUS, DECLINE, KILL, RECONCILE, RECONCILE_OPERATIONS, SHUTDOWN | yes: Mesos ignores a repetition, or answers it again |
/// | REVIVE, SUPPRESS | yes, unless a REVIVE, SUPPRESS or UPDATE_FRAMEWORK followed |
/// | ACCEPT, MESSAGE, UPDATE_FRAMEWORK, TEARDOWN and all others | never: a repetition could launch a task twice, or deliver a message twice |
///
/// A failure is temporary if a connection could not be opened, if a proxy in front of the master
/// failed, or if Mesos answered 429 or 503. The call is repeated over the same subscription only; a
/// call whose connection breaks ends its subscription over HTTP. Without a subscription, and after the end of its subscription, a call fails; a handle from
/// [`wait_for_subscription`](crate::SchedulerDriver::wait_for_subscription) waits for the next one.
///
/// A repeated call may arrive after later calls. The answer arrives after the last attempt. If any
/// attempt may have arrived, [`Delivery`] is `Unknown`.
#[derive(Debug)]
pub struct RetryCalls {
    retries: u32,
    backoff: BackoffPolicy,
    /// Counts the calls that change which roles get offers.
    changes: Arc<AtomicU64>,
}

impl Default for RetryCalls {
    fn default() -> Self {
        Self::new()
    }
}

impl RetryCalls {
    /// At most 5 repetitions, after waits of up to 200 ms that double up to 5 s.
    pub fn new() -> Self {
        Self {
            retries: 5,
            backoff: BackoffPolicy::new(Duration::from_millis(200), Duration::from_secs(5)),
            changes: Arc::default(),
        }
    }

    /// Sets the maximum number of repetitions of a call.
    #[must_use]
    pub fn retries(mut self, retries: u32) -> Self {
        self.retries = retries;
        self
    }

    /// Sets the waits before the repetitions.
    #[must_use]
    pub fn backoff(mut self, backoff: BackoffPolicy) -> Self {
        self.backoff = backoff;
        self
    }
}

#[async_trait]
impl Middleware<SchedulerApi> for RetryCalls {
    fn sees_events(&self) -> bool {
        false
    }

    async fn call(&self, call: Call, next: &Arc<dyn Calls<SchedulerApi>>) -> Result<Answer> {
        let call_type = call.r#type();
        let change = matches!(
            call_type,
            Type::Revive | Type::Suppress | Type::UpdateFramework
        );
        if !is_repeatable(call_type) {
            let answer = next.send(call).await?;
            if change {
                self.changes.fetch_add(1, Ordering::Relaxed);
            }
            return Ok(answer);
        }
        let first = next.send(call.clone()).await?;
        let change = change.then(|| self.changes.fetch_add(1, Ordering::Relaxed) + 1);
        let repetition = Repetition {
            call,
            next: Arc::clone(next),
            change,
            changes: Arc::clone(&self.changes),
            retries: self.retries,
            backoff: Backoff::new(self.backoff),
        };
        let (sender, answer) = Answer::channel();
        // In a task, because the caller may not wait for the answer.
        tokio::spawn(async move { sender.send(repetition.run(first).await) });
        Ok(answer)
    }
}

/// A call that is repeated until its answer is final.
struct Repetition {
    call: Call,
    next: Arc<dyn Calls<SchedulerApi>>,
    /// The number of this change of the roles that get offers.
    change: Option<u64>,
    changes: Arc<AtomicU64>,
    retries: u32,
    backoff: Backoff,
}

impl Repetition {
    async fn run(mut self, first: Answer) -> Result<()> {
        let mut may_have_arrived = false;
        let mut result = first.await;
        loop {
            let Err(error) = result else { return Ok(()) };
            may_have_arrived |= error.delivery() == Delivery::Unknown;
            if !is_temporary(&error) || self.backoff.attempts() >= self.retries {
                return Err(in_total(error, may_have_arrived));
            }
            let wait = self.backoff.next(fastrand::f64());
            sleep(wait).await;
            let superseded = |change| self.changes.load(Ordering::Relaxed) != change;
            if self.change.is_some_and(superseded) {
                return Err(in_total(error, may_have_arrived));
            }
            let call = self.call.r#type().as_str_name();
            tracing::debug!(call, ?wait, error = %crate::error_chain(&error), "repeating");
            result = match self.next.send(self.call.clone()).await {
                Ok(answer) => answer.await,
                Err(error) => Err(error),
            };
        }
    }
}

fn in_total(error: Error, may_have_arrived: bool) -> Error {
    match may_have_arrived {
        true => error.with_delivery(Delivery::Unknown),
        false => error,
    }
}

/// Whether Mesos may receive a call of this type twice.
fn is_repeatable(call: Type) -> bool {
    matches!(
        call,
        Type::Acknowledge
            | Type::AcknowledgeOperationStatus
            | Type::Decline
            | Type::Kill
            | Type::Reconcile
            | Type::ReconcileOperations
            | Type::Revive
            | Type::Shutdown
            | Type::Suppress
    )
}

/// Whether the same call over the same subscription can succeed soon.
fn is_temporary(error: &Error) -> bool {
    use ErrorKind::*;
    matches!(
        error.kind(),
        Transport | Tls | Timeout | Unavailable | Protocol
    )
}
