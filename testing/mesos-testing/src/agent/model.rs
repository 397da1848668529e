//! What an agent records of its executor: `subscribe`, `statusUpdate` and `launchExecutor` in
//! src/slave/slave.cpp.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use mesos_proto::v1::executor::{Event, call};
use mesos_proto::v1::{KillPolicy, TaskId, TaskInfo, TaskState, TaskStatus};

use super::Stream;
use crate::executor_events as events;

type Launch = fn(Vec<TaskInfo>) -> Event;

/// The state of the executor, from the agent's point of view.
#[derive(Default)]
pub(super) struct Model {
    /// Whether the executor has subscribed to this run of the agent, or to an earlier run that kept
    /// the executor.
    pub(super) registered: bool,
    /// Whether the agent no longer knows the executor.
    pub(super) forgotten: bool,
    terminating: bool,
    stream: Option<Stream>,
    queue: Vec<(Vec<TaskInfo>, Launch)>,
    /// Whether a task was launched, and whether it was sent.
    expected: bool,
    ever_sent: bool,
    /// For each task: whether it had an update.
    staging: BTreeMap<TaskId, bool>,
    terminated: BTreeSet<TaskId>,
    uuids: BTreeSet<Bytes>,
    pub(super) dropped: Vec<TaskId>,
}

impl Model {
    pub(super) fn crash(&mut self, checkpoint: bool) {
        self.stream = None;
        if !checkpoint {
            *self = Self {
                forgotten: true,
                ..Self::default()
            };
        }
        // Tasks that were not sent were not checkpointed either.
        self.queue.clear();
    }

    /// Sends the first events of a new stream. Returns the updates that are not duplicates.
    pub(super) fn subscribe(
        &mut self,
        subscribe: call::Subscribe,
        stream: &Stream,
        granted: Event,
    ) -> Vec<TaskStatus> {
        if self.terminating {
            stream.send(events::shutdown());
            stream.end();
            return Vec::new();
        }
        if let Some(before) = self.stream.replace(stream.clone()) {
            before.end();
        }
        self.registered = true;
        let updates = subscribe.unacknowledged_updates.into_iter();
        let accepted =
            updates.filter_map(|update| self.update(&update.status).then_some(update.status));
        let accepted: Vec<TaskStatus> = accepted.collect();
        let known = |task_id: &TaskId| {
            let mut known = subscribe.unacknowledged_tasks.iter();
            known.any(|task| task.task_id == *task_id)
        };
        let lost: Vec<TaskId> = self
            .staging
            .iter()
            .filter(|(task_id, staging)| **staging && !known(task_id))
            .map(|(task_id, _)| task_id.clone())
            .collect();
        for task_id in lost {
            self.staging.remove(&task_id);
            self.terminated.insert(task_id.clone());
            self.dropped.push(task_id);
        }
        if self.expected && !self.ever_sent && self.queue.is_empty() {
            self.shut_down();
            return accepted;
        }
        stream.send(granted);
        for (tasks, event) in std::mem::take(&mut self.queue) {
            self.send_launch(stream, tasks, event);
        }
        accepted
    }

    pub(super) fn launch(&mut self, tasks: Vec<TaskInfo>, event: Launch) {
        self.expected = true;
        match self.stream.clone() {
            Some(stream) => self.send_launch(&stream, tasks, event),
            None => self.queue.push((tasks, event)),
        }
    }

    fn send_launch(&mut self, stream: &Stream, tasks: Vec<TaskInfo>, event: Launch) {
        self.ever_sent = true;
        for task in &tasks {
            self.staging.insert(task.task_id.clone(), true);
        }
        stream.send(event(tasks));
    }

    pub(super) fn kill(&mut self, task_id: &TaskId, kill_policy: Option<KillPolicy>) {
        let queued = self.queue.len();
        // A group is killed as a whole.
        self.queue
            .retain(|(tasks, _)| tasks.iter().all(|task| task.task_id != *task_id));
        if self.queue.len() == queued
            && let Some(stream) = &self.stream
        {
            stream.send(events::kill(task_id, kill_policy));
        }
    }

    pub(super) fn shut_down(&mut self) {
        self.terminating = true;
        if let Some(stream) = &self.stream {
            stream.send(events::shutdown());
        }
    }

    /// Accepts and acknowledges an update. Returns whether it is not a duplicate.
    pub(super) fn update(&mut self, status: &TaskStatus) -> bool {
        let of_another = status
            .agent_id
            .as_ref()
            .is_some_and(|agent_id| *agent_id != super::builder::AGENT_ID);
        if of_another {
            return false;
        }
        let accepted = self.uuids.insert(status.uuid.clone().unwrap_or_default())
            && !self.terminated.contains(&status.task_id);
        self.staging.insert(status.task_id.clone(), false);
        if TaskState::try_from(status.state).is_ok_and(TaskState::is_terminal) {
            self.terminated.insert(status.task_id.clone());
            self.staging.remove(&status.task_id);
        }
        if let Some(stream) = &self.stream {
            stream.send(events::acknowledged(status));
        }
        accepted
    }

    pub(super) fn closed(&mut self, stream: &Stream) {
        self.stream.take_if(|current| current == stream);
    }
}
