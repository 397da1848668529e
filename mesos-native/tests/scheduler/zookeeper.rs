//! Masters that libmesos' own detector finds in a real ZooKeeper. A local cluster does not
//! stand for election, so its node is written for it, with what it says of itself.

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

/// libmesos asks ZooKeeper again after 2 s at the soonest.
const PATIENCE: Duration = Duration::from_secs(60);

/// The client that writes what masters write.
struct Masters(Client);

impl Masters {
    async fn at(zookeeper: &ZooKeeper) -> Self {
        let client = Client::connect(&zookeeper.servers()).await.unwrap();
        let path = CreateMode::Persistent.with_acls(Acls::anyone_all());
        // Whoever comes first makes it; libmesos' detector does too.
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

/// What the master of a cluster says of itself.
async fn info(cluster: &LocalCluster) -> MasterInfo {
    let backend = NativeBackend::new(library().await.unwrap(), &cluster.master_url()).unwrap();
    let recorder = Recorder::new();
    let asking = Framework::ephemeral("asking");
    let driver = SchedulerDriver::start(recorder.clone(), asking, backend);
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
    let backend = NativeBackend::new(library, &address).unwrap();
    let recorder = Recorder::with_patience(PATIENCE);
    let driver = SchedulerDriver::start(recorder.clone(), framework(), backend);

    // The masters are there after the scheduler, and behind the first one a second waits.
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
    // Those of the first are told of before, and gone.
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
async fn a_zookeeper_that_is_away_for_a_moment_is_not_missed() {
    let Some(mut zookeeper) = ZooKeeper::start().await else {
        return;
    };
    let Some(cluster) = cluster().await else {
        return;
    };
    let masters = Masters::at(&zookeeper).await;
    masters.join(&info(&cluster).await).await;
    // Readable by all, as masters with credentials write it.
    let address = format!("zk://mesos:secret@{}/mesos", zookeeper.servers());
    let backend = NativeBackend::new(library().await.unwrap(), &address).unwrap();
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

/// For its maker alone.
static MAKERS: [Acl; 1] = [Acl::new_const(Permission::ALL, "auth", "")];

/// The error of subscribing at `path`.
async fn refused(zookeeper: &ZooKeeper, path: &str) -> Error {
    let address = format!("zk://me:s3cret@{}{path}", zookeeper.servers());
    let backend = NativeBackend::new(library().await.unwrap(), &address).unwrap();
    let subscribing = Backend::<SchedulerApi>::subscribe(&backend, subscribe_call());
    let error = subscribing.await.unwrap_err();
    assert!(!format!("{error} {error:?}").contains("s3cret"), "{error}");
    error
}

/// libmesos alone ends the process over each of these: `sys/hazards/zookeeper.rs` shows it.
#[tokio::test(flavor = "multi_thread")]
async fn what_libmesos_would_end_the_process_over_is_an_error_before_it_starts() {
    let Some(mut zookeeper) = ZooKeeper::start().await else {
        return;
    };
    if library().await.is_none() {
        return;
    }
    let theirs = Client::connector().with_auth("digest", b"a:b");
    let theirs = theirs.connect(&zookeeper.servers()).await.unwrap();
    let write = async |node: &str, data: &[u8], acls| {
        let options = CreateMode::Persistent.with_acls(acls);
        theirs.create(node, data, &options).await.unwrap();
    };
    let (open, closed) = (Acls::anyone_all(), Acls::new(&MAKERS));

    write("/closed", b"", closed).await;
    for (path, what) in [
        ("/closed", "/closed may not be read"),
        (
            "/closed/mesos",
            "/closed/mesos is not there, and may not be made",
        ),
    ] {
        let error = refused(&zookeeper, path).await;
        assert_eq!(error.kind(), ErrorKind::Unauthorized);
        assert!(error.to_string().contains(what), "{error}");
    }

    write("/mesos", b"", open).await;
    // Each leads before the one before it.
    for (node, data, acls, kind, what) in [
        (
            "json.info_0000000009",
            "{}",
            open,
            ErrorKind::Decode,
            "json.info_0000000009 in ZooKeeper has no MasterInfo",
        ),
        (
            "json.info_0000000008",
            "{}",
            closed,
            ErrorKind::Unauthorized,
            "has a leading node that may not be read",
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
