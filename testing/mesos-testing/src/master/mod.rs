//! A master without a Mesos: the v1 scheduler API over real sockets, or in this process.

mod agent;
mod backend;
mod behavior;
mod builder;
mod chaos;
mod clock;
mod cluster;
mod info;
mod nature;
mod relay;
mod request;
mod trace;
pub(crate) mod validate;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::ops::Deref;
use std::panic::Location;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use mesos_core::backend::SchedulerApi;
use mesos_proto::v1::{
    AgentId, FrameworkId, MasterInfo, OfferId, TaskId, TaskInfo, TaskState, TaskStatus,
    Unavailability,
};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use self::builder::Settings;
use self::chaos::Disturber;
use self::clock::Clock;
use self::cluster::{Cluster, Launched};
use self::info::master_info;
use self::nature::Nature;
use self::trace::Tracer;
use crate::lock::lock;
use crate::log::{DEFAULT_TIMEOUT, Log};
use crate::wire::{self, Control, Listener};

pub use self::agent::Agent;
pub use self::backend::InProcessBackend;
pub use self::behavior::Behavior;
pub use self::builder::Builder;
pub use self::chaos::Chaos;
pub use self::request::MasterRole;
pub use self::trace::Trace;

/// A request as a [`FakeMaster`] received it.
pub type Received = wire::Received<SchedulerApi>;
/// A subscription as a [`FakeMaster`] has it.
pub type Stream = wire::Stream<SchedulerApi>;
/// A condition on requests.
pub type When = wire::When<SchedulerApi>;

/// A Mesos master to test schedulers with. It runs in this process and listens on a loopback
/// address, or is [simulated](Builder::simulate) without sockets in virtual time.
///
/// The master implements the v1 scheduler API like the master of Mesos 1.11: the same checks in the
/// same order with the same responses (`Http::scheduler` in src/master/http.cpp), JSON and
/// protobuf, RecordIO, stream ids, heartbeats and basic authentication. There are three kinds:
///
/// * With a **cluster** in memory ([`start`](Self::start), [`builder`](Self::builder)): agents make
///   offers, tasks behave as their [`Behavior`] describes, and updates are repeated until they are
///   acknowledged.
/// * **Scripted** ([`scripted`](Self::scripted)): calls are checked and answered, and the test
///   [sends](Control::send) the events.
/// * **Proxy** ([`Builder::in_front_of`]): calls go to another master, for example a real one.
///
/// Every kind records all requests. A test can wait for requests ([`expect`](Control::expect)) and
/// make the master misbehave ([`react`](Control::react), [`Stream`]).
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
/// # Checks
/// The master refuses what Mesos 1.11 refuses, with the same state, reason and message: calls,
/// frameworks, offers, tasks, executors, task groups, resources and operations. The tests of this
/// crate play each check on a real Mesos, too. A message that contains printed resources or an
/// `ExecutorInfo` differs in that part.
///
/// Two checks are stricter, because they protect a real master from its end: a resource of type
/// TEXT, and a task id that is twice in a task group.
///
/// # Limits
/// * With protobuf, the master sees a message as prost decodes it: a missing required field counts
///   as an empty field, where a real master answers 400. (With JSON it does answer 400.)
/// * Request bodies are not decompressed.
/// * Agents have all capabilities of Mesos 1.11, except where
///   [`without_operation_feedback`](Agent::without_operation_feedback) removes two.
/// * Agents have no resource providers. CREATE_DISK and DESTROY_DISK are checked, and end in
///   OPERATION_ERROR because no offer has such a disk.
/// * A shared volume is offered to one framework at a time.
/// * Not supported: authorization, quota, hooks, regular expressions in offer constraints, and the
///   protocol of libmesos.
///
/// Dropping the master closes its sockets. The master needs a tokio runtime with I/O and time. Real
/// sockets do not work in tokio's paused time; [`simulate`](Builder::simulate) starts a master
/// without them.
pub struct FakeMaster {
    inner: Arc<Inner>,
    tasks: Vec<JoinHandle<()>>,
    /// Dropped with the master, which ends the subscriptions in this process.
    alive: watch::Sender<()>,
}

