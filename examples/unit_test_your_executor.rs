//! How to test an executor without Mesos: a small executor and its tests.
//! `cargo run --example unit_test_your_executor`
//!
//! In your own crate each function under "The tests" is a `#[tokio::test]`, and `mesos-testing`
//! is a dev-dependency.

use std::collections::HashMap;
use std::time::Duration;

use mesos::http::HttpBackend;
use mesos::v1::{KillPolicy, TaskId, TaskInfo, TaskState, TaskStatus};
use mesos::{BoxError, ErrorKind, Executor, ExecutorDriver, HandlerResult, StopReason};
use mesos_testing::agent::Builder;
use mesos_testing::v1::executor::call::Type;
use mesos_testing::{FakeAgent, Reaction};
use tokio::task::JoinHandle;

// The executor.

/// Each task waits for the number of milliseconds in its data.
#[derive(Default)]
struct Timer {
    running: HashMap<TaskId, JoinHandle<()>>,
}

impl Timer {
    /// Ends a task and sends its last update. Does nothing if the task has already ended.
    async fn end(&mut self, driver: &ExecutorDriver, task_id: TaskId) -> HandlerResult {
        let Some(task) = self.running.remove(&task_id) else {
            return Ok(());
        };
        task.abort();
        // The task may have finished before it was aborted.
        if task.await.is_err() {
            let killed = TaskStatus::new(task_id, TaskState::TaskKilled);
            driver.send_update(killed).await?;
        }
        Ok(())
    }
}

#[mesos::async_trait]
impl Executor for Timer {
    async fn launch(&mut self, driver: &ExecutorDriver, task: TaskInfo) -> HandlerResult {
        let data = task.data.unwrap_or_default();
        // An error here is reported as TASK_FAILED with its text.
        let milliseconds = std::str::from_utf8(&data)?.parse()?;
        let id = task.task_id;
        let running = TaskStatus::new(id.clone(), TaskState::TaskRunning);
        driver.send_update(running).await?;
        let (reporter, finished) = (driver.clone(), id.clone());
        let work = tokio::spawn(async move {
            // Not in the handler, because a KILL would wait for the handler.
            tokio::time::sleep(Duration::from_millis(milliseconds)).await;
            let finished = TaskStatus::new(finished, TaskState::TaskFinished);
            if let Err(error) = reporter.send_update(finished).await {
                eprintln!("{error}");
            }
        });
        self.running.insert(id, work);
        Ok(())
    }

    async fn kill(
        &mut self,
        driver: &ExecutorDriver,
        task_id: TaskId,
        _: Option<KillPolicy>,
    ) -> HandlerResult {
        self.end(driver, task_id).await
    }

    async fn shutdown(&mut self, driver: &ExecutorDriver) -> HandlerResult {
        let ids: Vec<TaskId> = self.running.keys().cloned().collect();
        for id in ids {
            self.end(driver, id).await?;
        }
        Ok(())
    }
}

async fn start(agent: Builder) -> Result<(FakeAgent, ExecutorDriver), BoxError> {
    let agent = agent.start().await?;
    // The environment that `from_env` returns in a program started by an agent.
    let environment = agent.environment();
    let backend = HttpBackend::for_executor(&environment)?;
    let driver = ExecutorDriver::start(Timer::default(), environment, backend);
    Ok((agent, driver.detach()))
}

fn task(id: &str, data: &'static str) -> TaskInfo {
    TaskInfo::builder(id).id(id).data(data).build()
}

// The tests.

async fn a_task_reports_its_states() -> Result<(), BoxError> {
    let (agent, driver) = start(FakeAgent::builder()).await?;
    agent.launch(task("t1", "1"));
    agent.expect_update(TaskState::TaskRunning).await;
    let finished = agent.expect_update(TaskState::TaskFinished).await;
    assert_eq!(finished.task_id, "t1");
    // Stops when the agent has acknowledged everything.
    driver.stop();
    assert_eq!(driver.join().await?, StopReason::Stopped);
    Ok(())
}

async fn a_task_with_invalid_data_fails() -> Result<(), BoxError> {
    let (agent, _driver) = start(FakeAgent::builder()).await?;
    agent.launch(task("t1", "soon"));
    let failed = agent.expect_update(TaskState::TaskFailed).await;
    let message = failed.message.unwrap_or_default();
    assert!(message.contains("invalid digit"), "{message}");
    Ok(())
}

async fn a_shutdown_kills_running_tasks() -> Result<(), BoxError> {
    let (agent, driver) = start(FakeAgent::builder()).await?;
    agent.launch(task("t1", "1000000"));
    agent.launch(task("t2", "1000000"));
    agent.expect_update(TaskState::TaskRunning).await;
    agent.kill("t1", None);
    assert_eq!(
        agent.expect_update(TaskState::TaskKilled).await.task_id,
        "t1"
    );
    agent.shut_down();
    assert_eq!(driver.join().await?, StopReason::ShutDown);
    assert_eq!(
        agent.expect_update(TaskState::TaskKilled).await.task_id,
        "t2"
    );
    Ok(())
}

/// Faults: an update is lost, and then the agent crashes and restarts while a task runs.
async fn tasks_outlive_their_agent() -> Result<(), BoxError> {
    let backoff = Duration::from_millis(50);
    let agent = FakeAgent::builder().subscription_backoff_max(backoff);
    let (agent, _driver) = start(agent).await?;
    agent.react(Type::Update, Reaction::Close);
    agent.launch(task("t1", "200"));
    agent.expect_update(TaskState::TaskRunning).await;
    agent.crash().await;
    agent.recover().await?;
    agent.expect_update(TaskState::TaskFinished).await;
    assert_eq!(agent.updates().len(), 2);
    Ok(())
}

async fn without_checkpointing_tasks_end_with_their_agent() -> Result<(), BoxError> {
    let (agent, driver) = start(FakeAgent::builder().checkpoint(false)).await?;
    agent.launch(task("t1", "1000000"));
    agent.expect_update(TaskState::TaskRunning).await;
    agent.crash().await;
    let error = driver.join().await.err().ok_or("the driver continued")?;
    assert_eq!(error.kind(), ErrorKind::AgentLost);
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    a_task_reports_its_states().await?;
    println!("a_task_reports_its_states: ok");
    a_task_with_invalid_data_fails().await?;
    println!("a_task_with_invalid_data_fails: ok");
    a_shutdown_kills_running_tasks().await?;
    println!("a_shutdown_kills_running_tasks: ok");
    tasks_outlive_their_agent().await?;
    println!("tasks_outlive_their_agent: ok");
    without_checkpointing_tasks_end_with_their_agent().await?;
    println!("without_checkpointing_tasks_end_with_their_agent: ok");
    Ok(())
}
