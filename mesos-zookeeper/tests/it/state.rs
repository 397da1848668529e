//! The state of a framework in a real ZooKeeper.

use std::time::Duration;

use mesos_core::store::{Change, IdInState, StateStore, Store};
use mesos_core::{BoxError, error_chain};
use mesos_zookeeper::{ZooKeeperState, ZooKeeperStateError, ZooKeeperStoreError};

use crate::server::ZooKeeper;

const NODE: &str = "/shop/scheduler/state";

fn state(zookeeper: &ZooKeeper) -> ZooKeeperState {
    format!("zk://{}{NODE}", zookeeper.servers())
        .parse()
        .unwrap()
}

fn why(error: &BoxError) -> &ZooKeeperStateError {
    error.downcast_ref().expect("the state's own error")
}

async fn texts(state: &ZooKeeperState, prefix: &str) -> Vec<(String, String)> {
    let text = |value: bytes::Bytes| String::from_utf8(value.to_vec()).unwrap();
    let entries = state.load(prefix).await.unwrap();
    entries
        .into_iter()
        .map(|(key, value)| (key, text(value)))
        .collect()
}

fn owned<const N: usize>(entries: [(&str, &str); N]) -> Vec<(String, String)> {
    let owned = entries.map(|(key, value)| (key.to_owned(), value.to_owned()));
    owned.into()
}

#[tokio::test]
async fn what_was_committed_is_loaded_by_the_next_process_also_after_a_restart_of_zookeeper() {
    let Some(mut zookeeper) = ZooKeeper::start().await else {
        return;
    };
    let first = state(&zookeeper);
    assert_eq!(texts(&first, "").await, []);
    assert_eq!(first.get("a").await.unwrap(), None);
    let changes = vec![
        Change::put("live/job/b", "two"),
        Change::put("live/job/a.b ü", "old"),
        Change::put("live/service/a", ""),
        Change::put("top", "level"),
        Change::remove("none"),
        Change::put("live/job/a.b ü", "one"),
    ];
    first.commit(changes).await.unwrap();
    let changes = vec![Change::remove("top"), Change::put("live/job/b", "2")];
    first.commit(changes).await.unwrap();
    zookeeper.kill(0);
    zookeeper.restart(0).await;
    let second = state(&zookeeper);
    let jobs = [("live/job/a.b ü", "one"), ("live/job/b", "2")];
    assert_eq!(texts(&second, "live/job/").await, owned(jobs));
    let all = [jobs[0], jobs[1], ("live/service/a", "")];
    assert_eq!(texts(&second, "").await, owned(all));
    assert_eq!(texts(&second, "live/j").await, owned(jobs));
    assert_eq!(second.count("live/").await.unwrap(), 3);
    assert_eq!(second.get("live/job/b").await.unwrap(), Some("2".into()));
    assert_eq!(second.get("top").await.unwrap(), None);
}

#[tokio::test]
async fn a_scheduler_that_was_replaced_cannot_commit() {
    let Some(zookeeper) = ZooKeeper::start().await else {
        return;
    };
    let old = state(&zookeeper);
    old.commit(vec![Change::put("leader", "old")])
        .await
        .unwrap();
    let new = state(&zookeeper);
    assert_eq!(new.get("leader").await.unwrap(), Some("old".into()));
    // Until the new scheduler commits, the old one may.
    new.commit(vec![Change::put("leader", "new")])
        .await
        .unwrap();
    for _ in 0..2 {
        let changes = vec![Change::put("leader", "old"), Change::put("other", "x")];
        let error = old.commit(changes).await.unwrap_err();
        assert!(
            matches!(why(&error), ZooKeeperStateError::Changed { .. }),
            "{error}"
        );
        assert!(
            error.to_string().contains("start it again to take over"),
            "{error}"
        );
    }
    assert_eq!(texts(&new, "").await, owned([("leader", "new")]));
    new.commit(vec![Change::put("leader", "newer")])
        .await
        .unwrap();
}

#[tokio::test]
async fn of_two_schedulers_that_start_at_once_only_one_commits() {
    let Some(zookeeper) = ZooKeeper::start().await else {
        return;
    };
    let states = [state(&zookeeper), state(&zookeeper)];
    for state in &states {
        assert_eq!(state.count("").await.unwrap(), 0);
    }
    let commit =
        |index: usize| states[index].commit(vec![Change::put("leader", index.to_string())]);
    let (one, two) = tokio::join!(commit(0), commit(1));
    assert!(one.is_ok() != two.is_ok(), "{one:?} {two:?}");
    let winner = if one.is_ok() { "0" } else { "1" };
    assert_eq!(states[0].get("leader").await.unwrap(), Some(winner.into()));
}

#[tokio::test]
async fn a_commit_that_is_too_large_is_refused_and_changes_nothing() {
    let Some(zookeeper) = ZooKeeper::start().await else {
        return;
    };
    let state = state(&zookeeper);
    let limit = state.commit_limit();
    let big = "live/job/big";
    let room = limit - state.size_of(&Change::put(big, ""));
    let changes = vec![Change::put(big, vec![7; room + 1])];
    let error = state.commit(changes).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the commit has 1000001 bytes, but ZooKeeper accepts 1000000; the largest entry is \
         \"live/job/big\": make it smaller, or keep the state in a file"
    );
    assert_eq!(state.count("").await.unwrap(), 0);
    // The limit itself is accepted, by ZooKeeper too.
    let changes = vec![Change::put(big, vec![7; room])];
    state.commit(changes).await.unwrap();
    assert_eq!(state.get(big).await.unwrap().unwrap().len(), room);
}

