//! A fake agent for a command executor in this process: a backend whose other end is the test.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use mesos_core::backend::{
    Answer, Backend, Calls, EventStream, ExecutorApi, Incoming, Subscription,
};
use mesos_core::executor::ExecutorEnvironment;
use mesos_core::{Capabilities, Error, ErrorKind, Result, StopReason};
use mesos_launcher::executor::{Flags, run};
use mesos_proto::v1::executor::{Call, Event, call, event};
use mesos_proto::v1::framework_info::capability;
use mesos_proto::v1::{FrameworkInfo, KillPolicy, TaskId, TaskInfo, TaskState, TaskStatus};
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinHandle;

/// Longer than anything here takes on a slow machine.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The test's end.
pub(crate) struct Agent {
    events: Option<mpsc::UnboundedSender<Event>>,
    calls: mpsc::UnboundedReceiver<Call>,
    executor: JoinHandle<Result<StopReason>>,
}

/// The executor's end: it accepts one subscription.
#[derive(Debug)]
struct Scripted {
    calls: mpsc::UnboundedSender<Call>,
    events: Mutex<Option<mpsc::UnboundedReceiver<Event>>>,
}

pub(crate) fn flags() -> Flags {
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_mesos-containerizer"));
    Flags {
        launcher_dir: program.parent().map(Into::into),
        ..Flags::default()
    }
}

impl Agent {
    /// Starts an executor, and accepts its subscription.
    pub(crate) async fn start() -> Self {
        Self::start_with(flags(), "5secs", true).await
    }

    /// The same, for a framework with or without the capability TASK_KILLING_STATE.
    pub(crate) async fn start_with(flags: Flags, shutdown_grace: &str, killing: bool) -> Self {
        let (events, receiver) = mpsc::unbounded_channel();
        let (sender, calls) = mpsc::unbounded_channel();
        let backend = Scripted {
            calls: sender,
            events: Mutex::new(Some(receiver)),
        };
        let variables = [
            ("MESOS_FRAMEWORK_ID", "f"),
            ("MESOS_EXECUTOR_ID", "t"),
            ("MESOS_SLAVE_ID", "a"),
            ("MESOS_SLAVE_PID", "slave(1)@127.0.0.1:5051"),
            ("MESOS_CHECKPOINT", "0"),
            ("MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD", shutdown_grace),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let environment = ExecutorEnvironment::parse(variables).expect("an environment");
        let mut agent = Self {
            events: Some(events),
            calls,
            executor: tokio::spawn(run(flags, environment, backend)),
        };
        let subscribe = agent.call().await;
        assert_eq!(subscribe.r#type(), call::Type::Subscribe);
        let mut framework = FrameworkInfo::new("root", "test");
        if killing {
            framework = framework.with_capability(capability::Type::TaskKillingState);
        }
        agent.send(Event {
            r#type: Some(event::Type::Subscribed.into()),
            subscribed: Some(event::Subscribed {
                framework_info: framework,
                ..Default::default()
            }),
            ..Default::default()
        });
        agent
    }

    pub(crate) fn send(&self, event: Event) {
        let events = self.events.as_ref().expect("a subscription");
        events.send(event).expect("the executor listens");
    }

    pub(crate) fn launch(&self, task: &TaskInfo) {
        self.send(Event {
            r#type: Some(event::Type::Launch.into()),
            launch: Some(event::Launch { task: task.clone() }),
            ..Default::default()
        });
    }

    pub(crate) fn kill(&self, task: &str, grace: Option<Duration>) {
        let policy = grace.map(|grace| KillPolicy {
            grace_period: Some(grace.into()),
        });
        self.send(Event {
            r#type: Some(event::Type::Kill.into()),
            kill: Some(event::Kill {
                task_id: task.into(),
                kill_policy: policy,
            }),
            ..Default::default()
        });
    }

    pub(crate) fn shutdown(&self) {
        self.send(Event {
            r#type: Some(event::Type::Shutdown.into()),
            ..Default::default()
        });
    }

    /// Ends the subscription.
    pub(crate) fn vanish(&mut self) {
        self.events = None;
    }

    async fn call(&mut self) -> Call {
        let call = tokio::time::timeout(TIMEOUT, self.calls.recv()).await;
        call.expect("a call in time").expect("the executor runs")
    }

    /// The next update, without an acknowledgement.
    pub(crate) async fn unacknowledged(&mut self) -> TaskStatus {
        let call = self.call().await;
        assert_eq!(call.r#type(), call::Type::Update);
        call.update.expect("an update").status
    }

    pub(crate) fn acknowledge(&self, status: &TaskStatus) {
        self.send(Event {
            r#type: Some(event::Type::Acknowledged.into()),
            acknowledged: Some(event::Acknowledged {
                task_id: status.task_id.clone(),
                uuid: status.uuid.clone().expect("a uuid"),
            }),
            ..Default::default()
        });
    }

    /// The next update, which must have this state.
    pub(crate) async fn update(&mut self, expected: TaskState) -> TaskStatus {
        let status = self.unacknowledged().await;
        assert_eq!(status.task_state(), Ok(expected), "{status:?}");
        self.acknowledge(&status);
        status
    }

    /// Reads updates up to TASK_RUNNING.
    pub(crate) async fn running(&mut self) {
        self.update(TaskState::TaskStarting).await;
        self.update(TaskState::TaskRunning).await;
    }

    /// The result of the executor, which must not have sent a further update.
    pub(crate) async fn end(mut self) -> Result<StopReason> {
        let end = tokio::time::timeout(TIMEOUT, &mut self.executor).await;
        let end = end.expect("an end in time").expect("no panic");
        if let Ok(call) = self.calls.try_recv() {
            panic!("a call too many: {call:?}");
        }
        end
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.executor.is_finished()
    }
}

pub(crate) fn group(tasks: &[TaskInfo]) -> Event {
    Event {
        r#type: Some(event::Type::LaunchGroup.into()),
        launch_group: Some(event::LaunchGroup {
            task_group: mesos_proto::v1::TaskGroupInfo {
                tasks: tasks.to_vec(),
            },
        }),
        ..Default::default()
    }
}

pub(crate) fn id(status: &TaskStatus) -> &TaskId {
    &status.task_id
}

#[async_trait]
impl Backend<ExecutorApi> for Scripted {
    fn name(&self) -> &'static str {
        "scripted"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::all()
    }

    async fn subscribe(&self, call: Call) -> Result<Subscription<ExecutorApi>> {
        let gone = || Error::new(ErrorKind::Transport, "there is no agent any more");
        let events = self.events.lock().await.take().ok_or_else(gone)?;
        let line = Line(self.calls.clone());
        line.0.send(call).map_err(|_| gone())?;
        Ok(Subscription::new(
            Events(events),
            Arc::new(line),
            "the test".to_owned(),
        ))
    }
}

struct Events(mpsc::UnboundedReceiver<Event>);

#[async_trait]
impl EventStream<ExecutorApi> for Events {
    async fn next(&mut self) -> Result<Incoming<ExecutorApi>> {
        let event = self.0.recv().await;
        let event = event.ok_or_else(|| Error::new(ErrorKind::Transport, "the agent vanished"))?;
        Ok(Incoming::Event(Box::new(event), Bytes::new()))
    }
}

struct Line(mpsc::UnboundedSender<Call>);

#[async_trait]
impl Calls<ExecutorApi> for Line {
    async fn send(&self, call: Call) -> Result<Answer> {
        let sent = self.0.send(call);
        sent.map_err(|_| Error::new(ErrorKind::Transport, "the test is over"))?;
        Ok(Answer::ready(Ok(())))
    }
}
