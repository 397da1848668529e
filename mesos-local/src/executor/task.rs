//! Watches over the one command: reports its states, and ends it when asked to.

use std::future::pending;
use std::time::Duration;

use mesos_core::{ExecutorDriver, chain};
use mesos_process::{Child, Ended};
use mesos_proto::v1::task_status::Reason;
use mesos_proto::v1::{TaskId, TaskInfo, TaskState, TaskStatus};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::command::Report;

/// A handle on the task that is being watched over.
#[derive(Debug)]
pub(super) struct Task {
    pub(super) id: TaskId,
    kills: mpsc::UnboundedSender<Duration>,
}

impl Task {
    /// Ends the task: SIGTERM, and SIGKILL after `grace`. Asking again can only shorten that.
    pub(super) fn kill(&self, grace: Duration) {
        // One that has ended needs no more.
        let _ = self.kills.send(grace);
    }

    /// Waits until the task's processes have ended.
    pub(super) async fn ended(&self) {
        self.kills.closed().await;
    }
}

/// Begins to watch over `child`, which becomes the command of `task`.
pub(super) fn watch(
    task: &TaskInfo,
    child: Child,
    report: Report,
    driver: ExecutorDriver,
    announce_killing: bool,
) -> Task {
    let (kills, requests) = mpsc::unbounded_channel();
    let limit = task.max_completion_time.as_ref();
    let limit = limit.and_then(|limit| u64::try_from(limit.nanoseconds).ok());
    let limit = limit
        .filter(|nanoseconds| *nanoseconds > 0)
        .map(Duration::from_nanos);
    let watch = Watch {
        task_id: task.task_id.clone(),
        child,
        driver,
        announce_killing,
        expires: limit.map(|limit| Instant::now() + limit),
    };
    tokio::spawn(watch.run(report, requests));
    Task {
        id: task.task_id.clone(),
        kills,
    }
}

/// The state of the supervision.
struct Watch {
    task_id: TaskId,
    child: Child,
    driver: ExecutorDriver,
    /// Whether the framework understands TASK_KILLING.
    announce_killing: bool,
    /// When the task has had all the time that it may take.
    expires: Option<Instant>,
}

impl Watch {
    async fn run(mut self, report: Report, mut requests: mpsc::UnboundedReceiver<Duration>) {
        let mut start = Box::pin(report.wait());
        let mut outcome = None;
        let end = loop {
            tokio::select! {
                biased;
                // First, so that a command that ended at once has been running too.
                result = &mut start, if outcome.is_none() => {
                    self.started(&result).await;
                    outcome = Some(result);
                }
                end = self.child.wait() => break end,
                Some(grace) = requests.recv() => self.kill(grace).await,
                () = expiry(self.expires) => self.expire(),
            }
        };
        let outcome = match outcome {
            Some(outcome) => outcome,
            None => {
                let result = start.await;
                self.started(&result).await;
                result
            }
        };
        let status = self.terminal(&end, outcome);
        self.update(status).await;
        // Ends once the agent has stored the update.
        self.driver.stop();
    }

    async fn started(&self, result: &Result<(), String>) {
        if result.is_ok() && !self.child.is_killed() {
            self.update(self.status(TaskState::TaskRunning)).await;
        }
    }

    async fn kill(&mut self, grace: Duration) {
        let first = !self.child.is_killed();
        self.expires = None;
        if first && self.announce_killing {
            self.update(self.status(TaskState::TaskKilling)).await;
        }
        self.child.kill(grace);
    }

    /// The task has had its time, and gets no grace.
    fn expire(&mut self) {
        self.expires = None;
        self.child.expire();
    }

    /// The last state.
    fn terminal(&self, end: &Ended, outcome: Result<(), String>) -> TaskStatus {
        match outcome {
            Err(reason) if !self.child.is_killed() => self
                .status(TaskState::TaskFailed)
                .with_reason(Reason::ContainerLaunchFailed)
                .with_message(format!("Command could not be run: {reason}")),
            _ => end.task_status(self.task_id.clone()),
        }
    }

    fn status(&self, state: TaskState) -> TaskStatus {
        TaskStatus::new(self.task_id.clone(), state)
    }

    async fn update(&self, status: TaskStatus) {
        update(&self.driver, status).await;
    }
}

/// Reports a state. There is nobody to tell it to after the driver's end.
pub(super) async fn update(driver: &ExecutorDriver, status: TaskStatus) {
    if let Err(error) = driver.update(status).await {
        eprintln!("mesos-executor: an update was not made: {}", chain(&error));
    }
}

async fn expiry(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => pending().await,
    }
}
