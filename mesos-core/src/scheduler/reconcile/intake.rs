//! Many tasks that were requested together. They are put into the table in groups, so that the first
//! of them are requested from the master while the others are still put there.

use std::time::Duration;
use std::vec;

use mesos_proto::v1::{AgentId, TaskId};

/// The most tasks in one group, and in one call. A master processes one call at a time.
pub(super) const GROUP: usize = 1000;

type Task = (TaskId, Option<AgentId>);

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Intake {
    tasks: vec::IntoIter<Task>,
    /// When they were requested.
    pub(super) since: Duration,
    /// The random number of all groups, which thus have the same waits and remain together.
    random: Option<f64>,
}

impl Intake {
    pub(super) fn new(now: Duration, tasks: Vec<Task>) -> Self {
        Self {
            tasks: tasks.into_iter(),
            since: now,
            random: None,
        }
    }

    /// The number of tasks that are not in the table yet.
    pub(super) fn len(&self) -> usize {
        self.tasks.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.tasks.as_slice().is_empty()
    }

    /// The next group.
    pub(super) fn group(&mut self) -> impl Iterator<Item = Task> {
        self.tasks.by_ref().take(GROUP)
    }

    /// The random number for the next group, if `random` is a new one.
    pub(super) fn random(&mut self, random: f64) -> f64 {
        match self.is_empty() {
            true => random,
            false => *self.random.get_or_insert(random),
        }
    }

    /// When the next group is due.
    pub(super) fn next(&self) -> Option<Duration> {
        (!self.is_empty()).then_some(Duration::ZERO)
    }
}
