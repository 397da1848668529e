//! The Mesos that a case is played on: what an operator, a crash or a network
//! does to it, in every world by the same name.

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

use crate::steps::must;
use crate::timeout::{REAL_TIMEOUT, UNDECLARED};
use crate::world::{Cluster, ClusterKind};
use mesos_testing::{Agent, Behavior, FakeMaster, Held, Reaction, Stream, When};

/// What each agent has, in both worlds.
const RESOURCES: &str = "cpus:4;mem:2048;disk:4096;ports:[31000-32000]";
/// How long a connection of somebody else's may have a port that was just freed.
const KEEP_PATIENCE: Duration = Duration::from_secs(5);
/// Heartbeats of the fake master.
const HEARTBEAT: Duration = Duration::from_millis(200);
/// What every real master announces (src/master/constants.hpp).
const REAL_HEARTBEAT: Duration = Duration::from_secs(15);

/// A Mesos with two agents. What it is asked and what it sends is seen, and
/// can be disturbed, through the [`FakeMaster`] that this derefs to: by cases
/// that declare [`Requirement::Relay`](super::Requirement::Relay), or by others where
/// there is a [`wire`](Self::wire) to look at.
pub(crate) struct Mesos {
    /// The fake one, or what stands in front of a real one; none where the
    /// driver speaks to the real one itself.
    wire: Option<FakeMaster>,
    /// The real one.
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
        let retry = Duration::from_millis(100);
        let mut builder = FakeMaster::builder()
            .heartbeat(HEARTBEAT)
            .update_retry(retry, retry)
            .tasks(life)
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

    /// In front of a real one.
    pub(super) async fn real(cluster: Arc<dyn Cluster>) -> Self {
        let builder = FakeMaster::builder()
            .in_front_of(cluster.address())
            .timeout(REAL_TIMEOUT);
        Self {
            wire: Some(must(builder.start().await)),
            cluster: Some(cluster),
        }
    }

    /// A real one alone.
    pub(super) fn direct(cluster: Arc<dyn Cluster>) -> Self {
        Self {
            wire: None,
            cluster: Some(cluster),
        }
    }

    /// Where what the driver is asked for and asks can be seen.
    pub(crate) fn wire(&self) -> Option<&FakeMaster> {
        self.wire.as_ref()
    }

    /// What a driver is told.
    pub(crate) fn url(&self) -> String {
        match &self.wire {
            Some(master) => master.url(),
            None => self.direct_url(),
        }
    }

    /// The master's own URL, with nothing in between.
    pub(crate) fn direct_url(&self) -> String {
        match &self.cluster {
            Some(cluster) => cluster.url(),
            None => self.fake_master().url(),
        }
    }

    fn fake_master(&self) -> &FakeMaster {
        self
    }

    /// The real one.
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

    /// The executor that sends messages back.
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

