//! An agent without a Mesos: the v1 executor API over real sockets.

mod builder;
mod model;
mod request;
mod validate;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::ops::Deref;
use std::panic::Location;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use mesos_core::backend::ExecutorApi;
use mesos_core::executor::ExecutorEnvironment;
use mesos_proto::v1::executor::Event;
use mesos_proto::v1::{KillPolicy, TaskId, TaskInfo, TaskState, TaskStatus};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use self::builder::Settings;
use self::model::Model;
use crate::executor_events as events;
use crate::lock::lock;
use crate::log::Log;
use crate::wire::{self, Control, Listener};

pub use self::builder::Builder;
pub use self::request::AgentPhase;

/// A request as a [`FakeAgent`] received it.
pub type Received = wire::Received<ExecutorApi>;
/// A subscription as a [`FakeAgent`] has it.
pub type Stream = wire::Stream<ExecutorApi>;
/// A condition on requests.
pub type When = wire::When<ExecutorApi>;

/// A Mesos agent with one executor to test. It runs in this process and listens on a loopback
/// address, and optionally on a unix socket.
///
/// The agent implements the v1 executor API like the agent of Mesos 1.11: the same checks in the
/// same order with the same responses (`Http::executor` in src/slave/http.cpp), JSON and protobuf,
/// RecordIO, and tokens. It behaves like an agent that has launched the executor, with a scheduler
/// that acknowledges every update:
///
/// * tasks that are [launched](Self::launch) before the executor subscribes are queued;
/// * each update is acknowledged, and duplicates are recognized;
/// * a second subscription replaces the first.
///
/// A [scripted](Builder::scripted) agent only checks and answers requests and accepts
/// subscriptions.
///
/// The agent records every request. A test can wait for requests ([`expect`](Control::expect)) and
/// for updates ([`expect_update`](Self::expect_update)), make the agent misbehave
/// ([`react`](Control::react), [`Stream`], [`AgentPhase`]), and let it [crash](Self::crash) and
/// [recover](Self::recover).
///
/// ```
/// use mesos_core::ExecutorDriver;
/// use mesos_http::HttpBackend;
/// use mesos_testing::v1::{TaskInfo, TaskState};
/// use mesos_testing::{ExecutorRecorder, FakeAgent, Handler, Outcome};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let agent = FakeAgent::start().await?;
/// let executor = ExecutorRecorder::new(); // or your own
/// executor.plan(Handler::Launch, Outcome::Fail("no such program".to_owned()));
/// let environment = agent.environment();
/// let backend = HttpBackend::for_executor(&environment)?;
/// let driver = ExecutorDriver::start(executor, environment, backend);
///
/// agent.launch(TaskInfo::builder("t1").build());
/// let failed = agent.expect_update(TaskState::TaskFailed).await;
/// assert!(failed.message.unwrap_or_default().ends_with("no such program"));
/// driver.stop();
/// driver.join().await?; // the update is acknowledged by now
/// # Ok(())
/// # }
/// ```
///
/// # Limits
/// The agent sees a protobuf message as prost decodes it: a missing required field counts as an
/// empty field, where a real agent answers 400. (With JSON it does answer 400.) The agent does not
/// start or kill processes, and has no timeouts: it gives an executor up only when the test says
/// so.
///
/// Dropping the agent closes its sockets. The agent needs a tokio runtime with I/O and time. Do not
/// combine it with tokio's paused time, because the sockets are real.
pub struct FakeAgent {
    inner: Arc<Inner>,
    serving: Mutex<Vec<JoinHandle<()>>>,
}

/// The state that the sockets and the test's handle share.
pub(crate) struct Inner {
    settings: Settings,
    address: SocketAddr,
    control: Control<ExecutorApi>,
    updates: Log<Reported>,
    phase: Mutex<AgentPhase>,
    model: Arc<Mutex<Model>>,
}

/// An update, as it appears in listings.
#[derive(Clone)]
struct Reported(TaskStatus);

impl fmt::Display for Reported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = TaskState::try_from(self.0.state).map_or("a state", |s| s.as_str_name());
        write!(f, "{} of {}", state, self.0.task_id)?;
        match &self.0.message {
            Some(message) => write!(f, ": {message}"),
            None => Ok(()),
        }
    }
}

impl Inner {
    fn model(&self) -> MutexGuard<'_, Model> {
        lock(&self.model)
    }

    fn phase(&self) -> AgentPhase {
        *lock(&self.phase)
    }
}

impl FakeAgent {
    /// Creates a builder with default settings.
    pub fn builder() -> Builder {
        Builder::new()
    }

    /// Starts an agent on a free port, with checkpointing.
    ///
    /// # Errors
    /// If no port can be bound.
    pub async fn start() -> io::Result<Self> {
        Self::builder().start().await
    }

    async fn with(settings: Settings) -> io::Result<Self> {
        let listener = TcpListener::bind(settings.address).await?;
        let address = listener.local_addr()?;
        let timeout = settings.timeout;
        let inner = Arc::new(Inner {
            address,
            control: Control::new(timeout),
            updates: Log::new(timeout),
            phase: Mutex::new(AgentPhase::Ready),
            model: Arc::default(),
            settings,
        });
        let agent = Self {
            inner,
            serving: Mutex::default(),
        };
        agent.serve(listener)?;
        Ok(agent)
    }

