//! Tests of subscribing, reconnecting and ending.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_resubscription_has_the_id_in_both_fields() {
    let recording = holding_offers();
    let (driver, mut peer, session) = start(&recording).await;
    session.send(offers(&[("o1", "a")])).await;
    settle(&recording, &session).await;
    session.fail(lost()).await;
    let attempt = peer.attempt().await;
    let subscribe = attempt.call.subscribe.as_ref().unwrap();
    assert_eq!(attempt.call.framework_id, Some("f1".into()));
    assert_eq!(subscribe.framework_info.id, Some("f1".into()));
    let error = driver.kill("t").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotSubscribed);
    let session = attempt.grant();
    session.send(subscribed("f1")).await;
    settle(&recording, &session).await;
    assert_eq!(
        recording.seen()[2..],
        ["disconnected Transport 0", "subscribed again f1"]
    );
    let error = driver.launch(recording.pop_offer(), []).await.unwrap_err();
    assert_eq!(
        error.kind(),
        ErrorKind::OfferGone,
        "an offer ends with its subscription"
    );
}

#[tokio::test(start_paused = true)]
async fn failed_attempts_are_repeated_with_growing_delays() {
    let recording = Recording::new();
    let (backend, mut peer) = scripted();
    let _driver = SchedulerDriver::start(recording.clone(), Framework::ephemeral("test"), backend);
    let mut gaps = Vec::new();
    let mut last = tokio::time::Instant::now();
    for _ in 0..8 {
        peer.attempt().await.refuse(lost());
        let now = tokio::time::Instant::now();
        gaps.push(now - last);
        last = now;
    }
    assert!(
        gaps[0] < Duration::from_millis(10),
        "the first attempt is immediate"
    );
    assert!(gaps[7] > 8 * gaps[1], "{gaps:?}");
    assert!(
        gaps.iter().all(|gap| *gap <= Duration::from_secs(16)),
        "{gaps:?}"
    );
    assert_eq!(recording.seen()[6], "disconnected Transport 6");
}

#[tokio::test(start_paused = true)]
async fn an_error_event_ends_the_driver_with_an_error_kind() {
    for (message, kind) in [
        ("Framework has been removed", ErrorKind::FrameworkRemoved),
        ("Framework failed over", ErrorKind::TakenOver),
        ("Role '-x' is invalid", ErrorKind::Rejected),
    ] {
        let recording = Recording::new();
        let (driver, _peer, session) = start(&recording).await;
        session.send(error(message)).await;
        let end = end_of(&driver).await.unwrap_err();
        assert_eq!(end.kind(), kind);
        assert!(end.to_string().ends_with(message), "{end}");
        assert_eq!(recording.seen()[1], format!("error {message}"));
        let late = driver.kill("t").await.unwrap_err();
        assert_eq!(late.kind(), ErrorKind::Closed);
    }
}

#[tokio::test(start_paused = true)]
async fn a_permanent_error_ends_the_driver() {
    let (backend, mut peer) = scripted();
    let driver = SchedulerDriver::start(Recording::new(), Framework::ephemeral("test"), backend);
    let unauthorized = Error::new(ErrorKind::Unauthorized, "401");
    peer.attempt().await.refuse(unauthorized);
    let end = end_of(&driver).await.unwrap_err();
    assert_eq!(end.kind(), ErrorKind::Unauthorized);
}

