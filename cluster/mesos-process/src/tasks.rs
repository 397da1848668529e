//! The tasks of an executor: which run, and how each learns that it has to end.

use std::collections::HashMap;
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mesos_proto::v1::{KillPolicy, TaskId, TaskInfo, TaskStatus};
use tokio::sync::{mpsc, watch};

use crate::child::Child;
use crate::ended::Ended;
use crate::time_limit::TimeLimit;

/// The grace period of a task that has no kill policy, as in Mesos' command
/// executor (`kill` in `src/launcher/executor.cpp`).
pub const DEFAULT_GRACE: Duration = Duration::from_secs(3);

/// The tasks of an executor that have not ended, by id.
///
/// An executor's handlers must not wait for a task, so each task has a future of
/// its own, usually spawned. The set connects the two: [`insert`](Self::insert)
/// gives the future a [`RunningTask`], and [`kill`](Self::kill) and
/// [`shutdown`](Self::shutdown), which return at once, send it a request to end.
/// The task leaves the set when its `RunningTask` is dropped.
///
/// A clone is another handle to the same set.
///
/// ```
/// use mesos_process::{Child, TaskSet};
/// use mesos_proto::v1::{CommandInfo, TaskInfo, TaskState};
/// use tokio::process::Command;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> std::io::Result<()> {
/// let tasks = TaskSet::new();
///
/// // In the handler `launch`.
/// let task = TaskInfo::builder("sleep").id("t").agent("a")
///     .command(CommandInfo::sh("sleep 1000")).build();
/// let mut running = tasks.insert(&task).expect("no task of this id runs");
/// let mut command = Command::new("sh");
/// command.args(["-c", task.command.as_ref().unwrap().value()]);
/// let mut child = Child::spawn(command)?;
/// let end = tokio::spawn(async move {
///     let ended = running.supervise(&mut child).await;
///     // Passed to `ExecutorDriver::update`.
///     ended.task_status(running.id().clone())
/// });
///
/// // In the handler `kill`.
/// assert!(tasks.kill(&task.task_id, None));
///
/// assert_eq!(end.await?.task_state(), Ok(TaskState::TaskKilled));
/// assert!(tasks.is_empty());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct TaskSet(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    entries: Mutex<HashMap<TaskId, Entry>>,
    /// The number of entries.
    count: watch::Sender<usize>,
}

#[derive(Debug)]
struct Entry {
    grace: Duration,
    kills: mpsc::UnboundedSender<Duration>,
    last_update: Option<TaskStatus>,
}

impl Shared {
    fn entries(&self) -> MutexGuard<'_, HashMap<TaskId, Entry>> {
        // No code that holds the lock panics between two changes.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TaskSet {
    /// A set without tasks.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a task. Returns `None` if a task of this id is in the set.
    #[must_use = "the task leaves the set when the value is dropped"]
    pub fn insert(&self, task: &TaskInfo) -> Option<RunningTask> {
        let mut entries = self.0.entries();
        if entries.contains_key(&task.task_id) {
            return None;
        }
        let (sender, kills) = mpsc::unbounded_channel();
        let grace = task.kill_policy.as_ref().and_then(grace_period);
        let grace = grace.unwrap_or(DEFAULT_GRACE);
        let entry = Entry {
            grace,
            kills: sender,
            last_update: None,
        };
        entries.insert(task.task_id.clone(), entry);
        self.0.count.send_replace(entries.len());
        let limit = task.max_completion_time.map(Duration::from);
        Some(RunningTask {
            id: task.task_id.clone(),
            grace,
            limit: limit.filter(|limit| !limit.is_zero()),
            expires: TimeLimit::never(),
            kills,
            set: Arc::clone(&self.0),
        })
    }

    /// Requests the end of a task, as the event KILL does. The grace period is that
    /// of `policy`, else that of the task's own kill policy, else
    /// [`DEFAULT_GRACE`].
    ///
    /// Returns `false` if the task is not in the set: it was never launched, or it
    /// has ended.
    pub fn kill(&self, id: &TaskId, policy: Option<&KillPolicy>) -> bool {
        let entries = self.0.entries();
        let Some(entry) = entries.get(id) else {
            return false;
        };
        let grace = policy.and_then(grace_period).unwrap_or(entry.grace);
        entry.kills.send(grace).is_ok()
    }

    /// Requests the end of all tasks with this grace period, as the event SHUTDOWN
    /// does, and returns their number.
    ///
    /// An agent that has sent SHUTDOWN kills the executor after
    /// `MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD`, so `grace` should be shorter.
    pub fn shutdown(&self, grace: Duration) -> usize {
        let entries = self.0.entries();
        let sent = entries.values().map(|entry| entry.kills.send(grace));
        sent.filter(Result::is_ok).count()
    }

    /// The ids of the tasks, in no order.
    pub fn ids(&self) -> Vec<TaskId> {
        self.0.entries().keys().cloned().collect()
    }

    /// The status that was last [recorded](RunningTask::record_update) for a task.
    pub fn last_update(&self, id: &TaskId) -> Option<TaskStatus> {
        self.0.entries().get(id)?.last_update.clone()
    }

    /// The number of tasks.
    pub fn len(&self) -> usize {
        self.0.entries().len()
    }

    /// Whether no task is in the set.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Waits until no task is in the set. Cancel safe.
    pub async fn wait_until_empty(&self) {
        let mut count = self.0.count.subscribe();
        // The sender lives as long as the set.
        let _ = count.wait_for(|count| *count == 0).await;
    }
}

