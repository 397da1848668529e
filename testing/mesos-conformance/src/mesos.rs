//! The Mesos on which a case runs: actions of an operator, crashes and faults of the network, under
//! the same names in both worlds.

use std::io;
use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use mesos_proto::v1::maintenance::{Schedule, Window};
use mesos_proto::v1::master::call::{self, Type};
use mesos_proto::v1::master::{Call, Response};
use mesos_proto::v1::{
    AgentId, CommandInfo, ExecutorInfo, FrameworkId, MachineId, Resource, TaskInfo, TimeInfo,
    Unavailability, executor_info,
};
use tokio::net::TcpSocket;
use tokio::time::Instant;

use crate::steps::{must, until};
use crate::timeout::{REAL_TIMEOUT, UNDECLARED};
use crate::world::{Cluster, ClusterKind};
use mesos_testing::{Agent, Behavior, FakeMaster, Held, Reaction, Stream, When};

/// The resources of each agent, in both worlds.
const RESOURCES: &str = "cpus:4;mem:2048;disk:4096;ports:[31000-32000]";
/// How long the connection of another process may occupy a port that was just freed.
const RESERVE_TIMEOUT: Duration = Duration::from_secs(5);
/// The heartbeat interval of the fake master.
const HEARTBEAT: Duration = Duration::from_millis(200);
/// The heartbeat interval of every real master (src/master/constants.hpp).
const REAL_HEARTBEAT: Duration = Duration::from_secs(15);

/// A Mesos with two agents. A case can observe and disturb its traffic through the [`FakeMaster`]
/// that it dereferences to. The case has to require
/// [`Requirement::Relay`](crate::Requirement::Relay), or check for a [`wire`](Self::wire).
pub(crate) struct Mesos {
    /// The fake master, or the proxy in front of a real one. `None` if the driver connects to the
    /// real master directly.
    wire: Option<FakeMaster>,
    /// The real Mesos.
    cluster: Option<Arc<dyn Cluster>>,
}

impl Deref for Mesos {
    type Target = FakeMaster;

    fn deref(&self) -> &FakeMaster {
        match &self.wire {
            Some(master) => master,
            None => panic!("{UNDECLARED}"),
        }
    }
}

impl Mesos {
    pub(super) async fn fake(wanted: ClusterKind) -> Self {
        // Longer than a case needs on a busy machine until it has acknowledged an update by a token.
        let retry = Duration::from_millis(500);
        let mut builder = FakeMaster::builder()
            .heartbeat(HEARTBEAT)
            .update_retry(retry, retry)
            .tasks(behavior)
            .on_message(|message| Some([b"echo:", &message.data[..]].concat().into()));
        for id in ["a", "b"] {
            builder = builder.agent(Agent::new(id).having(RESOURCES));
        }
        if wanted == ClusterKind::Authenticated {
            builder = builder.credential("me", "hush hush").roles(["a", "b"]);
        }
        Self {
            wire: Some(must(builder.start().await)),
            cluster: None,
        }
    }

    /// A real Mesos behind a proxy.
    pub(super) async fn real(cluster: Arc<dyn Cluster>) -> Self {
        let builder = FakeMaster::builder()
            .in_front_of(cluster.address())
            .timeout(REAL_TIMEOUT);
        Self {
            wire: Some(must(builder.start().await)),
            cluster: Some(cluster),
        }
    }

    /// A real Mesos without a proxy.
    pub(super) fn direct(cluster: Arc<dyn Cluster>) -> Self {
        Self {
            wire: None,
            cluster: Some(cluster),
        }
    }

    /// The fake master or proxy, where the traffic of the driver can be observed.
    pub(crate) fn wire(&self) -> Option<&FakeMaster> {
        self.wire.as_ref()
    }

    /// The URL for the driver.
    pub(crate) fn url(&self) -> String {
        match &self.wire {
            Some(master) => master.url(),
            None => self.direct_url(),
        }
    }

    /// The URL of the master itself, without a proxy.
    pub(crate) fn direct_url(&self) -> String {
        match &self.cluster {
            Some(cluster) => cluster.url(),
            None => self.fake_master().url(),
        }
    }

    fn fake_master(&self) -> &FakeMaster {
        self
    }

    /// The real Mesos.
    pub(crate) fn cluster(&self) -> Option<&Arc<dyn Cluster>> {
        self.cluster.as_ref()
    }

    /// The interval that the master announces.
    pub(crate) fn heartbeat(&self) -> Duration {
        match &self.cluster {
            Some(_) => REAL_HEARTBEAT,
            None => HEARTBEAT,
        }
    }

    /// The executor that returns messages.
    pub(crate) fn executor(&self, id: &str) -> ExecutorInfo {
        let command = match &self.cluster {
            Some(cluster) => cluster.executor(),
            None => CommandInfo::sh("the fake agents' own"),
        };
        ExecutorInfo {
            executor_id: id.into(),
            command: Some(command),
            r#type: Some(executor_info::Type::Custom as i32),
            resources: vec![
                Resource::scalar("cpus", 0.1),
                Resource::scalar("mem", 32.0),
                Resource::scalar("disk", 16.0),
            ],
            ..Default::default()
        }
    }

