//! The tasks and updates that the agent has not acknowledged, so that they can
//! be sent again. Pure, except that each change is sent to a log on disk, if
//! there is one.

mod disk;
mod record;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use bytes::Bytes;
use mesos_proto::v1::executor::call::Update;
use mesos_proto::v1::{TaskId, TaskInfo, TaskState};

use super::calls::Caller;
use super::session::Facts;
use crate::error::Result;
use disk::{COMPACT_AT, Log};
pub(super) use disk::{Failure, Receipt};
use record::Record;

/// Tasks and updates of one executor, in order.
#[derive(Debug, Default)]
pub(super) struct Journal {
    /// The last number of a task or an update. Numbers count up.
    next: u64,
    tasks: BTreeMap<u64, Task>,
    by_id: HashMap<TaskId, u64>,
    /// The number of live tasks.
    live: usize,
    updates: BTreeMap<u64, Update>,
    by_uuid: HashMap<Bytes, u64>,
    /// Updates from this number on were not sent on the current subscription,
    /// and not with its SUBSCRIBE.
    unsent: u64,
    /// The number of updates that the agent rejected.
    refused: usize,
    /// Whether updates are no longer accepted.
    closed: bool,
    log: Option<Log>,
    owner: Option<Caller>,
}

#[derive(Debug)]
struct Task {
    /// Boxed, because a node of the map has space for eleven entries.
    info: Box<TaskInfo>,
    /// Whether an update of the task was acknowledged. Before that, a restarted
    /// agent reports the task as dropped unless the executor repeats it
    /// (`src/slave/slave.cpp`).
    acknowledged: bool,
    /// Whether the task has had no terminal update.
    live: bool,
}

impl Journal {
    /// A journal that accepts no updates.
    pub(super) fn closed() -> Self {
        Self {
            closed: true,
            ..Self::default()
        }
    }

    /// A journal on a disk that accepts writes and never completes them.
    #[cfg(test)]
    pub(super) fn on_hung_disk() -> (Self, Failure) {
        let (log, failure) = Log::hung();
        let journal = Self {
            log: Some(log),
            ..Self::default()
        };
        (journal, failure)
    }

    /// Opens a journal in the file at `path`, with the entries of an earlier
    /// process of this executor. Blocks.
    pub(super) fn open(path: &Path, owner: &Caller) -> Result<(Self, Failure)> {
        let (log, records, failure) = Log::open(path, owner)?;
        let mut journal = Self::default();
        for record in records {
            journal.replay(record);
        }
        journal.log = Some(log);
        journal.owner = Some(owner.clone());
        Ok((journal, failure))
    }

    fn replay(&mut self, record: Record) {
        match record {
            Record::Owner(_) => {}
            Record::Launched(task) => self.add_task(task),
            Record::Update(update) => self.add_update(*update),
            Record::Settled { task_id, uuid } => {
                self.settle(&task_id, &uuid);
            }
        }
    }

    /// Tasks that have had no terminal update, in the order of their launches.
    pub(super) fn live_tasks(&self) -> Vec<TaskInfo> {
        let live = self.tasks.values().filter(|task| task.live);
        live.map(|task| TaskInfo::clone(&task.info)).collect()
    }

    /// Adds a launched task. The task is on disk when the receipt completes.
    pub(super) fn launched(&mut self, task: TaskInfo) -> Receipt {
        let task = Box::new(task);
        let receipt = self.write(true, || Record::Launched(task.clone()));
        self.add_task(task);
        self.compact();
        receipt
    }

    /// Adds an update. The update is on disk when the receipt completes. Returns
    /// `None` after the driver's end.
    pub(super) fn push(&mut self, update: Update) -> Option<Receipt> {
        if self.closed {
            return None;
        }
        let receipt = self.write(true, || Record::Update(Box::new(update.clone())));
        self.add_update(update);
        self.compact();
        Some(receipt)
    }

    /// Handles ACKNOWLEDGED: removes the update, and marks its task as
    /// acknowledged. Returns whether the journal had the update.
    pub(super) fn acknowledged(&mut self, task_id: &TaskId, uuid: &Bytes) -> bool {
        // Not synced: if a crash loses the entry, the update is sent again.
        let _ = self.write(false, || Record::Settled {
            task_id: task_id.clone(),
            uuid: uuid.clone(),
        });
        let removed = self.settle(task_id, uuid);
        self.compact();
        removed
    }

