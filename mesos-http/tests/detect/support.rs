//! Masters for the tests: nodes in a ZooKeeper, and waiting for a detector's result.

use std::sync::Arc;
use std::time::Duration;

use mesos_core::Error;
use mesos_core::Master;
use mesos_http::detect::{Detection, Detector, detector};
use tokio::sync::watch;
use zookeeper_client::{Acl, Acls, Client, CreateMode, MultiWriteResult, Permission};

use crate::peer::soon;

/// The masters' path in the tests.
pub(crate) const PATH: &str = "/mesos";

/// The permissions of masters with credentials: everybody may read, the creator may do anything.
pub(crate) static READABLE: [Acl; 2] = [
    Acl::new_const(Permission::READ, "world", "anyone"),
    Acl::new_const(Permission::ALL, "auth", ""),
];

/// The client that writes the masters' nodes.
pub(crate) struct Masters {
    pub(crate) client: Client,
    acls: Acls<'static>,
}

impl Masters {
    /// Masters without credentials, at an empty ZooKeeper.
    pub(crate) async fn at(servers: &str) -> Self {
        Self::with(servers, None, Acls::anyone_all()).await
    }

    /// Masters with credentials and these permissions.
    pub(crate) async fn with(servers: &str, digest: Option<&str>, acls: Acls<'static>) -> Self {
        let mut connector = Client::connector().with_session_timeout(Duration::from_secs(30));
        if let Some(digest) = digest {
            connector = connector.with_auth("digest", digest.as_bytes());
        }
        let client = soon("ZooKeeper", connector.connect(servers)).await.unwrap();
        Self { client, acls }
    }

    /// Creates the masters' path, empty.
    pub(crate) async fn make_path(&self) {
        self.write("", b"").await;
    }

    /// Creates the node of a master at this port, and returns the node's name.
    pub(crate) async fn join(&self, port: u16) -> String {
        let options = CreateMode::PersistentSequential.with_acls(self.acls);
        let node = format!("{PATH}/json.info_");
        let (_, sequence) = self
            .client
            .create(&node, info(port).as_bytes(), &options)
            .await
            .unwrap();
        format!("json.info_{sequence}")
    }

    /// Creates the node with this name.
    pub(crate) async fn write(&self, node: &str, data: &[u8]) {
        let options = CreateMode::Persistent.with_acls(self.acls);
        let path = format!("{PATH}/{node}");
        let path = path.trim_end_matches('/');
        self.client.create(path, data, &options).await.unwrap();
    }

    /// Replaces a node by that of a new master at this port, in one transaction.
    pub(crate) async fn replace(&self, node: &str, port: u16) -> String {
        let options = CreateMode::PersistentSequential.with_acls(self.acls);
        let mut both = self.client.new_multi_writer();
        both.add_create(
            &format!("{PATH}/json.info_"),
            info(port).as_bytes(),
            &options,
        )
        .unwrap();
        both.add_delete(&format!("{PATH}/{node}"), None).unwrap();
        match both.commit().await.unwrap().swap_remove(0) {
            MultiWriteResult::Create { path, .. } => path.rsplit_once('/').unwrap().1.to_owned(),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn leave(&self, node: &str) {
        let path = format!("{PATH}/{node}");
        self.client.delete(&path, None).await.unwrap();
    }
}

/// The `MasterInfo` of a Mesos 1.11 at this port of this machine.
pub(crate) fn info(port: u16) -> String {
    format!(
        r#"{{"address":{{"hostname":"localhost","ip":"127.0.0.1","port":{port}}},"capabilities":[{{"type":"AGENT_UPDATE"}}],"hostname":"localhost","id":"b7f4a6a2-d1c5-4c0f-9e6f-0f1a3a8c5a11","ip":16777343,"pid":"master@127.0.0.1:{port}","port":{port},"version":"1.11.0"}}"#
    )
}

/// The address of the masters in this ZooKeeper.
pub(crate) fn address(servers: &str) -> Master {
    format!("zk://{servers}{PATH}").parse().unwrap()
}

/// Follows the leader.
pub(crate) struct Watcher {
    // The session lasts as long as the detector.
    _detector: Arc<dyn Detector>,
    detected: watch::Receiver<Detection>,
}

impl Watcher {
    pub(crate) fn of(master: &Master) -> Self {
        let detector = detector(master);
        let detected = detector.watch();
        Self {
            _detector: detector,
            detected,
        }
    }

    /// Waits until the leader is the master at `port`.
    pub(crate) async fn leader(&mut self, port: u16) {
        let leader = vec![format!("http://127.0.0.1:{port}/master").parse().unwrap()];
        let wanted = |detection: &Detection| detection.as_ref().is_ok_and(|at| *at == leader);
        let waiting = self.detected.wait_for(wanted);
        soon(&format!("{port} to lead"), waiting).await.unwrap();
    }

    /// Waits until the leader is unknown, for a reason that contains `why`.
    pub(crate) async fn nobody(&mut self, why: &str) -> Error {
        let wanted = |detection: &Detection| match detection {
            Ok(_) => false,
            Err(error) => error.to_string().contains(why),
        };
        let waiting = self.detected.wait_for(wanted);
        let found = soon(why, waiting).await.unwrap().clone();
        found.unwrap_err()
    }

    /// The next value.
    pub(crate) async fn next(&mut self) -> Detection {
        soon("detected", self.detected.changed()).await.unwrap();
        self.detected.borrow_and_update().clone()
    }

    /// Checks that the next leader is the master at `port`. In between, the detector may report only
    /// that a node disappeared between listing and reading it.
    pub(crate) async fn straight_to(&mut self, port: u16) {
        let leader = loop {
            match self.next().await {
                Ok(leader) => break leader,
                Err(error) => assert!(error.to_string().ends_with("is gone"), "{error}"),
            }
        };
        assert_eq!(
            leader[0].to_string(),
            format!("http://127.0.0.1:{port}/master")
        );
    }

    /// The current value.
    pub(crate) fn now(&self) -> Detection {
        self.detected.borrow().clone()
    }
}
