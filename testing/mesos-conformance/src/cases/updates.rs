//! Status updates and their acknowledgement.

use mesos_core::scheduler::{KillOptions, ReconcilePolicy};
use mesos_core::{BackoffPolicy, ErrorKind, Framework};
use mesos_proto::v1::framework_info::capability;
use mesos_proto::v1::scheduler::Call;
use mesos_proto::v1::scheduler::call::{self, Type};
use mesos_proto::v1::task_status::Reason;
use mesos_proto::v1::{DurationInfo, KillPolicy, TaskState, TaskStatus};

use crate::stage::{Stage, Subscribed};
use crate::steps::{
    command, expect_unknown, must, must_fail, offer, reconcile_unknown, run, states_of, task,
};
use mesos_testing::{Agent, FakeMaster, Reaction, events};

pub(super) async fn an_update_without_a_uuid_is_delivered_but_not_acknowledged(stage: Stage) {
    let Subscribed {
        master,
        recorder,
        driver,
        ..
    } = stage.subscribed().await;
    must(reconcile_unknown(&driver, ["nobody's"]).await);
    let by_master = recorder.update(TaskState::TaskUnknown).await;
    assert_eq!(by_master.uuid, None);
    // An acknowledgement of the first update would arrive before that of the second.
    let offer = offer(&recorder).await;
    must(driver.launch(offer, [task("t")]).await);
    let by_agent = recorder.update(TaskState::TaskStarting).await;
    if let Some(wire) = master.wire() {
        let call = wire.expect(Type::Acknowledge).await.into_call();
        let acknowledge = call.acknowledge.unwrap_or_default();
        assert_eq!(acknowledge.task_id, "t");
        assert_eq!(Some(acknowledge.uuid), by_agent.uuid);
    }
    // The update was acknowledged, otherwise the agent would not send this one.
    recorder.update(TaskState::TaskRunning).await;
}