#[tokio::test(start_paused = true)]
async fn stop_for_failover_sends_nothing() {
    let recording = Recording::new();
    let (driver, _peer, session) = start(&recording).await;
    settle(&recording, &session).await;
    driver.stop_for_failover();
    assert_eq!(
        end_of(&driver).await.unwrap(),
        StopReason::StoppedForFailover
    );
    session.closed().await;
    assert!(session.pending_call().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_stop_before_subscribed_waits_for_the_id_to_tear_down() {
    let (backend, mut peer) = scripted();
    let recording = Recording::new();
    let driver = SchedulerDriver::start(recording.clone(), Framework::ephemeral("test"), backend);
    let session = peer.session().await;
    settle(&recording, &session).await;
    driver.stop();
    session.send(subscribed("f1")).await;
    let teardown = session.call().await;
    assert_eq!(type_of(&teardown), CallType::Teardown);
    assert_eq!(teardown.framework_id, Some("f1".into()));
    assert_eq!(end_of(&driver).await.unwrap(), StopReason::Stopped);
}

#[tokio::test(start_paused = true)]
async fn a_teardown_without_a_response_is_a_timeout_with_unknown_delivery() {
    let recording = Recording::new();
    let (driver, _peer, session) = start(&recording).await;
    settle(&recording, &session).await;
    driver.stop();
    let (_teardown, _answer) = session.unanswered().await;
    let error = end_of(&driver).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert_eq!(error.delivery(), mesos_core::Delivery::Unknown);
}

#[tokio::test(start_paused = true)]
async fn an_address_that_is_not_a_mesos_master_ends_the_driver_with_the_response() {
    let recording = Recording::new();
    let (backend, mut peer) = scripted();
    let driver = SchedulerDriver::start(recording.clone(), Framework::ephemeral("test"), backend);
    let page = || Error::new(ErrorKind::Protocol, "http://h answered with \"text/html\"");
    peer.attempt().await.refuse(lost());
    peer.attempt().await.refuse(page());
    let error = end_of(&driver).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol);
    assert_eq!(error.to_string(), page().to_string());
    assert_eq!(recording.seen(), ["disconnected Transport 0"]);

    let (driver, mut peer, session) = start(&recording).await;
    session.fail(lost()).await;
    peer.attempt().await.refuse(page());
    let session = peer.session().await;
    session.send(subscribed("f1")).await;
    driver.when_subscribed().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn abort_drops_a_blocked_handler() {
    let recording = Recording::new();
    let (driver, _peer, session) = start(&recording).await;
    session.send(update("hang", None)).await;
    recording.wait_for("update hang").await;
    driver.abort();
    assert_eq!(end_of(&driver).await.unwrap(), StopReason::Aborted);
    assert!(session.pending_call().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_failure_of_the_subscribed_handler_ends_the_driver() {
    let recording = Recording {
        fail_subscribed: true,
        ..Recording::new()
    };
    let (driver, _peer, _session) = start(&recording).await;
    let end = end_of(&driver).await.unwrap_err();
    assert_eq!(end.kind(), ErrorKind::Handler);
    assert!(end.to_string().contains("disk full"), "{end}");
}

#[tokio::test(start_paused = true)]
async fn an_event_of_an_unknown_type_is_delivered_and_the_stream_continues() {
    let recording = Recording::new();
    let (_driver, _peer, session) = start(&recording).await;
    let newer = Event {
        r#type: Some(99),
        ..Default::default()
    };
    session.send(newer).await;
    settle(&recording, &session).await;
    assert_eq!(recording.seen(), ["subscribed f1", "unknown 99"]);
}

#[tokio::test(start_paused = true)]
async fn an_unsupported_call_is_an_error_that_names_the_backend() {
    let (backend, mut peer) = scripted_with(Capabilities::default());
    let driver = SchedulerDriver::start(Recording::new(), Framework::ephemeral("test"), backend);
    let session = peer.session().await;
    session.send(subscribed("f1")).await;
    let error = driver.shutdown("a", "e").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert_eq!(
        error.to_string(),
        "the scripted backend does not support ShutdownExecutor"
    );
}

#[tokio::test(start_paused = true)]
async fn stop_for_failover_waits_for_the_response_to_an_acknowledgement() {
    let (driver, _peer, session) = start(&Recording::new()).await;
    session
        .send(update("failover", Some(b"0123456789abcdef")))
        .await;
    let (call, answer) = session.unanswered().await;
    assert_eq!(type_of(&call), CallType::Acknowledge);
    let second = Duration::from_secs(1);
    let early = tokio::time::timeout(second, driver.join()).await;
    assert!(early.is_err(), "{early:?}");
    answer.send(Ok(()));
    assert_eq!(
        end_of(&driver).await.unwrap(),
        StopReason::StoppedForFailover
    );
    assert_eq!(driver.health().updates.acknowledged, 1);
}

#[tokio::test(start_paused = true)]
async fn stop_for_failover_does_not_wait_indefinitely() {
    let (driver, _peer, session) = start(&Recording::new()).await;
    session
        .send(update("failover", Some(b"0123456789abcdef")))
        .await;
    let (_call, _answer) = session.unanswered().await;
    assert_eq!(
        end_of(&driver).await.unwrap(),
        StopReason::StoppedForFailover
    );
}

#[tokio::test(start_paused = true)]
async fn abort_overrides_a_teardown_without_a_response() {
    let (driver, _peer, session) = start(&Recording::new()).await;
    driver.when_subscribed().await.unwrap();
    driver.stop();
    let (_teardown, _answer) = session.unanswered().await;
    let before = tokio::time::Instant::now();
    driver.abort();
    assert_eq!(end_of(&driver).await.unwrap(), StopReason::Aborted);
    assert!(before.elapsed() < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn abort_does_not_wait_for_space_in_the_queue_of_calls() {
    let recording = Recording::new();
    let (driver, _peer, session) = start(&recording).await;
    // More acknowledgements than the script's queue has space for.
    for number in 0..17 {
        let id = format!("t{number}");
        session.send(update(&id, Some(b"0123456789abcdef"))).await;
    }
    recording.wait_for("update t16").await;
    tokio::time::advance(Duration::from_secs(1)).await;
    let before = tokio::time::Instant::now();
    driver.abort();
    assert_eq!(end_of(&driver).await.unwrap(), StopReason::Aborted);
    assert!(before.elapsed() < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn stop_for_failover_waits_for_the_calls_that_were_made_before() {
    let (driver, _peer, session) = start(&Recording::new()).await;
    driver.when_subscribed().await.unwrap();
    // More than the script's queue has space for.
    let kills = (0..20).map(|number| driver.kill(format!("t{number}")));
    let kills = futures_util::future::join_all(kills);
    let stop = async {
        let (_, first) = session.unanswered().await;
        driver.stop_for_failover();
        let second = Duration::from_secs(1);
        let early = tokio::time::timeout(second, driver.join()).await;
        assert!(early.is_err(), "{early:?}");
        first.send(Ok(()));
        for number in 1..20 {
            let call = session.call().await;
            assert_eq!(call.kill.unwrap().task_id, format!("t{number}").as_str());
        }
        end_of(&driver).await
    };
    let (results, end) = tokio::join!(kills, stop);
    assert_eq!(end.unwrap(), StopReason::StoppedForFailover);
    for result in results {
        result.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn stop_for_failover_waits_for_a_call_whose_future_was_dropped() {
    use futures_util::FutureExt as _;

    let (driver, _peer, session) = start(&Recording::new()).await;
    driver.when_subscribed().await.unwrap();
    assert!(driver.kill("t").now_or_never().is_none(), "queued");
    driver.stop_for_failover();
    let second = Duration::from_secs(1);
    let early = tokio::time::timeout(second, driver.join()).await;
    assert!(early.is_err(), "{early:?}");
    assert_eq!(type_of(&session.call().await), CallType::Kill);
    let before = tokio::time::Instant::now();
    let end = end_of(&driver).await.unwrap();
    assert_eq!(end, StopReason::StoppedForFailover);
    assert_eq!(before.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn stop_for_failover_waits_at_most_10_s_for_calls() {
    let (driver, _peer, session) = start(&Recording::new()).await;
    driver.when_subscribed().await.unwrap();
    let stop = async {
        let (_, answer) = session.unanswered().await;
        let before = tokio::time::Instant::now();
        driver.stop_for_failover();
        end_of(&driver).await.unwrap();
        drop(answer);
        before.elapsed()
    };
    let (killed, took) = tokio::join!(driver.kill("t"), stop);
    let error = killed.unwrap_err();
    assert_eq!(error.delivery(), mesos_core::Delivery::Unknown);
    assert_eq!(took, Duration::from_secs(10));
}

#[tokio::test(start_paused = true)]
async fn stop_tears_down_after_the_calls_that_were_made_before() {
    let (driver, _peer, session) = start(&Recording::new()).await;
    driver.when_subscribed().await.unwrap();
    let kills = (0..20).map(|number| driver.kill(format!("t{number}")));
    let kills = futures_util::future::join_all(kills);
    let stop = async {
        let (_, first) = session.unanswered().await;
        driver.stop();
        first.send(Ok(()));
        for number in 1..20 {
            let call = session.call().await;
            assert_eq!(call.kill.unwrap().task_id, format!("t{number}").as_str());
        }
        assert_eq!(type_of(&session.call().await), CallType::Teardown);
        end_of(&driver).await
    };
    let (results, end) = tokio::join!(kills, stop);
    assert_eq!(end.unwrap(), StopReason::Stopped);
    for result in results {
        result.unwrap();
    }
}
