//! Several processes with one state in a real ZooKeeper.

use std::time::Duration;

use bytes::Bytes;
use mesos_core::address::Ensemble;
use mesos_core::store::{Change, StateStore};
use mesos_zookeeper::{ZooKeeperState, ZooKeeperStateError, client};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::server::ZooKeeper;

const NODE: &str = "/shop/state";

/// Longer than any of these sessions.
const LONG: Duration = Duration::from_secs(60);

fn state(zookeeper: &ZooKeeper) -> ZooKeeperState {
    let address = format!("zk://{}{NODE}", zookeeper.servers());
    let state: ZooKeeperState = address.parse().unwrap();
    state.session_timeout(Duration::from_secs(20))
}

async fn put(state: &ZooKeeperState, value: &'static str) -> Result<(), ZooKeeperStateError> {
    let commit = state.commit(vec![Change::put("live/leader", value)]).await;
    commit.map_err(|error| *error.downcast().unwrap())
}

async fn text(state: &ZooKeeperState) -> Option<Bytes> {
    state.get("live/leader").await.unwrap()
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    timeout(LONG, future).await.expect("no timeout")
}

async fn lead(state: &ZooKeeperState) {
    within(state.lead(&|_| {})).await.unwrap();
}

#[tokio::test]
async fn one_process_leads_and_the_next_takes_over_with_the_state() {
    let Some(zookeeper) = ZooKeeper::start().await else {
        return;
    };
    let first = state(&zookeeper);
    lead(&first).await;
    put(&first, "first").await.unwrap();
    let second = state(&zookeeper);
    let (seen, mut leaders) = mpsc::unbounded_channel();
    let standby = move |leader: &str| seen.send(leader.to_owned()).unwrap();
    {
        let mut wait = Box::pin(second.lead(&standby));
        let leader = tokio::select! {
            _ = &mut wait => panic!("two processes lead"),
            leader = within(leaders.recv()) => leader.unwrap(),
        };
        let process = format!("(process {})", std::process::id());
        assert!(leader.ends_with(&process), "{leader}");
        assert!(first.confirm_lead().await.unwrap());
        put(&first, "last").await.unwrap();
        first.release_lead().await;
        within(wait).await.unwrap();
    }
    assert_eq!(text(&second).await, Some("last".into()));
    put(&second, "second").await.unwrap();
    let refused = put(&first, "first").await.unwrap_err();
    assert!(
        matches!(refused, ZooKeeperStateError::Changed { .. }),
        "{refused}"
    );
    assert!(!first.confirm_lead().await.unwrap());
    assert!(second.confirm_lead().await.unwrap());
    assert_eq!(text(&second).await, Some("second".into()));
}

#[tokio::test]
async fn a_leader_without_its_node_cannot_commit_and_learns_it() {
    let Some(zookeeper) = ZooKeeper::start().await else {
        return;
    };
    let leader = state(&zookeeper);
    lead(&leader).await;
    put(&leader, "led").await.unwrap();
    let ensemble: Ensemble = format!("zk://{}{NODE}", zookeeper.servers())
        .parse()
        .unwrap();
    let operator = client::connector(&ensemble, LONG);
    let operator = operator.connect(ensemble.servers()).await.unwrap();
    let folder = format!("{NODE}/%election");
    let members = operator.list_children(&folder).await.unwrap();
    let [member] = &*members else {
        panic!("{members:?}");
    };
    let lost = leader.lost_lead();
    let removed = operator.delete(&format!("{folder}/{member}"), None);
    let (lost, removed) = within(async { tokio::join!(lost, removed) }).await;
    removed.unwrap();
    assert!(
        lost.to_string().contains(" was removed") && lost.to_string().contains("zk://"),
        "{lost}"
    );
    let refused = put(&leader, "x").await.unwrap_err();
    assert!(
        matches!(refused, ZooKeeperStateError::LeadLost { .. }),
        "{refused}"
    );
    assert_eq!(text(&leader).await, Some("led".into()));
    assert_eq!(
        leader.count("").await.unwrap(),
        1,
        "members are not entries"
    );
}

#[tokio::test]
async fn a_leader_whose_session_expires_learns_it_and_the_next_takes_over() {
    let Some(mut zookeeper) = ZooKeeper::ensemble(1).await else {
        return;
    };
    let first = state(&zookeeper).session_timeout(Duration::from_secs(1));
    lead(&first).await;
    // Without ZooKeeper, nobody else leads, and this process does not know.
    zookeeper.kill(0);
    let lost = within(first.lost_lead()).await.to_string();
    assert!(lost.contains("has lost the lead at zk://"), "{lost}");
    zookeeper.restart(0).await;
    let second = state(&zookeeper);
    lead(&second).await;
    put(&first, "first").await.unwrap_err();
    put(&second, "second").await.unwrap();
    // The first process can lead again later.
    second.release_lead().await;
    lead(&first).await;
    put(&first, "again").await.unwrap();
    put(&second, "second").await.unwrap_err();
}

#[tokio::test]
async fn commits_of_the_leader_before_are_refused_before_the_next_has_committed() {
    let Some(zookeeper) = ZooKeeper::start().await else {
        return;
    };
    // A scheduler of an earlier version, which does not take part in the election.
    let old = state(&zookeeper);
    put(&old, "old").await.unwrap();
    let new = state(&zookeeper);
    lead(&new).await;
    put(&old, "x").await.unwrap_err();
    assert_eq!(text(&new).await, Some("old".into()));
}

#[tokio::test]
async fn without_zookeeper_the_election_ends_with_an_error_after_its_time() {
    let Some(mut zookeeper) = ZooKeeper::start().await else {
        return;
    };
    let state = state(&zookeeper).timeout(Duration::from_millis(300));
    zookeeper.kill(0);
    let error = within(state.lead(&|_| {})).await.unwrap_err().to_string();
    assert!(
        error.contains("cannot reach zk://") && error.contains("300ms"),
        "{error}"
    );
}
