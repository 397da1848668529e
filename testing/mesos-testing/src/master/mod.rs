//! A master without a Mesos: the v1 scheduler API over real sockets.

mod agent;
mod behavior;
mod builder;
mod clock;
mod cluster;
mod relay;
mod request;
pub(crate) mod validate;

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::ops::Deref;
use std::panic::Location;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mesos_core::backend::SchedulerApi;
use mesos_proto::v1::{
    self, AgentId, FrameworkId, MasterInfo, OfferId, TaskId, TaskInfo, TaskState, TaskStatus,
    Unavailability,
};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use self::builder::Settings;
use self::clock::Clock;
use self::cluster::{Cluster, Launched};
use crate::log::Log;
use crate::wire::{self, Control, Listener};

pub use self::agent::Agent;
pub use self::behavior::Behavior;
pub use self::builder::Builder;
pub use self::request::MasterRole;

/// A request as a [`FakeMaster`] received it.
pub type Received = wire::Received<SchedulerApi>;
/// A subscription as a [`FakeMaster`] has it.
pub type Stream = wire::Stream<SchedulerApi>;
/// Which requests are meant.
pub type When = wire::When<SchedulerApi>;

/// A Mesos master to test schedulers with, in this process, on a loopback
/// address.
///
/// It speaks the v1 scheduler API as the master of Mesos 1.11 does: the same
/// checks in the same order with the same answers (`Http::scheduler` in
/// src/master/http.cpp), JSON and protobuf, RecordIO, stream ids, heartbeats,
/// basic authentication. Three things can stand behind it:
///
/// * a **cluster** in memory ([`start`](Self::start), [`builder`](Self::builder)):
///   agents make offers, tasks live as their [`Behavior`] says, updates come
///   until they are acknowledged;
/// * **nothing** ([`scripted`](Self::scripted)): calls are checked and answered,
///   and events are what the test [sends](Control::send);
/// * **another master** ([`Builder::in_front_of`]), a real one for example.
///
/// Whichever it is, every request is written down, a test can wait for any of them
/// ([`expect`](Control::expect)), and the master can be told to misbehave
/// ([`react`](Control::react), [`Stream`]).
///
/// ```
/// use mesos_testing::FakeMaster;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let master = FakeMaster::start().await?;
/// assert!(master.url().starts_with("http://127.0.0.1:"));
/// # Ok(())
/// # }
/// ```
///
/// # What it is not
/// It looks at a protobuf message as prost decodes it, so a required field that
/// is missing is taken for an empty one, where a real master answers 400 (in
/// JSON it does here too). Request bodies are not decompressed. Not modelled:
/// authorization, quota, resource providers and their operations, shared and
/// resized volumes, regular expressions in offer constraints, libmesos' own
/// protocol.
///
/// Dropping it closes its sockets. It needs a tokio runtime with I/O and time;
/// time that tokio was told to pause does not go well with real sockets.
pub struct FakeMaster {
    inner: Arc<Inner>,
    tasks: Vec<JoinHandle<()>>,
}

/// What the sockets, the clock and the test's handle share.
pub(crate) struct Inner {
    pub(crate) settings: Arc<Settings>,
    pub(crate) address: SocketAddr,
    pub(crate) clock: Clock,
    pub(crate) control: Control<SchedulerApi>,
    role: Mutex<MasterRole>,
    cluster: Mutex<Cluster>,
    launched: Arc<Log<Launched>>,
}