/// How long the `expect` methods wait in a simulation, by default.
const DAY: Duration = Duration::from_secs(24 * 3600);

/// The state that the sockets, the clock and the test's handle share.
pub(crate) struct Inner {
    pub(crate) settings: Arc<Settings>,
    pub(crate) address: SocketAddr,
    pub(crate) clock: Clock,
    pub(crate) control: Control<SchedulerApi>,
    pub(crate) nature: Arc<Nature>,
    pub(crate) chaos: Arc<Disturber>,
    pub(crate) trace: Tracer,
    /// The number of connections of backends in this process.
    pub(crate) connections: AtomicU64,
    role: Mutex<MasterRole>,
    cluster: Mutex<Cluster>,
    launched: Arc<Log<Launched>>,
}

impl Inner {
    pub(crate) fn cluster(&self) -> MutexGuard<'_, Cluster> {
        // A closure of the test may have panicked; the test fails by that panic.
        lock(&self.cluster)
    }

    fn set_role(&self, role: MasterRole) {
        *lock(&self.role) = role;
    }

    fn fail_over(&self) {
        let id = self.nature.uuid().to_string();
        self.cluster().fail_over(id);
    }

    /// The streams that neither side has ended.
    fn open_streams(&self) -> Vec<Stream> {
        let mut streams = self.control.streams();
        streams.retain(Stream::is_open);
        streams
    }

    pub(crate) fn role(&self) -> MasterRole {
        lock(&self.role).clone()
    }
}

impl FakeMaster {
    /// Creates a builder with default settings.
    pub fn builder() -> Builder {
        Builder::new()
    }

    /// Starts a leading master on a free port, with a cluster that has no agents yet.
    ///
    /// # Errors
    /// If no port can be bound.
    pub async fn start() -> io::Result<Self> {
        Self::builder().start().await
    }

    /// Starts a scripted leading master on a free port.
    ///
    /// # Errors
    /// If no port can be bound.
    pub async fn scripted() -> io::Result<Self> {
        Self::builder().scripted().start().await
    }

    async fn with(settings: Settings) -> io::Result<Self> {
        let listener = TcpListener::bind(settings.address).await?;
        let address = listener.local_addr()?;
        let mut master = Self::assemble(settings, address, None);
        let serving = wire::serve(Arc::clone(&master.inner), Listener::Tcp(listener));
        master.tasks.push(tokio::spawn(serving));
        Ok(master)
    }

    fn simulated(mut settings: Settings, seed: u64) -> Self {
        assert!(
            settings.upstream.is_none(),
            "a proxy in front of another master cannot be simulated"
        );
        fastrand::seed(seed);
        if settings.timeout == DEFAULT_TIMEOUT {
            settings.timeout = DAY;
        }
        let mut address = settings.address;
        if address.port() == 0 {
            address.set_port(5050);
        }
        let mut master = Self::assemble(settings, address, Some(seed));
        let chaos = Arc::clone(&master.inner.chaos);
        let disturbing = chaos.run(Arc::downgrade(&master.inner));
        master.tasks.push(tokio::spawn(disturbing));
        master
    }

