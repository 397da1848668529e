//! Tests of the health of a driver.

use mesos_core::scheduler::SessionState::*;

use super::*;

#[tokio::test(start_paused = true)]
async fn the_transitions_show_an_outage() {
    let recording = Recording::new();
    let (driver, mut peer, session) = start(&recording).await;
    settle(&recording, &session).await;
    let health = driver.health();
    assert_eq!((health.state, health.generation), (Subscribed, 1));
    session.fail(lost()).await;
    peer.attempt().await.refuse(lost());
    let session = peer.session().await;
    session.send(subscribed("f1")).await;
    session.send(error("Framework failed over")).await;
    end_of(&driver).await.unwrap_err();
    let health = driver.health();
    let transitions: Vec<_> = health
        .transitions
        .iter()
        .map(|one| {
            let reason = one.reason.as_ref().map(Error::kind);
            (one.state, one.generation, reason)
        })
        .collect();
    assert_eq!(
        transitions,
        [
            (Connecting, 1, None),
            (Subscribing, 1, None),
            (Subscribed, 1, None),
            (BackingOff, 1, Some(ErrorKind::Transport)),
            (Connecting, 2, None),
            (BackingOff, 2, Some(ErrorKind::Transport)),
            (Connecting, 3, None),
            (Subscribing, 3, None),
            (Subscribed, 3, None),
            (Ended, 3, Some(ErrorKind::TakenOver)),
        ]
    );
    assert_eq!(health.state, Ended);
    let ages: Vec<_> = health.transitions.iter().map(|one| one.ago).collect();
    assert!(ages.is_sorted_by(|older, newer| older >= newer), "{ages:?}");
    assert!(
        ages[0] >= Duration::from_millis(500),
        "two delays: {ages:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn the_age_of_the_last_event_grows_until_the_next_one() {
    let recording = Recording::new();
    let (driver, _peer, session) = start(&recording).await;
    settle(&recording, &session).await;
    assert_eq!(driver.health().handling, None);
    tokio::time::advance(Duration::from_secs(20)).await;
    assert_eq!(driver.health().last_event, Some(Duration::from_secs(20)));
    session.send(Type::Heartbeat.into()).await;
    settle(&recording, &session).await;
    assert!(driver.health().last_event.unwrap() < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn the_health_shows_a_blocked_handler() {
    let recording = Recording::new();
    let (driver, _peer, session) = start(&recording).await;
    session.send(update("hang", None)).await;
    recording.wait_for("update hang").await;
    tokio::time::advance(Duration::from_secs(90)).await;
    assert_eq!(driver.health().handling, Some(Duration::from_secs(90)));
}

#[tokio::test(start_paused = true)]
async fn updates_are_counted_by_their_results() {
    let recording = Recording::with_update(|update| match update.task_id.as_str() {
        "bad" => Err("database away".into()),
        _ => Ok(()),
    });
    let (driver, _peer, session) = start(&recording).await;
    let uuid: Option<&'static [u8]> = Some(b"0123456789abcdef");
    session.send(update("bad", uuid)).await;
    session.send(update("no uuid", None)).await;
    session.send(update("good", uuid)).await;
    session.call().await;
    session.send(update("unlucky", uuid)).await;
    let (_, answer) = session.unanswered().await;
    answer.send(Err(Error::new(ErrorKind::Unavailable, "503")));
    settle(&recording, &session).await;
    let updates = driver.health().updates;
    assert_eq!(updates.received, 4);
    assert_eq!(updates.handled, 3);
    assert_eq!(updates.failed, 1);
    assert_eq!(updates.acknowledged, 1);
    assert_eq!(updates.acknowledgements_failed, 1);
}
