//! A real Mesos whose leading master is announced in a real ZooKeeper, at the address of one of two
//! proxies.
//!
//! Master and agents of a local cluster are one process, and the master's registry is in memory. A
//! master with a durable registry knows all agents, and does not answer that a task of theirs is
//! unknown. So a restarted master is announced when all agents have registered again.

use std::path::Path;
use std::time::Duration;

use mesos::http::{Endpoint, OperatorClient};
use mesos::v1::agent;
use mesos::v1::master::response::GetTasks;
use mesos_local::LocalCluster;
use mesos_testing::{Direction, Fault, FaultProxy};
use tokio::sync::Mutex;
use zookeeper_client::{Acls, Client, CreateMode, Error};

use super::check::Left;
use super::pass;
use crate::failover::try_tasks;
use crate::server::ZooKeeper;

const AGENTS: usize = 3;

/// Of a request of this test.
const TIMEOUT: Duration = Duration::from_secs(10);

pub(super) struct World {
    cluster: LocalCluster,
    zookeeper: ZooKeeper,
    proxies: [FaultProxy; 2],
    announced: Mutex<Announced>,
}

#[derive(Debug, Default)]
struct Announced {
    node: Option<String>,
    count: usize,
}

impl World {
    pub(super) async fn start(cluster: LocalCluster, zookeeper: ZooKeeper, seed: u64) -> Self {
        let target = ([127, 0, 0, 1], cluster.port()).into();
        let proxy = || FaultProxy::with_seed(target, seed);
        let world = Self {
            proxies: [proxy().await.unwrap(), proxy().await.unwrap()],
            cluster,
            zookeeper,
            announced: Mutex::default(),
        };
        let open = CreateMode::Persistent.with_acls(Acls::anyone_all());
        let created = world.client().await.create("/mesos", b"", &open).await;
        created.unwrap();
        world.announce(&mut *world.announced.lock().await).await;
        world
    }

    pub(super) fn builder(folder: &Path) -> mesos_local::Builder {
        LocalCluster::builder()
            .agents(AGENTS)
            .work_dir(folder.join("mesos"))
            .env("MESOS_ALLOCATION_INTERVAL", "50ms")
    }

    pub(super) fn master(&self) -> String {
        format!("zk://{}/mesos", self.zookeeper.servers())
    }

    pub(super) fn state(&self) -> String {
        format!("zk://{}/state", self.zookeeper.servers())
    }

    /// A new session, because sessions are short.
    async fn client(&self) -> Client {
        let servers = self.zookeeper.servers();
        Client::connect(&servers).await.unwrap()
    }

