//! The life of one task.

use std::future::pending;
use std::net::IpAddr;
use std::os::unix::fs::symlink;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result};
use mesos_core::ExecutorDriver;
use mesos_process::{Cause, Ended};
use mesos_proto::v1::task_status::Reason;
use mesos_proto::v1::{
    ContainerId, ContainerStatus, TaskId, TaskInfo, TaskState, TaskStatus,
    agent::response::WaitContainer,
};
use nix::sys::signal::Signal;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::agent::{Agent, Waited, container_of};
use super::check::Nested;
use super::group::{Kill, Tasks};
use crate::checks::{Checks, Commands, News, Plan};
use crate::reporter::Statuses;
use crate::task_settings::{DEFAULT_GRACE, grace, max_completion_time};

/// How soon SIGKILL is sent again to a container that is still there.
const KILL_AGAIN: Duration = Duration::from_secs(1);

/// Where a task runs, and with whom.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) container_id: ContainerId,
    /// The executor's.
    pub(super) sandbox: PathBuf,
    pub(super) ip: Option<IpAddr>,
    pub(super) agent: Arc<Agent>,
    pub(super) tasks: Tasks,
    /// The group, this task among it.
    pub(super) siblings: Arc<[TaskId]>,
    pub(super) announce_killing: Arc<AtomicBool>,
}

/// A task from its launch to its end.
#[derive(Debug)]
pub(super) struct Run {
    task: TaskInfo,
    place: Place,
    kills: mpsc::UnboundedReceiver<Kill>,
    driver: ExecutorDriver,
    plan: Result<Plan>,
    statuses: Statuses,
    checks: Option<Checks>,
    cause: Cause,
    expires: Option<Instant>,
    /// From the first request to end it.
    kill_began: Option<Instant>,
    /// When SIGKILL is due.
    escalates: Option<Instant>,
}

/// Reports the task as starting; it has to be run then.
pub(super) async fn prepare(
    task: TaskInfo,
    place: Place,
    kills: mpsc::UnboundedReceiver<Kill>,
    driver: ExecutorDriver,
) -> Run {
    let plan = Plan::of(&task);
    let empty = plan.as_ref().ok().and_then(Plan::empty);
    let statuses = Statuses::new(driver.clone(), task.task_id.clone(), empty);
    let mut statuses = statuses.in_container(ContainerStatus {
        container_id: Some(place.container_id.clone()),
        ..ContainerStatus::default()
    });
    statuses.state(TaskState::TaskStarting).await;
    Run {
        task,
        place,
        kills,
        driver,
        plan,
        statuses,
        checks: None,
        cause: Cause::Itself,
        expires: None,
        kill_began: None,
        escalates: None,
    }
}

impl Run {
    /// To the end of the task, and of its group with it if it does not end well.
    pub(super) async fn run(mut self) {
        let status = match self.launch().await {
            Ok(()) => {
                self.started().await;
                let waited = self.watch().await;
                self.checks = None;
                self.terminal(waited, None)
            }
            Err(error) => {
                let error = format!("{error:#}");
                // Whether it runs is not known if the agent was lost meanwhile.
                let id = self.place.container_id.clone();
                self.place.agent.kill(id, Signal::SIGKILL).await;
                let waited = self.place.agent.wait(&self.place.container_id).await;
                self.terminal(waited, Some(error))
            }
        };
        let badly = status.state != i32::from(TaskState::TaskFinished);
        self.statuses.status(status).await;
        // The only restart policy there is (`waited` in `src/launcher/default_executor.cpp`).
        if badly {
            for sibling in self.place.siblings.iter() {
                self.place.tasks.kill(sibling, None);
            }
        }
        self.place.tasks.ended(&self.task.task_id, &self.driver);
    }

    async fn launch(&mut self) -> Result<()> {
        if let Err(error) = &self.plan {
            anyhow::bail!("{error:#}");
        }
        let launch = container_of(&self.task, self.place.container_id.clone(), self.place.ip);
        let launched = self.place.agent.launch(launch).await;
        launched.map_err(anyhow::Error::msg)
    }

    async fn started(&mut self) {
        if let Err(error) = self.link() {
            eprintln!("mesos-default-executor: {error:#}");
        }
        self.statuses.state(TaskState::TaskRunning).await;
        self.expires = max_completion_time(&self.task).map(|limit| Instant::now() + limit);
        let environment = self.task.command.as_ref();
        let commands: Arc<dyn Commands> = Arc::new(Nested {
            agent: Arc::clone(&self.place.agent),
            task: self.place.container_id.clone(),
            environment: environment.and_then(|command| command.environment.clone()),
            directory: self.directory().to_string_lossy().into_owned(),
        });
        if let Ok(plan) = &self.plan {
            let connected = self.place.agent.connected();
            self.checks = Some(Checks::start(plan, &commands, connected));
        }
    }

