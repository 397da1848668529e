//! What the tasks of this executor know of each other.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mesos_core::ExecutorDriver;
use mesos_proto::v1::TaskId;
use tokio::sync::mpsc;

/// A request to end a task, with its grace if that is not to be the task's own.
pub(super) type Kill = Option<Duration>;

/// The tasks that have not ended.
#[derive(Clone, Debug, Default)]
pub(super) struct Tasks(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    kills: HashMap<TaskId, mpsc::UnboundedSender<Kill>>,
    /// Whether the last one has ended, and the executor with it.
    over: bool,
}

impl Tasks {
    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing under this lock can panic half way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this executor takes no tasks any more.
    pub(super) fn are_over(&self) -> bool {
        self.state().over
    }

    /// Takes a task in; what comes out of the channel are the requests to end it.
    pub(super) fn add(&self, id: TaskId) -> mpsc::UnboundedReceiver<Kill> {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.state().kills.insert(id, sender);
        receiver
    }

    /// Asks a task to end; false if there is none of this name.
    pub(super) fn kill(&self, id: &TaskId, kill: Kill) -> bool {
        let kills = &self.state().kills;
        kills
            .get(id)
            .is_some_and(|sender| sender.send(kill).is_ok())
    }

    /// Asks all tasks to end; says how many there are.
    pub(super) fn kill_all(&self, kill: Kill) -> usize {
        let kills = &self.state().kills;
        kills
            .values()
            .filter(|sender| sender.send(kill).is_ok())
            .count()
    }

    /// Takes a task out. With the last one the executor ends, once the agent has stored
    /// everything.
    pub(super) fn ended(&self, id: &TaskId, driver: &ExecutorDriver) {
        let mut state = self.state();
        state.kills.remove(id);
        if state.kills.is_empty() {
            state.over = true;
            driver.stop();
        }
    }
}