    /// Removes an update that the agent rejected.
    pub(super) fn refused(&mut self, task_id: &TaskId, uuid: &Bytes) {
        if self.acknowledged(task_id, uuid) {
            self.refused += 1;
        }
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn add_task(&mut self, info: Box<TaskInfo>) {
        let number = self.number();
        if let Some(before) = self.by_id.insert(info.task_id.clone(), number)
            && let Some(before) = self.tasks.remove(&before)
        {
            self.live -= usize::from(before.live);
        }
        self.live += 1;
        let task = Task {
            info,
            acknowledged: false,
            live: true,
        };
        self.tasks.insert(number, task);
    }

    fn add_update(&mut self, update: Update) {
        let number = self.number();
        let status = &update.status;
        if TaskState::try_from(status.state).is_ok_and(TaskState::is_terminal) {
            self.change_task(&status.task_id.clone(), |task| task.live = false);
        }
        let uuid = update.status.uuid.clone().unwrap_or_default();
        self.by_uuid.insert(uuid, number);
        self.updates.insert(number, update);
    }

    fn settle(&mut self, task_id: &TaskId, uuid: &Bytes) -> bool {
        self.change_task(task_id, |task| task.acknowledged = true);
        let number = self.by_uuid.remove(uuid);
        number.is_some_and(|number| self.updates.remove(&number).is_some())
    }

    /// Changes a task, and removes it if it is acknowledged and not live.
    fn change_task(&mut self, task_id: &TaskId, change: impl FnOnce(&mut Task)) {
        let Some(&number) = self.by_id.get(task_id) else {
            return;
        };
        if let Some(task) = self.tasks.get_mut(&number) {
            let live = task.live;
            change(task);
            // A task never becomes live again.
            self.live -= usize::from(live && !task.live);
            if task.acknowledged && !task.live {
                self.tasks.remove(&number);
                self.by_id.remove(task_id);
            }
        }
    }

    /// The tasks and updates that a SUBSCRIBE repeats. Marks them as sent.
    pub(super) fn snapshot(&mut self) -> (Vec<TaskInfo>, Vec<Update>) {
        self.unsent = self.next + 1;
        let tasks = self.tasks.values().filter(|task| !task.acknowledged);
        (
            tasks.map(|task| TaskInfo::clone(&task.info)).collect(),
            self.updates.values().cloned().collect(),
        )
    }

    /// The oldest update that was not sent. Marks it as sent.
    pub(super) fn next_unsent(&mut self) -> Option<Update> {
        let (number, update) = self.updates.range(self.unsent..).next()?;
        self.unsent = number + 1;
        Some(update.clone())
    }

    /// Marks the update with this uuid and all later updates as not sent.
    pub(super) fn unsend(&mut self, uuid: &Bytes) {
        if let Some(&number) = self.by_uuid.get(uuid) {
            self.unsent = self.unsent.min(number);
        }
    }

    pub(super) fn facts(&self) -> Facts {
        Facts {
            updates: self.updates.len(),
            tasks: self.live,
            refused: self.refused,
        }
    }

    pub(super) fn is_live(&self, task_id: &TaskId) -> bool {
        let number = self.by_id.get(task_id);
        number.is_some_and(|number| self.tasks.get(number).is_some_and(|task| task.live))
    }

    /// Accepts no more updates. Returns what the journal contains.
    pub(super) fn close(&mut self) -> Facts {
        self.closed = true;
        self.log = None;
        self.facts()
    }

    fn write(&mut self, sync: bool, record: impl FnOnce() -> Record) -> Receipt {
        match &mut self.log {
            Some(log) => log.append(record().frame(), sync),
            None => Receipt::default(),
        }
    }

    /// Rewrites the file if most of its entries are obsolete.
    fn compact(&mut self) {
        let is_due = |log: &Log| log.size() > COMPACT_AT.max(4 * log.kept());
        if !self.log.as_ref().is_some_and(is_due) {
            return;
        }
        let mut content = Vec::new();
        let mut add = |record: Record| content.extend(record.frame());
        if let Some(owner) = &self.owner {
            add(Record::Owner(owner.clone()));
        }
        for task in self.tasks.values() {
            add(Record::Launched(task.info.clone()));
            if task.acknowledged {
                let task_id = task.info.task_id.clone();
                let uuid = Bytes::new();
                add(Record::Settled { task_id, uuid });
            }
        }
        for update in self.updates.values() {
            add(Record::Update(Box::new(update.clone())));
        }
        if let Some(log) = &mut self.log {
            log.rewrite(content);
        }
    }
}