#[tokio::test]
async fn zookeeper_accepts_the_largest_commits_of_many_small_changes() {
    let Some(zookeeper) = ZooKeeper::start().await else {
        return;
    };
    // With credentials, each new node has two access control entries.
    let address = format!("zk://user:secret@{}{NODE}", zookeeper.servers());
    let state: ZooKeeperState = address.parse().unwrap();
    for folder in ["live/job/", "live/service/%/"] {
        for end in ["", "/own folder"] {
            let key = |number| format!("{folder}{number:05}{end}");
            let size = state.size_of(&Change::put(key(0), "1"));
            let changes = |count: usize| (0..count).map(|number| Change::put(key(number), "1"));
            let count = state.commit_limit() / size;
            state.commit(changes(count).collect()).await.unwrap();
            let removed = (0..count).map(|number| Change::remove(key(number)));
            state.commit(removed.collect()).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_large_state_is_loaded_and_read_completely_and_in_order() {
    let Some(zookeeper) = ZooKeeper::start().await else {
        return;
    };
    let state = state(&zookeeper);
    let keys: Vec<String> = (0..1000)
        .map(|number| format!("done/job/{number:04}"))
        .collect();
    for part in keys.chunks(250) {
        let changes = part.iter().map(|key| Change::put(key, key.clone()));
        state.commit(changes.collect()).await.unwrap();
    }
    let loaded = texts(&state, "done/").await;
    assert!(loaded.iter().all(|(key, value)| key == value));
    assert_eq!(
        loaded.into_iter().map(|(key, _)| key).collect::<Vec<_>>(),
        keys
    );
    // Every second one does not exist.
    let missing = |key: &String| [key.clone(), format!("{key}/missing")];
    let wanted: Vec<String> = keys.iter().rev().flat_map(missing).collect();
    let values = state.get_all(&wanted).await.unwrap();
    let expected = keys.iter().rev();
    let expected: Vec<_> = expected
        .flat_map(|key| [Some(key.clone().into()), None])
        .collect();
    assert_eq!(values, expected);
}

#[tokio::test]
async fn a_commit_waits_until_zookeeper_is_back() {
    let Some(mut zookeeper) = ZooKeeper::start().await else {
        return;
    };
    let state = state(&zookeeper);
    state.commit(vec![Change::put("count", "1")]).await.unwrap();
    zookeeper.kill(0);
    let commit = state.commit(vec![Change::put("count", "2")]);
    let ((), committed) = tokio::join!(zookeeper.restart(0), commit);
    committed.unwrap();
    assert_eq!(texts(&state, "").await, owned([("count", "2")]));
}

#[tokio::test]
async fn without_zookeeper_an_operation_ends_with_an_error_after_its_time() {
    let Some(mut zookeeper) = ZooKeeper::start().await else {
        return;
    };
    let state = state(&zookeeper).timeout(Duration::from_millis(300));
    zookeeper.kill(0);
    let error = state.commit(vec![Change::put("a", "1")]).await.unwrap_err();
    let unreachable = matches!(
        why(&error),
        ZooKeeperStateError::Store(ZooKeeperStoreError::Unreachable { .. })
    );
    assert!(unreachable, "{error}");
    let text = error_chain(error.as_ref());
    assert!(
        text.contains("cannot reach zk://") && text.contains("300ms"),
        "{text}"
    );
}

#[tokio::test]
async fn without_credentials_a_protected_state_can_be_read_and_not_changed() {
    let Some(zookeeper) = ZooKeeper::start().await else {
        return;
    };
    let address = format!("zk://user:secret@{}{NODE}", zookeeper.servers());
    let owner: ZooKeeperState = address.parse().unwrap();
    owner.commit(vec![Change::put("a", "1")]).await.unwrap();
    let stranger = state(&zookeeper);
    assert_eq!(stranger.get("a").await.unwrap(), Some("1".into()));
    let error = stranger
        .commit(vec![Change::put("a", "2")])
        .await
        .unwrap_err();
    assert!(error.to_string().contains("access to zk://"), "{error}");
    assert!(!format!("{owner:?} {error}").contains("secret"));
    assert_eq!(owner.get("a").await.unwrap(), Some("1".into()));
}

#[tokio::test]
async fn the_state_keeps_the_id_of_the_framework() {
    let Some(zookeeper) = ZooKeeper::start().await else {
        return;
    };
    let store = IdInState(state(&zookeeper));
    assert_eq!(store.load().await.unwrap(), None);
    store.save(&"f-1".into()).await.unwrap();
    let again = IdInState(state(&zookeeper));
    assert_eq!(again.load().await.unwrap(), Some("f-1".into()));
    again.clear().await.unwrap();
    assert_eq!(IdInState(state(&zookeeper)).load().await.unwrap(), None);
}