impl Inner {
    pub(crate) fn cluster(&self) -> MutexGuard<'_, Cluster> {
        // A hook of the test may have panicked; the test fails by that anyway.
        self.cluster.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn role(&self) -> MasterRole {
        let role = self.role.lock();
        role.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl FakeMaster {
    /// Settings to start one with.
    pub fn builder() -> Builder {
        Builder::new()
    }

    /// A leading master on a free port, with a cluster that has no agents yet.
    ///
    /// # Errors
    /// If no port can be bound.
    pub async fn start() -> io::Result<Self> {
        Self::builder().start().await
    }

    /// A leading master on a free port, with nothing behind it.
    ///
    /// # Errors
    /// If no port can be bound.
    pub async fn scripted() -> io::Result<Self> {
        Self::builder().scripted().start().await
    }

    async fn with(settings: Settings) -> io::Result<Self> {
        let listener = TcpListener::bind(settings.address).await?;
        let address = listener.local_addr()?;
        let settings = Arc::new(settings);
        let (clock, due) = Clock::new();
        let info = master_info(new_id(), address);
        let launched = Arc::new(Log::new(settings.timeout));
        let cluster = Cluster::new(
            Arc::clone(&settings),
            clock.clone(),
            info,
            Arc::clone(&launched),
        );
        let inner = Arc::new(Inner {
            address,
            control: Control::new(settings.timeout),
            role: Mutex::new(MasterRole::Leading),
            cluster: Mutex::new(cluster),
            launched,
            clock,
            settings,
        });
        let tasks = vec![
            tokio::spawn(due.run(Arc::downgrade(&inner))),
            tokio::spawn(wire::serve(Arc::clone(&inner), Listener::Tcp(listener))),
        ];
        Ok(Self { inner, tasks })
    }

    /// Closes the listener and all connections, as the death of the process
    /// would. When this returns the port is free for another.
    pub async fn stop(mut self) {
        for task in std::mem::take(&mut self.tasks) {
            task.abort();
            let _ = task.await;
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.inner.address
    }

    /// `http://127.0.0.1:PORT`, with the prefix if it has one.
    pub fn url(&self) -> String {
        format!("http://{}{}", self.address(), self.inner.settings.prefix)
    }

    /// What is announced of it.
    pub fn info(&self) -> MasterInfo {
        self.inner.cluster().info.clone()
    }

    /// From now on requests are answered by a master of this role.
    /// Subscriptions go on; [`Stream::cut`] or [`fail_over`](Self::fail_over)
    /// ends them.
    pub fn set_role(&self, role: MasterRole) {
        let current = self.inner.role.lock();
        *current.unwrap_or_else(PoisonError::into_inner) = role;
    }

    /// From now on this master redirects to `leader`, whatever that is.
    pub fn follow(&self, leader: &Self) {
        self.set_role(MasterRole::Following(leader.address().to_string()));
    }

    /// This master is replaced by one that knows nothing but the agents in its
    /// registry: all streams are cut, removed frameworks can subscribe again,
    /// and a framework is known only by the tasks that its agents will report
    /// ([`return_agent`](Self::return_agent)).
    pub fn fail_over(&self) {
        self.inner.cluster().fail_over(new_id());
    }

    // The cluster.

    /// An agent joins.
    pub fn add_agent(&self, agent: Agent) {
        self.inner.cluster().add_agent(agent);
    }

    /// An agent's connection breaks: its offers are rescinded, kills and
    /// acknowledgements do not reach it.
    pub fn disconnect_agent(&self, agent_id: impl Into<AgentId>) {
        let mut cluster = self.inner.cluster();
        cluster.set_agent_connected(&agent_id.into(), false);
    }

    /// An agent is back after [`disconnect_agent`](Self::disconnect_agent).
    pub fn reconnect_agent(&self, agent_id: impl Into<AgentId>) {
        let mut cluster = self.inner.cluster();
        cluster.set_agent_connected(&agent_id.into(), true);
    }

    /// An agent becomes unreachable: TASK_UNREACHABLE or TASK_LOST for its
    /// tasks, RESCIND for its offers, and FAILURE.
    pub fn make_agent_unreachable(&self, agent_id: impl Into<AgentId>) {
        self.inner
            .cluster()
            .make_agent_unreachable(&agent_id.into());
    }

    /// An agent comes back, after it was unreachable or after
    /// [`fail_over`](Self::fail_over), with its tasks.
    pub fn return_agent(&self, agent_id: impl Into<AgentId>) {
        self.inner.cluster().return_agent(&agent_id.into());
    }

    /// The operator marks an agent gone for ever.
    pub fn mark_agent_gone(&self, agent_id: impl Into<AgentId>) {
        self.inner.cluster().mark_agent_gone(&agent_id.into());
    }

    /// Rescinds an offer; whether there was one.
    pub fn rescind(&self, offer_id: impl Into<OfferId>) -> bool {
        self.inner.cluster().rescind(&offer_id.into())
    }

    /// Sends inverse offers to all who have tasks or offers on an agent, which
    /// is to be taken away for `unavailability`.
    pub fn schedule_maintenance(
        &self,
        agent_id: impl Into<AgentId>,
        unavailability: Unavailability,
    ) {
        let mut cluster = self.inner.cluster();
        cluster.schedule_maintenance(&agent_id.into(), unavailability);
    }

    /// Takes inverse offers back.
    pub fn cancel_maintenance(&self, agent_id: impl Into<AgentId>) {
        let mut cluster = self.inner.cluster();
        cluster.rescind_inverse_offers(&agent_id.into());
    }

    /// The operator removes a framework: its stream ends without an ERROR.
    pub fn teardown(&self, framework_id: impl Into<FrameworkId>) {
        self.inner.cluster().remove_framework(&framework_id.into());
    }

    /// A task's executor reports a state now, whatever its behavior is.
    /// Nothing happens if the task is over or unknown.
    pub fn report(
        &self,
        framework_id: impl Into<FrameworkId>,
        task_id: impl Into<TaskId>,
        status: TaskStatus,
    ) {
        let mut cluster = self.inner.cluster();
        cluster.report(&framework_id.into(), &task_id.into(), status);
    }

    /// The ids of frameworks that are not removed, in the order in which they
    /// came.
    pub fn frameworks(&self) -> Vec<FrameworkId> {
        self.inner.cluster().framework_ids()
    }

    /// The tasks that the cluster has launched so far, in the order of the launches. Tasks
    /// that the master refused are not among them.
    pub fn launched(&self) -> Vec<TaskInfo> {
        let launched = self.inner.launched.all().into_iter();
        launched.map(|Launched(task)| task).collect()
    }

    /// Waits for the next task that the cluster launches. Each call returns another task.
    ///
    /// A master without a cluster ([`scripted`](Self::scripted),
    /// [`in_front_of`](Builder::in_front_of)) launches nothing; wait for the ACCEPT call there.
    ///
    /// # Panics
    /// If no task is launched within the timeout.
    #[track_caller]
    pub fn expect_launched(&self) -> impl Future<Output = TaskInfo> + Send + '_ {
        let at = Location::caller();
        async move {
            let next = self.inner.launched.expect_any("a launched task", at);
            next.await.0
        }
    }

    /// A framework's tasks that are not over.
    pub fn tasks(&self, framework_id: impl Into<FrameworkId>) -> Vec<(TaskId, TaskState)> {
        self.inner.cluster().live_tasks(&framework_id.into())
    }

    /// The updates of tasks that were acknowledged, in this order: each once,
    /// however often it was sent and acknowledged.
    pub fn acknowledged(&self) -> Vec<TaskStatus> {
        self.inner.cluster().acknowledged()
    }

    /// The offers that a framework has and that are neither used nor gone.
    pub fn offers(&self, framework_id: impl Into<FrameworkId>) -> Vec<OfferId> {
        self.inner.cluster().offers_of(&framework_id.into())
    }
}

impl Deref for FakeMaster {
    type Target = Control<SchedulerApi>;

    fn deref(&self) -> &Self::Target {
        &self.inner.control
    }
}

impl Drop for FakeMaster {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

impl fmt::Debug for FakeMaster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeMaster")
            .field("address", &self.address())
            .field("role", &self.inner.role())
            .field("control", &self.inner.control)
            .finish_non_exhaustive()
    }
}

fn new_id() -> String {
    uuid::Uuid::new_v4().to_string()
}

fn master_info(id: String, address: SocketAddr) -> MasterInfo {
    let ip = match address.ip() {
        // In network order: the first number in the lowest byte.
        IpAddr::V4(ip) => u32::from_le_bytes(ip.octets()),
        IpAddr::V6(_) => 0,
    };
    MasterInfo {
        pid: Some(format!("master@{address}")),
        ip,
        port: u32::from(address.port()),
        hostname: Some(address.ip().to_string()),
        version: Some("1.11.0".to_owned()),
        address: Some(v1::Address {
            hostname: Some(address.ip().to_string()),
            ip: Some(address.ip().to_string()),
            port: i32::from(address.port()),
        }),
        id,
        ..Default::default()
    }
}