    fn directory(&self) -> PathBuf {
        let containers = self.place.sandbox.join("containers");
        containers.join(&self.place.container_id.value)
    }

    /// For those who look for the files of a task by its name.
    fn link(&self) -> Result<()> {
        let tasks = Path::new("tasks");
        std::fs::create_dir_all(tasks).context("cannot make the directory `tasks`")?;
        let link = tasks.join(&self.task.task_id.value);
        symlink(self.directory(), &link)
            .with_context(|| format!("cannot make the link {}", link.display()))
    }

    /// Until the container has ended.
    async fn watch(&mut self) -> Waited {
        let agent = Arc::clone(&self.place.agent);
        let container_id = self.place.container_id.clone();
        let mut wait = Box::pin(agent.wait(&container_id));
        loop {
            tokio::select! {
                biased;
                waited = &mut wait => return waited,
                Some(kill) = self.kills.recv() => self.kill(kill).await,
                () = at(self.escalates) => self.escalate(),
                () = at(self.expires) => self.expire(),
                news = Checks::next(&mut self.checks) => self.news(news).await,
            }
        }
    }

    /// Asking again can only shorten the grace.
    async fn kill(&mut self, kill: Kill) {
        let policy = self.task.kill_policy.as_ref().and_then(grace);
        let grace = kill.or(policy).unwrap_or(DEFAULT_GRACE);
        let first = self.kill_began.is_none();
        let began = *self.kill_began.get_or_insert_with(Instant::now);
        let due = began + grace;
        match self.escalates {
            Some(at) => self.escalates = Some(at.min(due)),
            None => self.escalates = Some(due),
        }
        if !first {
            return;
        }
        self.cause = Cause::Killed;
        self.expires = None;
        self.checks = None;
        if self.place.announce_killing.load(Ordering::Relaxed) {
            self.statuses.state(TaskState::TaskKilling).await;
        }
        if !grace.is_zero() {
            self.signal(Signal::SIGTERM);
        }
    }

    fn escalate(&mut self) {
        self.escalates = Some(Instant::now() + KILL_AGAIN);
        if self.place.agent.is_connected() {
            self.signal(Signal::SIGKILL);
        }
    }

    /// The task has had its time, and gets no grace.
    fn expire(&mut self) {
        self.cause = Cause::MaxCompletionTime;
        self.expires = None;
        self.checks = None;
        self.kill_began = Some(Instant::now());
        self.escalate();
    }

    /// Not awaited: an agent that does not answer must hold nothing up.
    fn signal(&self, signal: Signal) {
        let agent = Arc::clone(&self.place.agent);
        let container_id = self.place.container_id.clone();
        tokio::spawn(async move { agent.kill(container_id, signal).await });
    }

    async fn news(&mut self, news: News) {
        let kill = matches!(news, News::Health { kill: true, .. });
        self.statuses.news(news).await;
        if kill {
            self.kill(None).await;
        }
    }

    /// The last status. What the agent says counts more than what can be seen from here.
    fn terminal(&self, waited: Waited, launch_error: Option<String>) -> TaskStatus {
        let failed = TaskStatus::new(self.task.task_id.clone(), TaskState::TaskFailed);
        let launch_failed = launch_error.map(|error| {
            let status = failed.clone().with_reason(Reason::ContainerLaunchFailed);
            status.with_message(format!("Command could not be run: {error}"))
        });
        match (waited, launch_failed) {
            (Waited::Ended(ended), launch_failed) => {
                let mut status = launch_failed.unwrap_or_else(|| self.status_of(&ended));
                status.state = ended.state.unwrap_or(status.state);
                status.reason = ended.reason.or(status.reason);
                if let Some(message) = ended.message {
                    let own = status.message.take();
                    status.message =
                        Some(own.map_or(message.clone(), |own| format!("{own}: {message}")));
                }
                status.limitation = ended.limitation;
                status
            }
            (_, Some(status)) => status,
            (Waited::Gone, None) if self.cause == Cause::Killed => {
                TaskStatus::new(self.task.task_id.clone(), TaskState::TaskKilled)
            }
            (Waited::Gone, None) => {
                failed.with_message("Unable to retrieve command's termination information")
            }
            (Waited::Refused(reason), None) => failed.with_message(reason),
        }
    }

    fn status_of(&self, ended: &WaitContainer) -> TaskStatus {
        let task_id = self.task.task_id.clone();
        match ended.exit_status {
            Some(status) => Ended {
                status: Ok(ExitStatus::from_raw(status)),
                cause: self.cause,
            }
            .task_status(task_id),
            None => TaskStatus::new(task_id, TaskState::TaskFailed)
                .with_message("Command terminated with unknown status"),
        }
    }
}

async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => pending().await,
    }
}
