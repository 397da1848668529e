//! Slow handlers, full queues, and drivers that are dropped at bad moments.

use std::time::{Duration, Instant};

use mesos_core::{End, SchedulerDriver};
use mesos_testing::v1::TaskState;
use mesos_testing::{Handler, Recorder};

use crate::support::{cluster, framework, start, task};

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_handler_and_a_queue_of_one_lose_nothing() {
    let Some((_cluster, backend)) = cluster().await else {
        return;
    };
    let (driver, recorder) = start(&backend.queue(1));
    recorder.subscribed().await;
    let offer = recorder.offers().await.remove(0);
    let held = recorder.hold(Handler::Update);
    let tasks = ["a", "b", "c", "d"].map(|id| task(id, "true"));
    driver.launch(offer, tasks).await.unwrap();
    recorder.update(TaskState::TaskStarting).await;
    held.open();
    let mut finished = Vec::new();
    for _ in 0..4 {
        finished.push(recorder.update(TaskState::TaskFinished).await.task_id.value);
    }
    finished.sort();
    assert_eq!(finished, ["a", "b", "c", "d"]);
    driver.stop(false);
    assert!(matches!(driver.join().await, Ok(End::Stopped)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_framework_is_torn_down_also_while_libmesos_waits_for_room_in_the_queue() {
    let Some((_cluster, backend)) = cluster().await else {
        return;
    };
    let (driver, recorder) = start(&backend.clone().queue(1));
    let id = recorder.subscribed().await.framework_id;
    let offer = recorder.offers().await.remove(0);
    let held = recorder.hold(Handler::Update);
    let tasks = ["a", "b", "c", "d"].map(|id| task(id, "true"));
    driver.launch(offer, tasks).await.unwrap();
    recorder.update(TaskState::TaskStarting).await;
    driver.stop(false);
    held.open();
    assert!(matches!(driver.join().await, Ok(End::Stopped)));

    // The master knows nothing of it any more.
    let second = Recorder::new();
    let successor = SchedulerDriver::start(second, framework().id(id), backend);
    let error = successor.join().await.unwrap_err();
    assert_eq!(error.kind(), mesos_core::ErrorKind::FrameworkRemoved);
}

#[test]
fn a_runtime_that_is_dropped_with_its_driver_does_not_wait_for_libmesos() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let Some((cluster, backend)) = runtime.block_on(cluster()) else {
        return;
    };
    let inner = tokio::runtime::Runtime::new().unwrap();
    let recorder = inner.block_on(async {
        let (_driver, recorder) = start(&backend);
        let _held = recorder.hold(Handler::Offers);
        recorder.subscribed().await;
        recorder
    });
    let began = Instant::now();
    drop(inner);
    assert!(began.elapsed() < Duration::from_secs(5));
    drop(recorder);
    runtime.block_on(cluster.stop()).unwrap();
}
