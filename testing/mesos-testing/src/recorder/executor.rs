//! An executor that records the events that it receives.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use mesos_core::executor::Subscribed;
use mesos_core::{Disconnected, Executor, ExecutorDriver, HandlerResult, UnknownEvent};
use mesos_proto::v1::{KillPolicy, TaskGroupInfo, TaskId, TaskInfo};

use crate::Transcript;

use super::outcome::{Gate, Handler, Outcome, Recording};

/// An executor that records the events that it receives and runs nothing: the counterpart of
/// [`Recorder`](crate::Recorder). The test makes the calls of its driver.
#[derive(Clone, Debug)]
pub struct ExecutorRecorder(Arc<Recording<RecordedExecutorEvent>>);

/// An event that an executor received.
#[derive(Clone, Debug)]
#[allow(missing_docs)] // they are the methods of Executor, with their arguments
#[non_exhaustive]
pub enum RecordedExecutorEvent {
    Subscribed(Box<Subscribed>),
    Disconnected(Disconnected),
    Launch(Box<TaskInfo>),
    LaunchGroup(TaskGroupInfo),
    Kill(TaskId, Option<KillPolicy>),
    Acknowledged(TaskId, Bytes),
    Message(Bytes),
    Shutdown,
    Error(String),
    Unknown(UnknownEvent),
}

impl fmt::Display for RecordedExecutorEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Subscribed(_) => f.write_str("subscribed"),
            Self::Disconnected(lost) => {
                write!(f, "disconnected: {}", mesos_core::error_chain(&lost.error))
            }
            Self::Launch(task) => write!(f, "launch {}", task.task_id),
            Self::LaunchGroup(group) => write!(f, "launch a group of {}", group.tasks.len()),
            Self::Kill(task_id, _) => write!(f, "kill {task_id}"),
            Self::Acknowledged(task_id, _) => write!(f, "acknowledged {task_id}"),
            Self::Message(data) => write!(f, "message of {} bytes", data.len()),
            Self::Shutdown => f.write_str("shutdown"),
            Self::Error(message) => write!(f, "error: {message}"),
            Self::Unknown(event) => write!(f, "unknown event of type {}", event.type_number),
        }
    }
}

impl Default for ExecutorRecorder {
    fn default() -> Self {
        Self::new()
    }
}

impl ExecutorRecorder {
    /// Creates a recorder whose handlers succeed.
    pub fn new() -> Self {
        Self(Arc::new(Recording::new()))
    }

    /// Plans the outcome of the next call of this handler.
    pub fn plan(&self, handler: Handler, outcome: Outcome) {
        self.0.plan(handler, outcome);
    }

    /// Sets the outcome of this handler whenever no outcome is planned.
    pub fn always(&self, handler: Handler, outcome: Outcome) {
        self.0.always(handler, outcome);
    }

    /// Makes the next call of this handler wait until the gate opens.
    #[must_use = "dropping the gate opens it"]
    pub fn hold(&self, handler: Handler) -> Gate {
        self.0.hold(handler)
    }

    /// All events so far and from now on, as text.
    pub fn transcript(&self) -> Transcript {
        Transcript::new(&self.0.events)
    }

    /// All events so far.
    pub fn events(&self) -> Vec<RecordedExecutorEvent> {
        self.0.events.all()
    }

    /// Waits for the next event for which `wanted` returns true.
    ///
    /// # Panics
    /// If no such event arrives within 10 s; the message lists all events.
    #[track_caller]
    pub fn expect<'a>(
        &'a self,
        what: &'a str,
        wanted: impl FnMut(&RecordedExecutorEvent) -> bool + Send + 'a,
    ) -> impl Future<Output = RecordedExecutorEvent> + Send + 'a {
        let at = Location::caller();
        async move { self.0.events.expect(what, at, wanted).await }
    }

    async fn record(&self, handler: Handler, event: RecordedExecutorEvent) -> HandlerResult {
        self.0.events.push(event);
        self.0.end(handler, || {}).await
    }
}

#[async_trait]
impl Executor for ExecutorRecorder {
    async fn subscribed(&mut self, _: &ExecutorDriver, subscribed: Subscribed) -> HandlerResult {
        let event = RecordedExecutorEvent::Subscribed(Box::new(subscribed));
        self.record(Handler::Subscribed, event).await
    }

    async fn disconnected(&mut self, _: &ExecutorDriver, lost: Disconnected) -> HandlerResult {
        self.record(
            Handler::Disconnected,
            RecordedExecutorEvent::Disconnected(lost),
        )
        .await
    }

    async fn launch(&mut self, _: &ExecutorDriver, task: TaskInfo) -> HandlerResult {
        let event = RecordedExecutorEvent::Launch(Box::new(task));
        self.record(Handler::Launch, event).await
    }

    async fn launch_group(&mut self, _: &ExecutorDriver, group: TaskGroupInfo) -> HandlerResult {
        self.record(
            Handler::LaunchGroup,
            RecordedExecutorEvent::LaunchGroup(group),
        )
        .await
    }

    async fn kill(
        &mut self,
        _: &ExecutorDriver,
        task_id: TaskId,
        kill_policy: Option<KillPolicy>,
    ) -> HandlerResult {
        self.record(
            Handler::Kill,
            RecordedExecutorEvent::Kill(task_id, kill_policy),
        )
        .await
    }

    async fn acknowledged(
        &mut self,
        _: &ExecutorDriver,
        task_id: TaskId,
        uuid: Bytes,
    ) -> HandlerResult {
        self.record(
            Handler::Acknowledged,
            RecordedExecutorEvent::Acknowledged(task_id, uuid),
        )
        .await
    }

    async fn message(&mut self, _: &ExecutorDriver, data: Bytes) -> HandlerResult {
        self.record(Handler::Message, RecordedExecutorEvent::Message(data))
            .await
    }

    async fn shutdown(&mut self, _: &ExecutorDriver) -> HandlerResult {
        self.record(Handler::Shutdown, RecordedExecutorEvent::Shutdown)
            .await
    }

    async fn error(&mut self, _: &ExecutorDriver, message: String) -> HandlerResult {
        self.record(Handler::Error, RecordedExecutorEvent::Error(message))
            .await
    }

    async fn unknown(&mut self, _: &ExecutorDriver, event: UnknownEvent) -> HandlerResult {
        self.record(Handler::Unknown, RecordedExecutorEvent::Unknown(event))
            .await
    }
}
