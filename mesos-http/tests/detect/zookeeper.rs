//! The detected leader while ZooKeeper is available.

use mesos_core::ErrorKind;
use mesos_http::{HttpBackend, Master, Scheme, TlsConfig};
use zookeeper_client::Acls;

use crate::loopback::loopback;
use crate::peer::{Server, soon, subscribe};
use crate::support::*;
use crate::zookeeper_server::ZooKeeper;

#[tokio::test]
async fn the_leader_is_followed_from_before_the_path_exists_until_the_last_master_leaves() {
    let Some(zookeeper) = ZooKeeper::start().await else {
        return;
    };
    let servers = zookeeper.servers();
    let mut watcher = Watcher::of(&address(&servers));
    let error = watcher.nobody("the path does not exist").await;
    assert_eq!(error.kind(), ErrorKind::NotLeader);
    assert_eq!(
        error.to_string(),
        format!("no master has registered at zk://{servers}/mesos: the path does not exist")
    );

    let masters = Masters::at(&servers).await;
    masters.make_path().await;
    let error = watcher.nobody("no master is registered").await;
    assert_eq!(error.kind(), ErrorKind::NotLeader);

    masters.write("log_replicas", b"").await;
    masters.write("log_replicas/0000000000", b"").await;
    let first = masters.join(5051).await;
    watcher.leader(5051).await;
    let second = masters.join(5052).await;
    let third = masters.join(5053).await;
    masters.leave(&second).await;
    masters.leave(&first).await;
    // A master that left before it led is never reported.
    watcher.straight_to(5053).await;
    masters.leave(&third).await;
    watcher.nobody("no master is registered").await;
    masters.join(5054).await;
    watcher.leader(5054).await;
}

#[tokio::test]
async fn numbers_are_compared_as_numbers_across_the_formats() {
    let Some(zookeeper) = ZooKeeper::start().await else {
        return;
    };
    let masters = Masters::at(&zookeeper.servers()).await;
    masters.make_path().await;
    let mut watcher = Watcher::of(&address(&zookeeper.servers()));
    masters
        .write("json.info_0000000010", info(10).as_bytes())
        .await;
    watcher.leader(10).await;
    // The id, the old form of the address, and the port, in protobuf.
    let protobuf = b"\x0a\x01m\x10\xff\x80\x80\x08\x18\x09";
    masters.write("info_0000000009", protobuf).await;
    watcher.leader(9).await;
    masters.write("0000000008", b"master@127.0.0.1:8").await;
    watcher.leader(8).await;
    masters.write("json.info_7", info(7).as_bytes()).await;
    watcher.leader(7).await;
    let old = br#"{"id":"m","ip":16777343,"port":6}"#;
    masters.write("json.info_0000000006", old).await;
    watcher.leader(6).await;
}

#[tokio::test]
async fn a_leading_node_that_is_foreign_or_invalid_is_an_error_until_it_disappears() {
    let Some(zookeeper) = ZooKeeper::start().await else {
        return;
    };
    let masters = Masters::at(&zookeeper.servers()).await;
    masters.make_path().await;
    masters
        .write("json.info_0000000003", info(3).as_bytes())
        .await;
    let mut watcher = Watcher::of(&address(&zookeeper.servers()));
    watcher.leader(3).await;
    masters.write("json.info_0000000002", b"{").await;
    let error = watcher.nobody("json.info_0000000002").await;
    assert_eq!(error.kind(), ErrorKind::Decode);
    masters.write("lock_0000000001", b"").await;
    let error = watcher.nobody("lock_0000000001").await;
    assert_eq!(error.kind(), ErrorKind::NotLeader);
    masters.leave("lock_0000000001").await;
    watcher.nobody("json.info_0000000002").await;
    masters.leave("json.info_0000000002").await;
    watcher.leader(3).await;
}

#[tokio::test]
async fn the_right_leader_is_detected_after_many_fast_changes() {
    let Some(zookeeper) = ZooKeeper::start().await else {
        return;
    };
    let masters = Masters::at(&zookeeper.servers()).await;
    masters.make_path().await;
    let mut watcher = Watcher::of(&address(&zookeeper.servers()));
    let mut leading = masters.join(6000).await;
    watcher.leader(6000).await;
    // The reader lags behind, and sometimes the leader's node disappears between listing and reading.
    for port in 6001..6200 {
        let next = masters.join(port).await;
        masters.leave(&leading).await;
        leading = next;
    }
    watcher.leader(6199).await;
    masters.leave(&leading).await;
    watcher.nobody("").await;
}

