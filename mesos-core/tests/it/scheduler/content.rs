//! Content that no master sends, or not then, or not to us: it ends nothing that
//! worked, reaches no handler that cannot use it, and loses no update.

use super::*;

/// Whether the driver still takes updates and acknowledges them.
async fn works(session: &Session<SchedulerApi>, tell: &Tell, task: &str) {
    session.send(update(task, Some(b"0123456789abcdef"))).await;
    tell.told(&format!("update {task}")).await;
    let acknowledge = session.call().await.acknowledge.expect("an ACKNOWLEDGE");
    assert_eq!(acknowledge.task_id, task);
}

#[tokio::test(start_paused = true)]
async fn a_second_subscribed_on_one_stream_is_ignored() {
    let tell = Tell::new();
    let (driver, _peer, session) = start(&tell).await;
    session.send(subscribed("f1")).await;
    session.send(subscribed("f2")).await;
    works(&session, &tell, "t1").await;
    assert_eq!(tell.seen(), ["subscribed f1", "update t1"]);
    assert_eq!(driver.framework_id(), Some("f1".into()));
}

#[tokio::test(start_paused = true)]
async fn a_subscription_granted_to_another_framework_is_given_up_and_tried_again() {
    for foreign in ["f2", ""] {
        let tell = Tell::new();
        let (driver, mut peer, session) = start(&tell).await;
        session.fail(lost()).await;
        let session = peer.session().await;
        session.send(subscribed(foreign)).await;
        let session = peer.session().await;
        session.send(subscribed("f1")).await;
        works(&session, &tell, "t1").await;
        let seen = tell.seen();
        let last = seen.iter().rfind(|told| told.starts_with("subscribed"));
        assert_eq!(last.map(String::as_str), Some("subscribed again f1"));
        assert_eq!(driver.framework_id(), Some("f1".into()));
    }
}

#[tokio::test(start_paused = true)]
async fn the_rescission_of_an_offer_that_never_came_harms_none() {
    let tell = Tell::new();
    let (_driver, _peer, session) = start(&tell).await;
    for id in ["never", "never", ""] {
        let rescind = event(Type::Rescind, |event| {
            event.rescind = Some(event::Rescind {
                offer_id: id.into(),
            });
        });
        session.send(rescind).await;
    }
    works(&session, &tell, "t1").await;
}

#[tokio::test(start_paused = true)]
async fn updates_of_tasks_that_nobody_launched_and_out_of_order_are_told_as_they_come() {
    let tell = Tell::new();
    let (_driver, _peer, session) = start(&tell).await;
    let of = |state: TaskState| {
        let mut event = update("foreign", Some(b"0123456789abcdef"));
        event.update.as_mut().unwrap().status.state = state as i32;
        event
    };
    for state in [TaskState::TaskFinished, TaskState::TaskStarting] {
        session.send(of(state)).await;
        assert!(session.call().await.acknowledge.is_some());
    }
    // A number that this schema has no name for.
    let mut unknown = of(TaskState::TaskFinished);
    unknown.update.as_mut().unwrap().status.state = 4711;
    session.send(unknown).await;
    assert!(session.call().await.acknowledge.is_some());
    assert_eq!(tell.seen()[1..], ["update foreign"; 3]);
}

#[tokio::test(start_paused = true)]
async fn an_event_without_its_body_costs_the_subscription_and_no_more() {
    for event_type in [Type::Update, Type::Offers, Type::Subscribed, Type::Failure] {
        let tell = Tell::new();
        let (_driver, mut peer, session) = start(&tell).await;
        session.send(event(event_type, |_| {})).await;
        let session = peer.session().await;
        session.send(subscribed("f1")).await;
        works(&session, &tell, "t1").await;
    }
}
