//! Supervises the command: reports its states, and ends the command on request.

use std::sync::Arc;
use std::time::Duration;

use mesos_core::ExecutorDriver;
use mesos_process::{Child, DEFAULT_GRACE, Ended, TimeLimit, grace_period};
use mesos_proto::v1::task_status::Reason;
use mesos_proto::v1::{TaskId, TaskInfo, TaskState, TaskStatus};
use tokio::sync::{mpsc, watch};

use super::command::{LaunchReport, Started};
use super::guard::Guard;
use crate::checks::{Checks, CommandRunner, Plan, StatusChange};
use crate::reporter::StatusReporter;
use crate::task_settings::max_completion_time;

/// A handle to the supervised task.
#[derive(Debug)]
pub(super) struct Task {
    pub(super) id: TaskId,
    /// The grace of a kill without a kill policy.
    pub(super) grace: Duration,
    kills: mpsc::UnboundedSender<Duration>,
}

impl Task {
    /// Ends the task: SIGTERM, and SIGKILL after `grace`. Another call can only shorten the grace.
    pub(super) fn kill(&self, grace: Duration) {
        // Fails if the task has ended.
        let _ = self.kills.send(grace);
    }

    /// Waits until the task's processes have ended.
    pub(super) async fn ended(&self) {
        self.kills.closed().await;
    }
}

/// Starts to supervise `process`, which becomes the command of `task`.
pub(super) fn supervise(
    task: &TaskInfo,
    process: Started,
    plan: Plan,
    reporter: StatusReporter,
    driver: ExecutorDriver,
    announce_killing: bool,
) -> Task {
    let (kills, requests) = mpsc::unbounded_channel();
    let grace = task.kill_policy.as_ref().and_then(grace_period);
    let grace = grace.unwrap_or(DEFAULT_GRACE);
    let supervision = Supervision {
        task_id: task.task_id.clone(),
        grace,
        child: process.child,
        guard: process.guard,
        commands: Arc::new(process.checks),
        plan,
        checks: None,
        reporter,
        driver,
        announce_killing,
        expires: max_completion_time(task).map_or(TimeLimit::never(), TimeLimit::new),
    };
    tokio::spawn(supervision.run(process.report, requests));
    Task {
        id: task.task_id.clone(),
        grace,
        kills,
    }
}

/// The state of the supervision.
struct Supervision {
    task_id: TaskId,
    grace: Duration,
    child: Child,
    guard: Guard,
    /// Runs the commands of checks.
    commands: Arc<dyn CommandRunner>,
    plan: Plan,
    /// From the start of the command until its end is requested.
    checks: Option<Checks>,
    reporter: StatusReporter,
    driver: ExecutorDriver,
    /// Whether the framework has the capability TASK_KILLING_STATE.
    announce_killing: bool,
    /// The max_completion_time of the task.
    expires: TimeLimit,
}

impl Supervision {
    async fn run(mut self, report: LaunchReport, mut requests: mpsc::UnboundedReceiver<Duration>) {
        let mut start = Box::pin(report.wait());
        let mut outcome = None;
        let end = loop {
            tokio::select! {
                biased;
                // First, so that TASK_RUNNING is reported even if the command ends at once.
                result = &mut start, if outcome.is_none() => {
                    self.started(&result).await;
                    outcome = Some(result);
                }
                end = self.child.wait() => break end,
                // Notices a pause only if it is polled before what the pause delayed.
                () = self.expires.passed() => self.expire(),
                Some(grace) = requests.recv() => self.kill(grace).await,
                change = Checks::next(&mut self.checks) => self.changed(change).await,
            }
        };
        self.guard.dismiss().await;
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
        self.reporter.report(status).await;
        // The driver ends when the agent has stored the update.
        self.driver.stop();
    }

    async fn started(&mut self, result: &Result<(), String>) {
        if result.is_ok() && !self.child.is_killed() {
            self.reporter.report_state(TaskState::TaskRunning).await;
            self.checks = Some(Checks::start(&self.plan, &self.commands, &always()));
        }
    }

    async fn kill(&mut self, grace: Duration) {
        let first = !self.child.is_killed();
        self.expires = TimeLimit::never();
        self.checks = None;
        if first && self.announce_killing {
            self.reporter.report_state(TaskState::TaskKilling).await;
        }
        self.child.kill(grace);
    }

    async fn changed(&mut self, change: StatusChange) {
        let kill = matches!(change, StatusChange::Health { kill: true, .. });
        self.reporter.report_change(change).await;
        if kill {
            self.kill(self.grace).await;
        }
    }

    /// Ends the task without a grace period: its time is over.
    fn expire(&mut self) {
        self.expires = TimeLimit::never();
        self.checks = None;
        self.child.expire();
    }

    /// The last status.
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

/// Checks continue without a connection to the agent: they examine the task.
fn always() -> watch::Receiver<bool> {
    watch::channel(true).1
}
