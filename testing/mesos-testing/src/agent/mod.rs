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
use crate::log::Log;
use crate::wire::{self, Control, Listener};

pub use self::builder::Builder;
pub use self::request::AgentPhase;

/// A request as a [`FakeAgent`] received it.
pub type Received = wire::Received<ExecutorApi>;
/// A subscription as a [`FakeAgent`] has it.
pub type Stream = wire::Stream<ExecutorApi>;
/// Which requests are meant.
pub type When = wire::When<ExecutorApi>;

/// A Mesos agent with one executor to test, in this process, on a loopback
/// address and, if wished, on a unix socket.
///
/// It speaks the v1 executor API as the agent of Mesos 1.11 does: the same
/// checks in the same order with the same answers (`Http::executor` in
/// src/slave/http.cpp), JSON and protobuf, RecordIO, tokens. It behaves as an
/// agent that has launched the executor and whose scheduler takes every update:
/// tasks that are [launched](Self::launch) before the executor has subscribed
/// are queued, updates are acknowledged and told from those that come twice, a
/// second subscription takes the place of the first. A
/// [scripted](Builder::scripted) one does no more than check, answer and grant
/// subscriptions.
///
/// Every request is written down, a test can wait for any of them
/// ([`expect`](Control::expect)) and for updates
/// ([`expect_update`](Self::expect_update)), and the agent can be told to
/// misbehave ([`react`](Control::react), [`Stream`], [`AgentPhase`]) or to
/// [crash](Self::crash) and [recover](Self::recover).
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
/// # What it is not
/// It looks at a protobuf message as prost decodes it, so a required field that
/// is missing is taken for an empty one, where a real agent answers 400 (in
/// JSON it does here too). It neither starts nor kills processes, and has no
/// timeouts: a test that wants an executor to be given up says so.
///
/// Dropping it closes its sockets. It needs a tokio runtime with I/O and time;
/// time that tokio was told to pause does not go well with real sockets.
pub struct FakeAgent {
    inner: Arc<Inner>,
    serving: Mutex<Vec<JoinHandle<()>>>,
}

/// What the sockets and the test's handle share.
pub(crate) struct Inner {
    settings: Settings,
    address: SocketAddr,
    control: Control<ExecutorApi>,
    updates: Log<Reported>,
    phase: Mutex<AgentPhase>,
    model: Arc<Mutex<Model>>,
}

/// An update as it is listed.
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
        self.model.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn phase(&self) -> AgentPhase {
        *self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FakeAgent {
    /// Settings to start one with.
    pub fn builder() -> Builder {
        Builder::new()
    }

    /// An agent on a free port, with checkpointing on.
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
            // What an earlier life left there.
            let _ = std::fs::remove_file(path);
            let unix = Listener::Unix(tokio::net::UnixListener::bind(path)?);
            let peer = Arc::new(request::OverUnixSocket(Arc::clone(&self.inner)));
            serving.push(tokio::spawn(wire::serve(peer, unix)));
        }
        Ok(())
    }

    fn serving(&self) -> MutexGuard<'_, Vec<JoinHandle<()>>> {
        self.serving.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Dies: closes the listener and all connections, and forgets what a
    /// process forgets. Updates that it has acknowledged stay, and so does the
    /// executor if there is [checkpointing](Builder::checkpoint).
    pub async fn crash(&self) {
        let serving = std::mem::take(&mut *self.serving());
        for task in serving {
            task.abort();
            let _ = task.await;
        }
        let checkpoint = self.inner.settings.checkpoint;
        self.inner.model().crash(checkpoint);
    }

    /// Lives again after [`crash`](Self::crash), at the same address.
    ///
    /// # Errors
    /// If the address cannot be bound any more.
    pub async fn recover(&self) -> io::Result<()> {
        self.serve(TcpListener::bind(self.inner.address).await?)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.inner.address
    }

    /// What it puts into the environment of its executor
    /// (`executorEnvironment` in src/slave/slave.cpp), for a program to be
    /// started with.
    pub fn variables(&self) -> Vec<(String, String)> {
        self.inner.settings.variables(self.inner.address)
    }

    /// The same, parsed, for a driver in this process.
    pub fn environment(&self) -> ExecutorEnvironment {
        match ExecutorEnvironment::parse(self.variables()) {
            Ok(environment) => environment,
            Err(error) => panic!("{error}"),
        }
    }

    /// Every update so far that was taken, in this order and each once,
    /// however often it came.
    pub fn updates(&self) -> Vec<TaskStatus> {
        let updates = self.inner.updates.all();
        updates.into_iter().map(|update| update.0).collect()
    }

    /// Waits for an update with this state that nobody has waited for yet.
    #[track_caller]
    pub fn expect_update(&self, state: TaskState) -> impl Future<Output = TaskStatus> + Send + '_ {
        let at = Location::caller();
        let wanted = move |update: &Reported| update.0.state == state as i32;
        async move {
            let updates = &self.inner.updates;
            updates.expect(state.as_str_name(), at, wanted).await.0
        }
    }

    /// Tasks that the executor did not know of when it came back: an agent
    /// reports them as dropped.
    pub fn dropped(&self) -> Vec<TaskId> {
        self.inner.model().dropped.clone()
    }

    // What goes out.

    /// Launches a task: now, or when the executor has subscribed.
    pub fn launch(&self, task: TaskInfo) {
        self.inner.model().launch(vec![task], events_of_one);
    }

    /// Launches a group of tasks: now, or when the executor has subscribed.
    pub fn launch_group(&self, tasks: impl IntoIterator<Item = TaskInfo>) {
        let tasks = tasks.into_iter().collect();
        self.inner.model().launch(tasks, events::launch_group);
    }

    /// Kills a task; one that is queued is taken back.
    pub fn kill(&self, task_id: impl Into<TaskId>, kill_policy: Option<KillPolicy>) {
        self.inner.model().kill(&task_id.into(), kill_policy);
    }

    /// Sends bytes from the scheduler.
    ///
    /// # Panics
    /// If nobody has subscribed yet.
    #[track_caller]
    pub fn message(&self, data: impl Into<Bytes>) {
        self.send(events::message(data));
    }

    /// Shuts the executor down: it is told now, or when it subscribes.
    pub fn shut_down(&self) {
        self.inner.model().shut_down();
    }

    /// Acknowledges an update, as a [scripted](Builder::scripted) agent does
    /// not by itself.
    ///
    /// # Panics
    /// If nobody has subscribed yet.
    #[track_caller]
    pub fn acknowledge(&self, status: &TaskStatus) {
        self.send(events::acknowledged(status));
    }

    /// From now on requests are answered by an agent of this phase.
    /// Subscriptions go on.
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