    /// Creates a node for the master, at the address of the other proxy.
    async fn announce(&self, announced: &mut Announced) {
        announced.count += 1;
        let count = announced.count;
        let proxy = &self.proxies[count % 2];
        proxy.refuse(false);
        let info = format!(
            r#"{{"id": "master-{count}", "ip": 0, "port": 5050, "version": "1.11.0",
                "address": {{"ip": "127.0.0.1", "port": {}}}}}"#,
            proxy.address().port()
        );
        // The session of the client ends before the test.
        let options = CreateMode::PersistentSequential.with_acls(Acls::anyone_all());
        let client = self.client().await;
        let created = client.create("/mesos/json.info_", info.as_bytes(), &options);
        let (_, number) = created.await.unwrap();
        announced.node = Some(format!("/mesos/json.info_{number}"));
    }

    /// Removes the node of the master, and closes its connections.
    async fn withdraw(&self, announced: &mut Announced) {
        if let Some(node) = announced.node.take() {
            match self.client().await.delete(&node, None).await {
                Ok(()) | Err(Error::NoNode) => {}
                Err(error) => panic!("cannot delete {node}: {error}"),
            }
        }
        for proxy in &self.proxies {
            proxy.refuse(true);
            proxy.cut();
        }
    }

    /// Another address leads after `without` a leader. The master continues.
    pub(super) async fn change_leader(&self, without: Duration) {
        let mut announced = self.announced.lock().await;
        self.withdraw(&mut announced).await;
        pass(without).await;
        self.announce(&mut announced).await;
    }

    /// Kills master and agents, and starts a new master and the agents after `without` them.
    pub(super) async fn restart(&self, without: Duration) {
        let mut announced = self.announced.lock().await;
        self.withdraw(&mut announced).await;
        self.cluster.kill().await.unwrap();
        pass(without).await;
        self.cluster.restart().await.unwrap();
        self.announce(&mut announced).await;
    }

    /// Pauses master and agents.
    pub(super) async fn pause(&self, time: Duration) {
        // Not while the master is restarted.
        let _announced = self.announced.lock().await;
        self.cluster.pause().await.unwrap();
        pass(time).await;
        self.cluster.resume().await.unwrap();
    }

    /// A fault of the network between schedulers and master. At its end all connections are closed,
    /// because bytes may be missing in them.
    pub(super) async fn disturb(&self, random: &mut fastrand::Rng, time: Duration) {
        let fault = match random.u32(..6) {
            0 => Fault::Stall,
            1 => Fault::HalfOpen,
            2 => Fault::Lose(Direction::ToMaster),
            3 => Fault::Lose(Direction::ToDriver),
            4 => Fault::Delay(Duration::from_millis(random.u64(1..200))),
            _ => Fault::Cut,
        };
        for proxy in &self.proxies {
            proxy.set(fault.clone());
        }
        pass(time).await;
        for proxy in &self.proxies {
            proxy.set(Fault::None);
            proxy.cut();
        }
    }

    /// The tasks by the operator API of the master. `None` if it does not answer.
    pub(super) async fn tasks(&self) -> Option<GetTasks> {
        // No request while the master is restarted or paused.
        let _announced = self.announced.try_lock().ok()?;
        let client = OperatorClient::new(self.cluster.master_url().parse().unwrap());
        try_tasks(&client.response_timeout(TIMEOUT)).await.ok()
    }

    /// What the master and the agents have not forgotten.
    pub(super) async fn left(&self) -> Left {
        let mut left = Left::default();
        let Some(tasks) = self.tasks().await else {
            left.tasks.push("the master does not answer".to_owned());
            return left;
        };
        let master = [
            ("active or not acknowledged", tasks.tasks),
            ("unreachable", tasks.unreachable_tasks),
        ];
        for (what, tasks) in master {
            let text = |task: mesos::v1::Task| format!("master, {what}: {}", task.task_id);
            left.tasks.extend(tasks.into_iter().map(text));
        }
        for number in 1..=AGENTS {
            let agent: Endpoint = self.cluster.agent_url(number).parse().unwrap();
            let agent = OperatorClient::for_endpoint(agent).response_timeout(TIMEOUT);
            let call = agent::Call {
                r#type: Some(agent::call::Type::GetTasks.into()),
                ..Default::default()
            };
            let tasks = match agent.call_agent(&call).await {
                Ok(answer) => answer.get_tasks.unwrap_or_default(),
                Err(error) => {
                    left.tasks
                        .push(format!("agent {number} does not answer: {error}"));
                    continue;
                }
            };
            let agent = [
                ("pending", tasks.pending_tasks),
                ("queued", tasks.queued_tasks),
                ("launched", tasks.launched_tasks),
                ("not acknowledged", tasks.terminated_tasks),
            ];
            for (what, tasks) in agent {
                let text =
                    |task: mesos::v1::Task| format!("agent {number}, {what}: {}", task.task_id);
                left.tasks.extend(tasks.into_iter().map(text));
            }
        }
        left
    }

    /// Waits until Mesos has crashed, and returns the reason.
    pub(super) async fn crashed(&self) -> String {
        self.cluster.exited().await.to_string()
    }

    pub(super) async fn stop(self) {
        self.cluster.stop().await.unwrap();
    }
}
