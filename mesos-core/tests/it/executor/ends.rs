//! How an executor's driver ends, and what it says then.

use super::*;

#[tokio::test(start_paused = true)]
async fn stop_waits_until_the_agent_has_every_update() {
    let (driver, _peer, session) = start(&Tell::default(), true).await;
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
    let (driver, mut peer, session) = start(&Tell::default(), true).await;
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
async fn a_stop_that_the_agent_never_acknowledges_ends_with_what_is_missing() {
    let (driver, _peer, session) = start(&Tell::default(), true).await;
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
async fn a_stop_without_anything_to_flush_does_not_wait_for_an_agent() {
    let (backend, mut peer) = scripted();
    let driver = ExecutorDriver::start(Tell::default(), environment(true), backend);
    let _unanswered = peer.attempt().await;
    let before = tokio::time::Instant::now();
    driver.stop();
    assert_eq!(end_of(&driver).await.unwrap(), StopReason::Stopped);
    assert_eq!(before.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn shutdown_as_the_first_event_is_a_clean_end() {
    let tell = Tell::default();
    let (backend, mut peer) = scripted();
    let driver = ExecutorDriver::start(tell.clone(), environment(false), backend);
    peer.session().await.send(shutdown()).await;
    assert_eq!(end_of(&driver).await.unwrap(), StopReason::ShutDown);
    assert_eq!(tell.seen(), ["shutdown"]);
}

#[tokio::test(start_paused = true)]
async fn shutdown_waits_for_the_terminal_updates_of_all_tasks() {
    let (driver, _peer, session) = start(&Tell::default(), true).await;
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
    let (driver, _peer, session) = start(&Tell::default(), true).await;
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
async fn without_checkpointing_the_loss_of_the_agent_is_the_end() {
    let tell = Tell::default();
    let (driver, _peer, session) = start(&tell, false).await;
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
        tell.seen(),
        [
            "subscribed",
            "launch t",
            "disconnected Transport",
            "shutdown"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn with_checkpointing_the_agent_is_waited_for_until_the_recovery_timeout() {
    let tell = Tell::default();
    let (driver, mut peer, session) = start(&tell, true).await;
    let before = tokio::time::Instant::now();
    session.fail(lost()).await;
    let refuse = async {
        loop {
            peer.attempt().await.refuse(lost());
        }
    };
    let end = tokio::select! {
        biased; // Both are ready when the driver ends: the script is hung up then.
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
    assert_eq!(tell.seen().last().unwrap(), "shutdown");
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_refuses_the_executor_ends_it_after_its_tasks() {
    for kind in [
        ErrorKind::Unauthorized,
        ErrorKind::Forbidden,
        ErrorKind::Rejected,
    ] {
        let tell = Tell::default();
        let (backend, mut peer) = scripted();
        let driver = ExecutorDriver::start(tell.clone(), environment(true), backend);
        peer.attempt().await.refuse(Error::new(kind, "no"));
        assert_eq!(end_of(&driver).await.unwrap_err().kind(), kind);
        let told = format!("disconnected {kind:?}");
        assert_eq!(tell.seen(), [told.as_str(), "shutdown"]);
    }
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_is_not_ready_is_asked_again_for_as_long_as_it_waits_itself() {
    let tell = Tell::default();
    let (backend, mut peer) = scripted();
    let driver = ExecutorDriver::start(tell.clone(), environment(false), backend);
    let before = tokio::time::Instant::now();
    let refuse = async {
        loop {
            let unavailable = Error::new(ErrorKind::Unavailable, "503");
            peer.attempt().await.refuse(unavailable);
        }
    };
    let end = tokio::select! {
        biased; // Both are ready when the driver ends: the script is hung up then.
        end = driver.join() => end.unwrap_err(),
        () = refuse => unreachable!(),
    };
    assert_eq!(end.kind(), ErrorKind::RegistrationTimeout);
    assert!(error_chain(&end).ends_with("503"), "{}", error_chain(&end));
    assert_eq!(before.elapsed().as_secs(), 60);
    assert_eq!(tell.seen().last().unwrap(), "shutdown");
}

#[tokio::test(start_paused = true)]
async fn no_agent_is_asked_without_any_wait() {
    let mut environment = environment(true);
    environment.subscription_backoff_max = Duration::ZERO;
    let (backend, mut peer) = scripted();
    let _driver = ExecutorDriver::start(Tell::default(), environment, backend);
    let before = tokio::time::Instant::now();
    for _ in 0..100 {
        peer.attempt().await.refuse(lost());
    }
    let waited = before.elapsed();
    assert!(waited >= Duration::from_millis(400), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn an_error_event_is_told_with_its_text_and_ends_the_driver() {
    let tell = Tell::default();
    let (driver, _peer, session) = start(&tell, true).await;
    let error = event(Type::Error, |event| {
        event.error = Some(event::Error {
            message: "no such executor".to_owned(),
        });
    });
    session.send(error).await;
    let end = end_of(&driver).await.unwrap_err();
    assert_eq!(end.kind(), ErrorKind::Rejected);
    assert!(end.to_string().ends_with("no such executor"), "{end}");
    assert_eq!(
        tell.seen(),
        ["subscribed", "error no such executor", "shutdown"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_second_shutdown_is_not_told() {
    let tell = Tell::default();
    let (driver, _peer, session) = start(&tell, true).await;
    session.send(launch("t")).await;
    session.call().await;
    session.send(shutdown()).await;
    session.send(shutdown()).await;
    end_of(&driver).await.unwrap_err();
    assert_eq!(tell.seen(), ["subscribed", "launch t", "shutdown"]);
}

#[tokio::test(start_paused = true)]
async fn an_update_that_does_not_get_through_is_sent_again_before_the_next_one() {
    let (driver, _peer, session) = start(&Tell::default(), true).await;
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
async fn an_agent_that_never_takes_an_update_is_subscribed_to_again() {
    let (driver, mut peer, session) = start(&Tell::default(), true).await;
    driver.send_update(running("t")).await.unwrap();
    for _ in 0..5 {
        let (_, answer) = session.unanswered().await;
        answer.send(Err(Error::new(ErrorKind::Unavailable, "503")));
    }
    let attempt = peer.attempt().await;
    let subscribe = attempt.call.subscribe.unwrap();
    assert_eq!(subscribe.unacknowledged_updates.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn without_checkpointing_an_update_that_does_not_get_through_ends_nothing() {
    let (driver, _peer, session) = start(&Tell::default(), false).await;
    driver.send_update(running("t")).await.unwrap();
    for _ in 0..20 {
        let (_, answer) = session.unanswered().await;
        answer.send(Err(Error::new(ErrorKind::Timeout, "no answer")));
    }
    assert_eq!(status(session.call().await).task_id, "t");
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_does_not_know_the_executor_any_more_is_subscribed_to_again() {
    let (driver, mut peer, session) = start(&Tell::default(), true).await;
    driver.send_update(running("t")).await.unwrap();
    let (_, answer) = session.unanswered().await;
    answer.send(Err(Error::new(ErrorKind::NotSubscribed, "403")));
    peer.attempt().await;
}
