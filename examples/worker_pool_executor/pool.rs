//! The executor: each task waits for one of the workers, and can be killed while it does.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mesos::v1::{KillPolicy, TaskId, TaskInfo, TaskState, TaskStatus};
use mesos::{
    BoxError, Executor, ExecutorDriver, HandlerResult, executor::ExecutorEnvironment,
    executor::Subscribed, http::HttpBackend,
};
use mesos::{
    backend::{Backend, ExecutorApi},
    native::{Library, NativeExecutorBackend},
};
use mesos_process::Child;
use tokio::process::Command;
use tokio::sync::{Semaphore, mpsc};

/// What a task gets to end when nobody says otherwise, as in Mesos' own executors.
const GRACE: Duration = Duration::from_secs(3);

/// Requests to end a task, by its name, with the grace for it.
type Kills = Arc<Mutex<HashMap<TaskId, mpsc::UnboundedSender<Duration>>>>;

#[derive(Default)]
struct Pool {
    workers: Option<Arc<Semaphore>>,
    kills: Kills,
}

/// Runs it until the agent sends it away.
pub(crate) async fn run(backend: crate::Backend) -> Result<(), BoxError> {
    let environment = ExecutorEnvironment::from_env_scrubbed()?;
    let backend: Box<dyn Backend<ExecutorApi>> = match backend {
        crate::Backend::Http => Box::new(HttpBackend::for_executor(&environment)?),
        crate::Backend::Native => {
            Box::new(NativeExecutorBackend::new(Library::find()?, &environment)?)
        }
    };
    ExecutorDriver::run(Pool::default(), environment, backend).await?;
    Ok(())
}

#[mesos::async_trait]
impl Executor for Pool {
    async fn subscribed(&mut self, _: &ExecutorDriver, subscribed: Subscribed) -> HandlerResult {
        // Again after each reconnect, with the same words.
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
        let (sender, requests) = mpsc::unbounded_channel();
        let kills = Arc::clone(&self.kills);
        locked(&kills).insert(task.task_id.clone(), sender);
        let driver = driver.clone();
        // A handler must not wait for a task: a kill would wait behind it.
        tokio::spawn(async move {
            let id = task.task_id.clone();
            let last = work(&driver, task, &workers, requests).await;
            locked(&kills).remove(&id);
            // It fails at the driver's end only, when there is nobody to tell.
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
        let grace = policy.and_then(|policy| policy.grace_period);
        let grace = grace.and_then(|grace| u64::try_from(grace.nanoseconds).ok());
        if let Some(task) = locked(&self.kills).get(&task_id) {
            // One that has ended since needs no more.
            let _ = task.send(grace.map_or(GRACE, Duration::from_nanos));
        }
        Ok(())
    }

    async fn shutdown(&mut self, _: &ExecutorDriver) -> HandlerResult {
        for task in locked(&self.kills).values() {
            let _ = task.send(Duration::from_secs(1));
        }
        Ok(())
    }
}

/// Waits for a worker and does the task; gives its last status.
async fn work(
    driver: &ExecutorDriver,
    task: TaskInfo,
    workers: &Semaphore,
    mut kills: mpsc::UnboundedReceiver<Duration>,
) -> TaskStatus {
    let status = |state| TaskStatus::new(task.task_id.clone(), state);
    let worker = tokio::select! {
        worker = workers.acquire() => worker,
        Some(_) = kills.recv() => return status(TaskState::TaskKilled),
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
            Ok(child) => supervise(child, kills)
                .await
                .task_status(task.task_id.clone()),
            Err(error) => status(TaskState::TaskFailed).with_message(error.to_string()),
        }
    };
    drop(worker);
    last
}

async fn supervise(
    mut child: Child,
    mut kills: mpsc::UnboundedReceiver<Duration>,
) -> mesos_process::Ended {
    loop {
        tokio::select! {
            ended = child.wait() => return ended,
            Some(grace) = kills.recv() => child.kill(grace),
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
