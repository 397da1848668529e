//! The executor: each task waits for a free worker, and can be killed meanwhile.

use std::sync::Arc;
use std::time::Duration;

use mesos::v1::{KillPolicy, TaskId, TaskInfo, TaskState, TaskStatus};
use mesos::{
    BoxError, Executor, ExecutorDriver, HandlerResult, executor::ExecutorEnvironment,
    executor::Subscribed, http::HttpBackend,
};
use mesos::{
    backend::{Backend, ExecutorApi},
    native::{Library, NativeBackend},
};
use mesos_process::{Child, RunningTask, TaskSet};
use tokio::process::Command;
use tokio::sync::Semaphore;

#[derive(Default)]
struct Pool {
    workers: Option<Arc<Semaphore>>,
    tasks: TaskSet,
}

/// Runs the executor until the agent shuts it down.
pub(crate) async fn run(backend: crate::Backend) -> Result<(), BoxError> {
    let environment = ExecutorEnvironment::from_env_scrubbed()?;
    let backend: Box<dyn Backend<ExecutorApi>> = match backend {
        crate::Backend::Http => Box::new(HttpBackend::for_executor(&environment)?),
        crate::Backend::Native => {
            Box::new(NativeBackend::for_executor(Library::find()?, &environment)?)
        }
    };
    ExecutorDriver::run(Pool::default(), environment, backend).await?;
    Ok(())
}

#[mesos::async_trait]
impl Executor for Pool {
    async fn subscribed(&mut self, _: &ExecutorDriver, subscribed: Subscribed) -> HandlerResult {
        // Each reconnect repeats the same data.
        if self.workers.is_none() {
            let data = subscribed.executor_info.data.unwrap_or_default();
            let workers = String::from_utf8(data.into())?.parse()?;
            self.workers = Some(Arc::new(Semaphore::new(workers)));
        }
        Ok(())
    }

    async fn launch(&mut self, driver: &ExecutorDriver, task: TaskInfo) -> HandlerResult {
        let workers = self
            .workers
            .clone()
            .ok_or("launched before the subscription")?;
        let Some(running) = self.tasks.insert(&task) else {
            return Err(format!("task {} is already running", task.task_id).into());
        };
        let driver = driver.clone();
        // A handler must not wait for a task, because a kill would wait for the handler.
        tokio::spawn(async move {
            let last = work(&driver, task, &workers, running).await;
            // Fails only if the driver has ended.
            let _ = driver.send_update(last).await;
        });
        Ok(())
    }

    async fn kill(
        &mut self,
        _: &ExecutorDriver,
        task_id: TaskId,
        policy: Option<KillPolicy>,
    ) -> HandlerResult {
        // A task that has ended is not in the set.
        self.tasks.kill(&task_id, policy.as_ref());
        Ok(())
    }

    async fn shutdown(&mut self, _: &ExecutorDriver) -> HandlerResult {
        self.tasks.shutdown(Duration::from_secs(1));
        Ok(())
    }
}

/// Waits for a free worker and runs the task. Returns the last status.
async fn work(
    driver: &ExecutorDriver,
    task: TaskInfo,
    workers: &Semaphore,
    mut running: RunningTask,
) -> TaskStatus {
    let status = |state| TaskStatus::new(task.task_id.clone(), state);
    let worker = tokio::select! {
        worker = workers.acquire() => worker,
        _ = running.kill_requested() => return status(TaskState::TaskKilled),
    };
    let _ = driver.send_update(status(TaskState::TaskRunning)).await;
    let script = task.data.as_deref().unwrap_or_default();
    let last = if script.is_empty() {
        status(TaskState::TaskFinished)
    } else {
        let mut command = Command::new("sh");
        command
            .arg("-c")
            .arg(String::from_utf8_lossy(script).as_ref());
        match Child::spawn(command) {
            Ok(mut child) => {
                let ended = running.supervise(&mut child).await;
                ended.task_status(task.task_id.clone())
            }
            Err(error) => status(TaskState::TaskFailed).with_message(error.to_string()),
        }
    };
    drop(worker);
    last
}
