//! Acknowledgements of updates, which libmesos hears and does not tell: an update counts as
//! acknowledged once libmesos has had it for a while in which the agent was there.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use mesos_proto::v1::TaskId;
use mesos_proto::v1::executor::event;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::presence::Presence;

/// How long libmesos has to have had an update.
pub(super) const SETTLE: Duration = Duration::from_secs(1);

/// The updates that libmesos has and that do not count as acknowledged yet, in their order.
#[derive(Debug, Default)]
pub(super) struct Pending {
    updates: Mutex<VecDeque<(Instant, event::Acknowledged)>>,
    added: Notify,
}

impl Pending {
    /// libmesos has it now.
    pub(super) fn push(&self, task_id: TaskId, uuid: Bytes) {
        let update = event::Acknowledged { task_id, uuid };
        self.lock().push_back((Instant::now(), update));
        self.added.notify_one();
    }

    /// The next one that counts as acknowledged, as soon as it does. For one reader. Cancel
    /// safe.
    pub(super) async fn next(
        &self,
        settle: Duration,
        presence: &mut Presence,
    ) -> event::Acknowledged {
        loop {
            let Some(sent) = self.lock().front().map(|(sent, _)| *sent) else {
                self.added.notified().await;
                continue;
            };
            let Some(since) = presence.since() else {
                presence.changed().await;
                continue;
            };
            let due = sent.max(since) + settle;
            if Instant::now() < due {
                tokio::select! {
                    () = sleep_until(due) => {}
                    () = presence.changed() => {}
                }
                continue;
            }
            if let Some((_, update)) = self.lock().pop_front() {
                return update;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<(Instant, event::Acknowledged)>> {
        // Nothing under this lock can panic half way.
        self.updates.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
