//! Tests of status updates and their acknowledgements.

use super::*;

#[tokio::test(start_paused = true)]
async fn an_update_is_acknowledged_after_its_handler_returned_ok() {
    let handled = Arc::new(Mutex::new(false));
    let mark = Arc::clone(&handled);
    let recording = Recording::with_update(move |_| {
        *mark.lock().unwrap() = true;
        Ok(())
    });
    let (_driver, _peer, session) = start(&recording).await;
    session.send(update("t1", Some(b"0123456789abcdef"))).await;
    let call = session.call().await;
    assert!(*handled.lock().unwrap());
    assert_eq!(call.framework_id, Some("f1".into()));
    let acknowledge = call.acknowledge.expect("an ACKNOWLEDGE");
    assert_eq!(acknowledge.task_id, "t1");
    assert_eq!(acknowledge.agent_id, "agent");
    assert_eq!(&acknowledge.uuid[..], b"0123456789abcdef");
}

#[tokio::test(start_paused = true)]
async fn an_update_is_shown_with_its_state_and_message() {
    let shown = Arc::new(Mutex::new(Vec::new()));
    let show = Arc::clone(&shown);
    let recording = Recording::with_update(move |update| {
        show.lock().unwrap().push(update.to_string());
        Ok(())
    });
    let (_driver, _peer, session) = start(&recording).await;
    for (state, message) in [(1, None), (3, Some("exit 1")), (99, None)] {
        let status = TaskStatus {
            agent_id: Some("agent".into()),
            uuid: Some(Bytes::from_static(b"0123456789abcdef")),
            state,
            message: message.map(str::to_owned),
            ..TaskStatus::new("t1", TaskState::TaskRunning)
        };
        session.send(event::Update { status }.into()).await;
        session.call().await;
    }
    let unknown = "t1: TaskState 99 is unknown to this version of mesos-proto";
    let shown = shown.lock().unwrap();
    assert_eq!(
        *shown,
        ["t1: TASK_RUNNING", "t1: TASK_FAILED: exit 1", unknown]
    );
}

#[tokio::test(start_paused = true)]
async fn an_update_whose_handler_failed_is_not_acknowledged() {
    let recording = Recording::with_update(|_| Err("database away".into()));
    let (driver, _peer, session) = start(&recording).await;
    session.send(update("t1", Some(b"0123456789abcdef"))).await;
    settle(&recording, &session).await;
    assert_eq!(recording.seen(), ["subscribed f1", "update t1"]);
    // The next call is the KILL, so there was no ACKNOWLEDGE before it.
    let (kill, call) = tokio::join!(driver.kill("t1"), session.call());
    kill.unwrap();
    assert_eq!(type_of(&call), CallType::Kill);
}

