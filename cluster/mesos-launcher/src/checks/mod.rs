//! Checks and health checks of tasks, for both executors (`src/checks` in Mesos' tree).
//!
//! [`Plan`] is what a task requests; [`Checks`] performs the plan and reports changes. The executor
//! runs the commands of checks ([`CommandRunner`]): the command executor as processes
//! ([`ProcessRunner`]), the default executor as containers of the agent. HTTP and TCP checks connect
//! from this process; Mesos uses `curl` and `mesos-tcp-connect` for them.

mod health;
mod probe;
mod process;
mod spec;

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use mesos_proto::v1::{CheckStatusInfo, CommandInfo};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use health::Health;
use probe::ProbeResult;
use spec::Spec;

pub(crate) use process::ProcessRunner;
pub(crate) use spec::Plan;

/// A change that the executor reports to the scheduler.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum StatusChange {
    /// The check has another result than before; empty if the check failed without a result.
    Check(CheckStatusInfo),
    Health {
        healthy: bool,
        /// Too many consecutive failures: the task is to be killed.
        kill: bool,
    },
}

/// Turns a result into a change to report, if it is one.
type Evaluate = Box<dyn FnMut(ProbeResult) -> Option<StatusChange> + Send>;

/// How the command of a check ended.
#[derive(Debug)]
pub(crate) enum Exit {
    Code(i32),
    /// The command has no exit code: the check failed.
    Failed(String),
    /// The result is unknown for a reason outside the task.
    Unavailable(String),
}

/// Runs the commands of checks.
#[async_trait]
pub(crate) trait CommandRunner: Send + Sync {
    /// Runs `command` to its end, or kills it after `timeout`, if that is given. Dropping the future
    /// kills the command too.
    async fn run(&self, command: &CommandInfo, timeout: Option<Duration>) -> Exit;
}

/// The checks of one task. Dropping the value stops them.
#[derive(Debug)]
pub(crate) struct Checks {
    changes: mpsc::Receiver<StatusChange>,
    _tasks: JoinSet<()>,
}

impl Checks {
    /// Starts the checks. While `running` is false nothing is checked, and the result of a check in
    /// progress is ignored (`pause` in `src/checks/checker_process.cpp`).
    pub(crate) fn start(
        plan: &Plan,
        commands: &Arc<dyn CommandRunner>,
        running: &watch::Receiver<bool>,
    ) -> Self {
        // Small: a change that nobody has received delays the next check.
        let (sender, changes) = mpsc::channel(1);
        let mut tasks = JoinSet::new();
        let mut perform = |spec: Spec, mut evaluate: Evaluate| {
            let (commands, mut running) = (Arc::clone(commands), running.clone());
            let sender = sender.clone();
            tasks.spawn(async move {
                sleep(spec.delay).await;
                while running.wait_for(|running| *running).await.is_ok() {
                    let result = spec.perform(&*commands).await;
                    if !*running.borrow() {
                        continue;
                    }
                    if let Some(change) = evaluate(result) {
                        // Without a receiver this future is about to be dropped.
                        let _ = sender.send(change).await;
                    }
                    sleep(spec.interval).await;
                }
            });
        };
        if let Some(spec) = plan.check.clone() {
            let empty = spec.empty();
            // The executor has reported the empty status already (`src/checks/checker.cpp`).
            let mut previous = empty;
            let evaluate = move |result| {
                let status = match result {
                    ProbeResult::Done(status) => status,
                    ProbeResult::Failed => empty,
                    ProbeResult::Unavailable => return None,
                };
                let changed = std::mem::replace(&mut previous, status) != status;
                changed.then_some(StatusChange::Check(status))
            };
            perform(spec, Box::new(evaluate));
        }
        if let Some((spec, rule)) = plan.health.clone() {
            let mut health = Health::new(rule);
            perform(
                spec,
                Box::new(move |result| health.evaluate(result, Instant::now())),
            );
        }
        Self {
            changes,
            _tasks: tasks,
        }
    }

    /// The next change that `checks` report. Pending forever without checks. Cancel safe.
    pub(crate) async fn next(checks: &mut Option<Self>) -> StatusChange {
        if let Some(checks) = checks
            && let Some(change) = checks.changes.recv().await
        {
            return change;
        }
        pending().await
    }
}
