//! The effects of handlers on the driver.

use async_trait::async_trait;
use mesos_core::scheduler::Subscribed as Granted;
use mesos_core::{ErrorKind, HandlerResult, Scheduler, SchedulerDriver, StopReason};
use mesos_proto::v1::TaskState;
use mesos_proto::v1::scheduler::call::Type;

use crate::stage::{Stage, Subscribed};
use crate::steps::{
    expect_unknown, framework_id, must, must_fail, offer, reconcile_unknown, run, states_of, task,
    until,
};
use mesos_testing::{Handler, Outcome, Received, RecordedEvent};

pub(super) async fn an_update_is_redelivered_after_its_handler_failed(stage: Stage) {
    let Subscribed {
        master,
        recorder,
        driver,
        ..
    } = stage.subscribed().await;
    recorder.plan(Handler::Update, Outcome::Fail("no space left".to_owned()));
    let offer = offer(&recorder).await;
    must(driver.launch(offer, [task("t")]).await);
    let first = recorder.update(TaskState::TaskStarting).await;
    let again = recorder.update(TaskState::TaskStarting).await;
    assert_eq!(first.uuid, again.uuid);
    recorder.update(TaskState::TaskRunning).await;
    if let Some(wire) = master.wire() {
        let acknowledged = wire.expect(Type::Acknowledge).await.into_call();
        assert_eq!(acknowledged.acknowledge.map(|a| a.uuid), first.uuid);
    }
}

pub(super) async fn a_deferred_update_is_acknowledged_by_its_token(stage: Stage) {
    let Subscribed {
        master,
        recorder,
        driver,
        ..
    } = stage.subscribed().await;
    let [first, second] = crate::steps::one_of_each(&recorder).await;
    recorder.plan(Handler::Update, Outcome::Defer);
    must(driver.launch(first, [task("t1")]).await);
    let deferred = recorder.update(TaskState::TaskStarting).await;
    // Updates of another task are acknowledged before it.
    must(driver.launch(second, [task("t2")]).await);
    let of = |received: Received| received.into_call().acknowledge.unwrap_or_default();
    if let Some(wire) = master.wire() {
        for _ in 0..2 {
            let acknowledged = of(wire.expect(Type::Acknowledge).await);
            assert_eq!(acknowledged.task_id, "t2");
        }
    }
    let running = |wanted: &'static str| {
        recorder.expect("it running", move |event| {
            matches!(event, mesos_testing::RecordedEvent::Update(status)
                if status.task_id == wanted && status.task_state() == Ok(TaskState::TaskRunning))
        })
    };
    running("t2").await;
    assert_eq!(states_of(&recorder, "t1"), [TaskState::TaskStarting]);
    for token in recorder.deferred() {
        must(token.acknowledge().await);
    }
    if let Some(wire) = master.wire() {
        let acknowledged = of(wire.expect(Type::Acknowledge).await);
        assert_eq!(Some(acknowledged.uuid), deferred.uuid);
    }
    // Only now the agent sends the next update.
    running("t1").await;
}

pub(super) async fn a_panic_in_a_handler_stops_the_driver(stage: Stage) {
    let Subscribed {
        master,
        recorder,
        driver,
        ..
    } = stage.subscribed().await;
    recorder.plan(Handler::Update, Outcome::Panic("a bug".to_owned()));
    let offer = offer(&recorder).await;
    must(driver.launch(offer, [task("t")]).await);
    let error = must_fail(driver.join().await);
    assert_eq!(error.kind(), ErrorKind::Panicked);
    assert!(error.to_string().contains("a bug"), "{error}");
    master.has_left(&framework_id(&driver)).await;
    if let Some(wire) = master.wire() {
        assert_eq!(wire.calls_of(Type::Acknowledge), []);
    }
}

pub(super) async fn a_slow_handler_does_not_end_the_subscription(stage: Stage) {
    let stage = stage.with_short_silence();
    let silence = stage.harness.tuning.missed_heartbeats;
    let Subscribed {
        master,
        recorder,
        driver,
        ..
    } = stage.subscribed().await;
    // Longer than the silence that ends a subscription, and more events than any queue can hold.
    let slow = master.heartbeat() * silence * 6 / 5;
    recorder.plan(Handler::Update, Outcome::Slow(slow));
    let ids: Vec<String> = (0..500).map(|number| format!("t{number}")).collect();
    let before = driver.health().generation;
    must(reconcile_unknown(&driver, ids.iter().map(String::as_str)).await);
    expect_unknown(&recorder, 500).await;
    must(driver.revive().await);
    assert_eq!(driver.health().generation, before);
    if let Some(wire) = master.wire() {
        assert_eq!(wire.calls_of(Type::Subscribe).len(), 1);
    }
}

