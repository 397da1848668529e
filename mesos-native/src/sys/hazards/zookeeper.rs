//! What libmesos does over what it finds in ZooKeeper: the reason for the checks in
//! `backend/zookeeper.rs`. The server is a real one.

use std::env;

use zookeeper_client::{Acl, Acls, Client, CreateMode, Permission};

use self::server::ZooKeeper;
use super::{died, driver, loaded, outcome};

#[allow(dead_code)]
#[path = "../../../../mesos-zookeeper/tests/it/server.rs"]
mod server;

/// Set in the inner process: the masters' address.
const MASTER: &str = "MESOS_NATIVE_HAZARD_MASTER";

/// For its maker alone.
static MAKERS: [Acl; 1] = [Acl::new_const(Permission::ALL, "auth", "")];

/// Runs a driver for `path` in another process, and expects that it dies of `why`.
fn dies_of(test: &str, path: &str, nodes: &[(&str, &[u8], Acls<'_>)], why: &str) {
    if let Some(library) = loaded() {
        let master = env::var(MASTER).expect("an address");
        let (_driver, events) = driver(library, &master, false);
        // A thread of libmesos' ends the process.
        events.into_iter().for_each(drop);
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let zookeeper = runtime.block_on(async {
        let zookeeper = ZooKeeper::start().await?;
        let maker = Client::connector().with_auth("digest", b"a:b");
        let client = maker.connect(&zookeeper.servers()).await.expect("a client");
        for (node, data, acls) in nodes {
            let options = CreateMode::Persistent.with_acls(*acls);
            client.create(node, data, &options).await.expect("a node");
        }
        Some(zookeeper)
    });
    let Some(zookeeper) = zookeeper else {
        return;
    };
    let master = format!("zk://{}{path}", zookeeper.servers());
    if let Some(output) = outcome(&format!("zookeeper::{test}"), &[(MASTER, &master)]) {
        died(&output, why);
    }
}

#[test]
fn a_path_that_may_not_be_read_ends_the_process() {
    dies_of(
        "a_path_that_may_not_be_read_ends_the_process",
        "/mesos",
        &[("/mesos", b"", Acls::new(&MAKERS))],
        "Failed to detect a master",
    );
}

#[test]
fn a_path_that_may_not_be_made_ends_the_process() {
    dies_of(
        "a_path_that_may_not_be_made_ends_the_process",
        "/locked/mesos",
        &[("/locked", b"", Acls::new(&MAKERS))],
        "Failed to create '/locked/mesos' in ZooKeeper: not authenticated",
    );
}

#[test]
fn a_leading_node_that_may_not_be_read_ends_the_process() {
    dies_of(
        "a_leading_node_that_may_not_be_read_ends_the_process",
        "/mesos",
        &[
            ("/mesos", b"", Acls::anyone_all()),
            ("/mesos/json.info_0000000001", b"{}", Acls::new(&MAKERS)),
        ],
        "Failed to detect a master",
    );
}

#[test]
fn a_leading_node_that_is_no_masters_ends_the_process() {
    dies_of(
        "a_leading_node_that_is_no_masters_ends_the_process",
        "/mesos",
        &[
            ("/mesos", b"", Acls::anyone_all()),
            ("/mesos/lock_0000000001", b"", Acls::anyone_all()),
        ],
        "Failed to parse data of unknown label 'lock'",
    );
}

#[test]
fn a_leading_node_without_a_master_in_it_ends_the_process() {
    dies_of(
        "a_leading_node_without_a_master_in_it_ends_the_process",
        "/mesos",
        &[
            ("/mesos", b"", Acls::anyone_all()),
            ("/mesos/json.info_0000000001", b"{}", Acls::anyone_all()),
        ],
        "Failed to parse JSON into a valid MasterInfo",
    );
}
