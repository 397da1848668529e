//! Watches over the one command: reports its states, and ends it when asked to.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use mesos_core::ExecutorDriver;
use mesos_process::{Child, Ended};
use mesos_proto::v1::task_status::Reason;
use mesos_proto::v1::{TaskId, TaskInfo, TaskState, TaskStatus};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

use super::command::Report;
use crate::checks::{Checks, Commands, News, Plain, Plan};
use crate::reporter::Statuses;
use crate::task_settings::{DEFAULT_GRACE, grace, max_completion_time};

/// A handle on the task that is being watched over.
#[derive(Debug)]
pub(super) struct Task {
    pub(super) id: TaskId,
    /// What it gets when it is killed and nobody says otherwise.
    pub(super) grace: Duration,
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
    plan: Plan,
    statuses: Statuses,
    driver: ExecutorDriver,
    announce_killing: bool,
) -> Task {
    let (kills, requests) = mpsc::unbounded_channel();
    let grace = task.kill_policy.as_ref().and_then(grace);
    let grace = grace.unwrap_or(DEFAULT_GRACE);
    let watch = Watch {
        task_id: task.task_id.clone(),
        grace,
        child,
        plan,
        checks: None,
        statuses,
        driver,
        announce_killing,
        expires: max_completion_time(task).map(|limit| Instant::now() + limit),
    };
    tokio::spawn(watch.run(report, requests));
    Task {
        id: task.task_id.clone(),
        grace,
        kills,
    }
}

/// The state of the supervision.
struct Watch {
    task_id: TaskId,
    grace: Duration,
    child: Child,
    plan: Plan,
    /// From the start of the command until it is to end.
    checks: Option<Checks>,
    statuses: Statuses,
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
                news = Checks::next(&mut self.checks) => self.news(news).await,
            }
        };
        self.checks = None;
        let outcome = match outcome {
            Some(outcome) => outcome,
            None => {
                let result = start.await;
                self.started(&result).await;
                result
            }
        };
        let status = self.terminal(&end, outcome);
        self.statuses.status(status).await;
        // Ends once the agent has stored the update.
        self.driver.stop();
    }

    async fn started(&mut self, result: &Result<(), String>) {
        if result.is_ok() && !self.child.is_killed() {
            self.statuses.state(TaskState::TaskRunning).await;
            let commands: Arc<dyn Commands> = Arc::new(Plain);
            self.checks = Some(Checks::start(&self.plan, &commands, &always()));
        }
    }

    async fn kill(&mut self, grace: Duration) {
        let first = !self.child.is_killed();
        self.expires = None;
        self.checks = None;
        if first && self.announce_killing {
            self.statuses.state(TaskState::TaskKilling).await;
        }
        self.child.kill(grace);
    }

    async fn news(&mut self, news: News) {
        let kill = matches!(news, News::Health { kill: true, .. });
        self.statuses.news(news).await;
        if kill {
            self.kill(self.grace).await;
        }
    }

    /// The task has had its time, and gets no grace.
    fn expire(&mut self) {
        self.expires = None;
        self.checks = None;
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
}

async fn expiry(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => pending().await,
    }
}

/// Checks go on while the agent is away: it is the task that they look at.
fn always() -> watch::Receiver<bool> {
    watch::channel(true).1
}