pub(super) async fn a_repeated_update_is_acknowledged_again(stage: Stage) {
    let Subscribed {
        master,
        recorder,
        stream,
        ..
    } = stage.subscribed_to_script().await;
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

pub(super) async fn an_update_is_acknowledged_again_after_a_lost_acknowledgement(stage: Stage) {
    let Subscribed {
        master,
        recorder,
        driver,
        ..
    } = stage.subscribed().await;
    // Accepted, but never forwarded to the agent.
    master.react(Type::Acknowledge, Reaction::respond(202, ""));
    let offer = offer(&recorder).await;
    must(driver.launch(offer, [task("t")]).await);
    let first = recorder.update(TaskState::TaskStarting).await;
    let again = recorder.update(TaskState::TaskStarting).await;
    assert_eq!(first.uuid, again.uuid);
    // The agent has the acknowledgement and sends the next update.
    recorder.update(TaskState::TaskRunning).await;
}

pub(super) async fn all_states_of_a_task_are_delivered_in_order(stage: Stage) {
    let Subscribed {
        master,
        recorder,
        driver,
        ..
    } = stage.subscribed().await;
    let offer = offer(&recorder).await;
    let tasks = [command("good", "true"), command("bad", "exit 7")];
    must(driver.launch(offer, tasks).await);
    recorder.update(TaskState::TaskFinished).await;
    let failed = recorder.update(TaskState::TaskFailed).await;
    let message = failed.message.unwrap_or_default();
    assert!(message.contains("exited with status 7"), "{message}");
    for (task, last) in [
        ("good", TaskState::TaskFinished),
        ("bad", TaskState::TaskFailed),
    ] {
        let life = [TaskState::TaskStarting, TaskState::TaskRunning, last];
        assert_eq!(states_of(&recorder, task), life);
    }
    if let Some(wire) = master.wire() {
        for _ in 0..6 {
            let received = wire.expect(Type::Acknowledge).await;
            assert_eq!(received.status, Some(202));
        }
    }
    let counts = driver.health().updates;
    assert_eq!((counts.failed, counts.acknowledgements_failed), (0, 0));
}

pub(super) async fn a_killed_task_is_reported_as_killed(stage: Stage) {
    let Subscribed {
        master: _master,
        recorder,
        driver,
        ..
    } = stage.subscribed().await;
    run(&driver, &recorder, task("t")).await;
    must(driver.kill("t").await);
    let killed = recorder.update(TaskState::TaskKilled).await;
    assert_eq!(killed.task_id, "t");
    // The task does not exist; the answer is that of a reconciliation.
    must(driver.kill("nobody's").await);
    let unknown = recorder.update(TaskState::TaskUnknown).await;
    assert_eq!(unknown.task_id, "nobody's");
}

/// The agent is a hint, so a backend that cannot send the agent sends the kill without it.
pub(super) async fn a_kill_that_names_the_agent_reaches_the_task(stage: Stage) {
    let Subscribed {
        master: _master,
        recorder,
        driver,
        ..
    } = stage.subscribed().await;
    let agent = run(&driver, &recorder, task("by method")).await;
    let options = KillOptions::new().agent(agent);
    must(driver.kill_with("by method", options).await);
    recorder.update(TaskState::TaskKilled).await;

    let agent_id = run(&driver, &recorder, task("by call")).await;
    let kill = Call {
        r#type: Some(Type::Kill.into()),
        kill: Some(call::Kill {
            task_id: "by call".into(),
            agent_id: Some(agent_id),
            kill_policy: None,
        }),
        ..Call::default()
    };
    must(driver.call(kill).await);
    let killed = recorder.update(TaskState::TaskKilled).await;
    assert_eq!(killed.task_id, "by call");
}

pub(super) async fn a_kill_policy_reaches_the_executor(stage: Stage) {
    let Subscribed {
        master,
        recorder,
        driver,
        ..
    } = stage.subscribed().await;
    let with_executor = |id: &str| mesos_proto::v1::TaskInfo {
        command: None,
        executor: Some(mesos_proto::v1::ExecutorInfo {
            framework_id: driver.framework_id(),
            ..master.executor("e")
        }),
        ..task(id)
    };
    run(&driver, &recorder, with_executor("t1")).await;
    let policy = KillPolicy {
        grace_period: Some(DurationInfo {
            nanoseconds: 1_234_000_000,
        }),
    };
    let options = KillOptions::new().policy(policy);
    must(driver.kill_with("t1", options).await);
    let killed = recorder.update(TaskState::TaskKilled).await;
    assert_eq!(killed.message.as_deref(), Some("grace period 1234 ms"));
    must(driver.revive().await);
    run(&driver, &recorder, with_executor("t2")).await;
    must(driver.kill("t2").await);
    let killed = recorder.update(TaskState::TaskKilled).await;
    assert_eq!(killed.message.as_deref(), Some("no policy"));
}

pub(super) async fn an_invalid_task_is_reported_as_an_error_and_not_acknowledged(stage: Stage) {
    let Subscribed {
        master,
        recorder,
        driver,
        ..
    } = stage.subscribed().await;
    let mut huge = task("huge");
    for resource in &mut huge.resources {
        if let Some(scalar) = &mut resource.scalar {
            scalar.value *= 1e6;
        }
    }
    must(driver.launch(offer(&recorder).await, [huge]).await);
    let error = recorder.update(TaskState::TaskError).await;
    assert_eq!(error.task_id, "huge");
    assert_eq!(error.uuid, None);
    assert!(error.message.is_some_and(|message| !message.is_empty()));
    // Calls keep their order: an acknowledgement would arrive before this call.
    must(driver.revive().await);
    if let Some(wire) = master.wire() {
        assert_eq!(wire.calls_of(Type::Acknowledge), []);
    }
}

pub(super) async fn a_framework_without_partition_awareness_receives_task_lost(stage: Stage) {
    let mut info = stage.framework().info().clone();
    let aware = capability::Type::PartitionAware as i32;
    info.capabilities
        .retain(|capability| capability.r#type != Some(aware));
    let framework = Framework::from_info(info);
    let Subscribed {
        master,
        recorder,
        driver,
        ..
    } = stage.subscribed_as(framework).await;
    must(reconcile_unknown(&driver, ["nobody's"]).await);
    let lost = recorder.update(TaskState::TaskLost).await;
    assert_eq!((&lost.task_id, &lost.uuid), (&"nobody's".into(), &None));
    let agent = run(&driver, &recorder, task("t")).await;
    master.mark_gone(&agent).await;
    let lost = recorder.update(TaskState::TaskLost).await;
    assert_eq!(lost.task_id, "t");
}

pub(super) async fn an_unreachable_task_can_run_again(stage: Stage) {
    let master = FakeMaster::builder().agent(Agent::new("a"));
    let master = stage.fake(master).await;
    let Subscribed {
        master,
        recorder,
        driver,
        ..
    } = stage.subscribed_to(master, stage.framework()).await;
    run(&driver, &recorder, task("t")).await;
    for _ in 0..2 {
        master.expect(Type::Acknowledge).await;
    }
    master.make_agent_unreachable("a");
    let lost = recorder.update(TaskState::TaskUnreachable).await;
    assert_eq!(lost.uuid, None);
    master.return_agent("a");
    let back = recorder.update(TaskState::TaskRunning).await;
    assert_eq!(back.task_reason(), Some(Ok(Reason::AgentReregistered)));
    assert_eq!(back.uuid, None);
    must(driver.kill("t").await);
    recorder.update(TaskState::TaskKilled).await;
}

pub(super) async fn updates_stay_in_order_across_a_reconnect(stage: Stage) {
    let Subscribed {
        master,
        recorder,
        driver,
        stream,
    } = stage.subscribed().await;
    let offer = offer(&recorder).await;
    // The first acknowledgement is lost with its connection.
    let held = master.hold(Type::Acknowledge);
    must(driver.launch(offer, [command("t", "true")]).await);
    master.expect(Type::Acknowledge).await;
    stream.cut();
    recorder.disconnected().await;
    drop(held);
    recorder.subscribed().await;
    recorder.update(TaskState::TaskFinished).await;
    let life = [
        TaskState::TaskStarting,
        TaskState::TaskRunning,
        TaskState::TaskFinished,
    ];
    assert_eq!(states_of(&recorder, "t"), life);
}

pub(super) async fn reconciliation_without_tasks_does_not_hang(stage: Stage) {
    let Subscribed {
        master,
        recorder,
        driver,
        ..
    } = stage.subscribed().await;
    let error = must_fail(driver.reconcile([]).await);
    assert_eq!(error.kind(), ErrorKind::Config);
    must(driver.reconcile_all().await);
    if let Some(wire) = master.wire() {
        let question = wire.expect(Type::Reconcile).await.into_call();
        let tasks = question.reconcile.map(|reconcile| reconcile.tasks.len());
        assert_eq!(tasks, Some(0));
    }
    must(reconcile_unknown(&driver, ["t"]).await);
    expect_unknown(&recorder, 1).await;
    assert_eq!(recorder.states().len(), 1);
    // The agent id is sent along, because the master's answer is less precise without it.
    must(driver.reconcile([("t".into(), Some("x".into()))]).await);
    if let Some(wire) = master.wire() {
        wire.expect(Type::Reconcile).await;
        let question = wire.expect(Type::Reconcile).await.into_call();
        let tasks = question.reconcile.unwrap_or_default().tasks;
        assert_eq!(tasks[0].agent_id, Some("x".into()));
    }
    expect_unknown(&recorder, 1).await;
}

pub(super) async fn reconciliation_reports_a_running_task_by_id_and_among_all(stage: Stage) {
    let Subscribed {
        master: _master,
        recorder,
        driver,
        ..
    } = stage.subscribed().await;
    let agent = run(&driver, &recorder, task("t")).await;
    for all in [false, true] {
        match all {
            false => must(driver.reconcile([("t".into(), Some(agent.clone()))]).await),
            true => must(driver.reconcile_all().await),
        }
        let answer = recorder.update(TaskState::TaskRunning).await;
        assert_eq!(answer.task_id, "t");
        assert_eq!(answer.task_reason(), Some(Ok(Reason::Reconciliation)));
        assert_eq!(answer.uuid, None);
    }
}

pub(super) async fn reconciliation_is_retried_until_it_is_answered(stage: Stage) {
    let second = std::time::Duration::from_secs(1);
    let retry = BackoffPolicy::new(second / 20, second);
    let policy = ReconcilePolicy::default()
        .retry(retry)
        .interval(std::time::Duration::ZERO);
    let framework = stage.framework().reconcile(policy);
    let Subscribed {
        master,
        recorder,
        driver,
        stream,
    } = stage.subscribed_as(framework).await;
    // The answers are lost, as while agents are recovering.
    stream.mute();
    must(driver.reconcile_until_answered([("t".into(), Some("x".into()))]));
    for _ in 0..3 {
        let question = master.expect(Type::Reconcile).await.into_call();
        let tasks = question.reconcile.unwrap_or_default().tasks;
        assert_eq!(tasks[0].task_id, "t");
        assert_eq!(tasks[0].agent_id, Some("x".into()));
    }
    assert_eq!(recorder.states(), []);
    stream.unmute();
    must(driver.reconciled().await);
    expect_unknown(&recorder, 1).await;
}
