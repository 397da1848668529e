//! A framework's id in a real ZooKeeper.

use std::time::{Duration, Instant};

use mesos_core::store::Store;
use mesos_core::{BoxError, error_chain};
use mesos_zookeeper::{ZooKeeperStore, ZooKeeperStoreError};
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
async fn a_saved_id_is_found_by_the_next_process_also_when_zookeeper_was_restarted() {
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
async fn of_two_instances_that_start_at_once_the_second_to_save_is_refused() {
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
            "the id at {at} was changed by somebody else, from none to f-1; start one instance of \
             a scheduler after the other, and give each framework a path of its own"
        )
    );
    // It stays refused until the instance starts anew.
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
async fn many_instances_that_save_at_once_leave_the_id_of_the_only_one_that_was_told_so() {
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
async fn a_call_outlasts_an_absent_zookeeper_as_long_as_its_patience_and_no_longer() {
    let Some(mut zookeeper) = ZooKeeper::start().await else {
        return;
    };
    let patient = store("", &zookeeper);
    assert_eq!(patient.load().await.unwrap(), None);
    zookeeper.kill(0);
    let id = "f-1".into();
    let (saved, ()) = tokio::join!(patient.save(&id), async {
        let hasty = store("", &zookeeper).patience(Duration::from_millis(500));
        let started = Instant::now();
        let error = hasty.load().await.unwrap_err();
        assert!(started.elapsed() < Duration::from_secs(20));
        assert!(matches!(
            why(&error),
            ZooKeeperStoreError::Unreachable { .. }
        ));
        let text = error.to_string();
        assert!(text.contains(&zookeeper.servers()), "{text}");
        assert!(text.contains("check that its servers run"), "{text}");
        zookeeper.restart(0).await;
    });
    saved.unwrap();
    assert_eq!(patient.load().await.unwrap(), Some(id));
}

#[tokio::test]
async fn a_server_that_hangs_costs_no_more_than_the_patience() {
    let Some(zookeeper) = ZooKeeper::start().await else {
        return;
    };
    zookeeper.pause(0);
    let hasty = store("", &zookeeper).patience(Duration::from_secs(1));
    let started = Instant::now();
    let error = hasty.load().await.unwrap_err();
    assert!(matches!(
        why(&error),
        ZooKeeperStoreError::Unreachable { .. }
    ));
    assert!(started.elapsed() < Duration::from_secs(20));
    zookeeper.resume(0);
    let patient = hasty.patience(Duration::from_secs(60));
    assert_eq!(patient.load().await.unwrap(), None);
}

#[tokio::test]
async fn with_credentials_only_they_can_change_the_id_and_no_error_tells_them() {
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
            "" => "without credentials; give them as zk://USER:PASSWORD@",
            _ => "with these credentials; give those that it was made with",
        };
        assert!(text.contains(advice), "{text}");
        // Nor can they remove it.
        theirs.clear().await.unwrap_err();
    }
    ours.save(&"f-3".into()).await.unwrap();
    let again = store("shop:s3cret@", &zookeeper);
    assert_eq!(again.load().await.unwrap(), Some("f-3".into()));
}

#[tokio::test]
async fn what_no_store_has_written_is_refused_and_an_empty_node_is_no_id() {
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
        // It is not overwritten either.
        store.save(&"f-1".into()).await.unwrap_err();
    }
}

#[tokio::test]
async fn a_node_that_may_not_be_read_is_not_taken_for_none() {
    let Some(zookeeper) = ZooKeeper::start().await else {
        return;
    };
    // For its maker alone, who is not us.
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
fn an_address_that_is_none_of_a_store_says_how_to_write_one() {
    for (text, wrong) in [
        (
            "zk://h:2181",
            "write one for the id, like zk://h:2181/web-shop/framework-id",
        ),
        (
            "http://me:s3cret@h:2181/a",
            "none of a ZooKeeper; write one like zk://HOST:2181/web-shop",
        ),
        ("zk://h/a", "write HOST:PORT"),
        ("", "none of a ZooKeeper"),
    ] {
        let error = text.parse::<ZooKeeperStore>().unwrap_err().to_string();
        assert!(error.contains(wrong), "{text}: {error}");
        assert!(!error.contains("s3cret"), "{error}");
    }
}
