//! What a handler does, and what becomes of the driver by it.

use std::time::Duration;

use mesos_core::{End, ErrorKind};
use mesos_proto::v1::scheduler::call::Type;
use mesos_proto::v1::{TaskState, TaskStatus};

use super::transport::must_fail;
use super::updates::{offer, task};
use super::{Harness, Subscribed, must};
use crate::{Agent, FakeMaster, Handler, Outcome, events};

pub(super) async fn an_update_whose_handler_failed_comes_again(harness: Harness) {
    let retry = Duration::from_millis(30);
    let master = FakeMaster::builder()
        .agent(Agent::new("a"))
        .update_retry(retry, retry);
    let subscribed = harness.subscribed_to(must(master.start().await)).await;
    let Subscribed {
        master,
        recorder,
        driver,
        ..
    } = &subscribed;
    recorder.plan(Handler::Update, Outcome::Fail("no space left".to_owned()));
    let offer = offer(&subscribed).await;
    must(driver.launch(offer, [task("t")]).await);
    let first = recorder.update(TaskState::TaskStarting).await;
    let again = recorder.update(TaskState::TaskStarting).await;
    assert_eq!(first.uuid, again.uuid);
    recorder.update(TaskState::TaskRunning).await;
    let acknowledged = master.expect(Type::Acknowledge).await.into_call();
    assert_eq!(acknowledged.acknowledge.map(|a| a.uuid), first.uuid);
}

pub(super) async fn a_deferred_update_is_acknowledged_when_its_token_is_used(harness: Harness) {
    let Subscribed {
        master,
        recorder,
        driver,
        stream,
    } = harness.subscribed().await;
    recorder.plan(Handler::Update, Outcome::Defer);
    let deferred = events::from_agent("a", TaskStatus::new("t1", TaskState::TaskRunning));
    stream.send(events::update(deferred.clone()));
    // The next one is acknowledged before it.
    let prompt = events::from_agent("a", TaskStatus::new("t2", TaskState::TaskFinished));
    stream.send(events::update(prompt.clone()));
    let uuid = |received: crate::Received| received.into_call().acknowledge.map(|a| a.uuid);
    assert_eq!(uuid(master.expect(Type::Acknowledge).await), prompt.uuid);
    must(driver.revive([]).await);
    assert_eq!(master.calls_of(Type::Acknowledge).len(), 1);
    for token in recorder.deferred() {
        must(token.acknowledge().await);
    }
    assert_eq!(uuid(master.expect(Type::Acknowledge).await), deferred.uuid);
}

pub(super) async fn a_handler_that_panics_ends_the_driver(harness: Harness) {
    let Subscribed {
        master,
        recorder,
        driver,
        stream,
    } = harness.subscribed().await;
    recorder.plan(Handler::Update, Outcome::Panic("a bug".to_owned()));
    let status = events::from_agent("a", TaskStatus::new("t", TaskState::TaskRunning));
    stream.send(events::update(status));
    let error = must_fail(driver.join().await);
    assert_eq!(error.kind(), ErrorKind::Panicked);
    assert!(error.to_string().contains("a bug"), "{error}");
    stream.closed().await;
    assert_eq!(master.calls_of(Type::Acknowledge), []);
}

pub(super) async fn a_slow_handler_is_not_taken_for_silence_of_the_master(harness: Harness) {
    let heartbeat = Duration::from_millis(20);
    let master = FakeMaster::builder()
        .scripted()
        .heartbeat(heartbeat)
        .start();
    let Subscribed {
        master,
        recorder,
        driver,
        stream,
    } = harness.subscribed_to(must(master.await)).await;
    // Five times as long as the silence that ends a subscription.
    recorder.plan(Handler::Update, Outcome::Slow(heartbeat * 25));
    let status = events::from_agent("a", TaskStatus::new("t", TaskState::TaskRunning));
    // More than any queue between us takes.
    for _ in 0..500 {
        stream.send(events::update(status.clone()));
    }
    for _ in 0..500 {
        recorder.update(TaskState::TaskRunning).await;
    }
    for _ in 0..500 {
        master.expect(Type::Acknowledge).await;
    }
    must(driver.revive([]).await);
    assert_eq!(master.calls_of(Type::Subscribe).len(), 1);
}

pub(super) async fn stop_tears_the_framework_down_and_stop_for_failover_does_not(harness: Harness) {
    for failover in [false, true] {
        let Subscribed {
            master,
            driver,
            stream,
            ..
        } = harness.subscribed().await;
        driver.stop(failover);
        let (end, teardowns, left) = match failover {
            true => (End::StoppedForFailover, 0, 1),
            false => (End::Stopped, 1, 0),
        };
        assert_eq!(must(driver.join().await), end);
        stream.closed().await;
        assert_eq!(master.calls_of(Type::Teardown).len(), teardowns);
        assert_eq!(master.frameworks().len(), left);
    }
}
