//! Noticing that nobody is there any more.

use std::time::Duration;

use mesos_core::{Delivery, ErrorKind};
use mesos_proto::v1::scheduler::call::Type;
use mesos_proto::v1::{TaskInfo, TaskState, TaskStatus};

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

pub(super) async fn a_call_that_is_not_answered_has_an_unknown_fate_and_ends_the_subscription(
    harness: Harness,
) {
    let harness = impatient(harness);
    let Subscribed {
        master,
        recorder,
        driver,
        stream,
    } = harness.subscribed().await;
    master.react(Type::Revive, Reaction::Ignore);
    let (unanswered, behind) = tokio::join!(driver.revive([]), driver.kill("t", None, None));
    let error = must_fail(unanswered);
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert_eq!(error.delivery(), Delivery::Unknown);
    // Sent now, it could overtake the other.
    let error = must_fail(behind);
    assert_eq!(error.kind(), ErrorKind::NotSubscribed);
    assert_eq!(error.delivery(), Delivery::NotSent);
    assert_eq!(master.calls_of(Type::Kill), []);
    let lost = recorder.disconnected().await;
    assert_eq!(lost.error.kind(), ErrorKind::Timeout);
    assert!(recorder.subscribed().await.resubscribed);
    stream.closed().await;
    must(driver.revive([]).await);
}

pub(super) async fn tasks_of_an_accept_that_is_not_answered_are_asked_for_on_the_next_subscription(
    harness: Harness,
) {
    let harness = impatient(harness);
    let Subscribed {
        master,
        recorder,
        driver,
        stream,
    } = harness.subscribed().await;
    stream.send(events::offers([events::offer("o1", "a1", "*", [])]));
    let offer = recorder.offers().await.remove(0);
    master.react(Type::Accept, Reaction::Ignore);
    let task = TaskInfo {
        task_id: "t1".into(),
        ..Default::default()
    };
    let error = must_fail(driver.launch(offer, [task]).await);
    assert_eq!(error.delivery(), Delivery::Unknown);
    recorder.disconnected().await;
    recorder.subscribed().await;
    let asked = master.expect(Type::Reconcile).await;
    let asked = must(asked.call.and_then(|call| call.reconcile).ok_or("a body")).tasks;
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert_eq!(asked[0].task_id, "t1");
    assert_eq!(asked[0].agent_id, Some("a1".into()));
    // It is for the scheduler to launch it again, once it knows.
    assert_eq!(master.calls_of(Type::Accept).len(), 1);
}