    async fn ask(&self, r#type: Type, body: impl FnOnce(&mut Call)) -> Option<Response> {
        let cluster = self.cluster.as_ref()?;
        let mut call = Call {
            r#type: Some(r#type as i32),
            ..Default::default()
        };
        body(&mut call);
        match cluster.operator(call).await {
            Ok(response) => Some(response),
            Err(error) => panic!("the operator's {}: {error}", r#type.as_str_name()),
        }
    }

    /// The frameworks that are neither removed nor torn down.
    pub(crate) async fn frameworks(&self) -> Vec<FrameworkId> {
        match self.ask(Type::GetFrameworks, |_| {}).await {
            None => self.fake_master().frameworks(),
            Some(response) => {
                let frameworks = response.get_frameworks.unwrap_or_default().frameworks;
                let ids = frameworks.into_iter();
                ids.filter_map(|framework| framework.framework_info.id)
                    .collect()
            }
        }
    }

    /// The operator removes a framework.
    pub(crate) async fn tear_down(&self, framework_id: FrameworkId) {
        let asked = self.ask(Type::Teardown, |call| {
            call.teardown = Some(call::Teardown {
                framework_id: framework_id.clone(),
            });
        });
        if asked.await.is_none() {
            self.fake_master().teardown(framework_id);
        }
    }

    /// All offers of an agent are rescinded, and new ones can come.
    pub(crate) async fn rescind_all_of(&self, agent_id: &AgentId) {
        let asked = self.ask(Type::DeactivateAgent, |call| {
            call.deactivate_agent = Some(call::DeactivateAgent {
                agent_id: agent_id.clone(),
            });
        });
        if asked.await.is_none() {
            self.fake_master().disconnect_agent(agent_id);
            self.fake_master().reconnect_agent(agent_id);
            return;
        }
        let asked = self.ask(Type::ReactivateAgent, |call| {
            call.reactivate_agent = Some(call::ReactivateAgent {
                agent_id: agent_id.clone(),
            });
        });
        asked.await;
    }

    /// The operator says that an agent will never come back.
    pub(crate) async fn mark_gone(&self, agent_id: &AgentId) {
        if let Some(cluster) = &self.cluster {
            cluster.mark_dirty();
        }
        let asked = self.ask(Type::MarkAgentGone, |call| {
            call.mark_agent_gone = Some(call::MarkAgentGone {
                agent_id: agent_id.clone(),
            });
        });
        if asked.await.is_none() {
            self.fake_master().mark_agent_gone(agent_id);
        }
    }

    /// The agents are to be taken away in an hour.
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

    /// They are not.
    pub(crate) async fn cancel_maintenance(&self) {
        if self.schedule(Vec::new()).await.is_none() {
            for agent_id in ["a", "b"] {
                self.fake_master().cancel_maintenance(agent_id);
            }
        }
    }

    async fn schedule(&self, windows: Vec<Window>) -> Option<Response> {
        self.ask(Type::UpdateMaintenanceSchedule, |call| {
            call.update_maintenance_schedule = Some(call::UpdateMaintenanceSchedule {
                schedule: Schedule { windows },
            });
        })
        .await
    }

    /// Master and agents crash and come back: the agents with what they had,
    /// the master with nothing.
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

    /// The subscription is lost, and there is no new one until
    /// [`Outage::end`]: its stream is cut, or, where nothing can be cut, master
    /// and agents crash.
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
                    None => unreachable!("one of the two is there"),
                };
                must(cluster.kill().await);
                Outage::Down(cluster)
            }
        }
    }

    /// The master counts on the driver of this framework no more.
    pub(crate) async fn has_left(&self, framework_id: &FrameworkId) {
        if let Some(master) = &self.wire {
            let mut streams = master.streams().into_iter();
            let of_it = |stream: &Stream| stream.framework_id() == *framework_id;
            let stream = must(streams.find(of_it).ok_or("it has never subscribed"));
            return stream.closed().await;
        }
        let is_there = async || {
            let response = self.ask(Type::GetFrameworks, |_| {}).await?;
            let frameworks = response.get_frameworks?.frameworks;
            let mut active = frameworks.iter().filter(|framework| framework.active);
            active.find(|framework| framework.framework_info.id.as_ref() == Some(framework_id))?;
            Some(())
        };
        while is_there().await.is_some() {
            // sleep: the operator API tells of no ends; the case's time bounds it.
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// From now on nothing is answered or sent, and connections stay.
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

    /// The master dies and its port is closed; [`Dead::rise`] brings it back.
    pub(crate) async fn die(self) -> Dead {
        if let Some(cluster) = &self.cluster {
            must(cluster.kill().await);
        }
        let mut kept = None;
        if let Some(master) = self.wire {
            let address = master.address();
            master.stop().await;
            kept = Some((address, must(keep(address).await)));
        }
        Dead {
            kept,
            cluster: self.cluster,
        }
    }
}

/// A Mesos that is down.
pub(crate) struct Dead {
    /// The address of what was in this process, which nobody else may get meanwhile.
    kept: Option<(SocketAddr, TcpSocket)>,
    cluster: Option<Arc<dyn Cluster>>,
}

impl Dead {
    /// It is back where it was, and knows nothing.
    pub(crate) async fn rise(self) -> Mesos {
        if let Some(cluster) = &self.cluster {
            must(cluster.restart().await);
        }
        let mut wire = None;
        if let Some((address, _kept)) = self.kept {
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
    /// What would bring the next one is held.
    Held(Held),
    /// It is not running.
    Down(Arc<dyn Cluster>),
}

impl Outage {
    /// From now on there can be a subscription.
    pub(crate) async fn end(self) {
        match self {
            Self::Held(held) => held.release(),
            Self::Down(cluster) => must(cluster.restart().await),
        }
    }
}

/// A socket that has this address and does not listen, so that connections are
/// refused; who comes next and listens shares it.
async fn keep(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    let end = Instant::now() + KEEP_PATIENCE;
    loop {
        match socket.bind(address) {
            // A connection of somebody else's got the port since it was free.
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && Instant::now() < end => {
                // sleep: nothing tells when it is closed; bounded above.
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            bound => return bound.map(|()| socket),
        }
    }
}

/// What becomes of a task on a fake agent: what its command would do.
fn life(task: &TaskInfo) -> Behavior {
    let command = task.command.as_ref();
    match command.and_then(|command| command.value.as_deref()) {
        Some("true") => Behavior::finishes(),
        Some("exit 7") => Behavior::fails("Command exited with status 7"),
        _ => Behavior::runs(),
    }
}
