//! A framework's id in a real ZooKeeper.

use std::time::{Duration, Instant};

use mesos_core::store::Store;
use mesos_core::{BoxError, error_chain};
use mesos_zookeeper::{ZooKeeperStore, ZooKeeperStoreError, client};
use zookeeper_client::{Acl, Acls, Client, CreateMode, Permission};

use crate::server::ZooKeeper;

const NODE: &str = "/shop/scheduler/id";

fn store(credentials: &str, zookeeper: &ZooKeeper) -> ZooKeeperStore {
    let servers = zookeeper.servers();
    format!("zk://{credentials}{servers}{NODE}")
        .parse()
        .unwrap()
}

fn why(error: &BoxError) -> &ZooKeeperStoreError {
    error.downcast_ref().expect("the store's own error")
}

#[tokio::test]
async fn a_saved_id_is_loaded_by_the_next_process_also_after_a_restart_of_zookeeper() {
    let Some(mut zookeeper) = ZooKeeper::start().await else {
        return;
    };
    let first = store("", &zookeeper);
    assert_eq!(first.load().await.unwrap(), None, "no such path");
    first.clear().await.unwrap();
    first.save(&"f-1".into()).await.unwrap();
    first.save(&"f-2".into()).await.unwrap();
    zookeeper.kill(0);
    zookeeper.restart(0).await;
    let second = store("", &zookeeper);
    assert_eq!(second.load().await.unwrap(), Some("f-2".into()));
    second.clear().await.unwrap();
    assert_eq!(store("", &zookeeper).load().await.unwrap(), None);
    second.save(&"f-3".into()).await.unwrap();
    let third = store("", &zookeeper);
    assert_eq!(third.load().await.unwrap(), Some("f-3".into()));
}

#[tokio::test]
async fn any_duration_is_a_valid_time_limit() {
    let Some(zookeeper) = ZooKeeper::start().await else {
        return;
    };
    let unlimited = store("", &zookeeper).timeout(Duration::MAX);
    assert_eq!(unlimited.load().await.unwrap(), None);
    unlimited.save(&"f-1".into()).await.unwrap();
    let none = store("", &zookeeper).timeout(Duration::ZERO);
    let error = none.load().await.unwrap_err();
    assert!(matches!(
        why(&error),
        ZooKeeperStoreError::Unreachable { .. }
    ));
}

#[tokio::test]
async fn any_duration_is_a_valid_session_timeout() {
    let Some(zookeeper) = ZooKeeper::start().await else {
        return;
    };
    let address = format!("zk://{}{NODE}", zookeeper.servers());
    for timeout in [Duration::MAX, Duration::ZERO, Duration::from_nanos(1)] {
        let connector = client::connector(&address.parse().unwrap(), timeout);
        let session = connector.connect(&zookeeper.servers()).await.unwrap();
        // The limits of the server.
        let limits = Duration::from_millis(400)..=Duration::from_secs(60);
        let negotiated = session.session_timeout();
        assert!(limits.contains(&negotiated), "{timeout:?}: {negotiated:?}");
    }
}

/// So an address with a comma in its path is valid, unless a server follows the comma.
#[tokio::test]
async fn a_path_may_contain_commas_and_colons() {
    let Some(zookeeper) = ZooKeeper::start().await else {
        return;
    };
    let address = format!("zk://{}/a,b:c/id", zookeeper.servers());
    let [one, two] = [0, 1].map(|_| address.parse::<ZooKeeperStore>().unwrap());
    one.save(&"f-1".into()).await.unwrap();
    assert_eq!(two.load().await.unwrap(), Some("f-1".into()));
}

#[tokio::test]
async fn the_second_of_two_concurrent_instances_cannot_save() {
    let Some(zookeeper) = ZooKeeper::start().await else {
        return;
    };
    let (one, two) = (store("", &zookeeper), store("", &zookeeper));
    for store in [&one, &two] {
        assert_eq!(store.load().await.unwrap(), None);
    }
    one.save(&"f-1".into()).await.unwrap();
    let error = two.save(&"f-2".into()).await.unwrap_err();
    let at = format!("zk://{}{NODE}", zookeeper.servers());
    assert_eq!(
        error.to_string(),
        format!(
            "another process changed the id at {at} from none to f-1; start the instances of a \
             scheduler one after the other, and use a separate path for each framework"
        )
    );
    // Saving fails until the instance restarts.
    two.save(&"f-2".into()).await.unwrap_err();
    let again = store("", &zookeeper);
    assert_eq!(again.load().await.unwrap(), Some("f-1".into()));
    again.save(&"f-3".into()).await.unwrap();
    let error = one.clear().await.unwrap_err();
    assert!(
        matches!(why(&error), ZooKeeperStoreError::Changed { now: Some(now), .. } if now.as_str() == "f-3")
    );
}

#[tokio::test]
async fn only_one_of_many_concurrent_instances_saves_its_id() {
    let Some(zookeeper) = ZooKeeper::start().await else {
        return;
    };
    let mut instances = tokio::task::JoinSet::new();
    for number in 0..8 {
        let store = store("", &zookeeper);
        instances.spawn(async move {
            let id = format!("f-{number}");
            let saved = match store.load().await.unwrap() {
                None => store.save(&id.as_str().into()).await,
                Some(_) => return None,
            };
            saved.ok().map(|()| id)
        });
    }
    let saved: Vec<_> = instances.join_all().await.into_iter().flatten().collect();
    assert_eq!(saved.len(), 1, "{saved:?}");
    let kept = store("", &zookeeper).load().await.unwrap();
    assert_eq!(kept.unwrap().value, saved[0]);
}

