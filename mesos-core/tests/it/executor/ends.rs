//! Tests of the ends of an executor's driver.

use super::*;

#[tokio::test(start_paused = true)]
async fn stop_waits_until_the_agent_has_acknowledged_every_update() {
    let (driver, _peer, session) = start(&Recording::default(), true).await;
    driver.send_update(finished("t")).await.unwrap();
    let status = status(session.call().await);
    driver.stop();
    let early = tokio::time::timeout(Duration::from_secs(59), driver.join()).await;
    assert!(
        early.is_err(),
        "ended without the acknowledgement: {early:?}"
    );
    session.send(acknowledged(&status)).await;
    assert_eq!(end_of(&driver).await.unwrap(), StopReason::Stopped);
    let late = driver.send_update(finished("t")).await.unwrap_err();
    assert_eq!(late.kind(), ErrorKind::Closed);
}

#[tokio::test(start_paused = true)]
async fn stop_flushes_across_a_reconnect() {
    let (driver, mut peer, session) = start(&Recording::default(), true).await;
    driver.send_update(finished("t")).await.unwrap();
    let status = status(session.call().await);
    driver.stop();
    session.fail(lost()).await;
    let attempt = peer.attempt().await;
    let repeated = &attempt
        .call
        .subscribe
        .as_ref()
        .unwrap()
        .unacknowledged_updates;
    assert_eq!(repeated[0].status.uuid, status.uuid);
    let session = attempt.grant();
    session.send(subscribed()).await;
    session.send(acknowledged(&status)).await;
    assert_eq!(end_of(&driver).await.unwrap(), StopReason::Stopped);
}

#[tokio::test(start_paused = true)]
async fn a_stop_without_acknowledgement_ends_with_the_number_of_missing_ones() {
    let (driver, _peer, session) = start(&Recording::default(), true).await;
    driver.send_update(running("t")).await.unwrap();
    driver.send_update(finished("t")).await.unwrap();
    let running = status(session.call().await);
    session.call().await;
    session.send(acknowledged(&running)).await;
    let before = tokio::time::Instant::now();
    driver.stop();
    let error = end_of(&driver).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unacknowledged);
    assert_eq!(
        error.to_string(),
        "1 update was not acknowledged by the agent when the executor ended"
    );
    assert_eq!(driver.unacknowledged(), 1);
    assert_eq!(before.elapsed().as_secs(), 60, "the flush timeout");
}

