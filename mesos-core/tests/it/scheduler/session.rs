//! Tests of generations: which streams a driver accepts events from.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_takeover_event_of_an_earlier_stream_is_ignored() {
    let recording = Recording::new();
    let (driver, _peer, session) = start(&recording).await;
    session.disconnect(lost()).await;
    session.send(error("Framework failed over")).await;
    session.send(subscribed("f1")).await;
    settle(&recording, &session).await;
    assert_eq!(
        recording.seen()[1..],
        ["disconnected Transport 0", "subscribed again f1"]
    );
    let (kill, _) = tokio::join!(driver.kill("t"), session.call());
    kill.unwrap();
    session.send(error("Framework failed over")).await;
    assert_eq!(
        end_of(&driver).await.unwrap_err().kind(),
        ErrorKind::TakenOver
    );
}

#[tokio::test(start_paused = true)]
async fn events_before_subscribed_call_no_handler() {
    let recording = Recording::new();
    let (_driver, _peer, session) = start(&recording).await;
    session.disconnect(lost()).await;
    session.send(update("t1", Some(b"0123456789abcdef"))).await;
    session.send(offers(&[("o1", "a")])).await;
    session.send(subscribed("f1")).await;
    settle(&recording, &session).await;
    assert_eq!(
        recording.seen()[1..],
        ["disconnected Transport 0", "subscribed again f1"]
    );
    assert!(
        session.pending_call().is_none(),
        "no update is acknowledged"
    );
}

#[tokio::test(start_paused = true)]
async fn a_rejected_call_does_not_end_the_subscription() {
    let recording = Recording::new();
    let (driver, _peer, session) = start(&recording).await;
    settle(&recording, &session).await;
    let refuse = async {
        let (_call, answer) = session.unanswered().await;
        answer.send(Err(Error::new(ErrorKind::Rejected, "400: no")));
    };
    let (killed, ()) = tokio::join!(driver.kill("t"), refuse);
    assert_eq!(killed.unwrap_err().kind(), ErrorKind::Rejected);
    settle(&recording, &session).await;
    assert_eq!(recording.seen(), ["subscribed f1"]);
}

#[tokio::test(start_paused = true)]
async fn an_outage_longer_than_the_failover_timeout_is_reported_once() {
    let recording = Recording {
        record_timeout_passed: true,
        ..Recording::new()
    };
    let (backend, mut peer) = scripted();
    let framework = Framework::with_failover_timeout("test", Duration::from_secs(20));
    let driver = SchedulerDriver::start(recording.clone(), framework, backend);
    let session = peer.session().await;
    session.send(subscribed("f1")).await;
    settle(&recording, &session).await;
    session.fail(lost()).await;
    for _ in 0..12 {
        peer.attempt().await.refuse(lost());
    }
    let attempt = peer.attempt().await;
    let recorded = recording.seen();
    let passed = recorded
        .iter()
        .filter(|what| what.ends_with("passed"))
        .count();
    assert_eq!(passed, 1, "{recorded:?}");
    assert!(!recorded[1].ends_with("passed"), "{recorded:?}");
    let session = attempt.grant();
    session.send(error("Framework has been removed")).await;
    let end = end_of(&driver).await.unwrap_err();
    assert_eq!(end.kind(), ErrorKind::FailoverTimeout);
    assert!(end.to_string().contains("failover timeout is 20s"), "{end}");
}