#[tokio::test]
async fn an_operation_waits_for_zookeeper_up_to_its_timeout() {
    let Some(mut zookeeper) = ZooKeeper::start().await else {
        return;
    };
    let long = store("", &zookeeper);
    assert_eq!(long.load().await.unwrap(), None);
    zookeeper.kill(0);
    let id = "f-1".into();
    let (saved, ()) = tokio::join!(long.save(&id), async {
        let short = store("", &zookeeper).timeout(Duration::from_millis(500));
        let started = Instant::now();
        let error = short.load().await.unwrap_err();
        assert!(started.elapsed() < Duration::from_secs(20));
        assert!(matches!(
            why(&error),
            ZooKeeperStoreError::Unreachable { .. }
        ));
        let text = error.to_string();
        assert!(text.contains(&zookeeper.servers()), "{text}");
        assert!(text.contains("check that the servers run"), "{text}");
        zookeeper.restart(0).await;
    });
    saved.unwrap();
    assert_eq!(long.load().await.unwrap(), Some(id));
}

#[tokio::test]
async fn an_operation_on_a_hanging_server_ends_at_its_timeout() {
    let Some(zookeeper) = ZooKeeper::start().await else {
        return;
    };
    zookeeper.pause(0);
    let short = store("", &zookeeper).timeout(Duration::from_secs(1));
    let started = Instant::now();
    let error = short.load().await.unwrap_err();
    assert!(matches!(
        why(&error),
        ZooKeeperStoreError::Unreachable { .. }
    ));
    assert!(started.elapsed() < Duration::from_secs(20));
    zookeeper.resume(0);
    let long = short.timeout(Duration::from_secs(60));
    assert_eq!(long.load().await.unwrap(), None);
}

#[tokio::test]
async fn only_the_creators_credentials_can_change_the_id_and_no_error_contains_them() {
    let Some(zookeeper) = ZooKeeper::start().await else {
        return;
    };
    let ours = store("shop:s3cret@", &zookeeper);
    ours.save(&"f-1".into()).await.unwrap();
    for credentials in ["", "shop:wr0ng@"] {
        let theirs = store(credentials, &zookeeper);
        assert_eq!(theirs.load().await.unwrap(), Some("f-1".into()));
        let error = theirs.save(&"f-2".into()).await.unwrap_err();
        assert!(matches!(why(&error), ZooKeeperStoreError::Denied { .. }));
        let text = format!("{} {error:?} {theirs:?}", error_chain(error.as_ref()));
        assert!(!text.contains("wr0ng"), "{text}");
        let advice = match credentials {
            "" => "without credentials; write them as zk://USER:PASSWORD@",
            _ => "with these credentials; use the credentials that created it",
        };
        assert!(text.contains(advice), "{text}");
        // They cannot remove it.
        theirs.clear().await.unwrap_err();
    }
    ours.save(&"f-3".into()).await.unwrap();
    let again = store("shop:s3cret@", &zookeeper);
    assert_eq!(again.load().await.unwrap(), Some("f-3".into()));
}

#[tokio::test]
async fn data_that_is_not_an_id_is_an_error_and_an_empty_node_means_no_id() {
    let Some(zookeeper) = ZooKeeper::start().await else {
        return;
    };
    let client = Client::connect(&zookeeper.servers()).await.unwrap();
    let options = CreateMode::Persistent.with_acls(Acls::anyone_all());
    client.mkdir(NODE, &options).await.unwrap();
    assert_eq!(store("", &zookeeper).load().await.unwrap(), None);
    for (data, wrong) in [
        (&b"\xff"[..], "is not UTF-8"),
        (b"a/b", "contains a slash"),
        (b"f-1\n", "control character"),
    ] {
        client.set_data(NODE, data, None).await.unwrap();
        let store = store("", &zookeeper);
        let error = store.load().await.unwrap_err();
        assert!(matches!(why(&error), ZooKeeperStoreError::Garbage { .. }));
        assert!(error.to_string().contains(wrong), "{error}");
        // The data is not overwritten.
        store.save(&"f-1".into()).await.unwrap_err();
    }
}

#[tokio::test]
async fn a_node_that_cannot_be_read_is_an_error() {
    let Some(zookeeper) = ZooKeeper::start().await else {
        return;
    };
    // Only the creator has access.
    static MAKERS: [Acl; 1] = [Acl::new_const(Permission::ALL, "auth", "")];
    let connector = Client::connector().with_auth("digest", b"a:b");
    let client = connector.connect(&zookeeper.servers()).await.unwrap();
    let options = CreateMode::Persistent.with_acls(Acls::new(&MAKERS));
    client.mkdir(NODE, &options).await.unwrap();
    let error = store("", &zookeeper).load().await.unwrap_err();
    assert!(matches!(
        why(&error),
        ZooKeeperStoreError::Denied {
            credentials: false,
            ..
        }
    ));
}

#[test]
fn an_invalid_address_is_an_error_that_says_what_to_write() {
    for (text, wrong) in [
        (
            "zk://h:2181",
            "write a path for the id, like zk://h:2181/web-shop/framework-id",
        ),
        (
            "http://me:s3cret@h:2181/a",
            "not a ZooKeeper address; write one like zk://HOST:2181/web-shop",
        ),
        ("zk://h/a", "write HOST:PORT"),
        ("", "not a ZooKeeper address"),
    ] {
        let error = text.parse::<ZooKeeperStore>().unwrap_err().to_string();
        assert!(error.contains(wrong), "{text}: {error}");
        assert!(!error.contains("s3cret"), "{error}");
    }
}
