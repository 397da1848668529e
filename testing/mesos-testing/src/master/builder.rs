//! What a fake master is told before it starts.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use mesos_proto::v1::TaskInfo;
use mesos_proto::v1::scheduler::call;

use super::{Agent, Behavior, FakeMaster};
use crate::log::DEFAULT_TIMEOUT;

type Tasks = Arc<dyn Fn(&TaskInfo) -> Behavior + Send + Sync>;
type Echo = Arc<dyn Fn(&call::Message) -> Option<Bytes> + Send + Sync>;

#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) address: SocketAddr,
    /// Whether there is a cluster behind the master, which reacts to calls.
    pub(crate) cluster: bool,
    /// The master that obeys in place of this one.
    pub(crate) upstream: Option<SocketAddr>,
    pub(crate) prefix: String,
    pub(crate) timeout: Duration,
    pub(crate) heartbeat: Duration,
    pub(crate) allocation_interval: Duration,
    pub(crate) retry_min: Duration,
    pub(crate) retry_max: Duration,
    /// Passwords by principal.
    pub(crate) credentials: Option<BTreeMap<String, String>>,
    pub(crate) roles: Option<Vec<String>>,
    pub(crate) root_submissions: bool,
    pub(crate) max_completed: usize,
    pub(crate) agents: Vec<Agent>,
    pub(crate) tasks: Tasks,
    pub(crate) echo: Option<Echo>,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("address", &self.address)
            .field("cluster", &self.cluster)
            .finish_non_exhaustive()
    }
}

/// Settings of a [`FakeMaster`]; [`start`](Self::start) starts it.
#[derive(Clone, Debug)]
#[must_use = "nothing listens before start"]
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
        })
    }

    /// Listens here. At first 127.0.0.1 and a free port; give the port of a
    /// master that was stopped to start one in its place.
    pub fn address(mut self, address: SocketAddr) -> Self {
        self.0.address = address;
        self
    }

    /// There is no cluster: calls are checked, written down and answered, and
    /// nothing comes of them. Events are what the test sends.
    pub fn scripted(mut self) -> Self {
        self.0.cluster = false;
        self
    }

    /// This one only stands in front of another master, be it a real one:
    /// requests are written down and passed on, answers and events come back,
    /// and what this one is told to do with either is what a network might do.
    /// What concerns a cluster ([`agent`](Self::agent), [`FakeMaster::teardown`]
    /// and the like) has no effect then.
    pub fn in_front_of(mut self, master: SocketAddr) -> Self {
        self.0.cluster = false;
        self.0.upstream = Some(master);
        self
    }

    /// With an agent from the start; call it again for more.
    pub fn agent(mut self, agent: Agent) -> Self {
        self.0.agents.push(agent);
        self
    }

    /// What becomes of tasks, by their description. At first every task
    /// [`runs`](Behavior::runs).
    pub fn tasks(
        mut self,
        behavior: impl Fn(&TaskInfo) -> Behavior + Send + Sync + 'static,
    ) -> Self {
        self.0.tasks = Arc::new(behavior);
        self
    }

    /// What executors send back when they get a MESSAGE; at first nothing.
    pub fn on_message(
        mut self,
        echo: impl Fn(&call::Message) -> Option<Bytes> + Send + Sync + 'static,
    ) -> Self {
        self.0.echo = Some(Arc::new(echo));
        self
    }

    /// Serves everything below this path as well, as a proxy in front of a
    /// master does: `/mesos`.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.0.prefix = prefix.into().trim_end_matches('/').to_owned();
        self
    }

    /// Takes only requests with HTTP basic authentication by one of these, as
    /// a master with `--authenticate_http_frameworks`. Call it again for more.
    pub fn credential(mut self, principal: impl Into<String>, secret: impl Into<String>) -> Self {
        let credentials = self.0.credentials.get_or_insert_default();
        credentials.insert(principal.into(), secret.into());
        self
    }

    /// Takes only these roles, as a master with `--roles`.
    pub fn roles(mut self, roles: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.0.roles = Some(roles.into_iter().map(Into::into).collect());
        self
    }

    /// Refuses frameworks of the user root, as a master with
    /// `--root_submissions=false`.
    pub fn without_root_submissions(mut self) -> Self {
        self.0.root_submissions = false;
        self
    }

    /// Remembers so many removed frameworks, as `--max_completed_frameworks`
    /// has it. At first 50.
    pub fn max_completed_frameworks(mut self, count: usize) -> Self {
        self.0.max_completed = count;
        self
    }

    /// Announces this interval and sends heartbeats at it. At first 15 s, as
    /// every master does.
    ///
    /// # Panics
    /// If it is zero.
    pub fn heartbeat(mut self, interval: Duration) -> Self {
        assert!(
            !interval.is_zero(),
            "a heartbeat interval of 0 is no interval"
        );
        self.0.heartbeat = interval;
        self
    }

    /// Waits this long between what makes an offer possible and the offer. At
    /// first 10 ms; a real master has up to 1 s.
    pub fn allocation_interval(mut self, interval: Duration) -> Self {
        self.0.allocation_interval = interval;
        self
    }

    /// Sends status updates again that were not acknowledged: after `first`,
    /// then after twice that, and so on up to `max`. At first 10 s and
    /// 10 minutes, as agents do.
    pub fn update_retry(mut self, first: Duration, max: Duration) -> Self {
        self.0.retry_min = first;
        self.0.retry_max = max.max(first);
        self
    }

    /// How long the `expect` methods wait before they panic. At first 10 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.0.timeout = timeout;
        self
    }

    /// Starts the master; when this returns it listens.
    ///
    /// # Errors
    /// If the address cannot be bound.
    pub async fn start(self) -> io::Result<FakeMaster> {
        FakeMaster::with(self.0).await
    }
}
