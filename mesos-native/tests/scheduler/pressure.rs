//! Slow handlers, full queues, and drivers that are dropped while they are in use.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use mesos_core::{HandlerResult, Scheduler, SchedulerDriver, StatusUpdate, StopReason};
use mesos_testing::v1::{TaskId, TaskState};
use mesos_testing::{Handler, Recorder};
use tokio::sync::watch;

use crate::support::{cluster, framework, start, task};

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_handler_with_a_queue_of_one_loses_no_update() {
    let Some((_cluster, backend)) = cluster().await else {
        return;
    };
    let (driver, recorder) = start(&backend.event_queue(1));
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
    driver.stop();
    assert!(matches!(driver.join().await, Ok(StopReason::Stopped)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_framework_can_be_torn_down_while_libmesos_waits_for_a_full_queue() {
    let Some((_cluster, backend)) = cluster().await else {
        return;
    };
    let (driver, recorder) = start(&backend.clone().event_queue(1));
    let id = recorder.subscribed().await.framework_id;
    let offer = recorder.offers().await.remove(0);
    let held = recorder.hold(Handler::Update);
    let tasks = ["a", "b", "c", "d"].map(|id| task(id, "true"));
    driver.launch(offer, tasks).await.unwrap();
    recorder.update(TaskState::TaskStarting).await;
    driver.stop();
    held.open();
    assert!(matches!(driver.join().await, Ok(StopReason::Stopped)));

    // The master has removed the framework.
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

/// Counts updates and drops them.
struct Counting(watch::Sender<u64>);

#[async_trait]
impl Scheduler for Counting {
    async fn update(&mut self, _: &SchedulerDriver, _: &StatusUpdate) -> HandlerResult {
        self.0.send_modify(|count| *count += 1);
        Ok(())
    }
}

/// The resident memory of this process, in KiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let size = line.and_then(|line| line.split_whitespace().nth(1));
    size.unwrap().parse().unwrap()
}

/// The number of callbacks is `MESOS_NATIVE_CALLBACKS`. A reconciliation of unknown tasks causes one
/// callback for each task.
#[tokio::test(flavor = "multi_thread")]
async fn many_callbacks_do_not_use_more_memory() {
    let Some((_cluster, backend)) = cluster().await else {
        return;
    };
    let all: u64 = std::env::var("MESOS_NATIVE_CALLBACKS")
        .map_or(20_000, |text| text.parse().expect("a number"));
    let (sender, mut counted) = watch::channel(0);
    let driver = SchedulerDriver::start(Counting(sender), framework(), backend);
    let patient = driver.wait_for_subscription(Duration::from_secs(60));
    let mut reconciled = 0;
    // After a tenth, one-time allocations are done and the queues have their maximum size.
    let mut before = None;
    let began = Instant::now();
    while reconciled < all {
        let unknown = (0..1000).map(|number| (TaskId::from(format!("t{number}")), None));
        patient.reconcile(unknown).await.unwrap();
        reconciled += 1000;
        counted
            .wait_for(|count| *count >= reconciled)
            .await
            .unwrap();
        if reconciled >= all / 10 {
            before.get_or_insert_with(resident);
        }
    }
    let took = began.elapsed();
    let (before, after) = (before.unwrap(), resident());
    let grown = after.saturating_sub(before);
    println!("{reconciled} callbacks in {took:.1?}; resident: {before} KiB, then {after} KiB");
    assert!(grown < 16 * 1024, "{grown} KiB in {reconciled} callbacks");
}
