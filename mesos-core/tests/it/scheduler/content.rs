//! Tests of unexpected events: of events that no master sends, that come at the
//! wrong time, or that are for another framework. They do not end the driver,
//! call no handler that cannot use them, and lose no update.

use super::*;

/// Checks that the driver still receives updates and acknowledges them.
async fn works(session: &Session<SchedulerApi>, recording: &Recording, task: &str) {
    session.send(update(task, Some(b"0123456789abcdef"))).await;
    recording.wait_for(&format!("update {task}")).await;
    let acknowledge = session.call().await.acknowledge.expect("an ACKNOWLEDGE");
    assert_eq!(acknowledge.task_id, task);
}

#[tokio::test(start_paused = true)]
async fn a_second_subscribed_event_on_one_stream_is_ignored() {
    let recording = Recording::new();
    let (driver, _peer, session) = start(&recording).await;
    session.send(subscribed("f1")).await;
    session.send(subscribed("f2")).await;
    works(&session, &recording, "t1").await;
    assert_eq!(recording.seen(), ["subscribed f1", "update t1"]);
    assert_eq!(driver.framework_id(), Some("f1".into()));
}

#[tokio::test(start_paused = true)]
async fn a_subscription_of_another_framework_is_dropped_and_retried() {
    for foreign in ["f2", ""] {
        let recording = Recording::new();
        let (driver, mut peer, session) = start(&recording).await;
        session.fail(lost()).await;
        let session = peer.session().await;
        session.send(subscribed(foreign)).await;
        let session = peer.session().await;
        session.send(subscribed("f1")).await;
        works(&session, &recording, "t1").await;
        let seen = recording.seen();
        let last = seen.iter().rfind(|what| what.starts_with("subscribed"));
        assert_eq!(last.map(String::as_str), Some("subscribed again f1"));
        assert_eq!(driver.framework_id(), Some("f1".into()));
    }
}

#[tokio::test(start_paused = true)]
async fn a_rescind_of_an_unknown_offer_is_ignored() {
    let recording = Recording::new();
    let (_driver, _peer, session) = start(&recording).await;
    for id in ["never", "never", ""] {
        let rescind = event::Rescind {
            offer_id: id.into(),
        }
        .into();
        session.send(rescind).await;
    }
    works(&session, &recording, "t1").await;
}

#[tokio::test(start_paused = true)]
async fn updates_of_unknown_tasks_and_out_of_order_are_delivered_in_their_order() {
    let recording = Recording::new();
    let (_driver, _peer, session) = start(&recording).await;
    let of = |state: TaskState| {
        let mut event = update("foreign", Some(b"0123456789abcdef"));
        event.update.as_mut().unwrap().status.state = state as i32;
        event
    };
    for state in [TaskState::TaskFinished, TaskState::TaskStarting] {
        session.send(of(state)).await;
        assert!(session.call().await.acknowledge.is_some());
    }
    // A state that this version does not know.
    let mut unknown = of(TaskState::TaskFinished);
    unknown.update.as_mut().unwrap().status.state = 4711;
    session.send(unknown).await;
    assert!(session.call().await.acknowledge.is_some());
    assert_eq!(recording.seen()[1..], ["update foreign"; 3]);
}

#[tokio::test(start_paused = true)]
async fn an_event_without_its_body_only_ends_the_subscription() {
    for event_type in [Type::Update, Type::Offers, Type::Subscribed, Type::Failure] {
        let recording = Recording::new();
        let (_driver, mut peer, session) = start(&recording).await;
        session.send(event_type.into()).await;
        let session = peer.session().await;
        session.send(subscribed("f1")).await;
        works(&session, &recording, "t1").await;
    }
}
