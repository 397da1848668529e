//! An executor from its registration to its end.

use std::time::{Duration, Instant};

use mesos_core::executor::ExecutorEnvironment;
use mesos_core::{ErrorKind, StopReason};
use mesos_testing::RecordedExecutorEvent as RecordedEvent;
use mesos_testing::v1::{TaskState, TaskStatus};
use prost::Message as _;

use crate::support::{Agent, Scene, scene, scene_with};

fn finished() -> TaskStatus {
    TaskStatus::new("t", TaskState::TaskFinished)
}

impl Scene {
    async fn subscribed(&self) -> mesos_core::executor::Subscribed {
        let wanted = |told: &RecordedEvent| matches!(told, RecordedEvent::Subscribed(_));
        match self.recorder.expect("subscribed", wanted).await {
            RecordedEvent::Subscribed(subscribed) => *subscribed,
            other => panic!("{other}"),
        }
    }

    async fn launched(&self) {
        let wanted = |told: &RecordedEvent| matches!(told, RecordedEvent::Launch(_));
        self.recorder.expect("launch", wanted).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_callback_reaches_the_executor_and_every_call_reaches_libmesos() {
    let Some(scene) = scene("bytes").await else {
        return;
    };
    let Scene {
        driver, recorder, ..
    } = &scene;
    let subscribed = scene.subscribed().await;
    assert_eq!(subscribed.executor_info.executor_id.value, "bytes");
    assert_eq!(subscribed.framework_info.name, "framework");
    assert_eq!(subscribed.agent_info.hostname, "first");
    assert!(!subscribed.resubscribed);
    let launch = |told: &RecordedEvent| match told {
        RecordedEvent::Launch(task) => task.task_id.value == "t" && task.name == "name \u{fffd}",
        _ => false,
    };
    recorder.expect("the task", launch).await;
    let bytes =
        |told: &RecordedEvent| matches!(told, RecordedEvent::Message(data) if **data == *b"\0\xff");
    recorder.expect("bytes", bytes).await;

    let before = Instant::now();
    driver
        .send_update(TaskStatus::new("t", TaskState::TaskRunning).with_message("words"))
        .await
        .unwrap();
    // The stand-in sends back the update that libmesos received.
    let mut uuid = None;
    let given = |told: &RecordedEvent| {
        let RecordedEvent::Message(data) = told else {
            return false;
        };
        let status = TaskStatus::decode(data.clone()).unwrap();
        uuid = status.uuid.clone();
        status.state() == TaskState::TaskRunning && status.message() == "words"
    };
    recorder.expect("the update", given).await;
    let acknowledged = |told: &RecordedEvent| match told {
        RecordedEvent::Acknowledged(task_id, of) => {
            task_id.value == "t" && Some(of) == uuid.as_ref()
        }
        _ => false,
    };
    recorder.expect("its acknowledgement", acknowledged).await;
    assert!(before.elapsed() >= Duration::from_secs(1), "too early");

    driver.send_message("kill").await.unwrap();
    let kill =
        |told: &RecordedEvent| matches!(told, RecordedEvent::Kill(id, None) if id.value == "t");
    recorder.expect("kill", kill).await;
    driver.send_message("shutdown").await.unwrap();
    let shutdown = |told: &RecordedEvent| matches!(told, RecordedEvent::Shutdown);
    recorder.expect("shutdown", shutdown).await;
    driver.send_update(finished()).await.unwrap();
    assert_eq!(driver.join().await.unwrap(), StopReason::ShutDown);
    assert_eq!(driver.unacknowledged(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_waits_until_libmesos_has_had_the_last_update_for_one_second() {
    let Some(scene) = scene("plain").await else {
        return;
    };
    scene.launched().await;
    scene.driver.send_update(finished()).await.unwrap();
    let before = Instant::now();
    scene.driver.stop();
    assert_eq!(scene.driver.join().await.unwrap(), StopReason::Stopped);
    // The update may have reached libmesos shortly before the clock was read.
    assert!(before.elapsed() > Duration::from_millis(500), "{before:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn updates_are_acknowledged_only_while_the_agent_is_reachable() {
    let Some(mut scene) = scene("plain").await else {
        return;
    };
    scene.subscribed().await;
    scene.launched().await;
    // An acknowledgement shows that the backend is connected to the agent.
    let running = TaskStatus::new("t", TaskState::TaskRunning);
    scene.driver.send_update(running.clone()).await.unwrap();
    let acknowledged = |told: &RecordedEvent| matches!(told, RecordedEvent::Acknowledged(..));
    scene.recorder.expect("acknowledged", acknowledged).await;

    let port = scene.agent.port;
    let away = std::mem::replace(&mut scene.agent, Agent::start(0).await);
    away.stop().await;
    scene.driver.send_update(finished()).await.unwrap();
    // sleep: longer than the time after which an update counts as acknowledged
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(scene.driver.unacknowledged(), 1);

    scene.agent = Agent::start(port).await;
    scene.driver.send_message("reregistered").await.unwrap();
    let again = scene.subscribed().await;
    assert!(again.resubscribed);
    assert_eq!(again.agent_info.hostname, "second");
    assert_eq!(again.executor_info.executor_id.value, "plain");
    scene.recorder.expect("acknowledged", acknowledged).await;
    assert_eq!(scene.driver.unacknowledged(), 0);
    scene.driver.stop();
    assert_eq!(scene.driver.join().await.unwrap(), StopReason::Stopped);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_that_the_agent_did_not_receive_is_an_error_at_the_end() {
    let short_grace = |environment: &mut ExecutorEnvironment| {
        environment.shutdown_grace_period = Duration::from_millis(2500);
    };
    let Some(scene) = scene_with("plain", short_grace, |backend| backend).await else {
        return;
    };
    scene.launched().await;
    scene.agent.stop().await;
    scene.driver.send_update(finished()).await.unwrap();
    scene.driver.send_message("shutdown").await.unwrap();
    // The driver waits for the acknowledgement until the grace period is over.
    let error = scene.driver.join().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unacknowledged, "{error}");
    assert_eq!(scene.driver.unacknowledged(), 1);
}
