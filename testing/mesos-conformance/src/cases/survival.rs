//! What a framework and its tasks survive.

use std::time::Duration;

use mesos_core::scheduler::{KillOptions, ReconcilePolicy};
use mesos_core::store::MemoryStore;
use mesos_core::{BackoffPolicy, ErrorKind, Framework, StopReason};
use mesos_proto::TaskFate;
use mesos_proto::v1::TaskState;
use mesos_proto::v1::framework_info::capability;

use crate::stage::{Stage, Subscribed};
use crate::steps::{
    expect_unknown, framework_id, must, must_fail, reconcile_unknown, run, task, until,
};
use crate::world::ClusterKind;

pub(super) async fn tasks_survive_a_crash_of_the_whole_cluster(stage: Stage) {
    let master = stage.mesos().await;
    let recorder = stage.recorder();
    let driver = stage.start(&master.direct_url(), &recorder);
    let id = recorder.subscribed().await.framework_id;
    let agent = run(&driver, &recorder, task("t")).await;
    let held = recorder.offers();
    drop(held);
    let crash = master.crash();
    let (again, ()) = tokio::join!(recorder.subscribed(), crash);
    assert!(again.resubscribed);
    assert_eq!(again.framework_id, id);
    // There is no answer until the agent has returned.
    must(driver.reconcile_until_answered([("t".into(), Some(agent))]));
    recorder.update(TaskState::TaskRunning).await;
    must(driver.reconciled().await);
    let patient = driver.wait_for_subscription(Duration::from_secs(60));
    must(patient.kill("t").await);
    recorder.update(TaskState::TaskKilled).await;
}

pub(super) async fn a_fully_used_cluster_recovers_with_its_tasks(stage: Stage) {
    let master = stage.mesos().await;
    let recorder = stage.recorder();
    let driver = stage.start(&master.direct_url(), &recorder);
    recorder.subscribed().await;
    // All resources of each agent.
    let offers = crate::steps::one_of_each(&recorder).await;
    for (id, offer) in ["t1", "t2"].into_iter().zip(offers) {
        let mut whole = task(id);
        let scalars = offer.resources.iter().cloned().map(|mut resource| {
            resource.allocation_info = None;
            resource
        });
        whole.resources = scalars.collect();
        must(driver.launch(offer, [whole]).await);
        recorder.update(TaskState::TaskRunning).await;
    }
    let (again, ()) = tokio::join!(recorder.subscribed(), master.crash());
    assert!(again.resubscribed);
    for id in ["t1", "t2"] {
        must(driver.reconcile_until_answered([(id.into(), None)]));
    }
    for _ in 0..2 {
        recorder.update(TaskState::TaskRunning).await;
    }
}

/// The framework of [`Stage::framework`], with an id that is stored.
fn kept(stage: &Stage, store: &MemoryStore) -> Framework {
    stage.framework().store(store.clone())
}

pub(super) async fn a_restarted_scheduler_finds_its_tasks(stage: Stage) {
    let master = stage.mesos().await;
    let store = MemoryStore::new();
    let first = stage.subscribed_to(master, kept(&stage, &store)).await;
    let Subscribed {
        master,
        recorder,
        driver,
        ..
    } = first;
    let id = framework_id(&driver);
    run(&driver, &recorder, task("t")).await;
    driver.stop_for_failover();
    assert_eq!(must(driver.join().await), StopReason::StoppedForFailover);
    // First by the store, then by the id alone.
    let frameworks = [kept(&stage, &store), stage.framework().id(id.clone())];
    for framework in frameworks {
        let recorder = stage.recorder();
        let driver = stage.start_as(framework, &master.url(), recorder.clone());
        let subscribed = recorder.subscribed().await;
        assert_eq!(subscribed.framework_id, id);
        assert!(!subscribed.resubscribed);
        must(driver.reconcile_all().await);
        let running = recorder.update(TaskState::TaskRunning).await;
        assert_eq!(running.task_id, "t");
        driver.stop_for_failover();
        must(driver.join().await);
    }
}

