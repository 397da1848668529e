//! Offers as values that can be used once.

use super::*;

#[tokio::test(start_paused = true)]
async fn offers_dropped_unused_are_declined() {
    let (_driver, _peer, session) = start(&Tell::new()).await;
    session.send(offers(&[("o1", "a"), ("o2", "b")])).await;
    let decline = session.call().await.decline.expect("a DECLINE");
    assert_eq!(decline.offer_ids, ["o1", "o2"]);
    assert_eq!(decline.filters, None, "Mesos' default of 5 s");
}

#[tokio::test(start_paused = true)]
async fn a_launched_task_gets_the_agent_of_its_offer() {
    let tell = keeping();
    let (driver, _peer, session) = start(&tell).await;
    session.send(offers(&[("o1", "a")])).await;
    settle(&tell, &session).await;
    let task = TaskInfo {
        task_id: "t1".into(),
        ..Default::default()
    };
    let offer = tell.take_offer();
    let (launched, call) = tokio::join!(driver.launch(offer, [task]), session.call());
    launched.unwrap();
    let accept = call.accept.expect("an ACCEPT");
    assert_eq!(accept.offer_ids, ["o1"]);
    let launch = accept.operations[0].launch.as_ref().unwrap();
    assert_eq!(launch.task_infos[0].agent_id, "a");
    settle(&tell, &session).await;
    assert!(
        session.pending_call().is_none(),
        "an accepted offer is not declined"
    );
}

#[tokio::test(start_paused = true)]
async fn offers_of_two_agents_are_refused_together_and_declined() {
    let tell = keeping();
    let (driver, _peer, session) = start(&tell).await;
    session.send(offers(&[("o1", "a"), ("o2", "b")])).await;
    settle(&tell, &session).await;
    let both = [tell.take_offer(), tell.take_offer()];
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
async fn a_rescinded_offer_is_refused_locally() {
    let tell = keeping();
    let (driver, _peer, session) = start(&tell).await;
    session.send(offers(&[("o1", "a")])).await;
    let rescind = event(Type::Rescind, |event| {
        event.rescind = Some(event::Rescind {
            offer_id: "o1".into(),
        });
    });
    session.send(rescind).await;
    settle(&tell, &session).await;
    let error = driver.launch(tell.take_offer(), []).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OfferGone);
    assert_eq!(error.delivery(), mesos_core::Delivery::NotSent);
    assert!(session.pending_call().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_reconnects_by_itself_makes_offers_stale_and_calls_fail_meanwhile() {
    let tell = keeping();
    let (driver, _peer, session) = start(&tell).await;
    session.send(offers(&[("o1", "a")])).await;
    session.disconnect(lost()).await;
    settle(&tell, &session).await;
    assert!(!tell.held.lock().unwrap()[0].is_alive());
    let error = driver.kill("t").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotSubscribed);
    session.send(subscribed("f1")).await;
    settle(&tell, &session).await;
    assert_eq!(
        tell.seen()[2..],
        ["disconnected Transport 0", "subscribed again f1"]
    );
    let (kill, _call) = tokio::join!(driver.kill("t"), session.call());
    kill.unwrap();
}

#[tokio::test(start_paused = true)]
async fn offers_dropped_while_a_handler_runs_are_declined_at_once() {
    let tell = keeping();
    let (_driver, _peer, session) = start(&tell).await;
    session.send(offers(&[("o1", "a")])).await;
    session.send(update("hang", None)).await;
    tell.told("update hang").await;
    drop(tell.take_offer());
    assert_eq!(session.call().await.decline.unwrap().offer_ids, ["o1"]);
}
