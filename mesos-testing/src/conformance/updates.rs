//! Status updates and their acknowledgement.

use std::time::Duration;

use mesos_core::Offer;
use mesos_proto::v1::scheduler::call::Type;
use mesos_proto::v1::task_status::{Reason, Source};
use mesos_proto::v1::{CommandInfo, TaskInfo, TaskState, TaskStatus};

use super::{Harness, Subscribed, must};
use crate::{Agent, Behaviour, FakeMaster, Reaction, events};

/// A task that suits every offer here.
pub(super) fn task(id: &str) -> TaskInfo {
    let command = CommandInfo::sh("true");
    TaskInfo::builder(id)
        .id(id)
        .command(command)
        .cpus(0.5)
        .mem(32.0)
        .build()
}

/// The first of the next offers; the others are declined.
pub(super) async fn offer(subscribed: &Subscribed) -> Offer {
    let mut offers = subscribed.recorder.offers().await;
    assert!(!offers.is_empty());
    offers.remove(0)
}

pub(super) async fn an_update_without_uuid_is_delivered_and_not_acknowledged(harness: Harness) {
    let Subscribed {
        master,
        recorder,
        stream,
        ..
    } = harness.subscribed().await;
    let mut by_master =
        TaskStatus::new("t", TaskState::TaskLost).with_reason(Reason::Reconciliation);
    by_master.source = Some(Source::Master as i32);
    by_master.agent_id = Some("a".into());
    stream.send(events::update(by_master));
    recorder.update(TaskState::TaskLost).await;
    // An acknowledgement of the first would be before that of the second.
    let status = events::from_agent("a", TaskStatus::new("t", TaskState::TaskRunning));
    stream.send(events::update(status.clone()));
    let call = master.expect(Type::Acknowledge).await.into_call();
    assert_eq!(
        call.acknowledge.map(|acknowledge| acknowledge.uuid),
        status.uuid
    );
    assert_eq!(master.calls_of(Type::Acknowledge).len(), 1);
}

pub(super) async fn the_same_update_twice_is_acknowledged_twice(harness: Harness) {
    let Subscribed {
        master,
        recorder,
        stream,
        ..
    } = harness.subscribed().await;
    let status = events::from_agent("a", TaskStatus::new("t", TaskState::TaskRunning));
    for _ in 0..2 {
        stream.send(events::update(status.clone()));
        let call = master.expect(Type::Acknowledge).await.into_call();
        let acknowledge = call.acknowledge.unwrap_or_default();
        assert_eq!(Some(acknowledge.uuid), status.uuid);
        assert_eq!(acknowledge.task_id, "t");
        assert_eq!(acknowledge.agent_id, "a");
        recorder.update(TaskState::TaskRunning).await;
    }
}

pub(super) async fn an_update_whose_acknowledgement_was_lost_is_acknowledged_again(
    harness: Harness,
) {
    let retry = Duration::from_millis(30);
    let master = FakeMaster::builder()
        .agent(Agent::new("a"))
        .update_retry(retry, retry);
    // Taken, but it never reaches the agent.
    let master = must(master.start().await);
    master.react(Type::Acknowledge, Reaction::answer(202, ""));
    let subscribed = harness.subscribed_to(master).await;
    let offer = offer(&subscribed).await;
    must(subscribed.driver.launch(offer, [task("t")]).await);
    let recorder = &subscribed.recorder;
    let first = recorder.update(TaskState::TaskStarting).await;
    let again = recorder.update(TaskState::TaskStarting).await;
    assert_eq!(first.uuid, again.uuid);
    // The agent lets go of it, and the next one comes.
    recorder.update(TaskState::TaskRunning).await;
}

pub(super) async fn a_task_that_was_unreachable_can_run_again(harness: Harness) {
    let master = FakeMaster::builder().agent(Agent::new("a")).start();
    let subscribed = harness.subscribed_to(must(master.await)).await;
    let offer = offer(&subscribed).await;
    must(subscribed.driver.launch(offer, [task("t")]).await);
    let Subscribed {
        master,
        recorder,
        driver,
        ..
    } = &subscribed;
    recorder.update(TaskState::TaskRunning).await;
    for _ in 0..2 {
        master.expect(Type::Acknowledge).await;
    }
    master.lose_agent("a");
    let lost = recorder.update(TaskState::TaskUnreachable).await;
    assert_eq!(lost.uuid, None);
    master.return_agent("a");
    let back = recorder.update(TaskState::TaskRunning).await;
    assert_eq!(back.task_reason(), Some(Ok(Reason::AgentReregistered)));
    assert_eq!(back.uuid, None);
    must(driver.kill("t", None, None).await);
    recorder.update(TaskState::TaskKilled).await;
}

pub(super) async fn all_updates_of_a_task_come_in_order_across_a_reconnect(harness: Harness) {
    let retry = Duration::from_millis(30);
    let master = FakeMaster::builder()
        .agent(Agent::new("a"))
        .update_retry(retry, retry)
        .tasks(|_| Behaviour::finishes())
        .start();
    let subscribed = harness.subscribed_to(must(master.await)).await;
    let Subscribed {
        master,
        recorder,
        driver,
        stream,
    } = &subscribed;
    let offer = offer(&subscribed).await;
    // The first acknowledgement dies with its connection.
    let held = master.hold(Type::Acknowledge);
    must(driver.launch(offer, [task("t")]).await);
    master.expect(Type::Acknowledge).await;
    stream.cut();
    recorder.disconnected().await;
    drop(held);
    recorder.subscribed().await;
    recorder.update(TaskState::TaskFinished).await;
    let mut states: Vec<TaskState> = recorder
        .states()
        .into_iter()
        .map(|(_, state)| state)
        .collect();
    states.dedup();
    assert_eq!(
        states,
        [
            TaskState::TaskStarting,
            TaskState::TaskRunning,
            TaskState::TaskFinished
        ]
    );
}

pub(super) async fn reconciling_no_tasks_is_answered_by_nothing_and_does_not_hang(
    harness: Harness,
) {
    let Subscribed {
        master,
        recorder,
        driver,
        stream,
    } = harness.subscribed_to(must(FakeMaster::start().await)).await;
    must(driver.reconcile([]).await);
    let asked = master.expect(Type::Reconcile).await.into_call();
    assert_eq!(
        asked.reconcile.map(|reconcile| reconcile.tasks.len()),
        Some(0)
    );
    stream.send(events::update(TaskStatus::new("t", TaskState::TaskRunning)));
    recorder.update(TaskState::TaskRunning).await;
    assert_eq!(recorder.states().len(), 1);
    // An agent that is named goes along: without it the answers are poorer.
    must(driver.reconcile([("t".into(), Some("a".into()))]).await);
    let asked = master.expect(Type::Reconcile).await.into_call();
    let tasks = asked.reconcile.unwrap_or_default().tasks;
    assert_eq!(tasks[0].agent_id, Some("a".into()));
    recorder.update(TaskState::TaskUnknown).await;
}
