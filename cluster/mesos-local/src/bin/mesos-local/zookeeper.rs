//! `mesos-local up --zookeeper`: the node of the master in a ZooKeeper, as Mesos' masters create
//! theirs (src/master/contender/zookeeper.cpp in Mesos' tree).
//!
//! A local cluster has no contender, so this program creates an ephemeral node, creates it again
//! after the end of a session, and deletes it at the end.

use std::time::Duration;

use mesos_core::address::Ensemble;
use mesos_http::OperatorClient;
use mesos_proto::v1::{MasterInfo, master};
use mesos_zookeeper::client::{connector, ephemeral_sequential, persistent};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use zookeeper_client::{Client, Error as ZooKeeperError};

/// Of the session, as Mesos' flag `--zk_session_timeout`.
const SESSION_TIMEOUT: Duration = Duration::from_secs(10);
/// Of a connection attempt.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The wait between attempts to create the node again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The node of a master. The node exists until [`remove`](Self::remove), or the end of this process
/// and the session timeout.
#[derive(Debug)]
pub(crate) struct Registration {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Registration {
    /// Creates the node. The error is the message for the user.
    pub(crate) async fn create(ensemble: Ensemble, info: &MasterInfo) -> Result<Self, String> {
        let data = serde_json::to_vec(info)
            .map_err(|error| format!("cannot write the MasterInfo as JSON: {error}"))?;
        let node = Node::create(&ensemble, &data).await?;
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(keep(ensemble, data, node, stopped));
        Ok(Self { stop, task })
    }

    /// Deletes the node.
    pub(crate) async fn remove(self) {
        // Both fail only if the task has panicked.
        let _ = self.stop.send(());
        let _ = self.task.await;
    }
}

/// Creates the node again after the end of each session, until `stopped`. Then deletes it.
async fn keep(
    ensemble: Ensemble,
    data: Vec<u8>,
    mut node: Node,
    mut stopped: oneshot::Receiver<()>,
) {
    loop {
        tokio::select! {
            _ = &mut stopped => return node.delete().await,
            () = node.session_ended() => {}
        }
        eprintln!("the ZooKeeper session has ended: creating the master's node again");
        node = loop {
            let created = tokio::select! {
                _ = &mut stopped => return,
                created = Node::create(&ensemble, &data) => created,
            };
            match created {
                Ok(node) => break node,
                Err(error) => eprintln!("{error}; retrying in {RETRY_AFTER:?}"),
            }
            tokio::select! {
                _ = &mut stopped => return,
                () = sleep(RETRY_AFTER) => {}
            }
        };
    }
}

struct Node {
    client: Client,
    path: String,
}

impl Node {
    async fn create(ensemble: &Ensemble, data: &[u8]) -> Result<Self, String> {
        let failed = |error: &dyn std::fmt::Display| {
            format!("cannot create the master's node in {ensemble}: {error}")
        };
        let connector = connector(ensemble, SESSION_TIMEOUT);
        let client = timeout(CONNECT_TIMEOUT, connector.connect(ensemble.servers()))
            .await
            .map_err(|_| failed(&format!("not connected after {CONNECT_TIMEOUT:?}")))?
            .map_err(|error| failed(&error))?;
        let created = async {
            client.mkdir(ensemble.path(), &persistent(ensemble)).await?;
            let prefix = format!("{}/json.info_", ensemble.path());
            let options = ephemeral_sequential(ensemble);
            let (_, sequence) = client.create(&prefix, data, &options).await?;
            Ok::<_, ZooKeeperError>(format!("{prefix}{sequence}"))
        };
        let path = created.await.map_err(|error| failed(&error))?;
        Ok(Self { client, path })
    }

    async fn session_ended(&self) {
        let mut states = self.client.state_watcher();
        let mut state = self.client.state();
        while !state.is_terminated() {
            state = states.changed().await;
        }
    }

    async fn delete(self) {
        if let Err(error) = self.client.delete(&self.path, None).await {
            eprintln!("cannot delete the master's node {}: {error}", self.path);
        }
    }
}

/// Requests the `MasterInfo` from the master. The error is the message for the user.
pub(crate) async fn master_info(client: OperatorClient) -> Result<MasterInfo, String> {
    let call = master::Call {
        r#type: Some(master::call::Type::GetMaster.into()),
        ..master::Call::default()
    };
    let response = client.call_master(&call).await;
    let response = response.map_err(|error| format!("cannot request the MasterInfo: {error}"))?;
    let info = response.get_master.and_then(|master| master.master_info);
    info.ok_or_else(|| "the master's response has no MasterInfo".into())
}