    /// A master without a listener. `seed` is that of a simulation.
    fn assemble(settings: Settings, address: SocketAddr, seed: Option<u64>) -> Self {
        let settings = Arc::new(settings);
        let (clock, due) = Clock::new();
        let nature = Arc::new(seed.map_or(Nature::Real, Nature::simulated));
        let chaos = match seed {
            Some(seed) => Disturber::new(settings.chaos.clone(), !seed),
            None => Disturber::new(Chaos::none(), 0),
        };
        let chaos = Arc::new(chaos);
        let info = master_info(nature.uuid().to_string(), address);
        let launched = Arc::new(Log::new(settings.timeout));
        let cluster = Cluster::new(
            Arc::clone(&settings),
            clock.clone(),
            info,
            Arc::clone(&nature),
            Arc::clone(&chaos),
            Arc::clone(&launched),
        );
        let inner = Arc::new(Inner {
            address,
            control: Control::new(settings.timeout),
            role: Mutex::new(MasterRole::Leading),
            cluster: Mutex::new(cluster),
            launched,
            clock,
            nature,
            chaos,
            trace: Tracer::new(seed.is_some()),
            connections: AtomicU64::new(0),
            settings,
        });
        let tasks = vec![tokio::spawn(due.run(Arc::downgrade(&inner)))];
        let alive = watch::Sender::new(());
        Self {
            inner,
            tasks,
            alive,
        }
    }

