//! Tests of code between the driver and its backend.

use std::ops::ControlFlow;

use bytes::Bytes;
use mesos_core::backend::{
    Answer, AnswerSender, Backend, Calls, EventStream, Incoming, Subscription,
};
use mesos_core::middleware::{Middleware, RetryCalls, Wrapped};
use mesos_core::{BackoffPolicy, Capabilities, Delivery};

use super::*;

/// Records what passes, renames the framework, and drops the updates of one task.
#[derive(Clone, Debug, Default)]
struct Spy(Arc<Mutex<Vec<String>>>);

impl Spy {
    fn record(&self, what: &str) {
        self.0.lock().unwrap().push(what.to_owned());
    }
}

#[async_trait]
impl Middleware<SchedulerApi> for Spy {
    fn subscribe(&self, call: &mut Call) {
        self.record(call.r#type().as_str_name());
        call.subscribe.as_mut().unwrap().framework_info.name = "renamed".to_owned();
    }

    fn event(&self, event: Box<Event>) -> Option<Box<Event>> {
        self.record(event.r#type().as_str_name());
        let task = event.update.as_ref().map(|update| &update.status.task_id);
        let drop = task.is_some_and(|id| *id == "dropped");
        (!drop).then_some(event)
    }

    async fn call(
        &self,
        call: Call,
        next: &Arc<dyn Calls<SchedulerApi>>,
    ) -> mesos_core::Result<Answer> {
        self.record(call.r#type().as_str_name());
        next.send(call).await
    }
}

#[tokio::test(start_paused = true)]
async fn middleware_receives_and_changes_all_events_and_calls() {
    let spy = Spy::default();
    let (backend, mut peer) = scripted();
    let recording = Recording::new();
    let backend = Wrapped::new(backend, spy.clone());
    let _driver =
        SchedulerDriver::start(recording.clone(), Framework::ephemeral("test"), backend).detach();
    let attempt = peer.attempt().await;
    let info = &attempt.call.subscribe.as_ref().unwrap().framework_info;
    assert_eq!(info.name, "renamed");
    let session = attempt.grant();
    session.send(subscribed("f1")).await;
    for task in ["dropped", "t1"] {
        session.send(update(task, Some(b"0123456789abcdef"))).await;
    }
    let acknowledged = session.call().await.acknowledge.unwrap();
    assert_eq!(acknowledged.task_id, "t1");
    assert_eq!(recording.seen(), ["subscribed f1", "update t1"]);
    let passed = ["SUBSCRIBE", "SUBSCRIBED", "UPDATE", "UPDATE", "ACKNOWLEDGE"];
    assert_eq!(*spy.0.lock().unwrap(), passed);
}

/// A subscribed driver that repeats calls up to three times.
async fn retrying() -> (
    SchedulerDriver,
    Peer<SchedulerApi>,
    Session<SchedulerApi>,
    Recording,
) {
    let (backend, mut peer) = scripted();
    let recording = holding_offers();
    let backoff = BackoffPolicy::new(Duration::from_millis(100), Duration::from_secs(1));
    let backend = Wrapped::new(backend, RetryCalls::new().retries(3).backoff(backoff));
    let framework = Framework::ephemeral("test").role("a");
    let driver = SchedulerDriver::start(recording.clone(), framework, backend).detach();
    let session = peer.session().await;
    session.send(subscribed("f1")).await;
    settle(&recording, &session).await;
    (driver, peer, session, recording)
}

fn unavailable() -> Error {
    Error::new(ErrorKind::Unavailable, "503").with_status(503)
}

/// Answers calls with `answer` until it breaks; returns the types of the calls.
async fn answering(
    session: &Session<SchedulerApi>,
    mut answer: impl FnMut(usize, AnswerSender) -> ControlFlow<()>,
) -> Vec<CallType> {
    let mut types = Vec::new();
    loop {
        let (call, sender) = session.unanswered().await;
        types.push(type_of(&call));
        if answer(types.len(), sender).is_break() {
            return types;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_safe_call_is_repeated_until_it_succeeds() {
    let (driver, _peer, session, _) = retrying().await;
    let failures = [
        unavailable(),
        Error::new(ErrorKind::Unavailable, "429").with_status(429),
        lost(),
    ];
    let answers = answering(&session, |count, sender| {
        let failure = failures.get(count - 1);
        sender.send(failure.map_or(Ok(()), |failure| Err(failure.clone())));
        match failure {
            Some(_) => ControlFlow::Continue(()),
            None => ControlFlow::Break(()),
        }
    });
    let (killed, types) = tokio::join!(driver.kill("t"), answers);
    killed.unwrap();
    assert_eq!(types, [CallType::Kill; 4]);
}

#[tokio::test(start_paused = true)]
async fn an_acknowledgement_of_the_driver_is_repeated() {
    let (driver, _peer, session, recording) = retrying().await;
    session.send(update("t1", Some(b"0123456789abcdef"))).await;
    let types = answering(&session, |count, sender| {
        sender.send(if count < 3 {
            Err(unavailable())
        } else {
            Ok(())
        });
        if count < 3 {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    });
    assert_eq!(types.await, [CallType::Acknowledge; 3]);
    settle(&recording, &session).await;
    assert!(driver.is_subscribed());
}

#[tokio::test(start_paused = true)]
async fn a_call_that_keeps_failing_fails_with_an_unknown_delivery_if_it_may_have_arrived() {
    let (driver, _peer, session, _) = retrying().await;
    let answers = answering(&session, |count, sender| {
        let delivery = match count {
            2 => Delivery::Unknown,
            _ => Delivery::NotSent,
        };
        sender.send(Err(unavailable().with_delivery(delivery)));
        if count < 4 {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    });
    let (killed, types) = tokio::join!(driver.kill("t"), answers);
    let error = killed.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(error.delivery(), Delivery::Unknown);
    assert_eq!(types.len(), 4, "one call and three repetitions");
}

#[tokio::test(start_paused = true)]
async fn unsafe_calls_and_permanent_failures_are_not_repeated() {
    let (driver, _peer, session, recording) = retrying().await;
    session.send(offers(&[("o1", "a1")])).await;
    settle(&recording, &session).await;
    let refuse = |error: Error| {
        answering(&session, move |_, sender| {
            sender.send(Err(error.clone()));
            ControlFlow::Break(())
        })
    };
    let message = driver.send_message("a", "e", "data");
    let (sent, _) = tokio::join!(message, refuse(unavailable()));
    assert_eq!(sent.unwrap_err().kind(), ErrorKind::Unavailable);
    let task = TaskInfo::builder("t").id("t").cpus(0.1).build();
    let launch = driver.launch(recording.pop_offer(), [task]);
    let (launched, types) = tokio::join!(launch, refuse(unavailable()));
    assert_eq!(types, [CallType::Accept]);
    assert_eq!(launched.unwrap_err().kind(), ErrorKind::Unavailable);
    let rejected = Error::new(ErrorKind::Rejected, "400");
    let (killed, _) = tokio::join!(driver.kill("t"), refuse(rejected));
    assert_eq!(killed.unwrap_err().kind(), ErrorKind::Rejected);
    // sleep: virtual time, longer than all repetitions
    tokio::time::sleep(Duration::from_secs(60)).await;
    while let Some(call) = session.pending_call() {
        // The driver declines the offer of an ACCEPT that was refused.
        assert_eq!(type_of(&call), CallType::Decline);
    }
}

#[tokio::test(start_paused = true)]
async fn a_suppress_is_not_repeated_after_a_revive() {
    let (driver, _peer, session, _) = retrying().await;
    let suppress = driver.suppress();
    let answers = async {
        let (call, sender) = session.unanswered().await;
        assert_eq!(type_of(&call), CallType::Suppress);
        sender.send(Err(unavailable()));
        let (revived, call) = tokio::join!(driver.revive(), session.call());
        revived.unwrap();
        assert_eq!(type_of(&call), CallType::Revive);
    };
    let (suppressed, ()) = tokio::join!(suppress, answers);
    assert_eq!(suppressed.unwrap_err().kind(), ErrorKind::Unavailable);
    assert!(session.pending_call().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_call_is_not_repeated_over_another_subscription() {
    let (driver, mut peer, session, recording) = retrying().await;
    let failing = async {
        let (_, sender) = session.unanswered().await;
        sender.send(Err(unavailable()));
        session.fail(lost()).await;
        let session = peer.session().await;
        session.send(subscribed("f1")).await;
        recording.wait_for("subscribed again f1").await;
        // sleep: virtual time, longer than all repetitions
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert!(session.pending_call().is_none());
    };
    let (killed, ()) = tokio::join!(driver.kill("t"), failing);
    killed.unwrap_err();
}

/// Changes only the SUBSCRIBE.
#[derive(Debug)]
struct OnlySubscribe;

#[async_trait]
impl Middleware<SchedulerApi> for OnlySubscribe {
    fn sees_events(&self) -> bool {
        false
    }

    fn sees_calls(&self) -> bool {
        false
    }
}

/// A backend whose events are encoded, and which has an event and room for a call.
#[derive(Debug)]
struct Fast;

#[async_trait]
impl Backend<SchedulerApi> for Fast {
    fn name(&self) -> &'static str {
        "fast"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }

    async fn subscribe(&self, _: Call) -> mesos_core::Result<Subscription<SchedulerApi>> {
        Ok(Subscription::new(Fast, Arc::new(Fast), "fast"))
    }
}

#[async_trait]
impl EventStream<SchedulerApi> for Fast {
    async fn next(&mut self) -> mesos_core::Result<Incoming<SchedulerApi>> {
        Ok(Incoming::Event(Box::default(), Bytes::new()))
    }

    async fn next_encoded(&mut self) -> mesos_core::Result<Incoming<SchedulerApi>> {
        Ok(Incoming::Offers(Vec::new()))
    }

    fn next_ready(&mut self) -> Option<mesos_core::Result<Incoming<SchedulerApi>>> {
        Some(Ok(Incoming::Offers(Vec::new())))
    }
}

#[async_trait]
impl Calls<SchedulerApi> for Fast {
    async fn send(&self, _: Call) -> mesos_core::Result<Answer> {
        Ok(Answer::ready(Ok(())))
    }

    fn try_send(&self, _: &Call, answer: AnswerSender) -> Option<AnswerSender> {
        answer.send(Ok(()));
        None
    }
}

#[tokio::test]
async fn middleware_that_does_not_see_events_or_calls_keeps_them_as_fast_as_without_it() {
    async fn is_fast(middleware: impl Middleware<SchedulerApi>) -> [bool; 3] {
        let backend = Wrapped::new(Fast, middleware);
        let call = Call {
            subscribe: Some(Default::default()),
            ..Default::default()
        };
        let mut subscription = backend.subscribe(call).await.unwrap();
        let events = &mut subscription.events;
        let encoded = matches!(events.next_encoded().await, Ok(Incoming::Offers(_)));
        let ready = matches!(events.next_ready(), Some(Ok(Incoming::Offers(_))));
        let (sender, _answer) = Answer::channel();
        let refused = subscription.calls.try_send(&Call::default(), sender);
        [encoded, ready, refused.is_none()]
    }
    assert_eq!(is_fast(OnlySubscribe).await, [true, true, true]);
    assert_eq!(is_fast(RetryCalls::new()).await, [true, true, false]);
    assert_eq!(is_fast(Spy::default()).await, [false, false, false]);
}
