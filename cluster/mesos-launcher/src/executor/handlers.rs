//! What the command executor does about each event of its agent.

use std::collections::HashSet;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use mesos_core::executor::Subscribed;
use mesos_core::{BoxError, Disconnected, Executor, ExecutorDriver, HandlerResult};
use mesos_proto::v1::framework_info::capability;
use mesos_proto::v1::task_status::Reason;
use mesos_proto::v1::{KillPolicy, TaskGroupInfo, TaskId, TaskInfo, TaskState, TaskStatus};

use super::task::{self, Task};
use super::{Flags, command};
use crate::checks::Plan;
use crate::executor_main::print_disconnected;
use crate::reporter::{Statuses, send};
use crate::task_settings::grace;

/// Runs the command of one task.
#[derive(Debug)]
pub struct CommandExecutor {
    flags: Flags,
    shutdown_grace: Duration,
    task: Arc<OnceLock<Task>>,
    /// Whether the one launch has been seen, successful or not.
    launched: bool,
    /// Tasks that were killed before they came.
    killed_early: HashSet<TaskId>,
    announce_killing: bool,
}

impl CommandExecutor {
    /// An executor that has not got its task yet. After SHUTDOWN the task gets `shutdown_grace`
    /// to end.
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

    /// The place of the task, which is empty until its launch.
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
            // It has had its last state already.
            return Ok(());
        }
        if std::mem::replace(&mut self.launched, true) {
            let message = "Attempted to run multiple tasks using a \"command\" executor";
            send(driver, status(TaskState::TaskFailed).with_message(message)).await;
            return Ok(());
        }
        let plan = Plan::of(&task);
        let empty = plan.as_ref().ok().and_then(Plan::empty);
        let mut statuses = Statuses::new(driver.clone(), task.task_id.clone(), empty);
        statuses.state(TaskState::TaskStarting).await;
        match plan.and_then(|plan| Ok((plan, command::start(&self.flags, &task)?))) {
            Ok((plan, (child, report))) => {
                let watched = task::watch(
                    &task,
                    child,
                    report,
                    plan,
                    statuses,
                    driver.clone(),
                    self.announce_killing,
                );
                // Empty until now: there is one launch.
                let _ = self.task.set(watched);
            }
            Err(error) => {
                let status = status(TaskState::TaskFailed)
                    .with_reason(Reason::ContainerLaunchFailed)
                    .with_message(format!("Command could not be run: {error:#}"));
                statuses.status(status).await;
                driver.stop();
            }
        }
        Ok(())
    }

    async fn launch_group(&mut self, driver: &ExecutorDriver, _: TaskGroupInfo) -> HandlerResult {
        self.kill_task(driver, self.shutdown_grace);
        Err(BoxError::from("the command executor runs no task groups"))
    }

    async fn kill(
        &mut self,
        driver: &ExecutorDriver,
        task_id: TaskId,
        kill_policy: Option<KillPolicy>,
    ) -> HandlerResult {
        match self.task.get() {
            Some(task) if task.id == task_id => {
                task.kill(kill_policy.as_ref().and_then(grace).unwrap_or(task.grace));
            }
            // Its launch failed, or it was killed before: the last state is on its way.
            None if self.launched || self.killed_early.contains(&task_id) => {}
            None => {
                let status = TaskStatus::new(task_id.clone(), TaskState::TaskKilled)
                    .with_message("Killed before it was launched");
                send(driver, status).await;
                self.killed_early.insert(task_id);
                driver.stop();
            }
            Some(task) => eprintln!(
                "mesos-executor: ignoring a kill of {}, the task here is {}",
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
        eprintln!("mesos-executor: the agent says: {message}");
        Ok(())
    }
}