    /// A backend for schedulers in this process, without sockets. It also works in tokio's paused
    /// time, so a [simulation](Builder::simulate) uses it. Every request takes the same way as over
    /// a socket: it is validated, recorded, and subject to reactions.
    ///
    /// ```
    /// use mesos::{Framework, Scheduler, SchedulerDriver};
    /// use mesos_testing::{Agent, FakeMaster};
    ///
    /// struct Idle;
    /// impl Scheduler for Idle {}
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), mesos::Error> {
    /// let master = FakeMaster::builder().agent(Agent::new("a1")).simulate(7);
    /// let framework = Framework::ephemeral("idle");
    /// let driver = SchedulerDriver::start(Idle, framework, master.backend());
    /// driver.when_subscribed().await?;
    /// tokio::time::sleep(std::time::Duration::from_secs(24 * 3600)).await; // Takes no time.
    /// assert!(driver.is_subscribed());
    /// # Ok(())
    /// # }
    /// ```
    pub fn backend(&self) -> InProcessBackend {
        InProcessBackend::new(&self.inner, self.alive.subscribe())
    }

    /// What happened so far in a [simulation](Builder::simulate). Empty for other masters.
    pub fn trace(&self) -> Trace {
        self.inner.trace.trace()
    }

    /// Closes the listener and all connections, like the end of the process. The port is free when
    /// this returns.
    pub async fn stop(mut self) {
        self.alive.send_replace(());
        for task in std::mem::take(&mut self.tasks) {
            task.abort();
            let _ = task.await;
        }
    }

    /// The address that the master listens on.
    pub fn address(&self) -> SocketAddr {
        self.inner.address
    }

    /// `http://127.0.0.1:PORT`, followed by the prefix if there is one.
    pub fn url(&self) -> String {
        format!("http://{}{}", self.address(), self.inner.settings.prefix)
    }

    /// The `MasterInfo` that the master announces.
    pub fn info(&self) -> MasterInfo {
        self.inner.cluster().info.clone()
    }

    /// Sets the role of the master for all further requests. Subscriptions stay open;
    /// [`Stream::cut`] or [`fail_over`](Self::fail_over) ends them.
    pub fn set_role(&self, role: MasterRole) {
        self.inner.set_role(role);
    }

    /// Redirects all further requests to `leader`, whatever the role of `leader` is.
    pub fn follow(&self, leader: &Self) {
        self.set_role(MasterRole::Following(leader.address().to_string()));
    }

    /// Replaces this master by a new leader that knows only the agents in its registry: all streams
    /// are cut, removed frameworks can subscribe again, and a framework is known only through the
    /// tasks that its agents report ([`return_agent`](Self::return_agent)).
    pub fn fail_over(&self) {
        self.inner.fail_over();
    }

    // The cluster.

    /// Adds an agent.
    pub fn add_agent(&self, agent: Agent) {
        self.inner.cluster().add_agent(agent);
    }

    /// Breaks an agent's connection: its offers are rescinded; kills and acknowledgements do not
    /// reach it.
    pub fn disconnect_agent(&self, agent_id: impl Into<AgentId>) {
        let mut cluster = self.inner.cluster();
        cluster.set_agent_connected(&agent_id.into(), false);
    }

    /// Reconnects an agent after [`disconnect_agent`](Self::disconnect_agent).
    pub fn reconnect_agent(&self, agent_id: impl Into<AgentId>) {
        let mut cluster = self.inner.cluster();
        cluster.set_agent_connected(&agent_id.into(), true);
    }

    /// Makes an agent unreachable: TASK_UNREACHABLE or TASK_LOST for its tasks, RESCIND for its
    /// offers, and FAILURE.
    pub fn make_agent_unreachable(&self, agent_id: impl Into<AgentId>) {
        self.inner
            .cluster()
            .make_agent_unreachable(&agent_id.into());
    }

    /// Returns an agent with its tasks, after it was unreachable or after
    /// [`fail_over`](Self::fail_over).
    pub fn return_agent(&self, agent_id: impl Into<AgentId>) {
        self.inner.cluster().return_agent(&agent_id.into());
    }

    /// Marks an agent gone, as an operator does for an agent that never returns.
    pub fn mark_agent_gone(&self, agent_id: impl Into<AgentId>) {
        self.inner.cluster().mark_agent_gone(&agent_id.into());
    }

    /// Rescinds an offer. Returns whether the offer existed.
    pub fn rescind(&self, offer_id: impl Into<OfferId>) -> bool {
        self.inner.cluster().rescind(&offer_id.into())
    }

    /// Schedules maintenance of an agent: sends inverse offers to all frameworks with tasks or
    /// offers on it.
    pub fn schedule_maintenance(
        &self,
        agent_id: impl Into<AgentId>,
        unavailability: Unavailability,
    ) {
        let mut cluster = self.inner.cluster();
        cluster.schedule_maintenance(&agent_id.into(), unavailability);
    }

    /// Rescinds the inverse offers of an agent.
    pub fn cancel_maintenance(&self, agent_id: impl Into<AgentId>) {
        let mut cluster = self.inner.cluster();
        cluster.rescind_inverse_offers(&agent_id.into());
    }

    /// Removes a framework, as an operator does. Its stream ends without ERROR.
    pub fn teardown(&self, framework_id: impl Into<FrameworkId>) {
        self.inner.cluster().remove_framework(&framework_id.into());
    }

    /// Reports a state of a task now, in place of its behavior. Has no effect if the task has ended
    /// or is unknown.
    pub fn report(
        &self,
        framework_id: impl Into<FrameworkId>,
        task_id: impl Into<TaskId>,
        status: TaskStatus,
    ) {
        let mut cluster = self.inner.cluster();
        cluster.report(&framework_id.into(), &task_id.into(), status);
    }

    /// The ids of the frameworks that are not removed, in the order of their first subscription.
    pub fn frameworks(&self) -> Vec<FrameworkId> {
        self.inner.cluster().framework_ids()
    }

    /// The tasks that the cluster has launched so far, in order. Tasks that the master refused are
    /// not included.
    pub fn launched(&self) -> Vec<TaskInfo> {
        let launched = self.inner.launched.all().into_iter();
        launched.map(|Launched(task)| task).collect()
    }

    /// Waits for the next launched task. Each call returns another task.
    ///
    /// A scripted master or a proxy ([`scripted`](Self::scripted),
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

    /// The tasks of a framework that have not ended, with their states.
    pub fn tasks(&self, framework_id: impl Into<FrameworkId>) -> Vec<(TaskId, TaskState)> {
        self.inner.cluster().live_tasks(&framework_id.into())
    }

    /// The task updates that were acknowledged, in order. Each update is listed once, even if it
    /// was sent and acknowledged again.
    pub fn acknowledged(&self) -> Vec<TaskStatus> {
        self.inner.cluster().acknowledged()
    }

    /// The number of updates in [`acknowledged`](Self::acknowledged), without copies of them.
    pub fn acknowledged_count(&self) -> usize {
        self.inner.cluster().acknowledged_count()
    }

    /// The outstanding offers of a framework.
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
