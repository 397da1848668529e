//! What the agent has not confirmed yet, so that it can be told again. Pure.

use std::collections::{HashSet, VecDeque};

use mesos_proto::v1::executor::call::Update;
use mesos_proto::v1::{TaskId, TaskInfo, TaskState};

/// Tasks and updates of one executor, in order.
#[derive(Debug, Default)]
pub(super) struct Journal {
    /// Launched, and no update of theirs acknowledged yet. Without these the
    /// agent reports them as dropped after its restart (`src/slave/slave.cpp`).
    unacknowledged_tasks: Vec<TaskInfo>,
    updates: VecDeque<Entry>,
    /// Launched, and without a terminal update.
    live: HashSet<TaskId>,
}

#[derive(Debug)]
struct Entry {
    update: Update,
    /// Whether it has been sent on the present subscription, or with its
    /// SUBSCRIBE.
    sent: bool,
}

impl Journal {
    pub(super) fn launched(&mut self, task: TaskInfo) {
        self.live.insert(task.task_id.clone());
        self.unacknowledged_tasks.push(task);
    }

    pub(super) fn push(&mut self, update: Update) {
        if is_terminal(&update) {
            self.live.remove(&update.status.task_id);
        }
        self.updates.push_back(Entry {
            update,
            sent: false,
        });
    }

    /// Removes what ACKNOWLEDGED confirms: the update, and at the first one
    /// the task. Whether anything was there.
    pub(super) fn acknowledged(&mut self, task_id: &TaskId, uuid: &[u8]) -> bool {
        self.unacknowledged_tasks
            .retain(|task| task.task_id != *task_id);
        self.forget(uuid)
    }

    /// Removes an update. Whether it was there.
    pub(super) fn forget(&mut self, uuid: &[u8]) -> bool {
        let before = self.updates.len();
        self.updates
            .retain(|entry| entry.update.status.uuid.as_deref() != Some(uuid));
        self.updates.len() < before
    }

    /// What a SUBSCRIBE has to repeat. All of it counts as sent then.
    pub(super) fn snapshot(&mut self) -> (Vec<TaskInfo>, Vec<Update>) {
        let updates = self.updates.iter_mut().map(|entry| {
            entry.sent = true;
            entry.update.clone()
        });
        let updates = updates.collect();
        (self.unacknowledged_tasks.clone(), updates)
    }

    /// The oldest update that has not been sent. Counts as sent then.
    pub(super) fn next_unsent(&mut self) -> Option<Update> {
        let entry = self.updates.iter_mut().find(|entry| !entry.sent)?;
        entry.sent = true;
        Some(entry.update.clone())
    }

    /// Whether the agent has stored every update.
    pub(super) fn is_flushed(&self) -> bool {
        self.updates.is_empty()
    }

    /// Whether every task has had its terminal update.
    pub(super) fn is_idle(&self) -> bool {
        self.live.is_empty()
    }

    pub(super) fn is_live(&self, task_id: &TaskId) -> bool {
        self.live.contains(task_id)
    }
}

fn is_terminal(update: &Update) -> bool {
    TaskState::try_from(update.status.state).is_ok_and(TaskState::is_terminal)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use mesos_proto::v1::TaskStatus;

    fn task(id: &str) -> TaskInfo {
        TaskInfo {
            task_id: TaskId { value: id.into() },
            ..Default::default()
        }
    }

    fn update(id: &str, uuid: &'static str, state: TaskState) -> Update {
        Update {
            status: TaskStatus {
                task_id: TaskId { value: id.into() },
                state: state as i32,
                uuid: Some(Bytes::from_static(uuid.as_bytes())),
                ..Default::default()
            },
        }
    }

    fn uuids(updates: &[Update]) -> Vec<&[u8]> {
        let uuids = updates.iter().map(|update| &update.status.uuid);
        uuids.map(|uuid| uuid.as_deref().unwrap()).collect()
    }

    #[test]
    fn a_task_leaves_at_its_first_acknowledgement_and_an_update_at_its_own() {
        let mut journal = Journal::default();
        journal.launched(task("t"));
        journal.push(update("t", "u1", TaskState::TaskStarting));
        journal.push(update("t", "u2", TaskState::TaskRunning));
        let id = TaskId { value: "t".into() };
        assert!(journal.acknowledged(&id, b"u1"));
        let (tasks, updates) = journal.snapshot();
        assert!(tasks.is_empty());
        assert_eq!(uuids(&updates), [b"u2"]);
        assert!(journal.acknowledged(&id, b"u2"));
        assert!(
            !journal.acknowledged(&id, b"u2"),
            "a second acknowledgement finds nothing"
        );
        assert!(journal.is_flushed());
    }

    #[test]
    fn a_resubscription_repeats_the_unacknowledged_in_order_with_their_uuids() {
        let mut journal = Journal::default();
        for (id, uuid) in [("a", "u1"), ("b", "u2"), ("a", "u3")] {
            journal.push(update(id, uuid, TaskState::TaskRunning));
        }
        journal.acknowledged(&TaskId { value: "b".into() }, b"u2");
        assert_eq!(uuids(&journal.snapshot().1), [b"u1", b"u3"]);
        assert_eq!(uuids(&journal.snapshot().1), [b"u1", b"u3"]);
    }

    #[test]
    fn what_a_subscribe_carried_is_not_sent_once_more() {
        let mut journal = Journal::default();
        journal.push(update("a", "u1", TaskState::TaskRunning));
        journal.snapshot();
        journal.push(update("a", "u2", TaskState::TaskRunning));
        assert_eq!(uuids(&[journal.next_unsent().unwrap()]), [b"u2"]);
        assert!(journal.next_unsent().is_none());
    }

    #[test]
    fn a_task_is_live_until_its_terminal_update() {
        let mut journal = Journal::default();
        journal.launched(task("t"));
        journal.push(update("t", "u1", TaskState::TaskRunning));
        assert!(!journal.is_idle());
        journal.push(update("t", "u2", TaskState::TaskKilled));
        assert!(journal.is_idle() && !journal.is_flushed());
    }
}
