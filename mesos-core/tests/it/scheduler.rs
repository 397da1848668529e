//! What the runtime promises to a scheduler.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use mesos_core::backend::SchedulerApi;
use mesos_core::scheduler::{Acknowledgement, Subscribed, UnknownEvent};
use mesos_core::{
    Capabilities, Disconnected, End, Error, ErrorKind, Framework, HandlerResult, Offer, Scheduler,
    SchedulerDriver, StatusUpdate,
};
use mesos_proto::v1::scheduler::call::Type as CallType;
use mesos_proto::v1::scheduler::event::{self, Type};
use mesos_proto::v1::scheduler::{Call, Event};
use mesos_proto::v1::{self, FrameworkId, OfferId, TaskInfo, TaskState, TaskStatus};

use crate::script::{Peer, Session, scripted, scripted_with, within};

/// What a handler of [`Tell`] is to do, decided by the test.
type Plan = Box<dyn FnMut(StatusUpdate) -> HandlerResult + Send>;

/// A scheduler that writes down what it was told.
#[derive(Clone)]
struct Tell {
    seen: Arc<Mutex<Vec<String>>>,
    held: Arc<Mutex<Vec<Offer>>>,
    plan: Arc<Mutex<Plan>>,
    keep_offers: bool,
    fail_subscribed: bool,
}

impl Tell {
    fn new() -> Self {
        Self::planned(|_| Ok(()))
    }

    fn planned(plan: impl FnMut(StatusUpdate) -> HandlerResult + Send + 'static) -> Self {
        Self {
            seen: Arc::default(),
            held: Arc::default(),
            plan: Arc::new(Mutex::new(Box::new(plan))),
            keep_offers: false,
            fail_subscribed: false,
        }
    }

    fn note(&self, what: impl Into<String>) {
        self.seen.lock().unwrap().push(what.into());
    }

    fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }

    fn take_offer(&self) -> Offer {
        self.held.lock().unwrap().remove(0)
    }
}

#[async_trait]
impl Scheduler for Tell {
    async fn subscribed(&mut self, _: &SchedulerDriver, subscribed: Subscribed) -> HandlerResult {
        let how = if subscribed.resubscribed {
            "again "
        } else {
            ""
        };
        self.note(format!("subscribed {how}{}", subscribed.framework_id));
        if self.fail_subscribed {
            return Err("disk full".into());
        }
        Ok(())
    }

    async fn disconnected(&mut self, _: &SchedulerDriver, lost: Disconnected) -> HandlerResult {
        self.note(format!(
            "disconnected {:?} {}",
            lost.error.kind(),
            lost.attempts
        ));
        Ok(())
    }

    async fn offers(&mut self, _: &SchedulerDriver, offers: Vec<Offer>) -> HandlerResult {
        self.note(format!("{} offers", offers.len()));
        if self.keep_offers {
            self.held.lock().unwrap().extend(offers);
        }
        Ok(())
    }

    async fn update(&mut self, driver: &SchedulerDriver, update: StatusUpdate) -> HandlerResult {
        self.note(format!("update {}", update.task_id));
        if update.task_id == "stop" {
            driver.stop(false);
        }
        if update.task_id == "kill" {
            driver.kill("kill", None, None).await?;
        }
        if update.task_id == "hang" {
            std::future::pending::<()>().await;
        }
        (self.plan.lock().unwrap())(update)
    }

    async fn error(&mut self, _: &SchedulerDriver, message: String) -> HandlerResult {
        self.note(format!("error {message}"));
        Ok(())
    }

    async fn unknown(&mut self, _: &SchedulerDriver, event: UnknownEvent) -> HandlerResult {
        self.note(format!("unknown {}", event.type_number));
        Ok(())
    }
}

fn event(event_type: Type, body: impl FnOnce(&mut Event)) -> Event {
    let mut event = Event {
        r#type: Some(event_type as i32),
        ..Default::default()
    };
    body(&mut event);
    event
}

fn subscribed(id: &str) -> Event {
    event(Type::Subscribed, |event| {
        event.subscribed = Some(event::Subscribed {
            framework_id: FrameworkId::from(id),
            ..Default::default()
        });
    })
}

fn update(task: &str, uuid: Option<&'static [u8]>) -> Event {
    event(Type::Update, |event| {
        let status = TaskStatus {
            agent_id: Some("agent".into()),
            uuid: uuid.map(Bytes::from_static),
            ..TaskStatus::new(task, TaskState::TaskRunning)
        };
        event.update = Some(event::Update { status });
    })
}

