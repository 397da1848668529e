//! Masters that libmesos's detector finds in a real ZooKeeper. A local cluster does not take part in
//! an election, so the tests write the node with the MasterInfo of the cluster.

use std::time::Duration;

use mesos_core::backend::{Backend, SchedulerApi};
use mesos_core::{Error, ErrorKind, Framework, SchedulerDriver};
use mesos_local::LocalCluster;
use mesos_local::testing::require_real;
use mesos_native::NativeBackend;
use mesos_testing::Recorder;
use mesos_testing::v1::{MasterInfo, TaskState};
use zookeeper_client::{Acl, Acls, Client, CreateMode, Permission};

use crate::hazards::subscribe_call;
use crate::support::{framework, library, start, task};
use crate::zookeeper_server::ZooKeeper;

/// libmesos retries ZooKeeper after at least 2 s.
const TIMEOUT: Duration = Duration::from_secs(60);

/// The client that writes the nodes of masters.
struct Masters(Client);

impl Masters {
    async fn at(zookeeper: &ZooKeeper) -> Self {
        let client = Client::connect(&zookeeper.servers()).await.unwrap();
        let path = CreateMode::Persistent.with_acls(Acls::anyone_all());
        // libmesos's detector also creates the path, and may be first.
        let _ = client.create("/mesos", b"", &path).await;
        Self(client)
    }

    async fn join(&self, master: &MasterInfo) -> String {
        let data = serde_json::to_vec(master).unwrap();
        let node = CreateMode::EphemeralSequential.with_acls(Acls::anyone_all());
        let node = self.0.create("/mesos/json.info_", &data, &node).await;
        format!("/mesos/json.info_{}", node.unwrap().1)
    }

    async fn leave(&self, node: &str) {
        self.0.delete(node, None).await.unwrap();
    }
}

/// The MasterInfo of a cluster.
async fn info(cluster: &LocalCluster) -> MasterInfo {
    let backend = NativeBackend::new(
        library().await.unwrap(),
        cluster.master_url().parse().unwrap(),
    )
    .unwrap();
    let recorder = Recorder::new();
    let framework = Framework::ephemeral("info");
    let driver = SchedulerDriver::start(recorder.clone(), framework, backend);
    let info = recorder.subscribed().await.master_info.unwrap();
    driver.stop();
    driver.join().await.unwrap();
    info
}

async fn cluster() -> Option<LocalCluster> {
    require_real(LocalCluster::builder().start().await)
}

