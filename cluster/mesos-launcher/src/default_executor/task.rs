//! Runs one task of a group as a container, from its launch to its end.

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
use mesos_process::{Cause, Ended, RunningTask, TaskSet, TimeLimit};
use mesos_proto::v1::task_status::Reason;
use mesos_proto::v1::{
    ContainerId, ContainerStatus, TaskId, TaskInfo, TaskState, TaskStatus,
    agent::response::WaitContainer,
};
use nix::sys::signal::Signal;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::agent::{Agent, Waited, launch_call};
use super::nested::NestedRunner;
use crate::checks::{Checks, CommandRunner, Plan, StatusChange};
use crate::reporter::StatusReporter;
use crate::task_settings::max_completion_time;

/// The time until SIGKILL is sent again to a container that still exists.
const KILL_AGAIN: Duration = Duration::from_secs(1);

/// What a task shares with the executor and the other tasks.
#[derive(Debug)]
pub(super) struct Context {
    /// The container of the task.
    pub(super) container_id: ContainerId,
    /// The sandbox of the executor.
    pub(super) sandbox: PathBuf,
    pub(super) ip: Option<IpAddr>,
    pub(super) agent: Arc<Agent>,
    /// All tasks of the executor.
    pub(super) tasks: TaskSet,
    /// Whether all tasks have ended, and the executor with them.
    pub(super) over: Arc<AtomicBool>,
    /// The tasks of the group, including this one.
    pub(super) siblings: Arc<[TaskId]>,
    pub(super) announce_killing: Arc<AtomicBool>,
}

/// A task from its launch to its end.
#[derive(Debug)]
pub(super) struct Run {
    task: TaskInfo,
    context: Context,
    running: RunningTask,
    driver: ExecutorDriver,
    plan: Result<Plan>,
    reporter: StatusReporter,
    checks: Option<Checks>,
    cause: Cause,
    /// The max_completion_time of the task.
    expires: TimeLimit,
    /// The time until SIGKILL, from the first request to end the task on.
    escalates: Option<TimeLimit>,
    /// The call that sends SIGTERM.
    terminating: Option<JoinHandle<()>>,
}

/// Reports the task as starting. The caller has to run the result.
pub(super) async fn prepare(
    task: TaskInfo,
    context: Context,
    running: RunningTask,
    driver: ExecutorDriver,
) -> Run {
    let plan = Plan::from_task(&task);
    let empty = plan.as_ref().ok().and_then(Plan::empty);
    let reporter = StatusReporter::new(driver.clone(), task.task_id.clone(), empty);
    let mut reporter = reporter.in_container(ContainerStatus {
        container_id: Some(context.container_id.clone()),
        ..ContainerStatus::default()
    });
    reporter.report_state(TaskState::TaskStarting).await;
    Run {
        task,
        context,
        running,
        driver,
        plan,
        reporter,
        checks: None,
        cause: Cause::Itself,
        expires: TimeLimit::never(),
        escalates: None,
        terminating: None,
    }
}

