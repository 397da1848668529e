//! Generations: what a driver believes of which stream.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_takeover_told_by_the_stream_that_we_left_is_ignored() {
    let tell = Tell::new();
    let (driver, _peer, session) = start(&tell).await;
    session.disconnect(lost()).await;
    session.send(error("Framework failed over")).await;
    session.send(subscribed("f1")).await;
    settle(&tell, &session).await;
    assert_eq!(
        tell.seen()[1..],
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
async fn events_from_before_subscribed_reach_no_handler() {
    let tell = Tell::new();
    let (_driver, _peer, session) = start(&tell).await;
    session.disconnect(lost()).await;
    session.send(update("t1", Some(b"0123456789abcdef"))).await;
    session.send(offers(&[("o1", "a")])).await;
    session.send(subscribed("f1")).await;
    settle(&tell, &session).await;
    assert_eq!(
        tell.seen()[1..],
        ["disconnected Transport 0", "subscribed again f1"]
    );
    assert!(session.pending_call().is_none(), "nothing is acknowledged");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_refused_for_what_it_says_leaves_the_subscription_alone() {
    let tell = Tell::new();
    let (driver, _peer, session) = start(&tell).await;
    settle(&tell, &session).await;
    let refuse = async {
        let (_call, answer) = session.unanswered().await;
        answer.send(Err(Error::new(ErrorKind::Rejected, "400: no")));
    };
    let (killed, ()) = tokio::join!(driver.kill("t"), refuse);
    assert_eq!(killed.unwrap_err().kind(), ErrorKind::Rejected);
    settle(&tell, &session).await;
    assert_eq!(tell.seen(), ["subscribed f1"]);
}

#[tokio::test(start_paused = true)]
async fn an_outage_longer_than_the_failover_timeout_is_told_once_and_outlasted() {
    let tell = Tell {
        tell_passed: true,
        ..Tell::new()
    };
    let (backend, mut peer) = scripted();
    let framework = Framework::with_failover_timeout("test", Duration::from_secs(20));
    let driver = SchedulerDriver::start(tell.clone(), framework, backend);
    let session = peer.session().await;
    session.send(subscribed("f1")).await;
    settle(&tell, &session).await;
    session.fail(lost()).await;
    for _ in 0..12 {
        peer.attempt().await.refuse(lost());
    }
    let attempt = peer.attempt().await;
    let told = tell.seen();
    let passed = told.iter().filter(|what| what.ends_with("passed")).count();
    assert_eq!(passed, 1, "{told:?}");
    assert!(!told[1].ends_with("passed"), "{told:?}");
    let session = attempt.grant();
    session.send(error("Framework has been removed")).await;
    let end = end_of(&driver).await.unwrap_err();
    assert_eq!(end.kind(), ErrorKind::FailoverTimeout);
    assert!(end.to_string().contains("failover timeout is 20s"), "{end}");
}

#[tokio::test(start_paused = true)]
async fn a_resubscribe_repeats_what_calls_have_suppressed() {
    let tell = Tell::new();
    let (backend, mut peer) = scripted();
    let framework = Framework::ephemeral("test").role("a").role("b");
    let driver = SchedulerDriver::start(tell.clone(), framework, backend);
    let session = peer.session().await;
    session.send(subscribed("f1")).await;
    settle(&tell, &session).await;
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
    settle(&tell, &session).await;
    let (revived, _) = tokio::join!(driver.revive(), session.call());
    revived.unwrap();
    session.fail(lost()).await;
    let subscribe = peer.attempt().await.call.subscribe.unwrap();
    assert!(subscribe.suppressed_roles.is_empty());
}

#[tokio::test(start_paused = true)]
async fn news_of_a_leader_cut_the_wait_short() {
    let hour = Duration::from_secs(3600);
    let tell = Tell::new();
    let (backend, mut peer) = scripted();
    let framework = Framework::ephemeral("test");
    let backoff = mesos_core::BackoffPolicy::new(Duration::from_secs(1), hour);
    let framework = framework.backoff(backoff).subscribe_timeout(Duration::MAX);
    let driver = SchedulerDriver::start(tell.clone(), framework, backend);
    // Until a wait takes minutes.
    for _ in 0..10 {
        peer.late_attempt().await.refuse(lost());
    }
    tell.told("disconnected Transport 9").await;
    let before = tokio::time::Instant::now();
    tokio::time::advance(Duration::from_secs(5)).await;
    peer.leader_changed();
    let session = peer.session().await;
    assert!(before.elapsed() <= Duration::from_secs(6) + Duration::from_millis(10));
    session.send(subscribed("f1")).await;
    driver.when_subscribed().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn news_without_end_are_no_busy_loop() {
    let (backend, mut peer) = scripted();
    let framework = Framework::ephemeral("test").subscribe_timeout(Duration::MAX);
    let _driver = SchedulerDriver::start(Tell::new(), framework, backend);
    let before = tokio::time::Instant::now();
    let mut attempts = 0;
    while before.elapsed() < Duration::from_secs(600) {
        peer.leader_changed();
        peer.attempt().await.refuse(lost());
        attempts += 1;
    }
    // By silence: every 7.5 to 15 s, after some quick ones.
    assert!((40..100).contains(&attempts), "{attempts} in 10 min");
}

#[tokio::test(start_paused = true)]
async fn a_refused_wish_is_not_repeated_although_nobody_waited_for_its_answer() {
    let tell = Tell::new();
    let (backend, mut peer) = scripted();
    let framework = Framework::ephemeral("test").role("a").role("b");
    let driver = SchedulerDriver::start(tell.clone(), framework, backend);
    let session = peer.session().await;
    session.send(subscribed("f1")).await;
    settle(&tell, &session).await;
    let (_, answer) = tokio::select! {
        biased;
        _ = driver.suppress_roles(["b"]) => panic!("answered by nobody"),
        made = session.unanswered() => made,
    };
    answer.send(Err(Error::new(ErrorKind::Rejected, "400: no")));
    settle(&tell, &session).await;
    session.fail(lost()).await;
    let subscribe = peer.attempt().await.call.subscribe.unwrap();
    assert!(subscribe.suppressed_roles.is_empty());
}