#[tokio::test(flavor = "multi_thread")]
async fn libmesos_finds_a_real_mesos_in_a_real_zookeeper_and_follows_the_leader() {
    let Some(zookeeper) = ZooKeeper::start().await else {
        return;
    };
    let (Some(first), Some(second)) = (cluster().await, cluster().await) else {
        return;
    };
    let library = library().await.unwrap();
    let address = format!("zk://{}/mesos", zookeeper.servers());
    let backend = NativeBackend::new(library, address.parse().unwrap()).unwrap();
    let recorder = Recorder::with_timeout(TIMEOUT);
    let driver = SchedulerDriver::start(recorder.clone(), framework(), backend);

    // Both masters join after the scheduler has started. The first one leads.
    let masters = Masters::at(&zookeeper).await;
    let [leading, next] = [info(&first).await, info(&second).await];
    let node = masters.join(&leading).await;
    masters.join(&next).await;
    let subscribed = recorder.subscribed().await;
    assert_eq!(subscribed.master_info, Some(leading));
    let offer = recorder.offers().await.remove(0);
    driver.launch(offer, [task("t1", "true")]).await.unwrap();
    recorder.update(TaskState::TaskFinished).await;

    masters.leave(&node).await;
    recorder.disconnected().await;
    let again = recorder.subscribed().await;
    assert!(again.resubscribed);
    assert_eq!(again.framework_id, subscribed.framework_id);
    assert_eq!(again.master_info, Some(next));
    // Earlier offers are from the first master, and are not valid.
    let offer = loop {
        let offer = recorder.offers().await.remove(0);
        if offer.is_alive() {
            break offer;
        }
    };
    driver.launch(offer, [task("t2", "true")]).await.unwrap();
    recorder.update(TaskState::TaskFinished).await;
    driver.stop();
    driver.join().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_short_outage_of_zookeeper_does_not_end_the_subscription() {
    let Some(mut zookeeper) = ZooKeeper::start().await else {
        return;
    };
    let Some(cluster) = cluster().await else {
        return;
    };
    let masters = Masters::at(&zookeeper).await;
    masters.join(&info(&cluster).await).await;
    // Everyone can read the node, as with nodes that masters with credentials write.
    let address = format!("zk://mesos:secret@{}/mesos", zookeeper.servers());
    let backend = NativeBackend::new(library().await.unwrap(), address.parse().unwrap()).unwrap();
    let (driver, recorder) = start(&backend);
    recorder.subscribed().await;
    let offer = recorder.offers().await.remove(0);
    zookeeper.kill(0);
    driver.launch(offer, [task("t", "true")]).await.unwrap();
    recorder.update(TaskState::TaskRunning).await;
    zookeeper.restart(0).await;
    recorder.update(TaskState::TaskFinished).await;
    assert_eq!(driver.health().generation, 1);
    driver.stop();
    driver.join().await.unwrap();
}

/// Access for the creator of a node only.
static CREATOR_ONLY: [Acl; 1] = [Acl::new_const(Permission::ALL, "auth", "")];

/// The error of subscribing at `path`.
async fn refused(zookeeper: &ZooKeeper, path: &str) -> Error {
    let address = format!("zk://me:s3cret@{}{path}", zookeeper.servers());
    let backend = NativeBackend::new(library().await.unwrap(), address.parse().unwrap()).unwrap();
    let subscribing = Backend::<SchedulerApi>::subscribe(&backend, subscribe_call());
    let error = subscribing.await.unwrap_err();
    assert!(!format!("{error} {error:?}").contains("s3cret"), "{error}");
    error
}

/// Without the checks, libmesos ends the process for each of these: see `sys/hazards/zookeeper.rs`.
#[tokio::test(flavor = "multi_thread")]
async fn data_in_zookeeper_that_would_end_the_process_is_an_error() {
    let Some(mut zookeeper) = ZooKeeper::start().await else {
        return;
    };
    if library().await.is_none() {
        return;
    }
    let creator = Client::connector().with_auth("digest", b"a:b");
    let creator = creator.connect(&zookeeper.servers()).await.unwrap();
    let write = async |node: &str, data: &[u8], acls| {
        let options = CreateMode::Persistent.with_acls(acls);
        creator.create(node, data, &options).await.unwrap();
    };
    let (open, closed) = (Acls::anyone_all(), Acls::new(&CREATOR_ONLY));

    write("/closed", b"", closed).await;
    for (path, what) in [
        ("/closed", "/closed cannot be read"),
        (
            "/closed/mesos",
            "/closed/mesos does not exist and cannot be created",
        ),
    ] {
        let error = refused(&zookeeper, path).await;
        assert_eq!(error.kind(), ErrorKind::Unauthorized);
        assert!(error.to_string().contains(what), "{error}");
    }

    write("/mesos", b"", open).await;
    // Each node leads, because its number is smaller than the earlier ones.
    for (node, data, acls, kind, what) in [
        (
            "json.info_0000000009",
            "{}",
            open,
            ErrorKind::Decode,
            "json.info_0000000009 in ZooKeeper does not contain a MasterInfo",
        ),
        (
            "json.info_0000000008",
            "{}",
            closed,
            ErrorKind::Unauthorized,
            "has a leading node that cannot be read",
        ),
        (
            "lock_0000000007",
            "",
            open,
            ErrorKind::NotLeader,
            "lock_0000000007 has the smallest number",
        ),
    ] {
        write(&format!("/mesos/{node}"), data.as_bytes(), acls).await;
        let error = refused(&zookeeper, "/mesos").await;
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(what), "{error}");
    }

    zookeeper.kill(0);
    let error = refused(&zookeeper, "/mesos").await;
    assert_eq!(error.kind(), ErrorKind::NotLeader);
    assert!(error.is_retryable());
    assert!(error.to_string().contains("answers"), "{error}");
}
