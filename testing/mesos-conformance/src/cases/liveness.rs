//! Detecting a master that does not respond.

use std::time::{Duration, Instant};

use mesos_core::{Delivery, ErrorKind};
use mesos_proto::v1::TaskState;
use mesos_proto::v1::scheduler::call::Type;

use crate::stage::{Stage, Subscribed};
use crate::steps::{expect_unknown, must, must_fail, offer, reconcile_unknown, task};
use mesos_testing::{Reaction, RecordedEvent};

pub(super) async fn missed_heartbeats_end_the_subscription(stage: Stage) {
    let stage = stage.with_short_silence();
    let missed = stage.harness.tuning.missed_heartbeats;
    let Subscribed {
        master,
        recorder,
        stream,
        ..
    } = stage.subscribed().await;
    stream.mute();
    let since = Instant::now();
    let lost = recorder.disconnected().await;
    assert_eq!(lost.error.kind(), ErrorKind::HeartbeatLost);
    // The last event arrived up to one interval before the silence.
    let least = master.heartbeat() * (missed - 1);
    assert!(since.elapsed() >= least, "{:?}", since.elapsed());
    assert!(recorder.subscribed().await.resubscribed);
    stream.closed().await;
    assert_eq!(master.stream().framework_id(), stream.framework_id());
}

pub(super) async fn any_event_counts_as_a_heartbeat(stage: Stage) {
    let stage = stage.with_short_silence();
    let silence = stage.harness.tuning.missed_heartbeats;
    let Subscribed {
        master,
        recorder,
        driver,
        stream,
    } = stage.subscribed().await;
    let silence = master.heartbeat() * silence;
    stream.stop_heartbeats();
    // Longer than the allowed silence.
    for _ in 0..5 {
        tokio::time::sleep(silence / 4).await;
        must(reconcile_unknown(&driver, ["t"]).await);
        expect_unknown(&recorder, 1).await;
    }
    assert!(stream.is_open());
    assert_eq!(master.calls_of(Type::Subscribe).len(), 1);
}

pub(super) async fn the_driver_resubscribes_after_mesos_was_paused(stage: Stage) {
    let stage = with_short_timeout(&stage.with_short_silence());
    let master = stage.mesos().await;
    let recorder = stage.recorder();
    let driver = stage.start(&master.direct_url(), &recorder);
    let id = recorder.subscribed().await.framework_id;
    master.freeze().await;
    let lost = recorder.disconnected().await;
    assert_eq!(lost.error.kind(), ErrorKind::HeartbeatLost);
    // Connections are accepted, but requests are not answered.
    let lost = recorder.disconnected().await;
    assert_eq!(lost.error.kind(), ErrorKind::Timeout);
    master.thaw().await;
    assert_eq!(recorder.subscribed().await.framework_id, id);
    must(reconcile_unknown(&driver, ["t"]).await);
    expect_unknown(&recorder, 1).await;
}

fn with_short_timeout(stage: &Stage) -> Stage {
    let timeout = Duration::from_millis(stage.pick(200, 2000));
    stage.tuned(|tuning| tuning.response_timeout = timeout)
}

pub(super) async fn an_unanswered_subscribe_is_retried(stage: Stage) {
    let stage = with_short_timeout(&stage);
    let master = stage.mesos().await;
    master.react(Type::Subscribe, Reaction::Ignore);
    let recorder = stage.recorder();
    let _driver = stage.start(&master.url(), &recorder);
    let lost = recorder.disconnected().await;
    assert_eq!(lost.error.kind(), ErrorKind::Timeout);
    recorder.subscribed().await;
}

