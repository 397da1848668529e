//! Settings of a fake master.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use mesos_proto::v1::TaskInfo;
use mesos_proto::v1::scheduler::call;

use super::{Agent, Behavior, Chaos, FakeMaster};
use crate::log::DEFAULT_TIMEOUT;

type Tasks = Arc<dyn Fn(&TaskInfo) -> Behavior + Send + Sync>;
type Echo = Arc<dyn Fn(&call::Message) -> Option<Bytes> + Send + Sync>;

#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) address: SocketAddr,
    /// Whether the master has a cluster that executes calls.
    pub(crate) cluster: bool,
    /// The master that executes the calls, if this one is a proxy.
    pub(crate) upstream: Option<SocketAddr>,
    pub(crate) prefix: String,
    pub(crate) timeout: Duration,
    pub(crate) heartbeat: Duration,
    pub(crate) allocation_interval: Duration,
    pub(crate) retry_min: Duration,
    pub(crate) retry_max: Duration,
    /// Secrets by principal.
    pub(crate) credentials: Option<BTreeMap<String, String>>,
    pub(crate) roles: Option<Vec<String>>,
    pub(crate) root_submissions: bool,
    pub(crate) max_completed: usize,
    pub(crate) agents: Vec<Agent>,
    pub(crate) tasks: Tasks,
    pub(crate) echo: Option<Echo>,
    pub(crate) chaos: Chaos,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("address", &self.address)
            .field("cluster", &self.cluster)
            .finish_non_exhaustive()
    }
}

/// Settings of a [`FakeMaster`]; [`start`](Self::start) or [`simulate`](Self::simulate) starts it.
#[derive(Clone, Debug)]
#[must_use = "the master does nothing before start or simulate"]
pub struct Builder(Settings);

impl Builder {
    pub(crate) fn new() -> Self {
        Self(Settings {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            cluster: true,
            upstream: None,
            prefix: String::new(),
            timeout: DEFAULT_TIMEOUT,
            // DEFAULT_HEARTBEAT_INTERVAL in src/master/constants.hpp.
            heartbeat: Duration::from_secs(15),
            allocation_interval: Duration::from_millis(10),
            // STATUS_UPDATE_RETRY_INTERVAL_MIN and _MAX in src/slave/constants.hpp.
            retry_min: Duration::from_secs(10),
            retry_max: Duration::from_secs(600),
            credentials: None,
            roles: None,
            root_submissions: true,
            // DEFAULT_MAX_COMPLETED_FRAMEWORKS in src/master/constants.hpp.
            max_completed: 50,
            agents: Vec::new(),
            tasks: Arc::new(|_| Behavior::runs()),
            echo: None,
            chaos: Chaos::none(),
        })
    }

    /// Sets the address to listen on. Default: 127.0.0.1 and a free port. To start a master in
    /// place of another one, stop the other one and pass its address.
    pub fn address(mut self, address: SocketAddr) -> Self {
        self.0.address = address;
        self
    }

    /// Starts a scripted master without a cluster: calls are checked, recorded and answered, but
    /// have no effect. The test sends the events.
    pub fn scripted(mut self) -> Self {
        self.0.cluster = false;
        self
    }

    /// Makes this master a proxy in front of another master, for example a real one. The proxy
    /// records requests and forwards them, and returns the responses and events of the other
    /// master. Reactions and faults then act like faults of the network. Settings and methods of
    /// the cluster ([`agent`](Self::agent), [`FakeMaster::teardown`] and others) have no effect.
    pub fn in_front_of(mut self, master: SocketAddr) -> Self {
        self.0.cluster = false;
        self.0.upstream = Some(master);
        self
    }

    /// Adds an agent. Call it again for more agents.
    pub fn agent(mut self, agent: Agent) -> Self {
        self.0.agents.push(agent);
        self
    }

    /// Sets how tasks behave, by their description. Default: every task [`runs`](Behavior::runs).
    pub fn tasks(
        mut self,
        behavior: impl Fn(&TaskInfo) -> Behavior + Send + Sync + 'static,
    ) -> Self {
        self.0.tasks = Arc::new(behavior);
        self
    }

