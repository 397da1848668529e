//! Tests of the event loop with a disk that hangs, and with the longest timeouts.

use std::sync::Mutex;

use async_trait::async_trait;
use bytes::Bytes;
use mesos_proto::v1::executor::event::{Launch, Subscribed, Type};
use mesos_proto::v1::executor::{Call, Event as Message};
use mesos_proto::v1::{TaskState, TaskStatus};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::*;
use crate::backend::{Answer, Calls, EventStream};
use crate::error::ErrorKind;
use crate::executor::ExecutorEnvironment;
use crate::executor::calls::Caller;
use crate::executor::journal::Journal;
use crate::lock;
use crate::{Capabilities, Disconnected, HandlerResult};

/// The limit of every wait, in virtual time.
const TIMEOUT: Duration = Duration::from_secs(3600);

/// An executor that sends an update in each handler.
#[derive(Clone, Debug, Default)]
struct Recording(Arc<Mutex<Vec<&'static str>>>);

impl Recording {
    fn note(&self, what: &'static str) {
        lock(&self.0).push(what);
    }
}

#[async_trait]
impl Executor for Recording {
    async fn launch(&mut self, driver: &ExecutorDriver, task: TaskInfo) -> HandlerResult {
        self.note("launch");
        driver
            .send_update(TaskStatus::new(task.task_id, TaskState::TaskRunning))
            .await?;
        self.note("launched");
        Ok(())
    }

    async fn disconnected(&mut self, _: &ExecutorDriver, _: Disconnected) -> HandlerResult {
        self.note("disconnected");
        Ok(())
    }

    async fn shutdown(&mut self, driver: &ExecutorDriver) -> HandlerResult {
        self.note("shutdown");
        driver
            .send_update(TaskStatus::new("t", TaskState::TaskKilled))
            .await?;
        self.note("ended");
        Ok(())
    }
}

/// An agent that sends the given events, and acknowledges nothing. Without events it refuses.
#[derive(Debug, Default)]
struct Agent(Mutex<Option<mpsc::Receiver<Message>>>);

#[async_trait]
impl Backend<ExecutorApi> for Agent {
    fn name(&self) -> &'static str {
        "agent"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::all()
    }

    async fn subscribe(&self, _: Call) -> Result<Subscription<ExecutorApi>> {
        let events = lock(&self.0).take();
        let gone = || Error::new(ErrorKind::Transport, "the agent is gone");
        Ok(Subscription {
            events: Box::new(Stream(events.ok_or_else(gone)?)),
            calls: Arc::new(Ignored),
            peer: "agent".to_owned(),
        })
    }
}

struct Stream(mpsc::Receiver<Message>);

#[async_trait]
impl EventStream<ExecutorApi> for Stream {
    async fn next(&mut self) -> Result<Incoming<ExecutorApi>> {
        match self.0.recv().await {
            Some(event) => Ok(Incoming::Event(Box::new(event), Bytes::new())),
            None => Err(Error::new(ErrorKind::Transport, "the stream ended")),
        }
    }
}

struct Ignored;

#[async_trait]
impl Calls<ExecutorApi> for Ignored {
    async fn send(&self, _: Call) -> Result<Answer> {
        // As with a full queue of calls.
        std::future::pending().await
    }
}

