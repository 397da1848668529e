//! The detected leader when ZooKeeper is temporarily unavailable.

use std::time::Duration;

use mesos_core::ErrorKind;

use crate::support::*;
use crate::zookeeper_server::ZooKeeper;

/// Longer than any outage in these tests. Not much longer: a server that was just started may accept a
/// connection and never answer, and the client then waits for two fifths of this time.
const LONG: Duration = Duration::from_secs(30);

/// Longer than a busy machine needs to answer a ping.
const SHORT: Duration = Duration::from_secs(4);

#[tokio::test]
async fn a_short_disconnection_changes_nothing_and_misses_no_change() {
    let Some(mut zookeeper) = ZooKeeper::start().await else {
        return;
    };
    let masters = Masters::at(&zookeeper.servers()).await;
    masters.make_path().await;
    let first = masters.join(5051).await;
    let mut watcher = Watcher::of(&address(&zookeeper.servers()).with_session_timeout(LONG));
    watcher.leader(5051).await;

    zookeeper.kill(0);
    zookeeper.restart(0).await;
    // These masters probably reconnect before the watcher.
    let second = masters.replace(&first, 5052).await;
    watcher.straight_to(5052).await;

    // The same without a closed connection.
    zookeeper.pause(0);
    zookeeper.resume(0);
    masters.replace(&second, 5053).await;
    watcher.straight_to(5053).await;
}

#[tokio::test]
async fn the_leader_is_unknown_while_zookeeper_is_away_for_longer_than_the_session_timeout() {
    let Some(mut zookeeper) = ZooKeeper::start().await else {
        return;
    };
    let servers = zookeeper.servers();
    let masters = Masters::at(&servers).await;
    masters.make_path().await;
    let first = masters.join(5051).await;
    let mut watcher = Watcher::of(&address(&servers).with_session_timeout(SHORT));
    watcher.leader(5051).await;

    // ZooKeeper does not answer any more.
    zookeeper.pause(0);
    let paused = std::time::Instant::now();
    let error = watcher.nobody("the leader is unknown").await;
    assert!(
        paused.elapsed() >= SHORT,
        "{error}: after {:?}",
        paused.elapsed()
    );
    assert_eq!(error.kind(), ErrorKind::NotLeader);
    zookeeper.resume(0);
    watcher.leader(5051).await;
    masters.leave(&first).await;
    masters.join(5052).await;
    watcher.leader(5052).await;

    // ZooKeeper does not run any more.
    zookeeper.kill(0);
    let error = watcher.nobody("the leader is unknown").await;
    assert_eq!(error.kind(), ErrorKind::NotLeader);
    zookeeper.restart(0).await;
    watcher.leader(5052).await;
}

#[tokio::test]
async fn a_session_that_zookeeper_has_ended_is_replaced() {
    let Some(mut zookeeper) = ZooKeeper::start().await else {
        return;
    };
    let servers = zookeeper.servers();
    let masters = Masters::at(&servers).await;
    masters.make_path().await;
    masters.join(5051).await;
    let mut watcher = Watcher::of(&address(&servers).with_session_timeout(LONG));
    watcher.leader(5051).await;

    // A ZooKeeper without data does not know the session, as after an expiry.
    zookeeper.kill(0);
    zookeeper.forget(0);
    zookeeper.restart(0).await;
    let masters = Masters::at(&servers).await;
    masters.make_path().await;
    // ZooKeeper refuses clients that have seen a newer state than its own.
    for port in 6000..6050 {
        masters.leave(&masters.join(port).await).await;
    }
    masters.join(5052).await;
    // Sooner than the client's own timeout.
    watcher.leader(5052).await;
}

#[tokio::test]
async fn killing_any_member_of_an_ensemble_does_not_affect_the_result() {
    let Some(mut zookeeper) = ZooKeeper::ensemble(3).await else {
        return;
    };
    let masters = Masters::at(&zookeeper.servers()).await;
    masters.make_path().await;
    let mut leading = masters.join(5050).await;
    let mut watcher = Watcher::of(&address(&zookeeper.servers()).with_session_timeout(LONG));
    watcher.leader(5050).await;

    // Each in turn, so that one of them is the connected server, and one the ensemble's leader.
    for index in 0..3 {
        zookeeper.kill(index);
        let others = Masters::at(&zookeeper.server((index + 1) % 3)).await;
        let port = 5051 + u16::try_from(index).unwrap();
        leading = others.replace(&leading, port).await;
        watcher.straight_to(port).await;
        zookeeper.restart(index).await;
    }
}

#[tokio::test]
async fn a_zookeeper_that_starts_after_the_watcher_is_found() {
    let Some(mut zookeeper) = ZooKeeper::start().await else {
        return;
    };
    let masters = Masters::at(&zookeeper.servers()).await;
    masters.make_path().await;
    masters.join(5051).await;
    zookeeper.kill(0);
    let servers = zookeeper.servers();
    let master = address(&servers).with_session_timeout(Duration::from_secs(1));
    let mut watcher = Watcher::of(&master);
    let error = watcher.nobody("cannot connect").await;
    assert_eq!(
        error.to_string(),
        format!("the leader is unknown: cannot connect to ZooKeeper at {servers}")
    );
    zookeeper.restart(0).await;
    watcher.leader(5051).await;
}