/// A task of a [`TaskSet`]. Dropping the value removes the task from the set.
#[derive(Debug)]
pub struct RunningTask {
    id: TaskId,
    grace: Duration,
    /// How long the task may run, if that is limited.
    limit: Option<Duration>,
    /// That limit, from the start of its process on.
    expires: TimeLimit,
    kills: mpsc::UnboundedReceiver<Duration>,
    set: Arc<Shared>,
}

impl RunningTask {
    /// The id of the task.
    pub fn id(&self) -> &TaskId {
        &self.id
    }

    /// The grace period of the task's kill policy, else [`DEFAULT_GRACE`].
    pub fn grace(&self) -> Duration {
        self.grace
    }

    /// Waits for the next request to end the task, and returns the grace period.
    /// Schedulers repeat a KILL, so more than one request can come; a later one
    /// should only shorten the grace, as [`Child::kill`] does.
    ///
    /// Cancel safe.
    pub async fn kill_requested(&mut self) -> Duration {
        recv(&mut self.kills).await
    }

    /// Waits for the end of the process that is this task, and ends the process when
    /// the task has to end: on a request, or when `TaskInfo.max_completion_time` has
    /// passed since the first call. A pause of this process extends that time
    /// ([`TimeLimit`]).
    ///
    /// Cancel safe: the next call continues.
    pub async fn supervise(&mut self, child: &mut Child) -> Ended {
        if let Some(limit) = self.limit.take() {
            self.expires = TimeLimit::new(limit);
        }
        loop {
            tokio::select! {
                biased;
                ended = child.wait() => return ended,
                grace = recv(&mut self.kills) => {
                    self.expires = TimeLimit::never();
                    child.kill(grace);
                }
                () = self.expires.passed() => {
                    self.expires = TimeLimit::never();
                    child.expire();
                }
            }
        }
    }

    /// Records the status that the executor has sent last, for
    /// [`TaskSet::last_update`].
    pub fn record_update(&self, status: TaskStatus) {
        if let Some(entry) = self.set.entries().get_mut(&self.id) {
            entry.last_update = Some(status);
        }
    }
}

impl Drop for RunningTask {
    fn drop(&mut self) {
        let mut entries = self.set.entries();
        entries.remove(&self.id);
        self.set.count.send_replace(entries.len());
    }
}

/// The grace period of a kill policy, if the policy has one. A negative one is zero.
pub fn grace_period(policy: &KillPolicy) -> Option<Duration> {
    policy.grace_period.map(Duration::from)
}

async fn recv(kills: &mut mpsc::UnboundedReceiver<Duration>) -> Duration {
    match kills.recv().await {
        Some(grace) => grace,
        // The sender is in the set until the `RunningTask` is dropped.
        None => pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(id: &str, grace: Option<u64>) -> TaskInfo {
        let policy = |grace| KillPolicy {
            grace_period: Some(Duration::from_secs(grace).into()),
        };
        TaskInfo {
            task_id: id.into(),
            kill_policy: grace.map(policy),
            ..TaskInfo::default()
        }
    }

    #[tokio::test]
    async fn the_grace_is_that_of_the_kill_else_the_tasks_else_the_default() {
        let tasks = TaskSet::new();
        for (own, expected) in [(Some(7), Duration::from_secs(7)), (None, DEFAULT_GRACE)] {
            let task = task("t", own);
            let mut running = tasks.insert(&task).expect("a new id");
            assert_eq!(running.grace(), expected);
            assert!(tasks.kill(&task.task_id, None));
            assert_eq!(running.kill_requested().await, expected);
            let policy = KillPolicy {
                grace_period: Some(Duration::from_secs(1).into()),
            };
            assert!(tasks.kill(&task.task_id, Some(&policy)));
            assert_eq!(running.kill_requested().await, Duration::from_secs(1));
        }
    }

    #[tokio::test]
    async fn a_task_is_in_the_set_until_its_value_is_dropped() {
        let tasks = TaskSet::new();
        let (a, b) = (task("a", None), task("b", None));
        let first = tasks.insert(&a).expect("a new id");
        assert!(tasks.insert(&a).is_none(), "the id is in use");
        let second = tasks.insert(&b).expect("a new id");
        assert_eq!(tasks.len(), 2);
        drop(first);
        assert_eq!(tasks.ids(), [b.task_id]);
        assert!(!tasks.kill(&a.task_id, None), "it has ended");
        let empty = tokio::spawn({
            let tasks = tasks.clone();
            async move { tasks.wait_until_empty().await }
        });
        tokio::task::yield_now().await;
        assert!(!empty.is_finished(), "one task runs");
        drop(second);
        empty.await.expect("the set is empty");
        assert!(tasks.insert(&a).is_some(), "the id is free again");
    }

    #[tokio::test]
    async fn a_shutdown_reaches_every_task() {
        let tasks = TaskSet::new();
        let running = ["a", "b"].map(|id| tasks.insert(&task(id, Some(9))).expect("a new id"));
        let grace = Duration::from_secs(2);
        assert_eq!(tasks.shutdown(grace), 2);
        for mut running in running {
            assert_eq!(running.kill_requested().await, grace);
        }
        assert_eq!(tasks.shutdown(grace), 0);
    }

    #[tokio::test]
    async fn the_last_update_is_forgotten_with_the_task() {
        use mesos_proto::v1::TaskState::{TaskRunning, TaskStarting};
        let tasks = TaskSet::new();
        let task = task("t", None);
        let running = tasks.insert(&task).expect("a new id");
        assert_eq!(tasks.last_update(&task.task_id), None);
        for state in [TaskStarting, TaskRunning] {
            running.record_update(TaskStatus::new("t", state));
            let last = tasks.last_update(&task.task_id).expect("a status");
            assert_eq!(last.task_state(), Ok(state));
        }
        drop(running);
        assert_eq!(tasks.last_update(&task.task_id), None);
    }
}
