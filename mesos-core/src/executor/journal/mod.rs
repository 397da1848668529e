//! What the agent has not confirmed yet, so that it can be told again. Pure,
//! but for handing each change to a log on disk where there is one.

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
    /// Numbers tasks and updates as they come.
    next: u64,
    tasks: BTreeMap<u64, Task>,
    by_id: HashMap<TaskId, u64>,
    /// How many of the tasks are live.
    live: usize,
    updates: BTreeMap<u64, Update>,
    by_uuid: HashMap<Bytes, u64>,
    /// Updates from this number on were not sent on the present subscription,
    /// nor with its SUBSCRIBE.
    unsent: u64,
    /// How many updates the agent refused.
    refused: usize,
    /// Nothing is taken any more.
    closed: bool,
    log: Option<Log>,
    owner: Option<Caller>,
}

#[derive(Debug)]
struct Task {
    /// Not in the map's nodes, which have room for eleven.
    info: Box<TaskInfo>,
    /// Whether an update of it was acknowledged. Until then the agent, after
    /// its restart, reports a task that is not repeated as dropped
    /// (`src/slave/slave.cpp`).
    acknowledged: bool,
    /// Whether it has had no terminal update.
    live: bool,
}

impl Journal {
    /// A journal in the file at `path`, with what an earlier process of this
    /// executor left there. Blocks.
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

    /// A task was launched. It is on disk when the receipt is there.
    pub(super) fn launched(&mut self, task: TaskInfo) -> Receipt {
        let task = Box::new(task);
        let receipt = self.write(true, || Record::Launched(task.clone()));
        self.add_task(task);
        self.compact();
        receipt
    }

    /// An update was made; none after the driver's end. It is on disk when the
    /// receipt is there.
    pub(super) fn push(&mut self, update: Update) -> Option<Receipt> {
        if self.closed {
            return None;
        }
        let receipt = self.write(true, || Record::Update(Box::new(update.clone())));
        self.add_update(update);
        self.compact();
        Some(receipt)
    }

    /// Removes what ACKNOWLEDGED confirms: the update, and at the first one
    /// the task. Whether the update was there.
    pub(super) fn acknowledged(&mut self, task_id: &TaskId, uuid: &Bytes) -> bool {
        // Lost in a crash, it costs a repetition.
        let _ = self.write(false, || Record::Settled {
            task_id: task_id.clone(),
            uuid: uuid.clone(),
        });
        let was_there = self.settle(task_id, uuid);
        self.compact();
        was_there
    }

    /// Removes an update that the agent refuses, as it always will.
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

    /// Changes a task, and forgets it if nothing of it is of use any more.
    fn change_task(&mut self, task_id: &TaskId, change: impl FnOnce(&mut Task)) {
        let Some(&number) = self.by_id.get(task_id) else {
            return;
        };
        if let Some(task) = self.tasks.get_mut(&number) {
            let live = task.live;
            change(task);
            // Nothing makes a task live again.
            self.live -= usize::from(live && !task.live);
            if task.acknowledged && !task.live {
                self.tasks.remove(&number);
                self.by_id.remove(task_id);
            }
        }
    }

    /// What a SUBSCRIBE has to repeat. All of it counts as sent then.
    pub(super) fn snapshot(&mut self) -> (Vec<TaskInfo>, Vec<Update>) {
        self.unsent = self.next + 1;
        let tasks = self.tasks.values().filter(|task| !task.acknowledged);
        (
            tasks.map(|task| TaskInfo::clone(&task.info)).collect(),
            self.updates.values().cloned().collect(),
        )
    }

    /// The oldest update that has not been sent. Counts as sent then.
    pub(super) fn next_unsent(&mut self) -> Option<Update> {
        let (number, update) = self.updates.range(self.unsent..).next()?;
        self.unsent = number + 1;
        Some(update.clone())
    }

    /// What counts as sent was not: the update with this uuid, and those
    /// behind it.
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

    /// Takes no more updates. What it holds at that moment.
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

    /// Writes the file anew when most of it is of no more use.
    fn compact(&mut self) {
        let wanted = |log: &Log| log.size() > COMPACT_AT.max(4 * log.kept());
        if !self.log.as_ref().is_some_and(wanted) {
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
