//! Checks and health checks of tasks, for the executors here (`src/checks` in Mesos' tree): what
//! to look at and when, and what is told about it.
//!
//! [`Plan`] is what a task asks for; [`Checks`] performs it and has the news. How a command is
//! run is the executor's business ([`Commands`]): the command executor runs a process of its own
//! ([`Plain`]), the default executor asks the agent for a container. HTTP and TCP checks connect
//! from this process, as Mesos' do by way of `curl` and `mesos-tcp-connect`.

mod health;
mod plain;
mod probe;
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
use probe::Outcome;
use spec::Spec;

pub(crate) use plain::Plain;
pub(crate) use spec::Plan;

/// News that the scheduler is to be told.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum News {
    /// The check's result is another than before; an empty one if it could not be had.
    Check(CheckStatusInfo),
    Health {
        healthy: bool,
        /// It has been unhealthy too often in a row.
        kill: bool,
    },
}

/// What is told about the outcome of one look, if anything.
type Judge = Box<dyn FnMut(Outcome) -> Option<News> + Send>;

/// How the command of a check ended.
#[derive(Debug)]
pub(crate) enum Exit {
    Code(i32),
    /// It gave no exit code, which is a failed check.
    Failed(String),
    /// Nobody knows, through no fault of the task's, so there is no result.
    Unavailable(String),
}

/// Runs the commands of checks.
#[async_trait]
pub(crate) trait Commands: Send + Sync {
    /// Runs `command` to its end, or ends it after `timeout`; without one it has no limit.
    /// Dropping the future ends it too.
    async fn run(&self, command: &CommandInfo, timeout: Option<Duration>) -> Exit;
}

/// The checks of one task, being performed. They end with the value.
#[derive(Debug)]
pub(crate) struct Checks {
    news: mpsc::Receiver<News>,
    _tasks: JoinSet<()>,
}

impl Checks {
    /// Begins with them, `running` permitting: while that is false nothing is checked, and what
    /// was under way does not count (`pause` in `src/checks/checker_process.cpp`).
    pub(crate) fn start(
        plan: &Plan,
        commands: &Arc<dyn Commands>,
        running: &watch::Receiver<bool>,
    ) -> Self {
        // Small: news that nobody takes hold the next check up.
        let (sender, news) = mpsc::channel(1);
        let mut tasks = JoinSet::new();
        let mut perform = |spec: Spec, mut judge: Judge| {
            let (commands, mut running) = (Arc::clone(commands), running.clone());
            let sender = sender.clone();
            tasks.spawn(async move {
                sleep(spec.delay).await;
                while running.wait_for(|running| *running).await.is_ok() {
                    let outcome = spec.perform(&*commands).await;
                    if !*running.borrow() {
                        continue;
                    }
                    if let Some(news) = judge(outcome) {
                        // Nobody listens any more when this task is about to be ended too.
                        let _ = sender.send(news).await;
                    }
                    sleep(spec.interval).await;
                }
            });
        };
        if let Some(spec) = plan.check.clone() {
            let empty = spec.empty();
            let mut previous = None;
            let judge = move |outcome| {
                let status = match outcome {
                    Outcome::Done(status) => status,
                    Outcome::Failed => empty,
                    Outcome::Unavailable => return None,
                };
                let changed = previous.replace(status) != Some(status);
                changed.then_some(News::Check(status))
            };
            perform(spec, Box::new(judge));
        }
        if let Some((spec, rule)) = plan.health.clone() {
            let mut health = Health::new(rule);
            perform(
                spec,
                Box::new(move |outcome| health.judge(outcome, Instant::now())),
            );
        }
        Self {
            news,
            _tasks: tasks,
        }
    }

    /// The next news of `checks`; never, if there are none. Cancel safe.
    pub(crate) async fn next(checks: &mut Option<Self>) -> News {
        if let Some(checks) = checks
            && let Some(news) = checks.news.recv().await
        {
            return news;
        }
        pending().await
    }
}