#[tokio::test]
async fn credentials_are_required_only_if_the_path_is_not_readable() {
    let Some(zookeeper) = ZooKeeper::start().await else {
        return;
    };
    let servers = zookeeper.servers();
    let with = |credentials: &str, path: &str| -> Master {
        format!("zk://{credentials}{servers}{path}")
            .parse()
            .unwrap()
    };

    let readable = Acls::new(&READABLE);
    let masters = Masters::with(&servers, Some("mesos:se:cr@t"), readable).await;
    masters.make_path().await;
    masters.join(5051).await;
    for credentials in ["", "mesos:se:cr@t@", "mesos:wrong@", "else:secret@"] {
        Watcher::of(&with(credentials, PATH)).leader(5051).await;
    }

    let acls = Acls::creator_all();
    let hidden = Masters::with(&servers, Some("mesos:se:cr@t"), acls).await;
    let data = info(5052);
    let data = data.as_bytes();
    // A master's node that cannot be read, and a path that cannot be read.
    masters.write("readable", b"").await;
    hidden.write("readable/json.info_0", data).await;
    hidden.write("hidden", b"").await;
    hidden.write("hidden/json.info_0", data).await;
    for path in [format!("{PATH}/readable"), format!("{PATH}/hidden")] {
        Watcher::of(&with("mesos:se:cr@t@", &path))
            .leader(5052)
            .await;
        for (credentials, hint) in [
            (
                "",
                "without credentials; write them as zk://USER:PASSWORD@…",
            ),
            ("mesos:wrong@", "with these credentials"),
        ] {
            let mut watcher = Watcher::of(&with(credentials, &path));
            let error = watcher.nobody("cannot be read").await;
            assert_eq!(error.kind(), ErrorKind::Unauthorized);
            assert_eq!(
                error.to_string(),
                format!("zk://{servers}{path} cannot be read {hint}")
            );
        }
    }
}

#[tokio::test]
async fn scheme_and_prefix_of_a_detected_leader_are_settings() {
    let Some(zookeeper) = ZooKeeper::start().await else {
        return;
    };
    let masters = Masters::at(&zookeeper.servers()).await;
    masters.make_path().await;
    masters.join(5051).await;
    let master = address(&zookeeper.servers())
        .with_scheme(Scheme::Https)
        .with_prefix("/");
    let mut watcher = Watcher::of(&master);
    while watcher.now().is_err() {
        let _ = watcher.next().await;
    }
    assert_eq!(
        watcher.now().unwrap()[0].to_string(),
        "https://127.0.0.1:5051"
    );
}

#[tokio::test]
async fn a_detected_leader_is_contacted_over_tls_if_the_backend_has_tls_settings() {
    use tokio::io::AsyncReadExt as _;
    let Some(zookeeper) = ZooKeeper::start().await else {
        return;
    };
    let server = Server::start().await;
    let masters = Masters::at(&zookeeper.servers()).await;
    masters.make_path().await;
    masters.join(server.endpoint("").port()).await;
    let address = || address(&zookeeper.servers());
    for (master, handshake) in [
        (address(), true),
        (address().with_scheme(Scheme::Http), false),
    ] {
        let _client = subscribe(HttpBackend::new(master).tls(TlsConfig::new()));
        let mut peer = server.accept_raw().await;
        let first = soon("a byte", peer.read_u8()).await.unwrap();
        // The record type of a handshake (RFC 8446, 5.1).
        assert_eq!(first == 22, handshake, "{first}");
        assert_eq!(first == b'P', !handshake, "{first}");
    }
}

#[tokio::test]
async fn a_leader_with_an_ipv6_address_is_found_in_a_zookeeper_at_an_ipv6_address() {
    let Some(listener) = loopback() else { return };
    let Some(zookeeper) = ZooKeeper::start_at_ipv6().await else {
        return;
    };
    let servers = zookeeper.servers();
    assert!(servers.starts_with("[::1]:"), "{servers}");
    listener.set_nonblocking(true).unwrap();
    let leader = Server::over(tokio::net::TcpListener::from_std(listener).unwrap());
    let port = leader.endpoint("").port();
    let masters = Masters::at(&servers).await;
    masters.make_path().await;
    let info = format!(r#"{{"id":"m","ip":0,"port":1,"address":{{"ip":"::1","port":{port}}}}}"#);
    masters.write("json.info_0000000001", info.as_bytes()).await;
    let backend = HttpBackend::new(address(&servers));
    let (subscription, _peer) = leader.subscribed(backend).await;
    assert_eq!(
        subscription.peer,
        format!("http://{}/master", leader.address)
    );
}
