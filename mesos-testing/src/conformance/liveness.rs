//! Noticing that nobody is there any more.

use std::time::Duration;

use mesos_core::{Delivery, ErrorKind};
use mesos_proto::v1::scheduler::call::Type;
use mesos_proto::v1::{TaskState, TaskStatus};

use super::transport::must_fail;
use super::{Harness, Subscribed, must};
use crate::{FakeMaster, Reaction, Recorder, events};

pub(super) async fn silence_for_five_heartbeats_is_a_disconnect(harness: Harness) {
    let heartbeat = Duration::from_millis(40);
    let master = FakeMaster::builder()
        .scripted()
        .heartbeat(heartbeat)
        .start();
    let Subscribed {
        master,
        recorder,
        stream,
        ..
    } = harness.subscribed_to(must(master.await)).await;
    stream.mute();
    let since = std::time::Instant::now();
    let lost = recorder.disconnected().await;
    assert_eq!(lost.error.kind(), ErrorKind::HeartbeatLost);
    // The last sign of life came up to one interval before the silence.
    assert!(since.elapsed() >= heartbeat * 4, "{:?}", since.elapsed());
    assert!(recorder.subscribed().await.resubscribed);
    stream.closed().await;
    assert_eq!(master.stream().framework_id(), stream.framework_id());
}

pub(super) async fn any_event_is_a_sign_of_life(harness: Harness) {
    let heartbeat = Duration::from_millis(100);
    let master = FakeMaster::builder()
        .scripted()
        .heartbeat(heartbeat)
        .start();
    let Subscribed {
        master,
        recorder,
        stream,
        ..
    } = harness.subscribed_to(must(master.await)).await;
    stream.stop_heartbeats();
    // Twice as long as silence would be taken for.
    for _ in 0..10 {
        tokio::time::sleep(heartbeat).await;
        stream.send(events::update(TaskStatus::new("t", TaskState::TaskRunning)));
        recorder.update(TaskState::TaskRunning).await;
    }
    assert!(stream.is_open());
    assert_eq!(master.calls_of(Type::Subscribe).len(), 1);
}

fn impatient(harness: Harness) -> Harness {
    harness.tuned(|tuning| tuning.response_timeout = Duration::from_millis(200))
}

pub(super) async fn a_subscribe_that_is_not_answered_is_tried_again(harness: Harness) {
    let harness = impatient(harness);
    let master = must(FakeMaster::scripted().await);
    master.react(Type::Subscribe, Reaction::Ignore);
    let recorder = Recorder::new();
    let _driver = harness.start(&master, &recorder);
    let lost = recorder.disconnected().await;
    assert_eq!(lost.error.kind(), ErrorKind::Timeout);
    recorder.subscribed().await;
}

pub(super) async fn a_stream_that_stays_empty_is_tried_again(harness: Harness) {
    let harness = impatient(harness);
    let master = must(FakeMaster::scripted().await);
    master.react(Type::Subscribe, Reaction::OpenMuted);
    let recorder = Recorder::new();
    let _driver = harness.start(&master, &recorder);
    recorder.disconnected().await;
    recorder.subscribed().await;
}

pub(super) async fn a_call_that_is_not_answered_times_out_with_unknown_fate(harness: Harness) {
    let harness = impatient(harness);
    let Subscribed { master, driver, .. } = harness.subscribed().await;
    master.react(Type::Revive, Reaction::Ignore);
    let error = must_fail(driver.revive([]).await);
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert_eq!(error.delivery(), Delivery::Unknown);
}
