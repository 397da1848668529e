//! Lost masters, and schedulers that are replaced.

use mesos_core::{ErrorKind, SchedulerDriver, StopReason};
use mesos_testing::v1::{TaskId, TaskState};
use mesos_testing::{Handler, Outcome, Recorder};

use crate::support::{cluster, framework, start, task};

#[tokio::test(flavor = "multi_thread")]
async fn a_framework_resubscribes_after_a_restart_of_the_cluster() {
    let Some((cluster, backend)) = cluster().await else {
        return;
    };
    let (driver, recorder) = start(&backend);
    let first = recorder.subscribed().await;
    let stale = recorder.offers().await.remove(0);
    cluster.kill().await.unwrap();
    let lost = recorder.disconnected().await;
    assert_eq!(lost.error.kind(), ErrorKind::Transport);
    cluster.restart().await.unwrap();
    let again = recorder.subscribed().await;
    let error = driver.launch(stale, [task("t", "true")]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OfferGone);
    assert!(again.resubscribed);
    assert_eq!(again.framework_id, first.framework_id);
    let offer = recorder.offers().await.remove(0);
    driver.launch(offer, [task("t", "true")]).await.unwrap();
    recorder.update(TaskState::TaskFinished).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_cluster_does_not_end_the_subscription_and_loses_no_call() {
    let Some((cluster, backend)) = cluster().await else {
        return;
    };
    let (driver, recorder) = start(&backend);
    recorder.subscribed().await;
    let offer = recorder.offers().await.remove(0);
    cluster.pause().await.unwrap();
    // libmesos has no heartbeats, and the call waits in its connection.
    driver.launch(offer, [task("t", "true")]).await.unwrap();
    cluster.resume().await.unwrap();
    recorder.update(TaskState::TaskFinished).await;
    assert_eq!(driver.health().generation, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_whose_handler_failed_is_repeated_to_the_next_instance() {
    let Some((_cluster, backend)) = cluster().await else {
        return;
    };
    let (driver, recorder) = start(&backend);
    recorder.always(Handler::Update, Outcome::Fail("not now".to_owned()));
    let id = recorder.subscribed().await.framework_id;
    let offer = recorder.offers().await.remove(0);
    driver.launch(offer, [task("t", "exit 3")]).await.unwrap();
    recorder.update(TaskState::TaskStarting).await;

    let second = Recorder::new();
    let successor =
        SchedulerDriver::start(second.clone(), framework().id(id.clone()), backend.clone());
    assert_eq!(second.subscribed().await.framework_id, id);
    let taken_over = driver.join().await.unwrap_err();
    assert_eq!(taken_over.kind(), ErrorKind::TakenOver);
    for state in [
        TaskState::TaskStarting,
        TaskState::TaskRunning,
        TaskState::TaskFailed,
    ] {
        let update = second.update(state).await;
        assert_eq!(update.task_id.value, "t");
    }
    successor.stop();
    assert!(matches!(successor.join().await, Ok(StopReason::Stopped)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_framework_that_was_stopped_for_failover_keeps_its_tasks() {
    let Some((_cluster, backend)) = cluster().await else {
        return;
    };
    let (driver, recorder) = start(&backend);
    let id = recorder.subscribed().await.framework_id;
    let offer = recorder.offers().await.remove(0);
    driver
        .launch(offer, [task("t", "sleep 600")])
        .await
        .unwrap();
    let running = recorder.update(TaskState::TaskRunning).await;
    driver.stop_for_failover();
    assert!(matches!(
        driver.join().await,
        Ok(StopReason::StoppedForFailover)
    ));

    let second = Recorder::new();
    let successor = SchedulerDriver::start(second.clone(), framework().id(id), backend);
    second.subscribed().await;
    let known = (TaskId::from("t"), running.agent_id);
    successor.reconcile([known]).await.unwrap();
    let update = second.update(TaskState::TaskRunning).await;
    assert_eq!(update.uuid, None, "not an answer to a reconciliation");
    successor.kill("t").await.unwrap();
    second.update(TaskState::TaskKilled).await;
    successor.stop();
    assert!(matches!(successor.join().await, Ok(StopReason::Stopped)));
}