pub(super) async fn a_delayed_subscribe_is_not_a_takeover(stage: Stage) {
    let stage = with_short_timeout(&stage);
    let Subscribed {
        master,
        recorder,
        driver,
        stream,
    } = stage.subscribed().await;
    let id = driver.framework_id().unwrap_or_default();
    let twin = async || {
        let recorder = stage.recorder();
        let framework = stage.framework().id(id.clone());
        let twin = stage.start_as(framework, &master.url(), recorder.clone());
        recorder.subscribed().await;
        twin
    };
    master.react(Type::Subscribe, Reaction::Ignore);
    stream.cut();
    recorder.disconnected().await;
    let lost = recorder.disconnected().await;
    assert_eq!(lost.error.delivery(), Delivery::Unknown);
    recorder.subscribed().await;

    // To the master this is a delayed SUBSCRIBE of the first driver: it has the same id.
    let late = twin().await;
    let lost = recorder.disconnected().await;
    assert_eq!(lost.error.kind(), ErrorKind::NotSubscribed);
    assert!(recorder.subscribed().await.resubscribed);
    assert_eq!(must_fail(late.join().await).kind(), ErrorKind::TakenOver);

    // There already was one, so this is another instance.
    let newer = twin().await;
    assert_eq!(must_fail(driver.join().await).kind(), ErrorKind::TakenOver);
    must(newer.revive().await);
}

pub(super) async fn a_stream_without_a_first_event_is_retried(stage: Stage) {
    let stage = with_short_timeout(&stage);
    let master = stage.mesos().await;
    master.react(Type::Subscribe, Reaction::OpenMuted);
    let recorder = stage.recorder();
    let _driver = stage.start(&master.url(), &recorder);
    recorder.disconnected().await;
    recorder.subscribed().await;
}

pub(super) async fn an_unanswered_call_has_unknown_delivery_and_ends_the_subscription(
    stage: Stage,
) {
    let stage = with_short_timeout(&stage);
    let Subscribed {
        master,
        recorder,
        driver,
        stream,
    } = stage.subscribed().await;
    master.react(Type::Revive, Reaction::Ignore);
    let (unanswered, behind) = tokio::join!(driver.revive(), driver.kill("t"));
    let error = must_fail(unanswered);
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert_eq!(error.delivery(), Delivery::Unknown);
    // If it were sent now, it could overtake the other call.
    let error = must_fail(behind);
    assert_eq!(error.kind(), ErrorKind::NotSubscribed);
    assert_eq!(error.delivery(), Delivery::NotSent);
    assert_eq!(master.calls_of(Type::Kill), []);
    let lost = recorder.disconnected().await;
    assert_eq!(lost.error.kind(), ErrorKind::Timeout);
    assert!(recorder.subscribed().await.resubscribed);
    stream.closed().await;
    must(driver.revive().await);
}

pub(super) async fn tasks_of_an_unanswered_accept_are_reconciled_after_the_resubscription(
    stage: Stage,
) {
    let stage = with_short_timeout(&stage);
    // Whether the call had its effect or not.
    for (reaction, executed) in [
        (Reaction::Ignore, false),
        (Reaction::ExecuteAndIgnore, true),
    ] {
        let Subscribed {
            master,
            recorder,
            driver,
            ..
        } = stage.subscribed().await;
        let offer = offer(&recorder).await;
        let agent = offer.agent_id.clone();
        master.react(Type::Accept, reaction);
        let error = must_fail(driver.launch(offer, [task("t1")]).await);
        assert_eq!(error.delivery(), Delivery::Unknown);
        recorder.disconnected().await;
        recorder.subscribed().await;
        // An update that arrives by itself makes the reconciliation unnecessary.
        if !executed {
            let asked = master.expect(Type::Reconcile).await;
            let asked = must(asked.call.and_then(|call| call.reconcile).ok_or("a body")).tasks;
            assert_eq!(asked.len(), 1, "{asked:?}");
            assert_eq!(asked[0].task_id, "t1");
            assert_eq!(asked[0].agent_id, Some(agent));
        }
        // The agent is registered and does not know the task. Before Mesos 1.5 the master did not
        // conclude from this that the task is gone.
        let states = match executed {
            true => [TaskState::TaskRunning; 2],
            false => [TaskState::TaskGone, TaskState::TaskUnknown],
        };
        let answers = |event: &RecordedEvent| match event {
            RecordedEvent::Update(status) => {
                let known = status.task_state().ok();
                status.task_id == "t1" && known.is_some_and(|state| states.contains(&state))
            }
            _ => false,
        };
        recorder.expect("the answer", answers).await;
        // The scheduler launches the task again, once it knows the state.
        assert_eq!(master.calls_of(Type::Accept).len(), 1);
    }
}
