//! The executor that cases run on a real agent: its tasks run until they are killed, it returns
//! messages, and it exits in the way that a message requests.

use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use mesos_core::backend::{Backend, ExecutorApi};
use mesos_core::executor::ExecutorEnvironment;
use mesos_core::{BoxError, Executor, ExecutorDriver, HandlerResult};
use mesos_http::HttpBackend;
use mesos_native::{Library, NativeBackend};
use mesos_proto::v1::{KillPolicy, TaskGroupInfo, TaskId, TaskInfo, TaskState, TaskStatus};

/// The exit status of [`Echo`] after the message `exit`.
const EXIT: i32 = 3;

#[derive(Debug, Default)]
struct Echo {
    running: Vec<TaskId>,
    /// Whether to block indefinitely in the shutdown handler.
    hangs: bool,
}

/// Runs the executor in a process that an agent has started, over this libmesos if there is one.
///
/// # Errors
/// An environment that is not an agent's, a libmesos without executors, or an error of the driver.
pub(crate) fn run(libmesos: Option<&Path>) -> Result<(), BoxError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let environment = ExecutorEnvironment::from_env_scrubbed()?;
        let backend: Box<dyn Backend<ExecutorApi>> = match libmesos {
            None => Box::new(HttpBackend::for_executor(&environment)?),
            Some(path) => {
                let library = Library::open(path)?;
                Box::new(NativeBackend::for_executor(library, &environment)?)
            }
        };
        ExecutorDriver::run(Echo::default(), environment, backend).await?;
        Ok(())
    })
}

impl Echo {
    /// Sends an update of each task after a delay.
    fn later(&self, driver: &ExecutorDriver, wait: Duration) {
        let (driver, tasks) = (driver.clone(), self.running.clone());
        tokio::spawn(async move {
            // sleep: the case asks for the delay.
            tokio::time::sleep(wait).await;
            for task_id in tasks {
                let running = TaskStatus::new(task_id, TaskState::TaskRunning);
                if let Err(error) = driver.send_update(running.with_message("late")).await {
                    eprintln!("{error}");
                }
            }
        });
    }
}

#[async_trait]
impl Executor for Echo {
    async fn launch(&mut self, driver: &ExecutorDriver, task: TaskInfo) -> HandlerResult {
        for state in [TaskState::TaskStarting, TaskState::TaskRunning] {
            driver
                .send_update(TaskStatus::new(&task.task_id, state))
                .await?;
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
        policy: Option<KillPolicy>,
    ) -> HandlerResult {
        self.running.retain(|running| *running != task_id);
        let grace = policy.and_then(|policy| policy.grace_period);
        let message = match grace {
            Some(grace) => format!("grace period {} ms", grace.nanoseconds / 1_000_000),
            None => "no policy".to_owned(),
        };
        let killed = TaskStatus::new(&task_id, TaskState::TaskKilled).with_message(message);
        driver.send_update(killed).await?;
        Ok(())
    }

    async fn message(&mut self, driver: &ExecutorDriver, data: Bytes) -> HandlerResult {
        let text = String::from_utf8_lossy(&data);
        let answer = match text.split_once(' ').unwrap_or((&text, "")) {
            ("exit", _) => std::process::exit(EXIT),
            ("die", _) => {
                let process = std::process::id().to_string();
                std::process::Command::new("kill")
                    .args(["-KILL", &process])
                    .status()?;
                return Ok(());
            }
            ("pid", _) => std::process::id().to_string().into(),
            ("hang", _) => {
                self.hangs = true;
                Bytes::from_static(b"I will")
            }
            ("later", milliseconds) => {
                self.later(driver, Duration::from_millis(milliseconds.parse()?));
                return Ok(());
            }
            _ => [b"echo:", &data[..]].concat().into(),
        };
        driver.send_message(answer).await?;
        Ok(())
    }

    async fn shutdown(&mut self, driver: &ExecutorDriver) -> HandlerResult {
        if self.hangs {
            // This blocks the only thread.
            loop {
                std::thread::park();
            }
        }
        for task_id in std::mem::take(&mut self.running) {
            self.kill(driver, task_id, None).await?;
        }
        Ok(())
    }
}
