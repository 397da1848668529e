//! Sends updates over one subscription, one after another: the next one leaves
//! when the one before it was answered, so that whatever goes wrong in between
//! cannot change their order.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::driver::Handle;
use crate::backend::{Calls, ExecutorApi};
use crate::error::{Delivery, Error, ErrorKind};
use crate::runtime::{Backoff, BackoffPolicy};

/// How often an update is tried in a row before an executor that may subscribe
/// again does so. An agent that has really gone breaks the event stream sooner.
const TRIES: u32 = 5;

/// The task that sends. Dropping it ends it.
#[derive(Debug)]
pub(super) struct Sender {
    task: JoinHandle<()>,
    lost: Option<oneshot::Receiver<Error>>,
}

impl Sender {
    /// `outlives`: whether the executor outlives its agent. For one that does
    /// not, only the event stream can tell that it has to end; its updates are
    /// tried for ever.
    pub(super) fn start(
        handle: &Handle,
        calls: &Arc<dyn Calls<ExecutorApi>>,
        outlives: bool,
    ) -> Self {
        let tries = outlives.then_some(TRIES);
        let (report, lost) = oneshot::channel();
        let (handle, calls) = (Arc::clone(handle), Arc::clone(calls));
        let task = tokio::spawn(async move {
            if let Some(error) = send_all(&handle, calls.as_ref(), tries).await {
                let _ = report.send(error);
            }
        });
        Self {
            task,
            lost: Some(lost),
        }
    }

    /// Completes when the agent's answers show that the subscription is lost,
    /// whatever the event stream looks like. Cancel safe.
    pub(super) async fn lost(&mut self) -> Error {
        if let Some(lost) = &mut self.lost {
            let error = lost.await;
            self.lost = None;
            if let Ok(error) = error {
                return error;
            }
        }
        // The event stream has its own reason.
        std::future::pending().await
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Sends for ever; returns with what is wrong with the subscription, if its
/// event stream will not tell.
async fn send_all(
    handle: &Handle,
    calls: &dyn Calls<ExecutorApi>,
    tries: Option<u32>,
) -> Option<Error> {
    let shared = handle;
    let policy = BackoffPolicy::new(Duration::from_millis(100), Duration::from_secs(2));
    let mut backoff = Backoff::new(policy);
    loop {
        let next = shared.journal().next_unsent();
        let Some(update) = next else {
            shared.unsent.notified().await;
            continue;
        };
        let task_id = update.status.task_id.clone();
        let uuid = update.status.uuid.clone().unwrap_or_default();
        let sent = calls.send(shared.caller.update(update)).await;
        let result = match sent {
            Ok(answer) => answer.await,
            Err(error) => Err(error),
        };
        let Err(error) = result else {
            backoff.reset();
            continue;
        };
        // Repeating it would only repeat the refusal.
        if error.kind() == ErrorKind::Rejected && error.delivery() == Delivery::Refused {
            tracing::error!(%task_id, error = %crate::error_chain(&error), "the agent refused an update");
            shared.journal().refused(&task_id, &uuid);
            shared.settled.notify_one();
            continue;
        }
        tracing::debug!(%task_id, error = %crate::error_chain(&error), "an update has to be sent again");
        shared.journal().unsend(&uuid);
        let over = error.kind() == ErrorKind::NotSubscribed;
        if over && error.delivery() != Delivery::Refused {
            return None;
        }
        let tired = tries.is_some_and(|tries| backoff.attempts() + 1 >= tries);
        if over || !error.is_retryable() || tired {
            return Some(error);
        }
        // The agent tells an update that comes twice by its uuid.
        sleep(backoff.next(fastrand::f64())).await;
    }
}
