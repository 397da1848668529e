//! Tests of offers.

use futures_util::FutureExt as _;
use mesos_core::Delivery;
use mesos_proto::v1::scheduler::call::{self, Accept};

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

/// The ids in the next call, a DECLINE that succeeds.
async fn declined(session: &Session<SchedulerApi>) -> Vec<OfferId> {
    let call = session.call().await;
    call.decline.expect("a DECLINE").offer_ids
}

/// Makes a call with an offer, which fails with `fate`, and returns the IDs of the next DECLINE.
async fn fail_a_call(
    fate: Delivery,
    make: impl AsyncFn(&SchedulerDriver, Offer) -> Result<(), Error>,
) {
    let recording = holding_offers();
    let (driver, _peer, session) = start(&recording).await;
    session.send(offers(&[("o1", "a"), ("o2", "a")])).await;
    settle(&recording, &session).await;
    let refuse = async {
        let (_, answer) = session.unanswered().await;
        assert_eq!(driver.health().offers_held, 2, "not answered yet");
        let error = Error::new(ErrorKind::Transport, "broken").with_delivery(fate);
        answer.send(Err(error));
    };
    let call = make(&driver, recording.pop_offer());
    let (result, ()) = tokio::join!(call, refuse);
    assert_eq!(result.unwrap_err().delivery(), fate);
    assert_eq!(driver.health().offers_held, 2, "{fate:?}: not declined yet");
    assert_eq!(declined(&session).await, ["o1"], "{fate:?}");
    settle(&recording, &session).await;
    assert_eq!(driver.health().offers_held, 1, "{fate:?}: declined");
    drop(recording.pop_offer());
    assert_eq!(declined(&session).await, ["o2"], "{fate:?}");
    settle(&recording, &session).await;
    assert_eq!(driver.health().offers_held, 0, "{fate:?}");
}

const FATES: [Delivery; 3] = [Delivery::NotSent, Delivery::Refused, Delivery::Unknown];

