//! A scheduler whose process is paused for longer than the time limits of the backend, of TCP and
//! of ZooKeeper; and a master that has lost its connection to libmesos.

use std::process::Command;
use std::time::Duration;

use mesos_local::LocalCluster;
use mesos_local::testing::require_real;
use mesos_testing::v1::{Address, MasterInfo};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use zookeeper_client::{Acls, Client, CreateMode};

use crate::puppet::Puppet;
use crate::zookeeper_server::ZooKeeper;

/// Longer than the second connection is held without an answer, which is 45 s.
const PAUSE: Duration = Duration::from_secs(50);

async fn cluster() -> Option<LocalCluster> {
    require_real(LocalCluster::builder().start().await)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_of_the_scheduler_does_not_end_its_subscription() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let mut puppet = Puppet::start(&cluster.master_url());
    puppet.expect("subscribed").await;
    puppet.pause(PAUSE).await;
    puppet.runs_a_task().await;
    assert_eq!(puppet.order("generation").await, "1");
}

/// libmesos requests a session timeout of 10 s.
#[tokio::test(flavor = "multi_thread")]
async fn a_pause_longer_than_the_session_with_zookeeper_does_not_end_the_driver() {
    let Some(zookeeper) = ZooKeeper::start().await else {
        return;
    };
    let Some(cluster) = cluster().await else {
        return;
    };
    // A local cluster does not take part in an election.
    let client = Client::connect(&zookeeper.servers()).await.unwrap();
    let open = CreateMode::Persistent.with_acls(Acls::anyone_all());
    client.create("/mesos", b"", &open).await.unwrap();
    let node = CreateMode::EphemeralSequential.with_acls(Acls::anyone_all());
    let data = serde_json::to_vec(&master_info(cluster.port())).unwrap();
    let node = client.create("/mesos/json.info_", &data, &node);
    node.await.unwrap();

    let mut puppet = Puppet::start(&format!("zk://{}/mesos", zookeeper.servers()));
    puppet.expect("subscribed").await;
    puppet.pause(PAUSE).await;
    puppet.runs_a_task().await;
}

fn master_info(port: u16) -> MasterInfo {
    MasterInfo {
        id: "master".to_owned(),
        ip: u32::from_le_bytes([127, 0, 0, 1]),
        port: port.into(),
        pid: Some(format!("master@127.0.0.1:{port}")),
        address: Some(Address {
            hostname: None,
            ip: Some("127.0.0.1".to_owned()),
            port: port.into(),
        }),
        ..Default::default()
    }
}

/// The master deactivates the framework and reports it to libmesos, but the report is lost.
#[tokio::test(flavor = "multi_thread")]
async fn a_master_that_lost_its_connection_to_libmesos_is_noticed_without_a_call() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let mut puppet = Puppet::start(&cluster.master_url());
    puppet.expect("subscribed").await;
    puppet.runs_a_task().await;
    // After the last acknowledgement the driver makes no call by itself.
    puppet.answer("unacknowledged", "0").await;
    let fault = match Fault::of(&puppet) {
        Ok(fault) => fault,
        Err(reason) => {
            eprintln!("NOT TESTED: this requires root, ss and nft: {reason}");
            return;
        }
    };
    let disconnected = async {
        while !frameworks(&cluster).await.contains("\"connected\":false") {
            // sleep: the master does not report a disconnect.
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let disconnected = timeout(Duration::from_secs(60), disconnected).await;
    if disconnected.is_err() {
        panic!(
            "no framework is without a connection: {}",
            frameworks(&cluster).await
        );
    }
    drop(fault);
    let reason = puppet.expect("disconnected").await;
    assert!(
        reason.contains("has lost its connection to libmesos"),
        "{reason}"
    );
    puppet.expect("subscribed 2").await;
    puppet.runs_a_task().await;
}

/// Breaks the connections to libmesos in another process, and refuses new ones until it is dropped.
struct Fault {
    table: String,
}

impl Fault {
    fn of(puppet: &Puppet) -> Result<Self, String> {
        let listening = run("ss", &["-Htlnp"])?;
        let process = format!("pid={},", puppet.process());
        let port = listening.lines().find(|line| line.contains(&process));
        let port = port
            .and_then(|line| line.split_whitespace().nth(3))
            .and_then(|address| address.rsplit_once(':'));
        let Some((_, port)) = port else {
            return Err(format!(
                "ss does not show the port of libmesos: {listening:?}"
            ));
        };
        let fault = Self {
            table: format!("mesos_native_{}", puppet.process()),
        };
        let rules = format!(
            "table inet {} {{ chain out {{ type filter hook output priority 0; \
               tcp dport {port} tcp flags syn reject with tcp reset; }}; }}",
            fault.table
        );
        run("nft", &[&rules])?;
        let destroyed = run("ss", &["-HK", "state", "established", "sport", "=", port])?;
        match destroyed.is_empty() {
            true => Err("ss -K destroys no connection".to_owned()),
            false => Ok(fault),
        }
    }
}

impl Drop for Fault {
    fn drop(&mut self) {
        let _ = run("nft", &["delete", "table", "inet", &self.table]);
    }
}

fn run(program: &str, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(program).args(arguments).output();
    let output = output.map_err(|error| format!("{program}: {error}"))?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}

/// The frameworks of the master, as JSON.
async fn frameworks(cluster: &LocalCluster) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", cluster.port()))
        .await
        .unwrap();
    let request = "GET /master/frameworks HTTP/1.1\r\nHost: master\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // The master keeps the connection open after the object.
    while answer.last() != Some(&b'}') {
        assert_ne!(stream.read_buf(&mut answer).await.unwrap(), 0, "no answer");
    }
    String::from_utf8(answer).unwrap()
}
