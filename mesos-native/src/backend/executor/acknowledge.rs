//! Acknowledgements of updates. libmesos receives them and does not report them, so an update
//! counts as acknowledged once libmesos has had it for a certain time in which the agent was
//! reachable.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use bytes::Bytes;
use mesos_proto::v1::TaskId;
use mesos_proto::v1::executor::event;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::presence::Presence;
use crate::lock::lock;

/// The time for which libmesos must have had an update.
pub(super) const SETTLE: Duration = Duration::from_secs(1);

/// The updates that libmesos has and that do not count as acknowledged yet, oldest first.
#[derive(Debug, Default)]
pub(super) struct Pending {
    updates: Mutex<VecDeque<(Instant, event::Acknowledged)>>,
    added: Notify,
}

impl Pending {
    /// Records that libmesos has the update now.
    pub(super) fn push(&self, task_id: TaskId, uuid: Bytes) {
        let update = event::Acknowledged { task_id, uuid };
        lock(&self.updates).push_back((Instant::now(), update));
        self.added.notify_one();
    }

    /// Waits until the oldest update counts as acknowledged, and removes it. Supports one reader.
    /// Cancel safe.
    pub(super) async fn next(
        &self,
        settle: Duration,
        presence: &mut Presence,
    ) -> event::Acknowledged {
        loop {
            let Some(sent) = lock(&self.updates).front().map(|(sent, _)| *sent) else {
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
            if let Some((_, update)) = lock(&self.updates).pop_front() {
                return update;
            }
        }
    }
}