    /// Sets the answer of executors to a MESSAGE. Default: no answer.
    pub fn on_message(
        mut self,
        echo: impl Fn(&call::Message) -> Option<Bytes> + Send + Sync + 'static,
    ) -> Self {
        self.0.echo = Some(Arc::new(echo));
        self
    }

    /// Serves all paths also below this prefix, as a proxy in front of a master does: `/mesos`.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.0.prefix = prefix.into().trim_end_matches('/').to_owned();
        self
    }

    /// Accepts only requests with HTTP basic authentication by one of these credentials, as a
    /// master with `--authenticate_http_frameworks` does. Call it again for more credentials.
    pub fn credential(mut self, principal: impl Into<String>, secret: impl Into<String>) -> Self {
        let credentials = self.0.credentials.get_or_insert_default();
        credentials.insert(principal.into(), secret.into());
        self
    }

    /// Accepts only these roles, as a master with `--roles` does.
    pub fn roles(mut self, roles: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.0.roles = Some(roles.into_iter().map(Into::into).collect());
        self
    }

    /// Refuses frameworks of the user root, as a master with `--root_submissions=false` does.
    pub fn without_root_submissions(mut self) -> Self {
        self.0.root_submissions = false;
        self
    }

    /// Sets how many removed frameworks the master remembers, as `--max_completed_frameworks` does.
    /// Default: 50.
    pub fn max_completed_frameworks(mut self, count: usize) -> Self {
        self.0.max_completed = count;
        self
    }

    /// Sets the interval of heartbeats, which the master also announces. Default: 15 s, as on every
    /// master.
    ///
    /// # Panics
    /// If the interval is zero.
    pub fn heartbeat(mut self, interval: Duration) -> Self {
        assert!(!interval.is_zero(), "the heartbeat interval must not be 0");
        self.0.heartbeat = interval;
        self
    }

    /// Sets the delay between a change of free resources and the offers. Default: 10 ms; up to 1 s
    /// on a real master.
    pub fn allocation_interval(mut self, interval: Duration) -> Self {
        self.0.allocation_interval = interval;
        self
    }

    /// Sets how soon unacknowledged status updates are sent again: after `first`, then after twice
    /// that time, and so on up to `max`. Default: 10 s and 10 minutes, as on real agents.
    ///
    /// Set it to a few milliseconds in tests of a scheduler that fails, or fails over, before it
    /// acknowledges an update: otherwise each such test waits 10 s for the update to be repeated.
    pub fn update_retry(mut self, first: Duration, max: Duration) -> Self {
        self.0.retry_min = first;
        self.0.retry_max = max.max(first);
        self
    }

    /// Sets how long the `expect` methods wait before they panic. Default: 10 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.0.timeout = timeout;
        self
    }

    /// Starts the master. The master is listening when this returns.
    ///
    /// # Errors
    /// If the address cannot be bound.
    pub async fn start(self) -> io::Result<FakeMaster> {
        FakeMaster::with(self.0).await
    }

    /// Sets the faults of a [simulation](Self::simulate). Default: no faults.
    pub fn chaos(mut self, chaos: Chaos) -> Self {
        self.0.chaos = chaos;
        self
    }

    /// Starts the master for a simulation: without sockets, and with everything that is random
    /// following from `seed`. Schedulers subscribe with the [`backend`](FakeMaster::backend).
    ///
    /// Call it in a test with `#[tokio::test(start_paused = true)]`. Virtual time then passes at
    /// once whenever nobody has anything to do, so a simulated month of heartbeats, filters, retries
    /// and failover timeouts takes seconds. The `expect` methods wait for a day by default.
    ///
    /// The same seed repeats a run exactly; see [`trace`](FakeMaster::trace). For that this method
    /// also seeds the generator of the crate `fastrand` for this thread, from which a driver takes
    /// its delays. A scheduler must not use what differs between two runs: `TaskId::random` and
    /// other random ids (count, or use `fastrand`), the time of day, other threads, and the order of
    /// a `HashMap`.
    ///
    /// # Panics
    /// Outside a tokio runtime, or if the master is a [proxy](Self::in_front_of).
    pub fn simulate(self, seed: u64) -> FakeMaster {
        FakeMaster::simulated(self.0, seed)
    }
}