fn offers(ids: &[(&str, &str)]) -> Event {
    event(Type::Offers, |event| {
        let offers = ids.iter().map(|(id, agent)| v1::Offer {
            id: OfferId::from(*id),
            agent_id: (*agent).into(),
            ..Default::default()
        });
        event.offers = Some(event::Offers {
            offers: offers.collect(),
        });
    })
}

fn error(message: &str) -> Event {
    event(Type::Error, |event| {
        event.error = Some(event::Error {
            message: message.to_owned(),
        });
    })
}

fn lost() -> Error {
    Error::new(ErrorKind::Transport, "connection reset")
}

fn type_of(call: &Call) -> CallType {
    call.r#type().to_owned()
}

/// A driver of `tell`, subscribed as `f1`.
async fn start(tell: &Tell) -> (SchedulerDriver, Peer<SchedulerApi>, Session<SchedulerApi>) {
    let (backend, mut peer) = scripted();
    let driver = SchedulerDriver::start(tell.clone(), Framework::ephemeral("test"), backend);
    let session = peer.session().await;
    session.send(subscribed("f1")).await;
    (driver, peer, session)
}

async fn end_of(driver: &SchedulerDriver) -> Result<End, Error> {
    within("the driver's end", driver.join()).await
}

/// Everything sent before is handled once this returns.
async fn settle(tell: &Tell, session: &Session<SchedulerApi>) {
    session.send(event(Type::Unknown, |_| {})).await;
    let seen = || tell.seen().contains(&"unknown 0".to_owned());
    within("the last event's handler", async {
        while !seen() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    tell.seen.lock().unwrap().retain(|what| what != "unknown 0");
}

#[tokio::test(start_paused = true)]
async fn an_update_is_acknowledged_after_its_handler_returned_ok() {
    let handled = Arc::new(Mutex::new(false));
    let mark = Arc::clone(&handled);
    let tell = Tell::planned(move |_| {
        *mark.lock().unwrap() = true;
        Ok(())
    });
    let (_driver, _peer, session) = start(&tell).await;
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
async fn an_update_whose_handler_failed_is_not_acknowledged() {
    let tell = Tell::planned(|_| Err("database away".into()));
    let (driver, _peer, session) = start(&tell).await;
    session.send(update("t1", Some(b"0123456789abcdef"))).await;
    settle(&tell, &session).await;
    assert_eq!(tell.seen(), ["subscribed f1", "update t1"]);
    // The next call is the one that we make, so there was none before.
    let (kill, call) = tokio::join!(driver.kill("t1", None, None), session.call());
    kill.unwrap();
    assert_eq!(type_of(&call), CallType::Kill);
}

#[tokio::test(start_paused = true)]
async fn an_update_without_uuid_is_delivered_and_never_acknowledged() {
    let tell = Tell::new();
    let (_driver, _peer, session) = start(&tell).await;
    session.send(update("t1", None)).await;
    session.send(update("t2", Some(b""))).await;
    session.send(update("t3", Some(b"0123456789abcdef"))).await;
    let acknowledge = session.call().await.acknowledge.unwrap();
    assert_eq!(acknowledge.task_id, "t3");
    assert_eq!(tell.seen()[1..], ["update t1", "update t2", "update t3"]);
}

#[tokio::test(start_paused = true)]
async fn a_duplicate_update_is_acknowledged_each_time() {
    let tell = Tell::new();
    let (_driver, _peer, session) = start(&tell).await;
    for _ in 0..2 {
        session.send(update("t1", Some(b"0123456789abcdef"))).await;
        assert!(session.call().await.acknowledge.is_some());
    }
}

#[tokio::test(start_paused = true)]
async fn a_deferred_update_is_acknowledged_by_its_token_only() {
    let kept: Arc<Mutex<Option<Acknowledgement>>> = Arc::default();
    let keep = Arc::clone(&kept);
    let tell = Tell::planned(move |mut update| {
        *keep.lock().unwrap() = update.defer();
        assert!(update.defer().is_none(), "the token can be taken once");
        Ok(())
    });
    let (_driver, _peer, session) = start(&tell).await;
    session.send(update("t1", Some(b"0123456789abcdef"))).await;
    settle(&tell, &session).await;
    assert!(session.pending_call().is_none());
    let token = kept.lock().unwrap().take().expect("a token");
    let (acknowledged, call) = tokio::join!(token.acknowledge(), session.call());
    acknowledged.unwrap();
    assert_eq!(call.acknowledge.unwrap().task_id, "t1");
}

#[tokio::test(start_paused = true)]
async fn offers_dropped_unused_are_declined() {
    let (_driver, _peer, session) = start(&Tell::new()).await;
    session.send(offers(&[("o1", "a"), ("o2", "b")])).await;
    let decline = session.call().await.decline.expect("a DECLINE");
    assert_eq!(decline.offer_ids, ["o1", "o2"]);
    assert_eq!(decline.filters, None, "Mesos' default of 5 s");
}

fn keeping() -> Tell {
    Tell {
        keep_offers: true,
        ..Tell::new()
    }
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
async fn a_lost_subscription_is_renewed_with_the_id_in_both_places() {
    let tell = keeping();
    let (driver, mut peer, session) = start(&tell).await;
    session.send(offers(&[("o1", "a")])).await;
    settle(&tell, &session).await;
    session.fail(lost()).await;
    let attempt = peer.attempt().await;
    let subscribe = attempt.call.subscribe.as_ref().unwrap();
    assert_eq!(attempt.call.framework_id, Some("f1".into()));
    assert_eq!(subscribe.framework_info.id, Some("f1".into()));
    let error = driver.kill("t", None, None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotSubscribed);
    let session = attempt.grant();
    session.send(subscribed("f1")).await;
    settle(&tell, &session).await;
    assert_eq!(
        tell.seen()[2..],
        ["disconnected Transport 0", "subscribed again f1"]
    );
    let error = driver.launch(tell.take_offer(), []).await.unwrap_err();
    assert_eq!(
        error.kind(),
        ErrorKind::OfferGone,
        "no offer outlives its subscription"
    );
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_reconnects_by_itself_makes_offers_stale_and_calls_fail_meanwhile() {
    let tell = keeping();
    let (driver, _peer, session) = start(&tell).await;
    session.send(offers(&[("o1", "a")])).await;
    session.disconnect(lost()).await;
    settle(&tell, &session).await;
    assert!(!tell.held.lock().unwrap()[0].is_alive());
    let error = driver.kill("t", None, None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotSubscribed);
    session.send(subscribed("f1")).await;
    settle(&tell, &session).await;
    assert_eq!(
        tell.seen()[2..],
        ["disconnected Transport 0", "subscribed again f1"]
    );
    let (kill, _call) = tokio::join!(driver.kill("t", None, None), session.call());
    kill.unwrap();
}

#[tokio::test(start_paused = true)]
async fn attempts_that_fail_are_repeated_with_growing_waits() {
    let tell = Tell::new();
    let (backend, mut peer) = scripted();
    let _driver = SchedulerDriver::start(tell.clone(), Framework::ephemeral("test"), backend);
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
    assert_eq!(tell.seen()[6], "disconnected Transport 6");
}

#[tokio::test(start_paused = true)]
async fn an_error_event_ends_the_driver_with_a_typed_reason() {
    for (message, kind) in [
        ("Framework has been removed", ErrorKind::FrameworkRemoved),
        ("Framework failed over", ErrorKind::TakenOver),
        ("Role '-x' is invalid", ErrorKind::Rejected),
    ] {
        let tell = Tell::new();
        let (driver, _peer, session) = start(&tell).await;
        session.send(error(message)).await;
        let end = end_of(&driver).await.unwrap_err();
        assert_eq!(end.kind(), kind);
        assert!(end.to_string().ends_with(message), "{end}");
        assert_eq!(tell.seen()[1], format!("error {message}"));
        let late = driver.kill("t", None, None).await.unwrap_err();
        assert_eq!(late.kind(), ErrorKind::Closed);
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_that_waiting_cannot_mend_ends_the_driver() {
    let (backend, mut peer) = scripted();
    let driver = SchedulerDriver::start(Tell::new(), Framework::ephemeral("test"), backend);
    let unauthorized = Error::new(ErrorKind::Unauthorized, "401");
    peer.attempt().await.refuse(unauthorized);
    let end = end_of(&driver).await.unwrap_err();
    assert_eq!(end.kind(), ErrorKind::Unauthorized);
}

#[tokio::test(start_paused = true)]
async fn stop_tears_down_after_the_last_acknowledgement() {
    let (driver, _peer, session) = start(&Tell::new()).await;
    session
        .send(update("stop", Some(b"0123456789abcdef")))
        .await;
    assert_eq!(type_of(&session.call().await), CallType::Acknowledge);
    let teardown = session.call().await;
    assert_eq!(type_of(&teardown), CallType::Teardown);
    assert_eq!(teardown.framework_id, Some("f1".into()));
    assert_eq!(end_of(&driver).await.unwrap(), End::Stopped);
    session.closed().await;
}

#[tokio::test(start_paused = true)]
async fn stop_for_failover_sends_nothing() {
    let tell = Tell::new();
    let (driver, _peer, session) = start(&tell).await;
    settle(&tell, &session).await;
    driver.stop(true);
    assert_eq!(end_of(&driver).await.unwrap(), End::StoppedForFailover);
    session.closed().await;
    assert!(session.pending_call().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_stop_before_subscribed_waits_for_the_id_to_tear_down() {
    let (backend, mut peer) = scripted();
    let tell = Tell::new();
    let driver = SchedulerDriver::start(tell.clone(), Framework::ephemeral("test"), backend);
    let session = peer.session().await;
    settle(&tell, &session).await;
    driver.stop(false);
    session.send(subscribed("f1")).await;
    let teardown = session.call().await;
    assert_eq!(type_of(&teardown), CallType::Teardown);
    assert_eq!(teardown.framework_id, Some("f1".into()));
    assert_eq!(end_of(&driver).await.unwrap(), End::Stopped);
}

#[tokio::test(start_paused = true)]
async fn offers_dropped_while_a_handler_runs_are_declined_at_once() {
    let tell = keeping();
    let (_driver, _peer, session) = start(&tell).await;
    session.send(offers(&[("o1", "a")])).await;
    session.send(update("hang", None)).await;
    within("the handler", async {
        while !tell.seen().contains(&"update hang".to_owned()) {
            tokio::task::yield_now().await;
        }
    })
    .await;
    drop(tell.take_offer());
    assert_eq!(session.call().await.decline.unwrap().offer_ids, ["o1"]);
}

#[tokio::test(start_paused = true)]
async fn a_teardown_that_nobody_answers_is_an_error_of_unknown_fate() {
    let tell = Tell::new();
    let (driver, _peer, session) = start(&tell).await;
    settle(&tell, &session).await;
    driver.stop(false);
    let (_teardown, _answer) = session.unanswered().await;
    let error = end_of(&driver).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert_eq!(error.delivery(), mesos_core::Delivery::Unknown);
}

#[tokio::test(start_paused = true)]
async fn abort_drops_a_handler_that_hangs() {
    let tell = Tell::new();
    let (driver, _peer, session) = start(&tell).await;
    session.send(update("hang", None)).await;
    within("the handler", async {
        while tell.seen().len() < 2 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    driver.abort();
    assert_eq!(end_of(&driver).await.unwrap(), End::Aborted);
    assert!(session.pending_call().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_handler_may_await_a_call() {
    let (_driver, _peer, session) = start(&Tell::new()).await;
    session
        .send(update("kill", Some(b"0123456789abcdef")))
        .await;
    assert_eq!(type_of(&session.call().await), CallType::Kill);
    assert_eq!(type_of(&session.call().await), CallType::Acknowledge);
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_panics_ends_the_driver_and_acknowledges_nothing() {
    let (driver, _peer, session) = start(&Tell::planned(|_| panic!("boom"))).await;
    session.send(update("t1", Some(b"0123456789abcdef"))).await;
    let end = end_of(&driver).await.unwrap_err();
    assert_eq!(end.kind(), ErrorKind::Panicked);
    assert_eq!(end.to_string(), "the handler `update` panicked: boom");
    assert!(session.pending_call().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_failed_subscribed_handler_ends_the_driver() {
    let tell = Tell {
        fail_subscribed: true,
        ..Tell::new()
    };
    let (driver, _peer, _session) = start(&tell).await;
    let end = end_of(&driver).await.unwrap_err();
    assert_eq!(end.kind(), ErrorKind::Handler);
    assert!(end.to_string().contains("disk full"), "{end}");
}

#[tokio::test(start_paused = true)]
async fn an_event_of_an_unknown_type_is_shown_and_the_stream_goes_on() {
    let tell = Tell::new();
    let (_driver, _peer, session) = start(&tell).await;
    let newer = Event {
        r#type: Some(99),
        ..Default::default()
    };
    session.send(newer).await;
    settle(&tell, &session).await;
    assert_eq!(tell.seen(), ["subscribed f1", "unknown 99"]);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_the_backend_cannot_make_names_it() {
    let (backend, mut peer) = scripted_with(Capabilities::default());
    let driver = SchedulerDriver::start(Tell::new(), Framework::ephemeral("test"), backend);
    let session = peer.session().await;
    session.send(subscribed("f1")).await;
    let error = driver.shutdown("e".into(), "a".into()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert_eq!(
        error.to_string(),
        "the scripted backend has no ShutdownExecutor"
    );
}
