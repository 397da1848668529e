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

    /// If it is later than `latest`, this process was paused, and libmesos could not send the
    /// updates either. Their time then begins now.
    fn restart_after_pause(&self, latest: Instant) {
        let now = Instant::now();
        if now > latest {
            for (sent, _) in lock(&self.updates).iter_mut() {
                *sent = now;
            }
        }
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
                    () = sleep_until(due) => self.restart_after_pause(due + settle),
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

#[cfg(test)]
mod tests {
    use tokio::time::{advance, timeout};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_pause_of_the_process_does_not_acknowledge_an_update() {
        let begin = Instant::now();
        let pending = Pending::default();
        let mut presence = Presence::reachable();
        pending.push("t".into(), Bytes::new());
        let next = pending.next(SETTLE, &mut presence);
        tokio::pin!(next);
        for _ in 0..3 {
            let soon = timeout(Duration::ZERO, &mut next).await;
            assert!(soon.is_err(), "acknowledged after {:?}", begin.elapsed());
            advance(10 * SETTLE).await;
        }
        assert_eq!(next.await.task_id.value, "t");
        assert_eq!(begin.elapsed().as_secs(), 31);
    }
}
