//! Tests of subscriptions that the program requests.

use tokio::time::Instant;

use super::*;

#[tokio::test(start_paused = true)]
async fn a_reconnect_ends_the_subscription_and_subscribes_again() {
    let recording = Recording::new();
    let (driver, mut peer, session) = start(&recording).await;
    settle(&recording, &session).await;
    driver.reconnect();
    session.closed().await;
    let attempt = peer.attempt().await;
    assert_eq!(attempt.call.framework_id, Some("f1".into()));
    let session = attempt.grant();
    session.send(subscribed("f1")).await;
    settle(&recording, &session).await;
    assert_eq!(
        recording.seen()[1..],
        ["disconnected NotSubscribed 0", "subscribed again f1"]
    );
    // The request counts once.
    settle(&recording, &session).await;
    assert!(driver.is_subscribed());
}

#[tokio::test(start_paused = true)]
async fn a_reconnect_in_a_handler_takes_effect_when_the_handler_has_returned() {
    let driver = Arc::new(Mutex::new(None::<SchedulerDriver>));
    let reconnecting = Arc::clone(&driver);
    let recording = Recording::with_update(move |_| {
        reconnecting.lock().unwrap().as_ref().unwrap().reconnect();
        Ok(())
    });
    let (started, mut peer, session) = start(&recording).await;
    *driver.lock().unwrap() = Some(started);
    session.send(update("t1", Some(b"0123456789abcdef"))).await;
    assert_eq!(type_of(&session.call().await), CallType::Acknowledge);
    session.closed().await;
    peer.attempt().await;
    assert!(recording.seen().contains(&"update t1".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_reconnect_shortens_the_wait_before_the_next_attempt() {
    let recording = Recording::new();
    let (driver, mut peer, session) = start(&recording).await;
    settle(&recording, &session).await;
    session.fail(lost()).await;
    for _ in 0..8 {
        peer.attempt().await.refuse(lost());
    }
    recording.wait_for("disconnected Transport 8").await;
    let before = Instant::now();
    driver.reconnect();
    peer.attempt().await;
    assert!(before.elapsed() <= Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_reconnect_during_an_attempt_does_not_end_the_subscription_of_the_attempt() {
    let recording = Recording::new();
    let (driver, mut peer, session) = start(&recording).await;
    settle(&recording, &session).await;
    session.fail(lost()).await;
    let attempt = peer.attempt().await;
    driver.reconnect();
    let session = attempt.grant();
    session.send(subscribed("f1")).await;
    settle(&recording, &session).await;
    settle(&recording, &session).await;
    assert!(driver.is_subscribed());
}

#[tokio::test(start_paused = true)]
async fn continuous_reconnects_do_not_cause_a_busy_loop() {
    let recording = Recording::new();
    let (driver, mut peer, mut session) = start(&recording).await;
    let before = Instant::now();
    let mut attempts = 0;
    while before.elapsed() < Duration::from_secs(600) {
        settle(&recording, &session).await;
        driver.reconnect();
        session.closed().await;
        session = peer.session().await;
        session.send(subscribed("f1")).await;
        attempts += 1;
    }
    assert!((40..100).contains(&attempts), "{attempts} in 10 min");
}