    async fn operator_call(&self, r#type: Type, body: impl FnOnce(&mut Call)) -> Option<Response> {
        let cluster = self.cluster.as_ref()?;
        let mut call = Call {
            r#type: Some(r#type as i32),
            ..Default::default()
        };
        body(&mut call);
        match cluster.operator(call).await {
            Ok(response) => Some(response),
            Err(error) => panic!("operator call {} failed: {error}", r#type.as_str_name()),
        }
    }

    /// The frameworks that were not removed or torn down.
    pub(crate) async fn frameworks(&self) -> Vec<FrameworkId> {
        match self.operator_call(Type::GetFrameworks, |_| {}).await {
            None => self.fake_master().frameworks(),
            Some(response) => {
                let frameworks = response.get_frameworks.unwrap_or_default().frameworks;
                let ids = frameworks.into_iter();
                ids.filter_map(|framework| framework.framework_info.id)
                    .collect()
            }
        }
    }

    /// The number of offers of the framework that the master counts as outstanding.
    pub(crate) async fn outstanding_offers(&self, framework_id: &FrameworkId) -> usize {
        match self.operator_call(Type::GetFrameworks, |_| {}).await {
            None => self.fake_master().offers(framework_id.clone()).len(),
            Some(response) => {
                let frameworks = response.get_frameworks.unwrap_or_default().frameworks;
                let mut found = frameworks.into_iter();
                let wanted = found.find(|one| one.framework_info.id.as_ref() == Some(framework_id));
                wanted.map_or(0, |framework| framework.offers.len())
            }
        }
    }

    /// Tears a framework down, as an operator.
    pub(crate) async fn tear_down(&self, framework_id: FrameworkId) {
        let called = self.operator_call(Type::Teardown, |call| {
            call.teardown = Some(call::Teardown {
                framework_id: framework_id.clone(),
            });
        });
        if called.await.is_none() {
            self.fake_master().teardown(framework_id);
        }
    }

    /// Rescinds all offers of an agent; its resources can be offered again.
    pub(crate) async fn rescind_all_of(&self, agent_id: &AgentId) {
        let called = self.operator_call(Type::DeactivateAgent, |call| {
            call.deactivate_agent = Some(call::DeactivateAgent {
                agent_id: agent_id.clone(),
            });
        });
        if called.await.is_none() {
            self.fake_master().disconnect_agent(agent_id);
            self.fake_master().reconnect_agent(agent_id);
            return;
        }
        let called = self.operator_call(Type::ReactivateAgent, |call| {
            call.reactivate_agent = Some(call::ReactivateAgent {
                agent_id: agent_id.clone(),
            });
        });
        called.await;
    }

    /// Marks an agent gone, as an operator.
    pub(crate) async fn mark_gone(&self, agent_id: &AgentId) {
        if let Some(cluster) = &self.cluster {
            cluster.mark_dirty();
        }
        let called = self.operator_call(Type::MarkAgentGone, |call| {
            call.mark_agent_gone = Some(call::MarkAgentGone {
                agent_id: agent_id.clone(),
            });
        });
        if called.await.is_none() {
            self.fake_master().mark_agent_gone(agent_id);
        }
    }

    /// Schedules maintenance of the agents in an hour.
    pub(crate) async fn schedule_maintenance(&self) {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let start = must(now) + Duration::from_secs(3600);
        let unavailability = Unavailability {
            start: TimeInfo {
                nanoseconds: i64::try_from(start.as_nanos()).unwrap_or(i64::MAX),
            },
            duration: None,
        };
        let machine = MachineId {
            hostname: Some("127.0.0.1".to_owned()),
            ip: Some("127.0.0.1".to_owned()),
        };
        let window = Window {
            machine_ids: vec![machine],
            unavailability,
        };
        if self.schedule(vec![window]).await.is_none() {
            for agent_id in ["a", "b"] {
                self.fake_master()
                    .schedule_maintenance(agent_id, unavailability);
            }
        }
    }

    /// Cancels the maintenance.
    pub(crate) async fn cancel_maintenance(&self) {
        if self.schedule(Vec::new()).await.is_none() {
            for agent_id in ["a", "b"] {
                self.fake_master().cancel_maintenance(agent_id);
            }
        }
    }

    async fn schedule(&self, windows: Vec<Window>) -> Option<Response> {
        self.operator_call(Type::UpdateMaintenanceSchedule, |call| {
            call.update_maintenance_schedule = Some(call::UpdateMaintenanceSchedule {
                schedule: Schedule { windows },
            });
        })
        .await
    }

    /// Crashes and restarts master and agents. The agents keep their checkpoints, the master keeps
    /// nothing.
    pub(crate) async fn crash(&self) {
        match &self.cluster {
            Some(cluster) => {
                must(cluster.kill().await);
                must(cluster.restart().await);
            }
            None => {
                self.fake_master().fail_over();
                for agent_id in ["a", "b"] {
                    self.fake_master().return_agent(agent_id);
                }
            }
        }
    }

    /// Replaces the cluster at the same address: neither the new master nor the new agents know a
    /// framework or a task.
    pub(crate) async fn replace(&self) {
        match &self.cluster {
            Some(cluster) => {
                must(cluster.kill().await);
                must(cluster.forget().await);
                must(cluster.restart().await);
            }
            None => panic!("the fake master keeps its registry: the case needs a real Mesos"),
        }
    }

    /// Ends the subscription and prevents a new one until [`Outage::end`]. Cuts the stream, or,
    /// without a proxy, kills master and agents.
    pub(crate) async fn outage(&self) -> Outage {
        match &self.wire {
            Some(master) => {
                let held = master.hold(mesos_proto::v1::scheduler::call::Type::Subscribe);
                master.stream().cut();
                Outage::Held(held)
            }
            None => {
                let cluster = match &self.cluster {
                    Some(cluster) => Arc::clone(cluster),
                    None => unreachable!("a Mesos has a wire or a cluster"),
                };
                must(cluster.kill().await);
                Outage::Down(cluster)
            }
        }
    }

    /// Waits until the master does not count the framework as connected.
    pub(crate) async fn has_left(&self, framework_id: &FrameworkId) {
        if let Some(master) = &self.wire {
            let mut streams = master.streams().into_iter();
            let of_it = |stream: &Stream| stream.framework_id() == *framework_id;
            let stream = must(
                streams
                    .find(of_it)
                    .ok_or("the framework has never subscribed"),
            );
            return stream.closed().await;
        }
        let is_there = async || {
            let response = self.operator_call(Type::GetFrameworks, |_| {}).await?;
            let frameworks = response.get_frameworks?.frameworks;
            let mut active = frameworks.iter().filter(|framework| framework.active);
            active.find(|framework| framework.framework_info.id.as_ref() == Some(framework_id))?;
            Some(())
        };
        until(|| async { is_there().await.is_none() }).await;
    }

    /// Stops all responses and events; connections stay open.
    pub(crate) async fn freeze(&self) {
        match &self.cluster {
            Some(cluster) => must(cluster.pause().await),
            None => {
                self.fake_master()
                    .react_always(When::any(), Reaction::Ignore);
                for stream in self.fake_master().streams() {
                    stream.mute();
                }
            }
        }
    }

    /// Ends [`freeze`](Self::freeze).
    pub(crate) async fn thaw(&self) {
        match &self.cluster {
            Some(cluster) => must(cluster.resume().await),
            None => self.fake_master().clear_reactions(),
        }
    }

    /// Ends the master and closes its port; [`Dead::restart`] starts it again.
    pub(crate) async fn die(self) -> Dead {
        if let Some(cluster) = &self.cluster {
            must(cluster.kill().await);
        }
        let mut reserved = None;
        if let Some(master) = self.wire {
            let address = master.address();
            master.stop().await;
            reserved = Some((address, must(reserve(address).await)));
        }
        Dead {
            reserved,
            cluster: self.cluster,
        }
    }
}

/// A Mesos that is not running.
pub(crate) struct Dead {
    /// The address of the process's own master or proxy, reserved meanwhile.
    reserved: Option<(SocketAddr, TcpSocket)>,
    cluster: Option<Arc<dyn Cluster>>,
}

impl Dead {
    /// Starts the master again at the same address, without any state.
    pub(crate) async fn restart(self) -> Mesos {
        if let Some(cluster) = &self.cluster {
            must(cluster.restart().await);
        }
        let mut wire = None;
        if let Some((address, _reserved)) = self.reserved {
            let mut builder = FakeMaster::builder().address(address);
            if let Some(cluster) = &self.cluster {
                builder = builder.in_front_of(cluster.address()).timeout(REAL_TIMEOUT);
            }
            wire = Some(must(builder.start().await));
        }
        Mesos {
            wire,
            cluster: self.cluster,
        }
    }
}

/// A time without subscription.
pub(crate) enum Outage {
    /// The next SUBSCRIBE is held.
    Held(Held),
    /// The cluster is not running.
    Down(Arc<dyn Cluster>),
}

impl Outage {
    /// Permits a subscription again.
    pub(crate) async fn end(self) {
        match self {
            Self::Held(held) => held.release(),
            Self::Down(cluster) => must(cluster.restart().await),
        }
    }
}

/// Reserves an address: binds a socket to it without listening, so that connections are refused. A
/// later listener shares the address.
async fn reserve(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    let end = Instant::now() + RESERVE_TIMEOUT;
    loop {
        match socket.bind(address) {
            // The connection of another process got the port meanwhile.
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && Instant::now() < end => {
                // sleep: there is no signal for its end; bounded above.
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            bound => return bound.map(|()| socket),
        }
    }
}

/// The behavior of a task on a fake agent, as its command would behave.
fn behavior(task: &TaskInfo) -> Behavior {
    let command = task.command.as_ref();
    match command.and_then(|command| command.value.as_deref()) {
        Some("true") => Behavior::finishes(),
        Some("exit 7") => Behavior::fails("Command exited with status 7"),
        _ => Behavior::runs(),
    }
}
