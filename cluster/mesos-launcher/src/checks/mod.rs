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
use mesos_process::Pauses;
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

/// Turns a result, and the time since the start of the checks, into a change to report, if it is one.
type Evaluate = Box<dyn FnMut(ProbeResult, Duration) -> Option<StatusChange> + Send>;

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
    /// Starts the checks. Their time limits do not count the time in which this process was paused,
    /// because the task may have been paused with it. While `running` is false nothing is checked, and the result of a check in
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
                let (began, mut pauses) = (Instant::now(), Pauses::default());
                pauses.during(sleep(spec.delay)).await;
                loop {
                    let connected = running.wait_for(|running| *running);
                    if pauses.during(connected).await.is_err() {
                        return;
                    }
                    let result = pauses.during(spec.perform(&*commands)).await;
                    if !*running.borrow() {
                        continue;
                    }
                    let time = began.elapsed().saturating_sub(pauses.total());
                    if let Some(change) = evaluate(result, time) {
                        // Without a receiver this future is about to be dropped.
                        let _ = sender.send(change).await;
                    }
                    pauses.during(sleep(spec.interval)).await;
                }
            });
        };
        if let Some(spec) = plan.check.clone() {
            let empty = spec.empty();
            // The executor has reported the empty status already (`src/checks/checker.cpp`).
            let mut previous = empty;
            let evaluate = move |result, _| {
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
                Box::new(move |result, time| health.evaluate(result, time)),
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

#[cfg(test)]
mod tests {
    use mesos_proto::v1::{HealthCheck, TaskInfo, health_check};
    use tokio::time::advance;

    use super::*;

    const GRACE: Duration = Duration::from_secs(10);
    const PAUSE: Duration = Duration::from_secs(100);

    struct Failing;

    #[async_trait]
    impl CommandRunner for Failing {
        async fn run(&self, _: &CommandInfo, _: Option<Duration>) -> Exit {
            Exit::Code(1)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_of_the_executor_does_not_count_in_the_grace_period_of_a_health_check() {
        let health_check = HealthCheck {
            r#type: Some(health_check::Type::Command.into()),
            command: Some(CommandInfo::sh("false")),
            delay_seconds: Some(1.0),
            interval_seconds: Some(1.0),
            grace_period_seconds: Some(GRACE.as_secs_f64()),
            consecutive_failures: Some(1),
            ..HealthCheck::default()
        };
        let task = TaskInfo {
            health_check: Some(health_check),
            ..TaskInfo::default()
        };
        let plan = Plan::from_task(&task).expect("a valid check");
        let commands: Arc<dyn CommandRunner> = Arc::new(Failing);
        let began = Instant::now();
        let mut checks = Some(Checks::start(&plan, &commands, &watch::channel(true).1));
        // The first check waits for its delay.
        tokio::task::yield_now().await;
        advance(PAUSE).await;
        let change = Checks::next(&mut checks).await;
        let expected = StatusChange::Health {
            healthy: false,
            kill: true,
        };
        assert_eq!(change, expected);
        let time = began.elapsed();
        // A part of the pause, as long as the delay, counts.
        assert!(time + Duration::from_secs(1) >= PAUSE + GRACE, "{time:?}");
    }
}