pub(super) async fn stop_tears_the_framework_down_and_stop_for_failover_keeps_it(stage: Stage) {
    for failover in [false, true] {
        let Subscribed { master, driver, .. } = stage.subscribed().await;
        match failover {
            true => driver.stop_for_failover(),
            false => driver.stop(),
        }
        let (end, teardowns, left) = match failover {
            true => (StopReason::StoppedForFailover, 0, 1),
            false => (StopReason::Stopped, 1, 0),
        };
        assert_eq!(must(driver.join().await), end);
        master.has_left(&framework_id(&driver)).await;
        if let Some(wire) = master.wire() {
            assert_eq!(wire.calls_of(Type::Teardown).len(), teardowns);
        }
        assert_eq!(master.frameworks().await.len(), left);
    }
}

pub(super) async fn abort_sends_nothing_even_if_stop_follows(stage: Stage) {
    let Subscribed { master, driver, .. } = stage.subscribed().await;
    driver.abort();
    driver.stop();
    assert_eq!(must(driver.join().await), StopReason::Aborted);
    driver.stop();
    assert_eq!(must(driver.join().await), StopReason::Aborted);
    master.has_left(&framework_id(&driver)).await;
    if let Some(wire) = master.wire() {
        assert_eq!(wire.calls_of(Type::Teardown), []);
    }
    assert_eq!(master.frameworks().await.len(), 1);
    assert_eq!(must_fail(driver.revive().await).kind(), ErrorKind::Closed);
}

/// Makes a call in a handler, then stops the driver and drops the only other handle on it.
struct Stops(Option<SchedulerDriver>);

#[async_trait]
impl Scheduler for Stops {
    async fn subscribed(&mut self, driver: &SchedulerDriver, _: Granted) -> HandlerResult {
        driver.revive().await?;
        driver.stop();
        drop(self.0.take());
        Ok(())
    }
}

pub(super) async fn a_handler_can_call_stop_and_drop_its_driver(stage: Stage) {
    let master = stage.mesos().await;
    let recorder = stage.recorder();
    let other = stage.start(&master.url(), &recorder);
    recorder.subscribed().await;
    let scheduler = Stops(Some(other.clone()));
    let driver = stage.start_as(stage.framework(), &master.url(), scheduler);
    assert_eq!(must(driver.join().await), StopReason::Stopped);
    // The other driver continues.
    must(reconcile_unknown(&other, ["t"]).await);
    expect_unknown(&recorder, 1).await;
    if let Some(wire) = master.wire() {
        wire.expect(Type::Teardown).await;
    }
    assert_eq!(master.frameworks().await, [framework_id(&other)]);
}

pub(super) async fn stop_for_failover_waits_for_the_calls_that_were_made_before(stage: Stage) {
    let Subscribed {
        master,
        recorder,
        driver,
        ..
    } = stage.subscribed().await;
    let id = framework_id(&driver);
    run(&driver, &recorder, task("t1")).await;
    must(driver.revive().await);
    run(&driver, &recorder, task("t2")).await;
    // The first poll queues a call, and then its future is dropped.
    for task in ["t1", "t2"] {
        tokio::select! {
            biased;
            killed = driver.kill(task) => must(killed),
            () = std::future::ready(()) => {}
        }
    }
    driver.stop_for_failover();
    must(driver.join().await);
    let recorder = stage.recorder();
    let framework = stage.framework().id(id);
    let driver = stage.start_as(framework, &master.url(), recorder.clone());
    recorder.subscribed().await;
    must(driver.reconcile_until_answered([("t1".into(), None), ("t2".into(), None)]));
    // The first driver may have acknowledged the end already.
    let ended = [TaskState::TaskKilled, TaskState::TaskUnknown];
    for task in ["t1", "t2"] {
        let is_over = |event: &RecordedEvent| match event {
            RecordedEvent::Update(status) => {
                status.task_id == task && ended.contains(&status.state())
            }
            _ => false,
        };
        // The updates arrive in any order.
        until(|| async { recorder.events().iter().any(is_over) }).await;
    }
}
