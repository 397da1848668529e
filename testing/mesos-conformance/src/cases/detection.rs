//! Finding the leading master.

use mesos_core::{ErrorKind, StopReason};
use mesos_proto::v1::scheduler::call::Type;

use crate::stage::Stage;
use crate::steps::must;
use mesos_testing::{MasterRole, Reaction, RecordedEvent};

pub(super) async fn a_redirect_is_followed_with_the_same_body_and_without_a_stream_id(
    stage: Stage,
) {
    let leader = stage.mesos().await;
    let follower = stage.scripted().await;
    follower.follow(&leader);
    let recorder = stage.recorder();
    let url = format!("{}/master", follower.url());
    let driver = stage.start(&url, &recorder);
    recorder.subscribed().await;
    let asked = follower.expect(Type::Subscribe).await;
    let granted = leader.expect(Type::Subscribe).await;
    assert_eq!(asked.status, Some(307));
    assert_eq!(granted.path, "/master/api/v1/scheduler");
    assert_eq!(asked.body, granted.body);
    assert_eq!(granted.stream_id(), None);
    assert_eq!(
        granted.header("host"),
        Some(leader.address().to_string().as_str())
    );
    // Calls go to the leader directly.
    must(driver.revive().await);
    leader.expect(Type::Revive).await;
    assert_eq!(follower.received().len(), 1);
}

pub(super) async fn a_redirect_loop_is_retried_after_a_delay(stage: Stage) {
    let [one, other] = [stage.scripted().await, stage.scripted().await];
    one.follow(&other);
    other.follow(&one);
    let recorder = stage.recorder();
    let _driver = stage.start(&one.url(), &recorder);
    for _ in 0..3 {
        let disconnected = recorder.disconnected().await;
        assert_eq!(disconnected.error.kind(), ErrorKind::NotLeader);
        assert!(!disconnected.retry_in.is_zero());
    }
    // One attempt makes a limited number of requests.
    let asked = one.received().len() + other.received().len();
    assert!(asked <= 4 * 10, "{asked} requests in 3 attempts");
    // The same for a master that redirects to itself.
    one.set_role(MasterRole::Following(one.address().to_string()));
    let itself = |event: &RecordedEvent| match event {
        RecordedEvent::Disconnected(lost) => lost.error.to_string().contains("itself"),
        _ => false,
    };
    recorder
        .expect("disconnected by a redirect to itself", itself)
        .await;
    one.set_role(MasterRole::Leading);
    recorder.subscribed().await;
}

pub(super) async fn a_master_that_is_not_ready_is_retried(stage: Stage) {
    for role in [
        MasterRole::Recovering,
        MasterRole::NoLeader,
        MasterRole::Starting,
        MasterRole::LeaderUnknownByName,
    ] {
        let master = stage.scripted().await;
        master.set_role(role.clone());
        let recorder = stage.recorder();
        let _driver = stage.start(&master.url(), &recorder);
        for attempts in 0..3 {
            let disconnected = recorder.disconnected().await;
            assert_eq!(disconnected.attempts, attempts, "{role:?}");
        }
        master.set_role(MasterRole::Leading);
        assert!(!recorder.subscribed().await.resubscribed);
    }
    // A proxy in front of a master has its own status codes.
    for status in [502, 503, 504] {
        let master = stage.scripted().await;
        master.react(Type::Subscribe, Reaction::respond(status, "try later"));
        let recorder = stage.recorder();
        let _driver = stage.start(&master.url(), &recorder);
        let disconnected = recorder.disconnected().await;
        assert_eq!(disconnected.error.status(), Some(status));
        recorder.subscribed().await;
    }
}

pub(super) async fn an_unreachable_master_is_retried(stage: Stage) {
    let mesos = stage.mesos().await;
    let url = mesos.url();
    let gone = mesos.die().await;
    let recorder = stage.recorder();
    let driver = stage.start(&url, &recorder);
    for _ in 0..2 {
        let disconnected = recorder.disconnected().await;
        assert_eq!(disconnected.error.kind(), ErrorKind::Transport);
    }
    let back = gone.restart().await;
    recorder.subscribed().await;
    // The same again, during a subscription.
    let gone = back.die().await;
    // An attempt before the subscription may have failed a third time.
    let lost = |event: &RecordedEvent| matches!(event, RecordedEvent::Disconnected(lost) if lost.attempts == 0);
    recorder.expect("the end of the subscription", lost).await;
    let _back = gone.restart().await;
    assert!(recorder.subscribed().await.resubscribed);
    driver.stop_for_failover();
    assert_eq!(must(driver.join().await), StopReason::StoppedForFailover);
}