    fn serve(&self, listener: TcpListener) -> io::Result<()> {
        let mut serving = self.serving();
        let tcp = Listener::Tcp(listener);
        serving.push(tokio::spawn(wire::serve(Arc::clone(&self.inner), tcp)));
        #[cfg(unix)]
        if let Some(path) = &self.inner.settings.unix_socket {
            // Remove the socket of an earlier run.
            let _ = std::fs::remove_file(path);
            let unix = Listener::Unix(tokio::net::UnixListener::bind(path)?);
            let peer = Arc::new(request::OverUnixSocket(Arc::clone(&self.inner)));
            serving.push(tokio::spawn(wire::serve(peer, unix)));
        }
        Ok(())
    }

    fn serving(&self) -> MutexGuard<'_, Vec<JoinHandle<()>>> {
        lock(&self.serving)
    }

    /// Crashes: closes the listener and all connections, and loses the state in memory.
    /// Acknowledged updates stay, and with [checkpointing](Builder::checkpoint) the executor stays,
    /// too.
    pub async fn crash(&self) {
        let serving = std::mem::take(&mut *self.serving());
        for task in serving {
            task.abort();
            let _ = task.await;
        }
        let checkpoint = self.inner.settings.checkpoint;
        self.inner.model().crash(checkpoint);
    }

    /// Restarts at the same address after [`crash`](Self::crash).
    ///
    /// # Errors
    /// If the address cannot be bound.
    pub async fn recover(&self) -> io::Result<()> {
        self.serve(TcpListener::bind(self.inner.address).await?)
    }

    /// The address that the agent listens on.
    pub fn address(&self) -> SocketAddr {
        self.inner.address
    }

    /// The variables that the agent sets in the environment of its executor (`executorEnvironment`
    /// in src/slave/slave.cpp), to start a program with.
    pub fn variables(&self) -> Vec<(String, String)> {
        self.inner.settings.variables(self.inner.address)
    }

    /// The same environment, parsed, for a driver in this process.
    pub fn environment(&self) -> ExecutorEnvironment {
        match ExecutorEnvironment::parse(self.variables()) {
            Ok(environment) => environment,
            Err(error) => panic!("{error}"),
        }
    }

    /// All accepted updates so far, in order, without duplicates.
    pub fn updates(&self) -> Vec<TaskStatus> {
        let updates = self.inner.updates.all();
        updates.into_iter().map(|update| update.0).collect()
    }

    /// Waits for the next update with this state.
    #[track_caller]
    pub fn expect_update(&self, state: TaskState) -> impl Future<Output = TaskStatus> + Send + '_ {
        let at = Location::caller();
        let wanted = move |update: &Reported| update.0.state == state as i32;
        async move {
            let updates = &self.inner.updates;
            updates.expect(state.as_str_name(), at, wanted).await.0
        }
    }

    /// Tasks that the executor did not know when it subscribed again. A real agent reports them as
    /// dropped.
    pub fn dropped(&self) -> Vec<TaskId> {
        self.inner.model().dropped.clone()
    }

    // Outgoing events.

    /// Launches a task, at once or as soon as the executor subscribes.
    pub fn launch(&self, task: TaskInfo) {
        self.inner.model().launch(vec![task], events_of_one);
    }

    /// Launches a task group, at once or as soon as the executor subscribes.
    pub fn launch_group(&self, tasks: impl IntoIterator<Item = TaskInfo>) {
        let tasks = tasks.into_iter().collect();
        self.inner.model().launch(tasks, events::launch_group);
    }

    /// Kills a task. A queued task is removed from the queue.
    pub fn kill(&self, task_id: impl Into<TaskId>, kill_policy: Option<KillPolicy>) {
        self.inner.model().kill(&task_id.into(), kill_policy);
    }

    /// Sends a message from the scheduler.
    ///
    /// # Panics
    /// If there was no subscription yet.
    #[track_caller]
    pub fn message(&self, data: impl Into<Bytes>) {
        self.send(events::message(data));
    }

    /// Sends SHUTDOWN, at once or as soon as the executor subscribes.
    pub fn shut_down(&self) {
        self.inner.model().shut_down();
    }

    /// Acknowledges an update. A [scripted](Builder::scripted) agent needs this.
    ///
    /// # Panics
    /// If there was no subscription yet.
    #[track_caller]
    pub fn acknowledge(&self, status: &TaskStatus) {
        self.send(events::acknowledged(status));
    }

    /// Sets the phase of the agent for all further requests. Subscriptions stay open.
    pub fn set_phase(&self, phase: AgentPhase) {
        let current = self.inner.phase.lock();
        *current.unwrap_or_else(PoisonError::into_inner) = phase;
    }
}

fn events_of_one(tasks: Vec<TaskInfo>) -> Event {
    events::launch(tasks.into_iter().next().unwrap_or_default())
}

impl Deref for FakeAgent {
    type Target = Control<ExecutorApi>;

    fn deref(&self) -> &Self::Target {
        &self.inner.control
    }
}

impl Drop for FakeAgent {
    fn drop(&mut self) {
        for task in self.serving().iter() {
            task.abort();
        }
    }
}

impl fmt::Debug for FakeAgent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeAgent")
            .field("address", &self.address())
            .field("phase", &self.inner.phase())
            .field("control", &self.inner.control)
            .finish_non_exhaustive()
    }
}