impl Run {
    /// Runs the task to its end. Kills the other tasks of the group unless the task has finished.
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
                // The container may run if the connection to the agent was lost during the launch.
                let id = self.context.container_id.clone();
                self.context.agent.kill(id, Signal::SIGKILL).await;
                let waited = self.context.agent.wait(&self.context.container_id).await;
                self.terminal(waited, Some(error))
            }
        };
        let finished = status.state == i32::from(TaskState::TaskFinished);
        self.reporter.report(status).await;
        // The only restart policy (`waited` in `src/launcher/default_executor.cpp`).
        if !finished {
            for sibling in self.context.siblings.iter() {
                self.context.tasks.kill(sibling, None);
            }
        }
        drop(self.running);
        if self.context.tasks.is_empty() {
            self.context.over.store(true, Ordering::Relaxed);
            // The driver ends when the agent has stored the updates.
            self.driver.stop();
        }
    }

    async fn launch(&mut self) -> Result<()> {
        if let Err(error) = &self.plan {
            anyhow::bail!("{error:#}");
        }
        let launch = launch_call(
            &self.task,
            self.context.container_id.clone(),
            self.context.ip,
        );
        let launched = self.context.agent.launch(launch).await;
        launched.map_err(anyhow::Error::msg)
    }

    async fn started(&mut self) {
        if let Err(error) = self.link() {
            eprintln!("mesos-default-executor: {error:#}");
        }
        self.reporter.report_state(TaskState::TaskRunning).await;
        self.expires = max_completion_time(&self.task).map_or(TimeLimit::never(), TimeLimit::new);
        let environment = self.task.command.as_ref();
        let commands: Arc<dyn CommandRunner> = Arc::new(NestedRunner {
            agent: Arc::clone(&self.context.agent),
            task: self.context.container_id.clone(),
            environment: environment.and_then(|command| command.environment.clone()),
            directory: self.directory().to_string_lossy().into_owned(),
        });
        if let Ok(plan) = &self.plan {
            let connected = self.context.agent.connected();
            self.checks = Some(Checks::start(plan, &commands, connected));
        }
    }

    fn directory(&self) -> PathBuf {
        let containers = self.context.sandbox.join("containers");
        containers.join(&self.context.container_id.value)
    }

    /// Links the sandbox by the id of the task, for users who search for the task's files.
    fn link(&self) -> Result<()> {
        let tasks = Path::new("tasks");
        std::fs::create_dir_all(tasks).context("cannot create the directory `tasks`")?;
        let link = tasks.join(&self.task.task_id.value);
        symlink(self.directory(), &link)
            .with_context(|| format!("cannot create the link {}", link.display()))
    }

    /// Waits until the container has ended, and ends the container on request.
    async fn watch(&mut self) -> Waited {
        let agent = Arc::clone(&self.context.agent);
        let container_id = self.context.container_id.clone();
        let mut wait = Box::pin(agent.wait(&container_id));
        loop {
            let mut never = TimeLimit::never();
            let escalates = self.escalates.as_mut().unwrap_or(&mut never);
            tokio::select! {
                biased;
                waited = &mut wait => return waited,
                // The limits notice a pause only if they are polled before what the pause delayed.
                () = escalates.passed() => self.escalate(),
                () = self.expires.passed() => self.expire().await,
                grace = self.running.kill_requested() => self.kill(grace).await,
                change = Checks::next(&mut self.checks) => self.changed(change).await,
            }
        }
    }

    /// Ends the task: SIGTERM, and SIGKILL after `grace`. Another call can only shorten the grace. A
    /// grace that is too long for the clock never ends.
    async fn kill(&mut self, grace: Duration) {
        if let Some(before) = &mut self.escalates {
            before.shorten(grace);
            return;
        }
        self.escalates = Some(TimeLimit::new(grace));
        self.expires = TimeLimit::never();
        self.checks = None;
        if self.cause == Cause::Itself {
            self.cause = Cause::Killed;
            if self.context.announce_killing.load(Ordering::Relaxed) {
                self.reporter.report_state(TaskState::TaskKilling).await;
            }
        }
        self.terminating = Some(self.signal(Signal::SIGTERM, None));
    }

    fn escalate(&mut self) {
        self.escalates = Some(TimeLimit::new(KILL_AGAIN));
        if self.context.agent.is_connected() {
            let before = self.terminating.take();
            self.signal(Signal::SIGKILL, before);
        }
    }

    /// Ends the task without a grace period: its time is over (`taskCompletionTimeout` in
    /// `src/launcher/default_executor.cpp`).
    async fn expire(&mut self) {
        self.cause = Cause::MaxCompletionTime;
        self.kill(Duration::ZERO).await;
    }

    /// Sends a signal from another future: an agent that does not respond must not delay this task.
    /// The calls use separate connections, so this signal waits for the response to the one `before`.
    fn signal(&self, signal: Signal, before: Option<JoinHandle<()>>) -> JoinHandle<()> {
        let agent = Arc::clone(&self.context.agent);
        let container_id = self.context.container_id.clone();
        tokio::spawn(async move {
            if let Some(before) = before {
                let _ = timeout(KILL_AGAIN, before).await;
            }
            agent.kill(container_id, signal).await;
        })
    }

    async fn changed(&mut self, change: StatusChange) {
        let kill = matches!(change, StatusChange::Health { kill: true, .. });
        self.reporter.report_change(change).await;
        if kill {
            self.kill(self.running.grace()).await;
        }
    }

    /// The last status. What the agent reports takes precedence over what is known here.
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
            Some(status) => {
                let status = Ok(ExitStatus::from_raw(status));
                Ended::new(status, self.cause).task_status(task_id)
            }
            None => TaskStatus::new(task_id, TaskState::TaskFailed)
                .with_message("Command terminated with unknown status"),
        }
    }
}