#[tokio::test(start_paused = true)]
async fn an_accept_that_was_not_certainly_taken_gives_its_offers_back() {
    for fate in FATES {
        fail_a_call(fate, async |driver, offer| driver.launch(offer, []).await).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_decline_that_was_not_certainly_taken_is_repeated() {
    for fate in FATES {
        fail_a_call(fate, async |driver, offer| {
            driver.decline([offer], None).await
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_with_the_ids_of_offers_counts_as_their_use() {
    for fate in FATES {
        fail_a_call(fate, async |driver, offer| {
            let call = Accept {
                offer_ids: vec![offer.id.clone()],
                ..Default::default()
            };
            let result = driver.call(call.into()).await;
            drop(offer);
            result
        })
        .await;
    }
    let recording = holding_offers();
    let (driver, _peer, session) = start(&recording).await;
    session.send(offers(&[("o1", "a")])).await;
    settle(&recording, &session).await;
    let offer = recording.pop_offer();
    let decline = || -> Call {
        let offer_ids = vec![offer.id.clone()];
        let filters = None;
        call::Decline { offer_ids, filters }.into()
    };
    let (result, _) = tokio::join!(driver.call(decline()), session.call());
    result.unwrap();
    assert!(!offer.is_alive());
    assert_eq!(driver.health().offers_held, 0);
    let error = driver.call(decline()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OfferGone);
    drop(offer);
    settle(&recording, &session).await;
    assert!(session.pending_call().is_none(), "declined once");
}

#[tokio::test(start_paused = true)]
async fn the_offers_of_a_canceled_accept_are_declined() {
    let recording = holding_offers();
    let (driver, _peer, session) = start(&recording).await;
    let ids: Vec<_> = (0..18).map(|number| format!("o{number}")).collect();
    let all: Vec<_> = ids.iter().map(|id| (id.as_str(), "a")).collect();
    session.send(offers(&all)).await;
    settle(&recording, &session).await;
    // Calls without an answer, until the script's queue is full.
    for _ in 0..17 {
        let launch = driver.launch(recording.pop_offer(), []);
        assert!(launch.now_or_never().is_none());
    }
    let mut canceled = Vec::new();
    let mut accepted = Vec::new();
    while canceled.len() < 17 {
        let call = session.call().await;
        match call.accept {
            Some(accept) => accepted.extend(accept.offer_ids),
            None => canceled.extend(call.decline.expect("a DECLINE").offer_ids),
        }
    }
    canceled.sort_unstable_by_key(|id| id.value[1..].parse::<u32>().unwrap());
    assert_eq!(canceled, ids[..17], "also those whose ACCEPT was queued");
    assert_eq!(accepted, ids[..16], "the queue was full");
    settle(&recording, &session).await;
    assert_eq!(driver.health().offers_held, 1);
}

#[tokio::test(start_paused = true)]
async fn a_failed_decline_of_dropped_offers_is_repeated_after_growing_delays() {
    let recording = Recording::new();
    let (driver, _peer, session) = start(&recording).await;
    session.send(offers(&[("o1", "a"), ("o2", "b")])).await;
    let mut gaps = Vec::new();
    let mut last = tokio::time::Instant::now();
    for _ in 0..8 {
        let (call, answer) = session.unanswered().await;
        assert_eq!(call.decline.unwrap().offer_ids, ["o1", "o2"]);
        answer.send(Err(Error::new(ErrorKind::Unauthorized, "401")));
        gaps.push(last.elapsed());
        last = tokio::time::Instant::now();
    }
    assert!(gaps[1] >= Duration::from_millis(500), "{gaps:?}");
    assert!(gaps[7] > 8 * gaps[1], "{gaps:?}");
    assert_eq!(driver.health().offers_held, 2);
    assert_eq!(declined(&session).await, ["o1", "o2"]);
    settle(&recording, &session).await;
    assert_eq!(driver.health().offers_held, 0);
}

#[tokio::test(start_paused = true)]
async fn a_rescinded_or_earlier_offer_is_not_declined_again() {
    let recording = holding_offers();
    let (driver, mut peer, session) = start(&recording).await;
    session.send(offers(&[("o1", "a"), ("o2", "b")])).await;
    settle(&recording, &session).await;
    recording.held.lock().unwrap().clear();
    let (_, answer) = session.unanswered().await;
    let rescind = event::Rescind {
        offer_id: "o1".into(),
    };
    session.send(rescind.into()).await;
    settle(&recording, &session).await;
    answer.send(Err(lost()));
    let (call, answer) = session.unanswered().await;
    assert_eq!(call.decline.unwrap().offer_ids, ["o2"]);
    session.fail(lost()).await;
    let session = peer.session().await;
    session.send(subscribed("f1")).await;
    settle(&recording, &session).await;
    answer.send(Err(lost()));
    tokio::time::advance(Duration::from_secs(600)).await;
    settle(&recording, &session).await;
    assert!(session.pending_call().is_none());
    assert_eq!(driver.health().offers_held, 0);
}

#[tokio::test(start_paused = true)]
async fn a_repeated_decline_keeps_its_filters() {
    let recording = holding_offers();
    let (driver, _peer, session) = start(&recording).await;
    session.send(offers(&[("o1", "a")])).await;
    settle(&recording, &session).await;
    let hour = v1::Filters {
        refuse_seconds: Some(3600.0),
    };
    let refuse = async {
        let (_, answer) = session.unanswered().await;
        answer.send(Err(Error::new(ErrorKind::Unavailable, "503")));
        session.call().await.decline.expect("a DECLINE").filters
    };
    let decline = driver.decline([recording.pop_offer()], Some(hour));
    let (result, filters) = tokio::join!(decline, refuse);
    result.unwrap_err();
    assert_eq!(filters, Some(hour));
}