#[tokio::test(start_paused = true)]
async fn an_update_without_uuid_is_delivered_and_never_acknowledged() {
    let recording = Recording::new();
    let (_driver, _peer, session) = start(&recording).await;
    session.send(update("t1", None)).await;
    session.send(update("t2", Some(b""))).await;
    session.send(update("t3", Some(b"0123456789abcdef"))).await;
    let acknowledge = session.call().await.acknowledge.unwrap();
    assert_eq!(acknowledge.task_id, "t3");
    assert_eq!(
        recording.seen()[1..],
        ["update t1", "update t2", "update t3"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_duplicate_update_is_acknowledged_each_time() {
    let recording = Recording::new();
    let (_driver, _peer, session) = start(&recording).await;
    for _ in 0..2 {
        session.send(update("t1", Some(b"0123456789abcdef"))).await;
        assert!(session.call().await.acknowledge.is_some());
    }
}

#[tokio::test(start_paused = true)]
async fn a_deferred_update_is_acknowledged_only_by_its_token() {
    let deferred: Arc<Mutex<Option<Acknowledgement>>> = Arc::default();
    let store = Arc::clone(&deferred);
    let recording = Recording::with_update(move |update| {
        *store.lock().unwrap() = update.defer();
        assert!(update.defer().is_none(), "the token can be taken once");
        Ok(())
    });
    let (_driver, _peer, session) = start(&recording).await;
    session.send(update("t1", Some(b"0123456789abcdef"))).await;
    settle(&recording, &session).await;
    assert!(session.pending_call().is_none());
    let token = deferred.lock().unwrap().take().expect("a token");
    let (acknowledged, call) = tokio::join!(token.acknowledge(), session.call());
    acknowledged.unwrap();
    assert_eq!(call.acknowledge.unwrap().task_id, "t1");
}

#[tokio::test(start_paused = true)]
async fn stop_tears_down_after_the_last_acknowledgement() {
    let (driver, _peer, session) = start(&Recording::new()).await;
    session
        .send(update("stop", Some(b"0123456789abcdef")))
        .await;
    assert_eq!(type_of(&session.call().await), CallType::Acknowledge);
    let teardown = session.call().await;
    assert_eq!(type_of(&teardown), CallType::Teardown);
    assert_eq!(teardown.framework_id, Some("f1".into()));
    assert_eq!(end_of(&driver).await.unwrap(), StopReason::Stopped);
    session.closed().await;
}

#[tokio::test(start_paused = true)]
async fn a_handler_may_await_a_call() {
    let (_driver, _peer, session) = start(&Recording::new()).await;
    session
        .send(update("kill", Some(b"0123456789abcdef")))
        .await;
    assert_eq!(type_of(&session.call().await), CallType::Kill);
    assert_eq!(type_of(&session.call().await), CallType::Acknowledge);
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_panics_ends_the_driver_and_acknowledges_nothing() {
    let (driver, _peer, session) = start(&Recording::with_update(|_| panic!("boom"))).await;
    session.send(update("t1", Some(b"0123456789abcdef"))).await;
    let end = end_of(&driver).await.unwrap_err();
    assert_eq!(end.kind(), ErrorKind::Panicked);
    assert_eq!(end.to_string(), "the handler `update` panicked: boom");
    assert!(session.pending_call().is_none());
}

/// Sends an update, and answers its acknowledgement.
async fn acknowledge(session: &Session<SchedulerApi>, result: Result<(), Error>) {
    session.send(update("t1", Some(b"0123456789abcdef"))).await;
    let (call, answer) = session.unanswered().await;
    assert_eq!(type_of(&call), CallType::Acknowledge);
    answer.send(result);
    tokio::time::sleep(Duration::from_secs(10)).await; // sleep: the agent repeats the update, virtual time
}

fn expired() -> Error {
    Error::new(ErrorKind::Unauthorized, "401: the token has expired")
}

#[tokio::test(start_paused = true)]
async fn acknowledgements_that_keep_failing_end_the_subscription() {
    let recording = Recording::new();
    let (driver, mut peer, session) = start(&recording).await;
    let failing = || driver.health().acknowledgements_failing;
    for failed in 1..=4 {
        acknowledge(&session, Err(expired())).await;
        assert_eq!(failing(), failed);
    }
    acknowledge(&session, Ok(())).await;
    assert_eq!(failing(), 0, "accepted");
    for _ in 0..5 {
        acknowledge(&session, Err(expired())).await;
    }
    session.closed().await;
    recording.wait_for("disconnected Unavailable 0").await;
    let transitions = driver.health().transitions;
    let reason = transitions.iter().find_map(|one| one.reason.clone());
    let reason = format!("{:#}", reason.expect("a reason"));
    assert!(reason.contains("acknowledgements"), "{reason}");
    assert!(reason.ends_with("401: the token has expired"), "{reason}");
    let session = peer.session().await;
    session.send(subscribed("f1")).await;
    acknowledge(&session, Err(expired())).await;
    assert_eq!(failing(), 1, "from the start");
    assert!(driver.is_subscribed());
    assert_eq!(driver.health().updates.acknowledgements_failed, 10);
}

#[tokio::test(start_paused = true)]
async fn acknowledgements_that_fail_together_count_once() {
    let recording = Recording::new();
    let (driver, _peer, session) = start(&recording).await;
    for _ in 0..10 {
        session.send(update("t1", Some(b"0123456789abcdef"))).await;
    }
    // A connection broke under all of them.
    for _ in 0..10 {
        let (_, answer) = session.unanswered().await;
        answer.send(Err(lost()));
    }
    settle(&recording, &session).await;
    assert_eq!(driver.health().updates.acknowledgements_failed, 10);
    assert_eq!(driver.health().acknowledgements_failing, 1);
    assert!(driver.is_subscribed());
}

#[tokio::test(start_paused = true)]
async fn deferred_acknowledgements_that_keep_failing_end_the_subscription() {
    let deferred: Arc<Mutex<Vec<Acknowledgement>>> = Arc::default();
    let store = Arc::clone(&deferred);
    let recording = Recording::with_update(move |update| {
        store.lock().unwrap().extend(update.defer());
        Ok(())
    });
    let (_driver, mut peer, session) = start(&recording).await;
    for _ in 0..5 {
        session.send(update("t1", Some(b"0123456789abcdef"))).await;
        settle(&recording, &session).await;
        let token = deferred.lock().unwrap().pop().expect("a token");
        let refuse = async {
            let (_, answer) = session.unanswered().await;
            answer.send(Err(expired()));
        };
        let (result, ()) = tokio::join!(token.acknowledge(), refuse);
        result.unwrap_err();
        tokio::time::sleep(Duration::from_secs(10)).await; // sleep: virtual time
    }
    peer.attempt().await;
    recording.wait_for("disconnected Unavailable 0").await;
}

#[tokio::test(start_paused = true)]
async fn a_repeated_update_can_be_acknowledged_without_its_handler() {
    let mut outcomes = vec![Ok(()), Err("database away".into())];
    let recording = Recording::with_update(move |update| match update.task_id.as_str() {
        "deferred" => {
            drop(update.defer());
            Ok(())
        }
        _ => outcomes.pop().unwrap_or(Ok(())),
    });
    let (backend, mut peer) = scripted();
    let framework = Framework::ephemeral("test").skip_repeated_updates(true);
    let driver = SchedulerDriver::start(recording.clone(), framework, backend);
    let session = peer.session().await;
    session.send(subscribed("f1")).await;
    // Failed, handled, repeated twice.
    for _ in 0..4 {
        session.send(update("t1", Some(b"0123456789abcdef"))).await;
    }
    for _ in 0..3 {
        let acknowledge = session.call().await.acknowledge.expect("an ACKNOWLEDGE");
        assert_eq!(acknowledge.task_id, "t1");
    }
    for _ in 0..2 {
        session
            .send(update("deferred", Some(b"1123456789abcdef")))
            .await;
        session.send(update("answer", None)).await;
    }
    settle(&recording, &session).await;
    assert_eq!(
        recording.seen()[1..],
        [
            "update t1",
            "update t1",
            "update deferred",
            "update answer",
            "update deferred",
            "update answer"
        ]
    );
    assert!(session.pending_call().is_none());
    assert_eq!(driver.health().updates.repeated, 2);
}
