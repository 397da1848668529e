//! Clusters that are found through ZooKeeper.

use mesos_local::LocalCluster;
use mesos_local::testing::require_real;
use serde_json::Value;
use zookeeper_client::{Acls, Client, CreateMode};

use crate::doctor::detail;
use crate::program::{User, cluster};
use crate::zookeeper_server::ZooKeeper;

/// The `MasterInfo` of a master that does not exist.
const OTHER: &str = r#"{"id": "m", "ip": 0, "port": 5050, "version": "1.11.0",
    "address": {"ip": "10.0.0.1", "port": 5050}}"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_local_cluster_is_found_in_zookeeper_until_it_is_stopped() {
    let Some(server) = ZooKeeper::start().await else {
        return;
    };
    // Only checks whether a local Mesos is available.
    let Some(probe) = cluster().await else {
        return;
    };
    probe.stop().await.unwrap();
    let address = format!("zk://{}/mesos/cluster", server.servers());
    let user = User::new();
    let up = ["local", "up", "-d", "--port", "0", "--zookeeper", &address];
    let end = user.outcome(&up).await;
    assert_eq!(end.code, Some(0), "{end:?}");
    assert!(
        end.stdout.contains(&format!("registered at {address}\n")),
        "{end:?}"
    );
    let status = user.outcome(&["local", "status", "-o", "json"]).await;
    let status: Value = serde_json::from_str(&status.stdout).unwrap();
    assert_eq!(status["zookeeper"], *address);
    let master = status["master"].as_str().unwrap();
    let leader = master.split('/').nth(2).unwrap();

    // A master that does not lead.
    let client = Client::connect(&server.servers()).await.unwrap();
    let options = CreateMode::Ephemeral.with_acls(Acls::anyone_all());
    let other = "/mesos/cluster/json.info_0000000009";
    client
        .create(other, OTHER.as_bytes(), &options)
        .await
        .unwrap();

    let on = async |args: &[&str]| {
        let end = user
            .outcome(&[&["--master", &address], args].concat())
            .await;
        assert_eq!(end.code, Some(0), "{end:?}");
        end
    };
    let screen = on(&["status"]).await.stdout;
    for line in [
        format!("Masters:    {address}\n"),
        format!("Leader:     {leader}\n"),
        "Others:     10.0.0.1:5050\n".to_owned(),
        "Agents:     1 (1 active)\n".to_owned(),
    ] {
        assert!(screen.contains(&line), "{line:?} is not in:\n{screen}");
    }
    let run = on(&["run", "echo through ZooKeeper"]).await;
    assert_eq!(run.stdout, "through ZooKeeper\n");
    let checks = on(&["doctor", "-o", "json"]).await;
    assert_eq!(detail(&checks, "zookeeper", "ok"), "1 of 1 can be reached");
    assert_eq!(detail(&checks, "leader", "ok"), leader);

    let down = user.outcome(&["local", "down"]).await;
    assert_eq!(down.stdout, "cluster local is stopped\n");
    let nodes = client.list_children("/mesos/cluster").await.unwrap();
    assert_eq!(nodes, ["json.info_0000000009"]);
}

#[tokio::test]
async fn a_zookeeper_that_does_not_answer_stops_the_new_cluster() {
    let Some(probe) = require_real(LocalCluster::builder().agents(0).start().await) else {
        return;
    };
    probe.stop().await.unwrap();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("zk://{}/mesos", closed.local_addr().unwrap());
    drop(closed);
    let user = User::new();
    let up = [
        "local",
        "up",
        "-d",
        "--port",
        "0",
        "--agents",
        "0",
        "--zookeeper",
        &address,
    ];
    let end = user.outcome(&up).await;
    assert_eq!(end.code, Some(1), "{end:?}");
    let expected = format!("cannot create the master's node in {address}: ");
    assert!(end.stderr.contains(&expected), "{end:?}");
    let status = user.outcome(&["local", "status"]).await;
    assert_eq!(status.code, Some(3), "{status:?}");
}
