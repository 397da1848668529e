//! Calls: order, responses and failures.

use std::time::Duration;

use mesos_core::middleware::{RetryCalls, Wrapped};
use mesos_core::{BackoffPolicy, Delivery, ErrorKind, SchedulerDriver};
use mesos_proto::v1::scheduler::call::Type;
use mesos_proto::v1::{Request, Resource};

use crate::stage::{Stage, Subscribed};
use crate::steps::{expect_unknown, must, must_fail, reconcile_unknown, tasks};
use mesos_testing::{Reaction, When};

pub(super) async fn a_call_on_a_stale_stream_fails_as_not_subscribed(stage: Stage) {
    for (status, text) in [
        (403, "Framework is not subscribed"),
        (400, "Framework cannot be found"),
        (
            400,
            "The stream ID 'x' included in this request didn't match the stream ID currently \
             associated with framework ID y",
        ),
    ] {
        let Subscribed { master, driver, .. } = stage.subscribed_to_script().await;
        master.react(Type::Revive, Reaction::respond(status, text));
        let error = must_fail(driver.revive().await);
        assert_eq!(error.kind(), ErrorKind::NotSubscribed, "{text}");
        assert_eq!(error.delivery(), Delivery::Refused);
        assert_eq!(error.status(), Some(status));
    }
}

pub(super) async fn the_driver_resubscribes_when_the_master_rejects_its_stream(stage: Stage) {
    for (status, text) in [
        (403, "Framework is not subscribed"),
        (400, "Framework cannot be found"),
    ] {
        let Subscribed {
            master,
            recorder,
            driver,
            stream,
        } = stage.subscribed_to_script().await;
        master.react(Type::Revive, Reaction::respond(status, text));
        must_fail(driver.revive().await);
        let lost = recorder.disconnected().await;
        assert_eq!(lost.error.kind(), ErrorKind::NotSubscribed, "{text}");
        assert!(recorder.subscribed().await.resubscribed);
        stream.closed().await;
        must(driver.revive().await);
        assert_eq!(master.calls_of(Type::Subscribe).len(), 2);
    }
}

pub(super) async fn a_call_detects_a_stream_that_the_master_has_forgotten(stage: Stage) {
    let Subscribed {
        master,
        recorder,
        driver,
        stream,
    } = stage.subscribed().await;
    stream.orphan();
    // The master may take some time to notice.
    let error = loop {
        if let Err(error) = driver.revive().await {
            break error;
        }
    };
    assert_eq!(error.kind(), ErrorKind::NotSubscribed);
    assert_eq!(error.delivery(), Delivery::Refused);
    assert_eq!(error.status(), Some(403), "{error}");
    let lost = recorder.disconnected().await;
    assert_eq!(lost.error.kind(), ErrorKind::NotSubscribed);
    let id = stream.framework_id();
    assert_eq!(recorder.subscribed().await.framework_id, id);
    stream.closed().await;
    must(driver.revive().await);
    assert_eq!(master.calls_of(Type::Subscribe).len(), 2);
}

pub(super) async fn a_call_without_a_subscription_fails_at_once_and_is_never_sent(stage: Stage) {
    let Subscribed {
        master,
        recorder,
        driver,
        ..
    } = stage.subscribed().await;
    let outage = master.outage().await;
    recorder.disconnected().await;
    let error = must_fail(driver.kill("t").await);
    assert_eq!(error.kind(), ErrorKind::NotSubscribed);
    assert_eq!(error.delivery(), Delivery::NotSent);
    outage.end().await;
    recorder.subscribed().await;
    // A replayed call would arrive and be answered before this one.
    must(reconcile_unknown(&driver, ["t2"]).await);
    expect_unknown(&recorder, 1).await;
    assert_eq!(tasks(&recorder), ["t2"]);
    if let Some(wire) = master.wire() {
        assert_eq!(wire.calls_of(Type::Kill), []);
    }
}

pub(super) async fn a_call_with_a_wait_is_sent_on_the_next_subscription(stage: Stage) {
    let Subscribed {
        master,
        recorder,
        driver,
        ..
    } = stage.subscribed().await;
    let outage = master.outage().await;
    recorder.disconnected().await;
    let patient = driver.wait_for_subscription(Duration::from_secs(60));
    let waiting = tokio::spawn(async move { reconcile_unknown(&patient, ["waited"]).await });
    let brief = driver.wait_for_subscription(Duration::from_millis(20));
    let error = must_fail(reconcile_unknown(&brief, ["too late"]).await);
    assert_eq!(error.kind(), ErrorKind::NotSubscribed);
    assert_eq!(error.delivery(), Delivery::NotSent);
    outage.end().await;
    recorder.subscribed().await;
    must(must(waiting.await));
    expect_unknown(&recorder, 1).await;
    must(reconcile_unknown(&driver, ["the last"]).await);
    expect_unknown(&recorder, 1).await;
    assert_eq!(tasks(&recorder), ["waited", "the last"]);
}

