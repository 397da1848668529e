//! Sends the updates of one subscription, one after another. An update is sent
//! after the response to the update before it, so that no failure can change
//! their order.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::shared::Handle;
use crate::backend::{Calls, ExecutorApi};
use crate::error::{Delivery, Error, ErrorKind};
use crate::runtime::{Backoff, BackoffPolicy};

/// Attempts to send an update before an executor with checkpointing subscribes
/// again. If the agent is gone, its event stream usually ends sooner.
const TRIES: u32 = 5;

/// The sending task. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct Sender {
    task: JoinHandle<()>,
    lost: Option<oneshot::Receiver<Error>>,
}

impl Sender {
    /// `outlives`: whether the executor outlives its agent. If it does not, an
    /// update is retried without a limit, because only the end of the event
    /// stream ends the executor.
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

    /// Completes when the agent's responses show that the subscription is lost,
    /// even if the event stream is still open. Cancel safe.
    pub(super) async fn lost(&mut self) -> Error {
        if let Some(lost) = &mut self.lost {
            let error = lost.await;
            self.lost = None;
            if let Ok(error) = error {
                return error;
            }
        }
        // The event stream reports the error.
        std::future::pending().await
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Sends until the subscription is lost. Returns the error, unless the event
/// stream reports it.
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
        // The agent would reject the update again.
        if error.kind() == ErrorKind::Rejected && error.delivery() == Delivery::Refused {
            tracing::error!(%task_id, error = %crate::error_chain(&error), "the agent rejected an update");
            shared.journal().refused(&task_id, &uuid);
            shared.settled.notify_one();
            continue;
        }
        tracing::debug!(%task_id, error = %crate::error_chain(&error), "cannot send an update; retrying");
        shared.journal().unsend(&uuid);
        let unsubscribed = error.kind() == ErrorKind::NotSubscribed;
        if unsubscribed && error.delivery() != Delivery::Refused {
            return None;
        }
        let exhausted = tries.is_some_and(|tries| backoff.attempts() + 1 >= tries);
        // The agent accepted a token for the subscription. A provider of tokens may still have the
        // old token, or already the next one. The answer to another SUBSCRIBE is final.
        let unauthorized = error.kind() == ErrorKind::Unauthorized;
        if unauthorized && exhausted {
            let text = "the agent refused the token of several updates";
            return Some(Error::new(ErrorKind::Unavailable, text).with_source(error));
        }
        if unsubscribed || exhausted || !(unauthorized || error.is_retryable()) {
            return Some(error);
        }
        // The agent detects a repeated update by its uuid.
        sleep(backoff.next(fastrand::f64())).await;
    }
}
