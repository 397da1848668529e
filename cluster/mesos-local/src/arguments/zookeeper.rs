//! The node of the master in a ZooKeeper for `--zookeeper`, as Mesos' masters create theirs
//! (src/master/contender/zookeeper.cpp in Mesos' tree).
//!
//! A local cluster has no contender, so the program creates an ephemeral node, creates it again after
//! the end of a session, and deletes it at the end.

use std::fmt::Display;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use mesos_core::address::Ensemble;
use mesos_http::{Endpoint, OperatorClient, TlsConfig};
use mesos_proto::v1::{MasterInfo, master};
use mesos_zookeeper::client::{connector, ephemeral_sequential, persistent};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use zookeeper_client::{Client, Error as ZooKeeperError};

use crate::{Error, ErrorKind, LocalCluster};

/// Of the session, as Mesos' flag `--zk_session_timeout`.
const SESSION_TIMEOUT: Duration = Duration::from_secs(10);
/// Of a connection attempt.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The wait between attempts to create the node again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The node of the master in a ZooKeeper. A task of the runtime creates the node again after the end
/// of a session, and writes on stderr that it does so. The node exists until
/// [`remove`](Self::remove). Dropping the value removes the node, too, but does not wait for that.
/// If the process ends before, ZooKeeper removes the node after the session timeout of 10 s.
#[derive(Debug)]
pub struct Registration {
    address: String,
    /// Dropping it also ends the task.
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Registration {
    pub(super) async fn create(
        ensemble: Ensemble,
        cluster: &LocalCluster,
        authority: Option<&Path>,
    ) -> Result<Self, Error> {
        let info = master_info(cluster, authority).await?;
        let data = serde_json::to_vec(&info)
            .map_err(|error| failed("cannot write the MasterInfo as JSON", error))?;
        let node = Node::create(&ensemble, &data).await?;
        let (stop, stopped) = oneshot::channel();
        Ok(Self {
            address: ensemble.to_string(),
            stop,
            task: tokio::spawn(keep(ensemble, data, node, stopped)),
        })
    }

    /// The address of the master, such as `zk://127.0.0.1:2181/mesos`, without credentials.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Deletes the node, and ends the session.
    pub async fn remove(self) {
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
        note("the ZooKeeper session has ended: creating the master's node again");
        node = loop {
            let created = tokio::select! {
                _ = &mut stopped => return,
                created = Node::create(&ensemble, &data) => created,
            };
            match created {
                Ok(node) => break node,
                Err(error) => note(format!("{}; retrying in {RETRY_AFTER:?}", error.report())),
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
    async fn create(ensemble: &Ensemble, data: &[u8]) -> Result<Self, Error> {
        let message = format!("cannot create the master's node in {ensemble}");
        let connector = connector(ensemble, SESSION_TIMEOUT);
        let client = timeout(CONNECT_TIMEOUT, connector.connect(ensemble.servers()))
            .await
            .map_err(|_| failed(&message, format!("not connected after {CONNECT_TIMEOUT:?}")))?
            .map_err(|error| failed(&message, error))?;
        let created = async {
            client.mkdir(ensemble.path(), &persistent(ensemble)).await?;
            let prefix = format!("{}/json.info_", ensemble.path());
            let options = ephemeral_sequential(ensemble);
            let (_, sequence) = client.create(&prefix, data, &options).await?;
            Ok::<_, ZooKeeperError>(format!("{prefix}{sequence}"))
        };
        let path = created.await.map_err(|error| failed(&message, error))?;
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
            note(format!(
                "cannot delete the master's node {}: {error}",
                self.path
            ));
        }
    }
}

/// Requests the `MasterInfo` from the master.
async fn master_info(
    cluster: &LocalCluster,
    authority: Option<&Path>,
) -> Result<MasterInfo, Error> {
    let what = "cannot request the MasterInfo";
    let endpoint = cluster.master_url().parse::<Endpoint>();
    let mut client = OperatorClient::for_endpoint(endpoint.map_err(|error| failed(what, error))?);
    if let Some(authority) = authority {
        client = client.tls(TlsConfig::new().ca_file(authority));
    }
    let call = master::Call {
        r#type: Some(master::call::Type::GetMaster.into()),
        ..master::Call::default()
    };
    let response = client.call_master(&call).await;
    let response = response.map_err(|error| failed(what, error))?;
    let info = response.get_master.and_then(|master| master.master_info);
    info.ok_or_else(|| failed(what, "the response of the master does not contain it"))
}

fn failed(message: &str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::because(ErrorKind::Start, message, source)
}

/// Writes a line on stderr, which may be closed.
fn note(text: impl Display) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
