//! A scheduler from its subscription to its end.

use mesos_core::StopReason;
use mesos_testing::v1::TaskState;

use crate::support::{cluster, start, task};

#[tokio::test(flavor = "multi_thread")]
async fn a_launched_task_reports_each_state_once() {
    let Some((cluster, backend)) = cluster().await else {
        return;
    };
    let (driver, recorder) = start(&backend);
    let subscribed = recorder.subscribed().await;
    assert!(!subscribed.resubscribed);
    assert!(subscribed.master_info.is_some());
    let offer = recorder.offers().await.remove(0);
    driver.launch(offer, [task("one", "exit 0")]).await.unwrap();
    for state in [
        TaskState::TaskStarting,
        TaskState::TaskRunning,
        TaskState::TaskFinished,
    ] {
        let update = recorder.update(state).await;
        assert!(update.uuid.is_some(), "{update:?}");
    }
    driver.stop();
    assert!(matches!(driver.join().await, Ok(StopReason::Stopped)));
    cluster.stop().await.unwrap();
}
