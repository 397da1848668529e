//! `Duration::MAX` means "forever" for every duration that a program can set.

use mesos_core::BackoffPolicy;
use mesos_core::scheduler::ReconcilePolicy;

use super::*;

const FOREVER: Duration = Duration::MAX;
/// Longer than any finite default, and much shorter than forever.
const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

fn forever() -> BackoffPolicy {
    BackoffPolicy::new(FOREVER, FOREVER)
}

/// Starts a driver of this framework, subscribed as `f1`.
async fn start_as(
    framework: Framework,
    recording: &Recording,
) -> (SchedulerDriver, Peer<SchedulerApi>, Session<SchedulerApi>) {
    let (backend, mut peer) = scripted();
    let driver = SchedulerDriver::start(recording.clone(), framework, backend).detach();
    let session = peer.session().await;
    session.send(subscribed("f1")).await;
    settle(recording, &session).await;
    (driver, peer, session)
}

#[tokio::test(start_paused = true)]
async fn a_call_can_wait_for_a_subscription_forever() {
    let (driver, mut peer, session) =
        start_as(Framework::ephemeral("test"), &Recording::new()).await;
    session.fail(lost()).await;
    let attempt = peer.attempt().await;
    let grant = async {
        tokio::time::advance(YEAR).await;
        let session = attempt.grant();
        session.send(subscribed("f1")).await;
        session.call().await
    };
    let waiting = driver.wait_for_subscription(FOREVER);
    let (killed, call) = tokio::join!(waiting.kill("t1"), grant);
    killed.unwrap();
    assert_eq!(call.kill.unwrap().task_id, "t1");
}

#[tokio::test(start_paused = true)]
async fn reconciliation_can_wait_forever() {
    for policy in [
        ReconcilePolicy::default().interval(FOREVER),
        ReconcilePolicy::default().retry(forever()),
        ReconcilePolicy::default()
            .interval(FOREVER)
            .retry(forever()),
    ] {
        let framework = Framework::ephemeral("test").reconcile(policy);
        let recording = Recording::new();
        let (driver, _peer, session) = start_as(framework, &recording).await;
        for _ in 0..2 {
            session.call().await;
        }
        tokio::time::advance(YEAR).await;
        settle(&recording, &session).await;
        driver
            .reconcile_until_answered([("t1".into(), None)])
            .unwrap();
        let tasks = async {
            loop {
                let reconcile = session.call().await.reconcile;
                let tasks = reconcile.map(|call| call.tasks).unwrap_or_default();
                if let [task] = &tasks[..] {
                    return task.task_id.clone();
                }
            }
        };
        assert_eq!(within("the request", tasks).await, "t1", "{policy:?}");
        session.send(update("t1", None)).await;
        let reconciled = within("the answer", driver.reconciled());
        reconciled.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_driver_can_wait_forever_before_it_subscribes_again() {
    let framework = Framework::with_failover_timeout("test", FOREVER)
        .backoff(forever())
        .subscribe_timeout(FOREVER);
    let (backend, mut peer) = scripted();
    let recording = Recording::new();
    let driver = SchedulerDriver::start(recording.clone(), framework, backend);
    peer.attempt().await.refuse(lost());
    recording.wait_for("disconnected Transport 0").await;
    tokio::time::advance(YEAR).await;
    assert!(!driver.is_subscribed());
    driver.stop_for_failover();
    let end = end_of(&driver).await.unwrap();
    assert_eq!(end, StopReason::StoppedForFailover);
}

#[tokio::test(start_paused = true)]
async fn a_lost_subscription_with_endless_settings_is_subscribed_again_after_a_leader_change() {
    let framework = Framework::with_failover_timeout("test", FOREVER)
        .backoff(BackoffPolicy::new(Duration::from_secs(1), FOREVER))
        .subscribe_timeout(FOREVER);
    let (driver, mut peer, session) = start_as(framework, &Recording::new()).await;
    session.fail(lost()).await;
    for _ in 0..8 {
        peer.late_attempt().await.refuse(lost());
        peer.leader_changed();
    }
    let session = peer.late_attempt().await.grant();
    session.send(subscribed("f1")).await;
    within("the subscription", driver.when_subscribed())
        .await
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_input_can_be_sent_after_forever() {
    let (driver, _peer, session) = start_as(Framework::ephemeral("test"), &Recording::new()).await;
    let timer = driver.send_after(FOREVER, ());
    tokio::time::advance(YEAR).await;
    timer.cancel();
    let (killed, _) = tokio::join!(driver.kill("t"), session.call());
    killed.unwrap();
}
