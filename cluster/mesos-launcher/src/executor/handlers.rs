//! How the command executor handles each event of its agent.

use std::collections::HashSet;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use mesos_core::executor::Subscribed;
use mesos_core::{BoxError, Disconnected, Executor, ExecutorDriver, HandlerResult};
use mesos_process::grace_period;
use mesos_proto::v1::framework_info::capability;
use mesos_proto::v1::task_status::Reason;
use mesos_proto::v1::{KillPolicy, TaskGroupInfo, TaskId, TaskInfo, TaskState, TaskStatus};

use super::task::{self, Task};
use super::{Flags, command};
use crate::checks::Plan;
use crate::executor_main::print_disconnected;
use crate::reporter::{StatusReporter, send_update};

/// Runs the command of one task.
#[derive(Debug)]
pub struct CommandExecutor {
    flags: Flags,
    shutdown_grace: Duration,
    task: Arc<OnceLock<Task>>,
    /// Whether the one launch has been handled, successful or not.
    launched: bool,
    /// Tasks that were killed before their launch.
    killed_early: HashSet<TaskId>,
    announce_killing: bool,
}

impl CommandExecutor {
    /// An executor without a task. After SHUTDOWN the task has `shutdown_grace` to end.
    pub(super) fn new(flags: Flags, shutdown_grace: Duration) -> Self {
        Self {
            flags,
            shutdown_grace,
            task: Arc::default(),
            launched: false,
            killed_early: HashSet::new(),
            announce_killing: false,
        }
    }

    /// The task, which is empty until the launch.
    pub(super) fn task(&self) -> Arc<OnceLock<Task>> {
        Arc::clone(&self.task)
    }

    fn kill_task(&self, driver: &ExecutorDriver, grace: Duration) {
        match self.task.get() {
            Some(task) => task.kill(grace),
            None => driver.stop(),
        }
    }
}

#[async_trait]
impl Executor for CommandExecutor {
    async fn subscribed(&mut self, _: &ExecutorDriver, subscribed: Subscribed) -> HandlerResult {
        let capabilities = subscribed.framework_info.capabilities;
        self.announce_killing = capabilities
            .iter()
            .any(|capability| capability.r#type == Some(capability::Type::TaskKillingState as i32));
        Ok(())
    }

    async fn disconnected(
        &mut self,
        _: &ExecutorDriver,
        disconnected: Disconnected,
    ) -> HandlerResult {
        print_disconnected("mesos-executor", &disconnected);
        Ok(())
    }

    async fn launch(&mut self, driver: &ExecutorDriver, task: TaskInfo) -> HandlerResult {
        let status = |state| TaskStatus::new(task.task_id.clone(), state);
        if self.killed_early.contains(&task.task_id) {
            // Its last state has been reported already.
            return Ok(());
        }
        if std::mem::replace(&mut self.launched, true) {
            let message = "Attempted to run multiple tasks using a \"command\" executor";
            send_update(driver, status(TaskState::TaskFailed).with_message(message)).await;
            return Ok(());
        }
        let plan = Plan::from_task(&task);
        let empty = plan.as_ref().ok().and_then(Plan::empty);
        let mut reporter = StatusReporter::new(driver.clone(), task.task_id.clone(), empty);
        reporter.report_state(TaskState::TaskStarting).await;
        match plan.and_then(|plan| Ok((plan, command::start(&self.flags, &task)?))) {
            Ok((plan, process)) => {
                let task = task::supervise(
                    &task,
                    process,
                    plan,
                    reporter,
                    driver.clone(),
                    self.announce_killing,
                );
                // Empty until now: this is the one launch.
                let _ = self.task.set(task);
            }
            Err(error) => {
                let status = status(TaskState::TaskFailed)
                    .with_reason(Reason::ContainerLaunchFailed)
                    .with_message(format!("Command could not be run: {error:#}"));
                reporter.report(status).await;
                driver.stop();
            }
        }
        Ok(())
    }

    async fn launch_group(&mut self, driver: &ExecutorDriver, _: TaskGroupInfo) -> HandlerResult {
        self.kill_task(driver, self.shutdown_grace);
        Err(BoxError::from(
            "the command executor does not run task groups",
        ))
    }

    async fn kill(
        &mut self,
        driver: &ExecutorDriver,
        task_id: TaskId,
        kill_policy: Option<KillPolicy>,
    ) -> HandlerResult {
        match self.task.get() {
            Some(task) if task.id == task_id => {
                task.kill(
                    kill_policy
                        .as_ref()
                        .and_then(grace_period)
                        .unwrap_or(task.grace),
                );
            }
            // Its launch failed, or it was killed before: its last state has been sent.
            None if self.launched || self.killed_early.contains(&task_id) => {}
            None => {
                let status = TaskStatus::new(task_id.clone(), TaskState::TaskKilled)
                    .with_message("Killed before it was launched");
                send_update(driver, status).await;
                self.killed_early.insert(task_id);
                driver.stop();
            }
            Some(task) => eprintln!(
                "mesos-executor: ignoring a kill of {}: this executor runs {}",
                task_id.value, task.id.value
            ),
        }
        Ok(())
    }

    async fn shutdown(&mut self, driver: &ExecutorDriver) -> HandlerResult {
        self.kill_task(driver, self.shutdown_grace);
        Ok(())
    }

    async fn error(&mut self, _: &ExecutorDriver, message: String) -> HandlerResult {
        eprintln!("mesos-executor: error from the agent: {message}");
        Ok(())
    }
}
