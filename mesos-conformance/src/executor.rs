//! The executor that cases run on a real agent: its tasks run until they are
//! killed, it sends messages back, and ends when it is told to.

use async_trait::async_trait;
use bytes::Bytes;
use mesos_core::executor::ExecutorEnvironment;
use mesos_core::{BoxError, Executor, ExecutorDriver, HandlerResult};
use mesos_http::HttpBackend;
use mesos_proto::v1::{KillPolicy, TaskGroupInfo, TaskId, TaskInfo, TaskState, TaskStatus};

/// The status that [`Echo`] ends with when it gets the message `exit`.
const EXIT: i32 = 3;

#[derive(Debug, Default)]
struct Echo {
    running: Vec<TaskId>,
}

/// Runs it, in a process that an agent has started.
///
/// # Errors
/// An environment that is no agent's; whatever ends the driver.
pub fn run() -> Result<(), BoxError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let environment = ExecutorEnvironment::from_env()?;
        let backend = HttpBackend::for_executor(&environment)?;
        ExecutorDriver::run(Echo::default(), environment, backend).await?;
        Ok(())
    })
}

#[async_trait]
impl Executor for Echo {
    async fn launch(&mut self, driver: &ExecutorDriver, task: TaskInfo) -> HandlerResult {
        for state in [TaskState::TaskStarting, TaskState::TaskRunning] {
            driver.update(TaskStatus::new(&task.task_id, state)).await?;
        }
        self.running.push(task.task_id);
        Ok(())
    }

    async fn launch_group(
        &mut self,
        driver: &ExecutorDriver,
        group: TaskGroupInfo,
    ) -> HandlerResult {
        for task in group.tasks {
            self.launch(driver, task).await?;
        }
        Ok(())
    }

    async fn kill(
        &mut self,
        driver: &ExecutorDriver,
        task_id: TaskId,
        _: Option<KillPolicy>,
    ) -> HandlerResult {
        self.running.retain(|running| *running != task_id);
        let killed = TaskStatus::new(&task_id, TaskState::TaskKilled);
        driver.update(killed).await?;
        Ok(())
    }

    async fn message(&mut self, driver: &ExecutorDriver, data: Bytes) -> HandlerResult {
        if data == "exit" {
            std::process::exit(EXIT);
        }
        driver.message([b"echo:", &data[..]].concat()).await?;
        Ok(())
    }

    async fn shutdown(&mut self, driver: &ExecutorDriver) -> HandlerResult {
        for task_id in std::mem::take(&mut self.running) {
            self.kill(driver, task_id, None).await?;
        }
        Ok(())
    }
}