pub(super) async fn calls_reach_the_master_in_order(stage: Stage) {
    let Subscribed {
        master,
        recorder,
        driver,
        ..
    } = stage.subscribed().await;
    let held = master.wire().map(|wire| wire.hold(When::not_subscribe()));
    let names: Vec<String> = (0..20).map(|number| format!("t{number}")).collect();
    let mut calls = tokio::task::JoinSet::new();
    for name in &names {
        let (driver, name) = (driver.clone(), name.clone());
        let (started, ready) = tokio::sync::oneshot::channel();
        calls.spawn(async move {
            let mut call = std::pin::pin!(driver.kill(name));
            // The call is made when the future is polled first; only then the next one starts.
            let first =
                std::future::poll_fn(|context| std::task::Poll::Ready(call.as_mut().poll(context)));
            let first = first.await;
            let _ = started.send(());
            match first {
                std::task::Poll::Ready(done) => done,
                std::task::Poll::Pending => call.await,
            }
        });
        must(ready.await);
    }
    if let Some(held) = held {
        held.release();
    }
    while let Some(call) = calls.join_next().await {
        must(must(call));
    }
    // Such tasks do not exist, and the master reports each of them in order.
    expect_unknown(&recorder, names.len()).await;
    assert_eq!(tasks(&recorder), names);
    if let Some(wire) = master.wire() {
        let received: Vec<String> = wire
            .calls_of(Type::Kill)
            .into_iter()
            .filter_map(|call| Some(call.kill?.task_id.value))
            .collect();
        assert_eq!(received, names);
    }
}

pub(super) async fn a_refused_call_fails_with_the_reason_and_keeps_the_subscription(stage: Stage) {
    let Subscribed {
        master,
        recorder,
        driver,
        stream,
    } = stage.subscribed().await;
    let nonsense = mesos_proto::v1::scheduler::Call {
        r#type: Some(Type::Kill as i32),
        ..Default::default()
    };
    let error = must_fail(driver.call(nonsense).await);
    assert_eq!(error.kind(), ErrorKind::Rejected);
    assert!(
        error.to_string().contains("Expecting 'kill' to be present"),
        "{error}"
    );
    assert!(!error.is_retryable());
    must(reconcile_unknown(&driver, ["t"]).await);
    expect_unknown(&recorder, 1).await;
    assert!(stream.is_open());
    assert_eq!(master.calls_of(Type::Subscribe).len(), 1);
}

pub(super) async fn a_call_on_a_broken_connection_has_unknown_delivery(stage: Stage) {
    let Subscribed {
        master,
        recorder,
        driver,
        ..
    } = stage.subscribed().await;
    for reaction in [Reaction::Close, Reaction::ExecuteAndClose] {
        master.react(Type::Suppress, reaction);
        let error = must_fail(driver.suppress().await);
        assert_eq!(error.delivery(), Delivery::Unknown, "{error:?}");
        // A later call could overtake this one on another connection.
        let lost = recorder.disconnected().await;
        assert_eq!(lost.error.kind(), error.kind(), "{:?}", lost.error);
        recorder.subscribed().await;
    }
    // Neither call was repeated by the driver.
    must(driver.revive().await);
    assert_eq!(master.calls_of(Type::Suppress).len(), 2);
}

pub(super) async fn a_request_for_resources_is_accepted_and_ignored(stage: Stage) {
    let Subscribed {
        master,
        recorder,
        driver,
        ..
    } = stage.subscribed().await;
    let request = Request {
        agent_id: None,
        resources: vec![Resource::scalar("cpus", 1.0), Resource::scalar("mem", 64.0)],
    };
    must(driver.request([request.clone()]).await);
    if let Some(wire) = master.wire() {
        let received = wire.expect(Type::Request).await;
        assert_eq!(received.status, Some(202));
        let call = received.into_call();
        assert_eq!(call.request.map(|body| body.requests), Some(vec![request]));
    }
    // The subscription and its calls continue.
    must(reconcile_unknown(&driver, ["nobody's"]).await);
    expect_unknown(&recorder, 1).await;
}

pub(super) async fn safe_calls_are_repeated_if_the_program_wants_that(stage: Stage) {
    let master = stage.mesos().await;
    let recorder = stage.recorder();
    let backoff = BackoffPolicy::new(Duration::from_millis(10), Duration::from_millis(50));
    let retry = RetryCalls::new().backoff(backoff);
    let backend = Wrapped::new(stage.harness.connect(&master.url()), retry);
    let driver = SchedulerDriver::start(recorder.clone(), stage.framework(), backend).detach();
    recorder.subscribed().await;

    for reaction in [
        Reaction::respond(503, "the leader is being elected"),
        Reaction::respond(429, ""),
        Reaction::respond(502, ""),
    ] {
        master.react(Type::Reconcile, reaction);
        must(reconcile_unknown(&driver, ["t"]).await);
        expect_unknown(&recorder, 1).await;
    }
    assert_eq!(master.calls_of(Type::Reconcile).len(), 6);

    master.react(Type::Message, Reaction::respond(503, "busy"));
    let sent = driver.send_message("nobody", "nobody", "data").await;
    assert_eq!(must_fail(sent).kind(), ErrorKind::Unavailable);
    must(reconcile_unknown(&driver, ["t"]).await);
    expect_unknown(&recorder, 1).await;
    assert_eq!(master.calls_of(Type::Message).len(), 1, "never repeated");
}
