//! Shows which data in ZooKeeper make libmesos end the process: the reason for the checks in
//! `backend/zookeeper.rs`. The ZooKeeper server is a real one.

use std::env;

use zookeeper_client::{Acl, Acls, Client, CreateMode, Permission};

use self::server::ZooKeeper;
use super::{assert_ended_by_libmesos, driver, inner_library, run_inner};

#[allow(dead_code)]
#[path = "../../../../mesos-zookeeper/tests/it/server.rs"]
mod server;

/// Set in the inner process: the address of the masters.
const MASTER: &str = "MESOS_NATIVE_HAZARD_MASTER";

/// Access for the creator of a node only.
static CREATOR_ONLY: [Acl; 1] = [Acl::new_const(Permission::ALL, "auth", "")];

/// Runs a driver for `path` in an inner process, and checks that libmesos ends the process for
/// `reason`.
fn assert_ends_process(test: &str, path: &str, nodes: &[(&str, &[u8], Acls<'_>)], reason: &str) {
    if let Some(library) = inner_library() {
        let master = env::var(MASTER).expect("an address");
        let (_driver, events) = driver(library, &master, false);
        // A libmesos thread ends the process.
        events.into_iter().for_each(drop);
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let zookeeper = runtime.block_on(async {
        let zookeeper = ZooKeeper::start().await?;
        let creator = Client::connector().with_auth("digest", b"a:b");
        let client = creator
            .connect(&zookeeper.servers())
            .await
            .expect("a client");
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
    if let Some(output) = run_inner(&format!("zookeeper::{test}"), &[(MASTER, &master)]) {
        assert_ended_by_libmesos(&output, reason);
    }
}

#[test]
fn a_path_without_read_access_ends_the_process() {
    assert_ends_process(
        "a_path_without_read_access_ends_the_process",
        "/mesos",
        &[("/mesos", b"", Acls::new(&CREATOR_ONLY))],
        "Failed to detect a master",
    );
}

#[test]
fn a_path_that_cannot_be_created_ends_the_process() {
    assert_ends_process(
        "a_path_that_cannot_be_created_ends_the_process",
        "/locked/mesos",
        &[("/locked", b"", Acls::new(&CREATOR_ONLY))],
        "Failed to create '/locked/mesos' in ZooKeeper: not authenticated",
    );
}

#[test]
fn a_leading_node_without_read_access_ends_the_process() {
    assert_ends_process(
        "a_leading_node_without_read_access_ends_the_process",
        "/mesos",
        &[
            ("/mesos", b"", Acls::anyone_all()),
            (
                "/mesos/json.info_0000000001",
                b"{}",
                Acls::new(&CREATOR_ONLY),
            ),
        ],
        "Failed to detect a master",
    );
}

#[test]
fn a_leading_node_with_an_unknown_label_ends_the_process() {
    assert_ends_process(
        "a_leading_node_with_an_unknown_label_ends_the_process",
        "/mesos",
        &[
            ("/mesos", b"", Acls::anyone_all()),
            ("/mesos/lock_0000000001", b"", Acls::anyone_all()),
        ],
        "Failed to parse data of unknown label 'lock'",
    );
}

#[test]
fn a_leading_node_without_master_info_ends_the_process() {
    assert_ends_process(
        "a_leading_node_without_master_info_ends_the_process",
        "/mesos",
        &[
            ("/mesos", b"", Acls::anyone_all()),
            ("/mesos/json.info_0000000001", b"{}", Acls::anyone_all()),
        ],
        "Failed to parse JSON into a valid MasterInfo",
    );
}