#[tokio::test(start_paused = true)]
async fn a_resubscription_repeats_the_suppressed_roles() {
    let recording = Recording::new();
    let (backend, mut peer) = scripted();
    let framework = Framework::ephemeral("test").role("a").role("b");
    let driver = SchedulerDriver::start(recording.clone(), framework, backend);
    let session = peer.session().await;
    session.send(subscribed("f1")).await;
    settle(&recording, &session).await;
    let suppress = driver.suppress_roles(["b"]);
    let (suppressed, _) = tokio::join!(suppress, session.call());
    suppressed.unwrap();
    let refuse = async {
        let (_, answer) = session.unanswered().await;
        answer.send(Err(Error::new(ErrorKind::Rejected, "400: no")));
    };
    let (refused, ()) = tokio::join!(driver.suppress(), refuse);
    refused.unwrap_err();
    session.fail(lost()).await;
    let attempt = peer.attempt().await;
    let subscribe = attempt.call.subscribe.as_ref().unwrap();
    assert_eq!(subscribe.suppressed_roles, ["b"]);
    let session = attempt.grant();
    session.send(subscribed("f1")).await;
    settle(&recording, &session).await;
    let (revived, _) = tokio::join!(driver.revive(), session.call());
    revived.unwrap();
    session.fail(lost()).await;
    let subscribe = peer.attempt().await.call.subscribe.unwrap();
    assert!(subscribe.suppressed_roles.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_leader_change_shortens_the_delay() {
    let hour = Duration::from_secs(3600);
    let recording = Recording::new();
    let (backend, mut peer) = scripted();
    let framework = Framework::ephemeral("test");
    let backoff = mesos_core::BackoffPolicy::new(Duration::from_secs(1), hour);
    let framework = framework.backoff(backoff).subscribe_timeout(Duration::MAX);
    let driver = SchedulerDriver::start(recording.clone(), framework, backend);
    // Until a delay is minutes long.
    for _ in 0..10 {
        peer.late_attempt().await.refuse(lost());
    }
    recording.wait_for("disconnected Transport 9").await;
    let before = tokio::time::Instant::now();
    tokio::time::advance(Duration::from_secs(5)).await;
    peer.leader_changed();
    let session = peer.session().await;
    assert!(before.elapsed() <= Duration::from_secs(6) + Duration::from_millis(10));
    session.send(subscribed("f1")).await;
    driver.when_subscribed().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn continuous_leader_changes_do_not_cause_a_busy_loop() {
    let (backend, mut peer) = scripted();
    let framework = Framework::ephemeral("test").subscribe_timeout(Duration::MAX);
    let _driver = SchedulerDriver::start(Recording::new(), framework, backend);
    let before = tokio::time::Instant::now();
    let mut attempts = 0;
    while before.elapsed() < Duration::from_secs(600) {
        peer.leader_changed();
        peer.attempt().await.refuse(lost());
        attempts += 1;
    }
    // Without leader changes: every 7.5 to 15 s, after some short delays.
    assert!((40..100).contains(&attempts), "{attempts} in 10 min");
}

#[tokio::test(start_paused = true)]
async fn a_rejected_suppress_is_not_repeated_if_its_future_was_dropped() {
    let recording = Recording::new();
    let (backend, mut peer) = scripted();
    let framework = Framework::ephemeral("test").role("a").role("b");
    let driver = SchedulerDriver::start(recording.clone(), framework, backend);
    let session = peer.session().await;
    session.send(subscribed("f1")).await;
    settle(&recording, &session).await;
    let (_, answer) = tokio::select! {
        biased;
        _ = driver.suppress_roles(["b"]) => panic!("no response was sent"),
        made = session.unanswered() => made,
    };
    answer.send(Err(Error::new(ErrorKind::Rejected, "400: no")));
    settle(&recording, &session).await;
    session.fail(lost()).await;
    let subscribe = peer.attempt().await.call.subscribe.unwrap();
    assert!(subscribe.suppressed_roles.is_empty());
}

/// Failures of the process, which end a driver only before its first subscription.
#[tokio::test(start_paused = true)]
async fn a_file_that_is_missing_for_an_hour_does_not_end_a_driver_that_was_subscribed() {
    let recording = Recording::new();
    let (driver, mut peer, session) = start(&recording).await;
    settle(&recording, &session).await;
    session.fail(lost()).await;
    let before = tokio::time::Instant::now();
    while before.elapsed() < Duration::from_secs(3600) {
        let missing = Error::new(ErrorKind::Config, "cannot read /etc/mesos/tls.pem");
        peer.attempt().await.refuse(missing);
    }
    let session = peer.session().await;
    session.send(subscribed("f1")).await;
    driver.when_subscribed().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_legitimate_takeover_after_twenty_502s_ends_the_old_instance_and_not_the_new_one() {
    let old = Recording::new();
    let (old_driver, mut peer, session) = start(&old).await;
    settle(&old, &session).await;
    session.fail(lost()).await;
    for _ in 0..20 {
        let answer = Error::new(ErrorKind::Unavailable, "502 Bad Gateway").with_status(502);
        let answer = answer.with_delivery(mesos_core::Delivery::Unknown);
        peer.attempt().await.refuse(answer);
    }
    let old_session = peer.session().await;
    old_session.send(subscribed("f1")).await;
    settle(&old, &old_session).await;

    let new = Recording::new();
    let (new_driver, _new_peer, new_session) = start(&new).await;
    settle(&new, &new_session).await;
    old_session.send(error("Framework failed over")).await;
    // The master would end the new instance if the old one subscribed again.
    let resubscribed = async {
        peer.late_attempt().await;
        new_session.send(error("Framework failed over")).await;
    };
    let end = tokio::select! {
        // The end first: a driver that has ended also drops its backend.
        biased;
        end = end_of(&old_driver) => end,
        () = resubscribed => end_of(&old_driver).await,
    };
    assert_eq!(end.unwrap_err().kind(), ErrorKind::TakenOver);
    settle(&new, &new_session).await;
    assert!(new_driver.is_subscribed());
}
