//! Tests of offers.

use super::*;

#[tokio::test(start_paused = true)]
async fn dropped_offers_are_declined() {
    let (_driver, _peer, session) = start(&Recording::new()).await;
    session.send(offers(&[("o1", "a"), ("o2", "b")])).await;
    let decline = session.call().await.decline.expect("a DECLINE");
    assert_eq!(decline.offer_ids, ["o1", "o2"]);
    assert_eq!(decline.filters, None, "the default of Mesos, 5 s");
}

#[tokio::test(start_paused = true)]
async fn a_launched_task_gets_the_agent_of_its_offer() {
    let recording = holding_offers();
    let (driver, _peer, session) = start(&recording).await;
    session.send(offers(&[("o1", "a")])).await;
    settle(&recording, &session).await;
    let task = TaskInfo {
        task_id: "t1".into(),
        ..Default::default()
    };
    let offer = recording.pop_offer();
    let (launched, call) = tokio::join!(driver.launch(offer, [task]), session.call());
    launched.unwrap();
    let accept = call.accept.expect("an ACCEPT");
    assert_eq!(accept.offer_ids, ["o1"]);
    let launch = accept.operations[0].launch.as_ref().unwrap();
    assert_eq!(launch.task_infos[0].agent_id, "a");
    settle(&recording, &session).await;
    assert!(
        session.pending_call().is_none(),
        "an accepted offer is not declined"
    );
}

#[tokio::test(start_paused = true)]
async fn an_accept_with_offers_of_two_agents_is_rejected_and_the_offers_are_declined() {
    let recording = holding_offers();
    let (driver, _peer, session) = start(&recording).await;
    session.send(offers(&[("o1", "a"), ("o2", "b")])).await;
    settle(&recording, &session).await;
    let both = [recording.pop_offer(), recording.pop_offer()];
    let error = driver.accept(both, [], None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(
        error.to_string().contains("one agent and one role"),
        "{error}"
    );
    let decline = session.call().await.decline.expect("a DECLINE");
    assert_eq!(decline.offer_ids.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_rescinded_offer_is_rejected_before_the_call_is_sent() {
    let recording = holding_offers();
    let (driver, _peer, session) = start(&recording).await;
    session.send(offers(&[("o1", "a")])).await;
    let rescind = event::Rescind {
        offer_id: "o1".into(),
    }
    .into();
    session.send(rescind).await;
    settle(&recording, &session).await;
    let error = driver.launch(recording.pop_offer(), []).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OfferGone);
    assert_eq!(error.delivery(), mesos_core::Delivery::NotSent);
    assert!(session.pending_call().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_reconnect_of_the_backend_invalidates_offers_and_calls_fail_until_then() {
    let recording = holding_offers();
    let (driver, _peer, session) = start(&recording).await;
    session.send(offers(&[("o1", "a")])).await;
    session.disconnect(lost()).await;
    settle(&recording, &session).await;
    assert!(!recording.held.lock().unwrap()[0].is_alive());
    let error = driver.kill("t").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotSubscribed);
    session.send(subscribed("f1")).await;
    settle(&recording, &session).await;
    assert_eq!(
        recording.seen()[2..],
        ["disconnected Transport 0", "subscribed again f1"]
    );
    let (kill, _call) = tokio::join!(driver.kill("t"), session.call());
    kill.unwrap();
}

#[tokio::test(start_paused = true)]
async fn offers_dropped_while_a_handler_runs_are_declined_immediately() {
    let recording = holding_offers();
    let (_driver, _peer, session) = start(&recording).await;
    session.send(offers(&[("o1", "a")])).await;
    session.send(update("hang", None)).await;
    recording.wait_for("update hang").await;
    drop(recording.pop_offer());
    assert_eq!(session.call().await.decline.unwrap().offer_ids, ["o1"]);
}