fn environment() -> ExecutorEnvironment {
    let variables = [
        ("MESOS_FRAMEWORK_ID", "f"),
        ("MESOS_EXECUTOR_ID", "e"),
        ("MESOS_SLAVE_ID", "a"),
        ("MESOS_SLAVE_PID", "slave(1)@127.0.0.1:5051"),
        ("MESOS_CHECKPOINT", "1"),
        ("MESOS_RECOVERY_TIMEOUT", "15mins"),
        ("MESOS_SUBSCRIPTION_BACKOFF_MAX", "2secs"),
        ("MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD", "5secs"),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    ExecutorEnvironment::parse(variables).unwrap()
}

fn launch() -> Message {
    let task = TaskInfo {
        task_id: "t".into(),
        ..TaskInfo::default()
    };
    Launch { task }.into()
}

fn shutdown() -> Message {
    Message {
        r#type: Some(Type::Shutdown.into()),
        ..Message::default()
    }
}

/// Runs a driver with a disk that hangs, until `events` are delivered and it has ended.
async fn run(
    events: Vec<Message>,
    abort_when: Option<&str>,
) -> (Vec<&'static str>, Result<StopReason>) {
    let (sender, received) = mpsc::channel(16);
    for event in events {
        sender.send(event).await.unwrap();
    }
    let recording = Recording::default();
    let environment = environment();
    let caller = Caller {
        framework_id: environment.framework_id.clone(),
        executor_id: environment.executor_id.clone(),
    };
    let (journal, failure) = Journal::on_hung_disk();
    let opened = Ok((journal, Some(failure)));
    let agent = Agent(Mutex::new(Some(received)));
    let driver = ExecutorDriver::start_with(recording.clone(), environment, agent, caller, opened);
    if let Some(step) = abort_when {
        while !step.is_empty() && !lock(&recording.0).contains(&step) {
            tokio::task::yield_now().await;
        }
        // sleep: virtual time, which passes when the event loop waits for the disk
        tokio::time::sleep(Duration::from_secs(1)).await;
        driver.abort();
    }
    let end = timeout(TIMEOUT, driver.join()).await;
    let seen = lock(&recording.0).clone();
    (seen, end.unwrap_or_else(|_| panic!("the driver hangs")))
}

#[tokio::test(start_paused = true)]
async fn a_disk_that_hangs_does_not_stop_a_shutdown() {
    let events = vec![Subscribed::default().into(), launch(), shutdown()];
    let (seen, end) = run(events, None).await;
    assert_eq!(seen, ["launch", "launched", "shutdown", "ended"]);
    // The agent has acknowledged nothing.
    assert_eq!(end.unwrap_err().kind(), ErrorKind::Unacknowledged);
}

#[tokio::test(start_paused = true)]
async fn a_disk_that_hangs_does_not_stop_an_abort() {
    let events = vec![Subscribed::default().into(), launch()];
    let (seen, end) = run(events, Some("")).await;
    assert_eq!(end.unwrap(), StopReason::Aborted);
    assert!(seen.is_empty(), "{seen:?}");
}

#[tokio::test(start_paused = true)]
async fn another_agent_at_the_address_ends_the_executor() {
    let by = |agent_id: &str| {
        let mut subscribed = Subscribed::default();
        subscribed.agent_info.id = Some(agent_id.into());
        Message::from(subscribed)
    };
    let (sender, received) = mpsc::channel(16);
    for event in [by("a"), by("b"), launch()] {
        sender.send(event).await.unwrap();
    }
    let recording = Recording::default();
    let agent = Agent(Mutex::new(Some(received)));
    let driver = ExecutorDriver::start(recording.clone(), environment(), agent);
    let end = timeout(TIMEOUT, driver.join()).await.expect("an end");
    // The update of `shutdown` was not acknowledged, so the reason is its source.
    let text = crate::error_chain(&end.unwrap_err());
    assert!(
        text.contains("agent b") && text.contains("of agent a"),
        "{text}"
    );
    assert_eq!(*lock(&recording.0), ["shutdown", "ended"]);
}

#[tokio::test(start_paused = true)]
async fn the_longest_durations_are_waits_without_an_end() {
    for checkpoint in [false, true] {
        let (sender, received) = mpsc::channel(16);
        sender.send(Subscribed::default().into()).await.unwrap();
        let recording = Recording::default();
        let environment = ExecutorEnvironment {
            checkpoint,
            registration_timeout: Duration::MAX,
            recovery_timeout: Duration::MAX,
            flush_timeout: Duration::MAX,
            shutdown_grace_period: Duration::MAX,
            subscription_backoff_max: Duration::MAX,
            ..environment()
        };
        let agent = Agent(Mutex::new(Some(received)));
        let driver = ExecutorDriver::start(recording.clone(), environment, agent);
        driver.when_subscribed().await.unwrap();
        driver
            .send_update(TaskStatus::new("t", TaskState::TaskRunning))
            .await
            .unwrap();
        driver.stop();
        assert!(timeout(TIMEOUT, driver.join()).await.is_err(), "it waits");
        // The agent is lost.
        drop(sender);
        while !lock(&recording.0).contains(&"disconnected") {
            tokio::task::yield_now().await;
        }
        if checkpoint {
            assert!(timeout(TIMEOUT, driver.join()).await.is_err(), "it waits");
            driver.abort();
            assert_eq!(driver.join().await.unwrap(), StopReason::Aborted);
        } else {
            assert_eq!(
                driver.join().await.unwrap_err().kind(),
                ErrorKind::Unacknowledged
            );
        }
    }
}
