//! Tests of the executor driver.

mod ends;
mod journal;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use mesos_core::backend::ExecutorApi;
use mesos_core::executor::{ExecutorEnvironment, Subscribed};
use mesos_core::{
    Disconnected, Error, ErrorKind, Executor, ExecutorDriver, HandlerResult, StopReason,
    error_chain,
};
use mesos_proto::v1::executor::call::Type as CallType;
use mesos_proto::v1::executor::event::{self, Type};
use mesos_proto::v1::executor::{Call, Event};
use mesos_proto::v1::{TaskId, TaskInfo, TaskState, TaskStatus, task_status::Source};

use crate::script::{Peer, Session, scripted, within};

/// An executor that records the calls of its handlers, and fails to launch a
/// task with the id `bad`.
#[derive(Clone, Default)]
struct Recording(Arc<Mutex<Vec<String>>>);

impl Recording {
    fn note(&self, what: impl Into<String>) {
        self.0.lock().unwrap().push(what.into());
    }

    fn seen(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

#[async_trait]
impl Executor for Recording {
    async fn subscribed(&mut self, _: &ExecutorDriver, subscribed: Subscribed) -> HandlerResult {
        self.note(if subscribed.resubscribed {
            "again"
        } else {
            "subscribed"
        });
        let recovered = subscribed.recovered.iter();
        let recovered: Vec<_> = recovered.map(|task| task.task_id.as_str()).collect();
        if !recovered.is_empty() {
            self.note(format!("recovered {}", recovered.join(" ")));
        }
        Ok(())
    }

    async fn disconnected(&mut self, _: &ExecutorDriver, lost: Disconnected) -> HandlerResult {
        self.note(format!("disconnected {:?}", lost.error.kind()));
        Ok(())
    }

    async fn launch(&mut self, driver: &ExecutorDriver, task: TaskInfo) -> HandlerResult {
        self.note(format!("launch {}", task.task_id));
        if task.task_id == "bad" {
            return Err("no such program".into());
        }
        let running = TaskStatus::new(task.task_id, TaskState::TaskRunning);
        driver.send_update(running).await?;
        Ok(())
    }

    async fn shutdown(&mut self, _: &ExecutorDriver) -> HandlerResult {
        self.note("shutdown");
        Ok(())
    }

    async fn error(&mut self, _: &ExecutorDriver, message: String) -> HandlerResult {
        self.note(format!("error {message}"));
        Ok(())
    }
}

fn environment(checkpoint: bool) -> ExecutorEnvironment {
    let variables = [
        ("MESOS_FRAMEWORK_ID", "f"),
        ("MESOS_EXECUTOR_ID", "e"),
        ("MESOS_SLAVE_PID", "slave(1)@127.0.0.1:5051"),
        ("MESOS_CHECKPOINT", if checkpoint { "1" } else { "0" }),
        ("MESOS_RECOVERY_TIMEOUT", "15mins"),
        ("MESOS_SUBSCRIPTION_BACKOFF_MAX", "2secs"),
        ("MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD", "5secs"),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    ExecutorEnvironment::parse(variables).unwrap()
}

fn subscribed() -> Event {
    event::Subscribed::default().into()
}

fn launch(id: &str) -> Event {
    let task = TaskInfo {
        task_id: id.into(),
        ..Default::default()
    };
    event::Launch { task }.into()
}

fn acknowledged(status: &TaskStatus) -> Event {
    event::Acknowledged {
        task_id: status.task_id.clone(),
        uuid: status.uuid.clone().unwrap(),
    }
    .into()
}

fn shutdown() -> Event {
    Type::Shutdown.into()
}

fn lost() -> Error {
    Error::new(ErrorKind::Transport, "connection reset")
}

fn status(call: Call) -> TaskStatus {
    assert_eq!(call.r#type(), CallType::Update);
    assert_eq!(call.framework_id, "f");
    assert_eq!(call.executor_id, "e");
    call.update.expect("an UPDATE").status
}

async fn start(
    recording: &Recording,
    checkpoint: bool,
) -> (ExecutorDriver, Peer<ExecutorApi>, Session<ExecutorApi>) {
    let (backend, mut peer) = scripted();
    let driver =
        ExecutorDriver::start(recording.clone(), environment(checkpoint), backend).detach();
    let session = peer.session().await;
    session.send(subscribed()).await;
    (driver, peer, session)
}

async fn end_of(driver: &ExecutorDriver) -> Result<StopReason, Error> {
    within("the driver's end", driver.join()).await
}

fn running(id: &str) -> TaskStatus {
    TaskStatus::new(id, TaskState::TaskRunning)
}

fn finished(id: &str) -> TaskStatus {
    TaskStatus::new(id, TaskState::TaskFinished)
}

#[tokio::test(start_paused = true)]
async fn an_update_gets_the_fields_that_the_agent_requires() {
    let (driver, _peer, session) = start(&Recording::default(), true).await;
    let wrong = TaskStatus {
        uuid: Some(Bytes::from_static(b"short")),
        source: Some(Source::Master as i32),
        ..finished("t")
    };
    driver.send_update(wrong).await.unwrap();
    let status = status(session.call().await);
    let uuid = uuid::Uuid::from_slice(&status.uuid.unwrap()).unwrap();
    assert_eq!(uuid.get_version_num(), 4);
    assert_eq!(status.source, Some(Source::Executor as i32));
    assert_eq!(status.executor_id.unwrap(), "e");
    assert!(status.timestamp.unwrap() > 1.7e9, "seconds since 1970");
}

#[tokio::test(start_paused = true)]
async fn task_staging_is_rejected_before_it_is_sent() {
    let (driver, _peer, session) = start(&Recording::default(), true).await;
    let staging = TaskStatus::new("t", TaskState::TaskStaging);
    let error = driver.send_update(staging).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(
        error.to_string().contains("task `t`") && error.to_string().contains("TASK_STAGING"),
        "{error}"
    );
    assert!(session.pending_call().is_none());
}

#[tokio::test(start_paused = true)]
async fn unacknowledged_tasks_and_updates_are_repeated_after_a_reconnect() {
    let recording = Recording::default();
    let (driver, mut peer, session) = start(&recording, true).await;
    session.send(launch("a")).await;
    let running = status(session.call().await);
    driver.send_update(finished("a")).await.unwrap();
    let done = status(session.call().await);
    session.fail(lost()).await;

    let attempt = peer.attempt().await;
    let subscribe = attempt.call.subscribe.clone().unwrap();
    assert_eq!(subscribe.unacknowledged_tasks[0].task_id, "a");
    let uuids = subscribe.unacknowledged_updates.iter();
    let uuids: Vec<_> = uuids.map(|update| update.status.uuid.clone()).collect();
    assert_eq!(uuids, [running.uuid.clone(), done.uuid.clone()]);

    // An update between SUBSCRIBE and SUBSCRIBED is sent after SUBSCRIBED.
    driver.send_update(finished("b")).await.unwrap();
    let session = attempt.grant();
    session.send(subscribed()).await;
    assert_eq!(status(session.call().await).task_id, "b");
    session.send(acknowledged(&running)).await;
    session.send(acknowledged(&done)).await;
    session.fail(lost()).await;
    let subscribe = peer.attempt().await.call.subscribe.unwrap();
    assert!(subscribe.unacknowledged_tasks.is_empty());
    assert_eq!(
        subscribe.unacknowledged_updates.len(),
        1,
        "only the update of `b`"
    );
}

#[tokio::test(start_paused = true)]
async fn a_failed_launch_is_reported_as_task_failed() {
    let (_driver, _peer, session) = start(&Recording::default(), true).await;
    session.send(launch("bad")).await;
    let status = status(session.call().await);
    assert_eq!(status.state(), TaskState::TaskFailed);
    assert_eq!(
        status.message.unwrap(),
        "the executor failed to launch the task: no such program"
    );
}

#[tokio::test(start_paused = true)]
async fn a_task_group_fails_if_the_executor_does_not_support_groups() {
    let (_driver, _peer, session) = start(&Recording::default(), true).await;
    let tasks = ["a", "b"].map(|id| TaskInfo {
        task_id: TaskId::from(id),
        ..Default::default()
    });
    let task_group = tasks.into_iter().collect();
    session.send(event::LaunchGroup { task_group }.into()).await;
    for id in ["a", "b"] {
        let status = status(session.call().await);
        assert_eq!(
            (status.task_id.as_str(), status.state()),
            (id, TaskState::TaskFailed)
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_update_that_the_agent_rejects_is_not_repeated() {
    let (driver, _peer, session) = start(&Recording::default(), true).await;
    driver.send_update(finished("t")).await.unwrap();
    let (_call, answer) = session.unanswered().await;
    answer.send(Err(Error::new(ErrorKind::Rejected, "400")));
    driver.stop();
    let before = tokio::time::Instant::now();
    let error = end_of(&driver).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unacknowledged);
    assert!(
        error.to_string().starts_with("1 update was rejected"),
        "{error}"
    );
    assert!(
        before.elapsed() < Duration::from_secs(1),
        "the driver waited for an acknowledgement"
    );
}

#[tokio::test(start_paused = true)]
async fn an_idle_executor_sends_a_heartbeat_every_30_minutes() {
    let (_driver, _peer, session) = start(&Recording::default(), true).await;
    let before = tokio::time::Instant::now();
    let mut calls = 0;
    while before.elapsed() < Duration::from_secs(61 * 60) {
        tokio::time::sleep(Duration::from_secs(60)).await; // sleep: virtual time passes
        while let Some(call) = session.pending_call() {
            assert_eq!(call.r#type(), CallType::Heartbeat);
            calls += 1;
        }
    }
    assert_eq!(calls, 2);
}

/// Sends a final update at the input "finish".
struct Actor;

#[async_trait]
impl Executor<&'static str> for Actor {
    async fn launch(&mut self, _: &ExecutorDriver<&'static str>, _: TaskInfo) -> HandlerResult {
        Ok(())
    }

    async fn input(
        &mut self,
        driver: &ExecutorDriver<&'static str>,
        input: &'static str,
    ) -> HandlerResult {
        assert_eq!(input, "finish");
        driver.send_update(finished("t")).await?;
        driver.stop();
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn an_executor_receives_the_inputs_of_its_program_and_is_given_back() {
    let (backend, mut peer) = scripted();
    let running = ExecutorDriver::start(Actor, environment(true), backend);
    running.send_after(Duration::from_secs(3), "finish");
    let session = peer.session().await;
    session.send(subscribed()).await;
    let sent = session.call().await.update.unwrap().status;
    assert_eq!(sent.task_id, "t");
    running.abort();
    let (end, actor) = within("the end", running.into_handler()).await;
    assert_eq!(end.unwrap(), StopReason::Aborted);
    assert!(actor.is_some());
}