#[tokio::test(start_paused = true)]
async fn a_stop_with_nothing_to_flush_does_not_wait_for_an_agent() {
    let (backend, mut peer) = scripted();
    let driver = ExecutorDriver::start(Recording::default(), environment(true), backend);
    let _unanswered = peer.attempt().await;
    let before = tokio::time::Instant::now();
    driver.stop();
    assert_eq!(end_of(&driver).await.unwrap(), StopReason::Stopped);
    assert_eq!(before.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn shutdown_as_the_first_event_is_a_clean_end() {
    let recording = Recording::default();
    let (backend, mut peer) = scripted();
    let driver = ExecutorDriver::start(recording.clone(), environment(false), backend);
    peer.session().await.send(shutdown()).await;
    assert_eq!(end_of(&driver).await.unwrap(), StopReason::ShutDown);
    assert_eq!(recording.seen(), ["shutdown"]);
}

#[tokio::test(start_paused = true)]
async fn shutdown_waits_for_the_terminal_updates_of_all_tasks() {
    let (driver, _peer, session) = start(&Recording::default(), true).await;
    session.send(launch("t")).await;
    let running = status(session.call().await);
    session.send(acknowledged(&running)).await;
    session.send(shutdown()).await;
    let early = tokio::time::timeout(Duration::from_secs(4), driver.join()).await;
    assert!(early.is_err(), "ended with a live task: {early:?}");
    let killed = TaskStatus::new("t", TaskState::TaskKilled);
    driver.send_update(killed).await.unwrap();
    let killed = status(session.call().await);
    session.send(acknowledged(&killed)).await;
    assert_eq!(end_of(&driver).await.unwrap(), StopReason::ShutDown);
}

#[tokio::test(start_paused = true)]
async fn shutdown_ends_after_the_grace_period_even_with_a_live_task() {
    let (driver, _peer, session) = start(&Recording::default(), true).await;
    session.send(launch("t")).await;
    session.call().await;
    let before = tokio::time::Instant::now();
    session.send(shutdown()).await;
    let error = end_of(&driver).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unacknowledged);
    assert!(
        error.to_string().contains("1 task had not ended"),
        "{error}"
    );
    let waited = before.elapsed();
    assert!(
        waited >= Duration::from_secs(5) && waited < Duration::from_secs(6),
        "{waited:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn without_checkpointing_the_loss_of_the_agent_ends_the_driver() {
    let recording = Recording::default();
    let (driver, _peer, session) = start(&recording, false).await;
    session.send(launch("t")).await;
    let running = status(session.call().await);
    session.send(acknowledged(&running)).await;
    session.fail(lost()).await;
    let early = tokio::time::timeout(Duration::from_secs(4), driver.join()).await;
    assert!(early.is_err(), "ended with a live task: {early:?}");
    driver.send_update(finished("t")).await.unwrap();
    let end = end_of(&driver).await.unwrap_err();
    assert_eq!(end.kind(), ErrorKind::AgentLost);
    assert!(end.to_string().starts_with("1 update was not"), "{end}");
    assert_eq!(
        recording.seen(),
        [
            "subscribed",
            "launch t",
            "disconnected Transport",
            "shutdown"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn with_checkpointing_the_driver_waits_for_the_agent_until_the_recovery_timeout() {
    let recording = Recording::default();
    let (driver, mut peer, session) = start(&recording, true).await;
    let before = tokio::time::Instant::now();
    session.fail(lost()).await;
    let refuse = async {
        loop {
            peer.attempt().await.refuse(lost());
        }
    };
    let end = tokio::select! {
        biased; // Both are ready when the driver ends, because the driver drops the script.
        end = driver.join() => end,
        () = refuse => unreachable!(),
    };
    assert_eq!(end.unwrap_err().kind(), ErrorKind::RecoveryTimeout);
    let waited = before.elapsed();
    let limit = Duration::from_secs(15 * 60);
    assert!(
        waited >= limit && waited < limit + Duration::from_secs(1),
        "{waited:?}"
    );
    assert_eq!(recording.seen().last().unwrap(), "shutdown");
}

#[tokio::test(start_paused = true)]
async fn an_executor_that_the_agent_rejects_ends_after_its_tasks() {
    for kind in [
        ErrorKind::Unauthorized,
        ErrorKind::Forbidden,
        ErrorKind::Rejected,
    ] {
        let recording = Recording::default();
        let (backend, mut peer) = scripted();
        let driver = ExecutorDriver::start(recording.clone(), environment(true), backend);
        peer.attempt().await.refuse(Error::new(kind, "no"));
        assert_eq!(end_of(&driver).await.unwrap_err().kind(), kind);
        let recorded = format!("disconnected {kind:?}");
        assert_eq!(recording.seen(), [recorded.as_str(), "shutdown"]);
    }
}

#[tokio::test(start_paused = true)]
async fn an_unavailable_agent_is_retried_until_the_registration_timeout() {
    let recording = Recording::default();
    let (backend, mut peer) = scripted();
    let driver = ExecutorDriver::start(recording.clone(), environment(false), backend);
    let before = tokio::time::Instant::now();
    let refuse = async {
        loop {
            let unavailable = Error::new(ErrorKind::Unavailable, "503");
            peer.attempt().await.refuse(unavailable);
        }
    };
    let end = tokio::select! {
        biased; // Both are ready when the driver ends, because the driver drops the script.
        end = driver.join() => end.unwrap_err(),
        () = refuse => unreachable!(),
    };
    assert_eq!(end.kind(), ErrorKind::RegistrationTimeout);
    assert!(error_chain(&end).ends_with("503"), "{}", error_chain(&end));
    assert_eq!(before.elapsed().as_secs(), 60);
    assert_eq!(recording.seen().last().unwrap(), "shutdown");
}

#[tokio::test(start_paused = true)]
async fn attempts_are_never_without_a_delay() {
    let mut environment = environment(true);
    environment.subscription_backoff_max = Duration::ZERO;
    let (backend, mut peer) = scripted();
    let _driver = ExecutorDriver::start(Recording::default(), environment, backend);
    let before = tokio::time::Instant::now();
    for _ in 0..100 {
        peer.attempt().await.refuse(lost());
    }
    let waited = before.elapsed();
    assert!(waited >= Duration::from_millis(400), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn an_error_event_calls_its_handler_and_ends_the_driver() {
    let recording = Recording::default();
    let (driver, _peer, session) = start(&recording, true).await;
    let error = event::Error {
        message: "no such executor".to_owned(),
    }
    .into();
    session.send(error).await;
    let end = end_of(&driver).await.unwrap_err();
    assert_eq!(end.kind(), ErrorKind::Rejected);
    assert!(end.to_string().ends_with("no such executor"), "{end}");
    assert_eq!(
        recording.seen(),
        ["subscribed", "error no such executor", "shutdown"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_second_shutdown_does_not_call_the_handler() {
    let recording = Recording::default();
    let (driver, _peer, session) = start(&recording, true).await;
    session.send(launch("t")).await;
    session.call().await;
    session.send(shutdown()).await;
    session.send(shutdown()).await;
    end_of(&driver).await.unwrap_err();
    assert_eq!(recording.seen(), ["subscribed", "launch t", "shutdown"]);
}

#[tokio::test(start_paused = true)]
async fn a_failed_update_is_sent_again_before_the_next_one() {
    let (driver, _peer, session) = start(&Recording::default(), true).await;
    driver.send_update(running("t")).await.unwrap();
    driver.send_update(finished("t")).await.unwrap();
    let (first, answer) = session.unanswered().await;
    answer.send(Err(Error::new(ErrorKind::Unavailable, "503")));
    let (again, answer) = session.unanswered().await;
    assert_eq!(first, again, "the same update with the same uuid");
    answer.send(Err(lost()));
    assert_eq!(session.call().await, first);
    assert_eq!(
        status(session.call().await).state(),
        TaskState::TaskFinished
    );
}

#[tokio::test(start_paused = true)]
async fn repeated_failures_of_an_update_cause_a_resubscription() {
    let (driver, mut peer, session) = start(&Recording::default(), true).await;
    driver.send_update(running("t")).await.unwrap();
    for _ in 0..5 {
        let (_, answer) = session.unanswered().await;
        answer.send(Err(Error::new(ErrorKind::Unavailable, "503")));
    }
    let attempt = peer.attempt().await;
    let subscribe = attempt.call.subscribe.unwrap();
    assert_eq!(subscribe.unacknowledged_updates.len(), 1);
}

/// A provider of tokens may still have the old token, or already the one after the agent's.
#[tokio::test(start_paused = true)]
async fn an_update_with_a_refused_token_is_sent_again_and_does_not_end_the_driver() {
    let recording = Recording::default();
    let (driver, mut peer, session) = start(&recording, true).await;
    driver.send_update(running("t")).await.unwrap();
    for _ in 0..5 {
        let (_, answer) = session.unanswered().await;
        answer.send(Err(Error::new(ErrorKind::Unauthorized, "401")));
    }
    let attempt = peer.attempt().await;
    assert!(!recording.seen().contains(&"shutdown".to_owned()));
    // The answer to a SUBSCRIBE decides.
    attempt.refuse(Error::new(ErrorKind::Unauthorized, "401"));
    let end = end_of(&driver).await.unwrap_err();
    assert_eq!(end.kind(), ErrorKind::Unauthorized);
}

#[tokio::test(start_paused = true)]
async fn without_checkpointing_an_update_is_retried_without_a_limit() {
    let (driver, _peer, session) = start(&Recording::default(), false).await;
    driver.send_update(running("t")).await.unwrap();
    for _ in 0..20 {
        let (_, answer) = session.unanswered().await;
        answer.send(Err(Error::new(ErrorKind::Timeout, "no answer")));
    }
    assert_eq!(status(session.call().await).task_id, "t");
}

#[tokio::test(start_paused = true)]
async fn an_update_with_response_403_causes_a_resubscription() {
    let (driver, mut peer, session) = start(&Recording::default(), true).await;
    driver.send_update(running("t")).await.unwrap();
    let (_, answer) = session.unanswered().await;
    answer.send(Err(Error::new(ErrorKind::NotSubscribed, "403")));
    peer.attempt().await;
}