pub(super) async fn a_framework_past_its_failover_timeout_is_removed(stage: Stage) {
    let master = stage.mesos().await;
    let backoff = BackoffPolicy::new(Duration::from_millis(50), Duration::from_millis(200));
    let timeout = Duration::from_secs(1);
    let framework = || Framework::with_failover_timeout("brief", timeout).backoff(backoff);
    let Subscribed { master, driver, .. } = stage.subscribed_to(master, framework()).await;
    let id = framework_id(&driver);
    driver.stop_for_failover();
    must(driver.join().await);
    let removed = until(|| async { !master.frameworks().await.contains(&id) });
    let removed = tokio::time::timeout(20 * timeout, removed).await;
    assert!(removed.is_ok(), "the master still has the framework");
    let recorder = stage.recorder();
    let late = stage.start_as(framework().id(id), &master.url(), recorder);
    let error = must_fail(late.join().await);
    assert_eq!(error.kind(), ErrorKind::FrameworkRemoved, "{error}");
}

pub(super) async fn tls_connects_only_to_a_trusted_master(stage: Stage) {
    let master = stage.mesos_of_kind(ClusterKind::Tls).await;
    let authority = master.cluster().and_then(|cluster| cluster.authority());
    let trusting = stage.tuned(|tuning| tuning.authority = authority);
    let recorder = stage.recorder();
    let driver = trusting.start(&master.direct_url(), &recorder);
    recorder.subscribed().await;
    run(&driver, &recorder, task("t")).await;
    must(reconcile_unknown(&driver, ["nobody's"]).await);
    expect_unknown(&recorder, 1).await;

    let recorder = stage.recorder();
    let driver = stage.start(&master.direct_url(), &recorder);
    let error = must_fail(driver.join().await);
    assert_eq!(error.kind(), ErrorKind::Tls, "{error}");
}

pub(super) async fn tasks_that_a_replaced_cluster_does_not_know_can_be_launched_again(
    stage: Stage,
) {
    let aware = stage.framework();
    launch_again_after_a_replacement(&stage, aware, TaskState::TaskUnknown, TaskFate::Unknown)
        .await;
}

pub(super) async fn without_partition_awareness_tasks_of_a_replaced_cluster_are_lost(stage: Stage) {
    let mut info = stage.framework().info().clone();
    let aware = capability::Type::PartitionAware as i32;
    info.capabilities
        .retain(|capability| capability.r#type != Some(aware));
    let backoff = BackoffPolicy::new(Duration::from_millis(2), Duration::from_millis(20));
    let framework = Framework::from_info(info).backoff(backoff);
    launch_again_after_a_replacement(&stage, framework, TaskState::TaskLost, TaskFate::Lost).await;
}

async fn launch_again_after_a_replacement(
    stage: &Stage,
    framework: Framework,
    state: TaskState,
    fate: TaskFate,
) {
    let master = stage.mesos().await;
    let framework = framework.reconcile(ReconcilePolicy::default());
    let recorder = stage.recorder();
    let driver = stage.start_as(framework, &master.direct_url(), recorder.clone());
    let id = recorder.subscribed().await.framework_id;
    run(&driver, &recorder, task("t")).await;
    let (again, ()) = tokio::join!(recorder.subscribed(), master.replace());
    assert_eq!(again.framework_id, id);
    // The driver requests the state of the task by itself.
    let answer = recorder.update(state).await;
    assert_eq!(answer.task_id, "t");
    assert_eq!(answer.uuid, None);
    let known = must(answer.fate());
    assert_eq!(known, fate, "{answer:?}");
    assert!(known.is_over() && known.may_return());
    must(driver.reconciled().await);
    // A kill of the task ends, too.
    let patient = driver.wait_for_subscription(Duration::from_secs(60));
    must(patient.kill_until_ended("t", KillOptions::new()));
    recorder.update(state).await;
    must(patient.revive().await);
    run(&driver, &recorder, task("replacement")).await;
}
