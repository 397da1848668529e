//! An executor whose tasks finish at once. An agent starts this program.

use mesos::v1::{TaskInfo, TaskState, TaskStatus};
use mesos::{Executor, ExecutorDriver, HandlerResult, executor::ExecutorEnvironment};

struct Hello;

#[mesos::async_trait]
impl Executor for Hello {
    async fn launch(&mut self, driver: &ExecutorDriver, task: TaskInfo) -> HandlerResult {
        println!("hello from {}", task.name);
        let finished = TaskStatus::new(task.task_id, TaskState::TaskFinished);
        driver.send_update(finished).await?;
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Result<(), mesos::BoxError> {
    let environment = ExecutorEnvironment::from_env_scrubbed()?;
    let backend = mesos::http::HttpBackend::for_executor(&environment)?;
    ExecutorDriver::run(Hello, environment, backend).await?;
    Ok(())
}
