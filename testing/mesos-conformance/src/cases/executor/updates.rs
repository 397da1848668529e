//! Updates: their content, and that each arrives once and in order.

use std::time::Duration;

use bytes::Bytes;
use mesos_core::{ErrorKind, StopReason};
use mesos_proto::v1::TaskState::{TaskFinished, TaskRunning, TaskStaging, TaskStarting};
use mesos_proto::v1::TaskStatus;
use mesos_proto::v1::executor::call::Type;
use mesos_proto::v1::task_status::Source;

use super::{Subscribed, agent, launched, status, subscribed, task};
use crate::stage::Stage;
use crate::steps::{must, must_fail};
use mesos_testing::Reaction;

pub(in crate::cases) async fn an_update_is_completed_with_the_fields_that_agents_require(
    stage: Stage,
) {
    let Subscribed { agent, driver, .. } = stage.executor(agent()).await;
    let wrong = TaskStatus {
        uuid: Some(Bytes::from_static(b"short")),
        source: Some(Source::Master as i32),
        executor_id: Some("another".into()),
        agent_id: Some("another".into()),
        timestamp: Some(0.0),
        ..status("t", TaskRunning)
    };
    must(driver.send_update(wrong).await);
    must(driver.send_update(status("t", TaskFinished)).await);
    let first = agent.expect_update(TaskRunning).await;
    let second = agent.expect_update(TaskFinished).await;
    assert_ne!(first.uuid, second.uuid);
    let uuid = must(uuid::Uuid::from_slice(&first.uuid.unwrap_or_default()));
    assert_eq!(uuid.get_version_num(), 4);
    assert_eq!(first.source, Some(Source::Executor as i32));
    assert_eq!(first.executor_id, Some("executor".into()));
    assert_eq!(first.agent_id, Some("agent".into()));
    assert!(first.timestamp > Some(1.7e9), "seconds since 1970");
    driver.stop();
    assert_eq!(must(driver.join().await), StopReason::Stopped);
}

pub(in crate::cases) async fn unacknowledged_updates_and_tasks_are_repeated_when_subscribing(
    stage: Stage,
) {
    let Subscribed {
        agent,
        recorder,
        driver,
        stream,
    } = stage.executor(agent().scripted()).await;
    for id in ["a", "b", "c"] {
        stream.send(mesos_testing::executor_events::launch(task(id)));
        launched(&recorder).await;
    }
    for (id, state) in [("a", TaskStarting), ("b", TaskRunning), ("a", TaskRunning)] {
        must(driver.send_update(status(id, state)).await);
    }
    agent.expect_update(TaskStarting).await;
    let of_b = agent.expect_update(TaskRunning).await;
    let of_a = agent.expect_update(TaskRunning).await;
    // The first acknowledged update of a task also acknowledges the task.
    let starting = &agent.updates()[0];
    agent.acknowledge(starting);
    let event = |event: &mesos_testing::RecordedExecutorEvent| {
        matches!(
            event,
            mesos_testing::RecordedExecutorEvent::Acknowledged(..)
        )
    };
    recorder.expect("the acknowledgement", event).await;
    agent.expect(Type::Subscribe).await;
    stream.cut();
    assert!(subscribed(&recorder).await);
    let subscribe = agent.expect(Type::Subscribe).await.into_call().subscribe;
    let subscribe = subscribe.unwrap_or_default();
    let tasks = subscribe.unacknowledged_tasks.iter();
    let tasks: Vec<_> = tasks.map(|task| task.task_id.as_str()).collect();
    assert_eq!(tasks, ["b", "c"]);
    let updates = subscribe.unacknowledged_updates.into_iter();
    let updates: Vec<_> = updates.map(|update| update.status).collect();
    assert_eq!(updates, [of_b, of_a], "unchanged and in order");
}

pub(in crate::cases) async fn updates_stay_in_order_through_failures(stage: Stage) {
    let Subscribed {
        agent,
        recorder,
        driver,
        stream,
    } = stage.executor(agent()).await;
    agent.react(Type::Update, Reaction::Close);
    agent.react(Type::Update, Reaction::respond(503, "busy"));
    agent.react(Type::Update, Reaction::ExecuteAndClose);
    let number = |number: usize| status("t", TaskRunning).with_message(number.to_string());
    for place in 0..20 {
        must(driver.send_update(number(place)).await);
        if place == 10 {
            agent.expect_update(TaskRunning).await;
            stream.cut();
        }
    }
    assert!(subscribed(&recorder).await);
    must(driver.send_update(status("t", TaskFinished)).await);
    agent.expect_update(TaskFinished).await;
    let messages = agent.updates().into_iter();
    let messages: Vec<_> = messages.filter_map(|status| status.message).collect();
    let expected: Vec<_> = (0..20).map(|place: usize| place.to_string()).collect();
    assert_eq!(messages, expected, "each once and in order");
    driver.stop();
    assert_eq!(must(driver.join().await), StopReason::Stopped);
}

pub(in crate::cases) async fn an_invalid_update_is_refused_before_it_is_sent(stage: Stage) {
    let Subscribed { agent, driver, .. } = stage.executor(agent()).await;
    let unknown = TaskStatus {
        state: 77,
        ..status("t", TaskRunning)
    };
    for bad in [status("t", TaskStaging), unknown] {
        assert_eq!(
            must_fail(driver.send_update(bad).await).kind(),
            ErrorKind::Config
        );
    }
    must(driver.send_update(status("t", TaskFinished)).await);
    agent.expect(Type::Update).await;
    assert_eq!(agent.calls_of(Type::Update).len(), 1);
}

pub(in crate::cases) async fn join_reports_updates_that_the_agent_refused(stage: Stage) {
    let Subscribed { agent, driver, .. } = stage.executor(agent()).await;
    agent.react(
        Type::Update,
        Reaction::respond(400, "Failed to validate: no"),
    );
    must(driver.send_update(status("t", TaskRunning)).await);
    must(driver.send_update(status("t", TaskFinished)).await);
    agent.expect_update(TaskFinished).await;
    driver.stop();
    let error = must_fail(driver.join().await);
    assert_eq!(error.kind(), ErrorKind::Unacknowledged);
    assert!(
        error.to_string().starts_with("1 update was rejected"),
        "{error}"
    );
}

pub(in crate::cases) async fn stop_waits_for_acknowledgements_and_reports_missing_ones(
    stage: Stage,
) {
    let Subscribed { agent, driver, .. } = stage.executor(agent().scripted()).await;
    must(driver.send_update(status("t", TaskFinished)).await);
    let last = agent.expect_update(TaskFinished).await;
    driver.stop();
    let early = tokio::time::timeout(Duration::from_millis(100), driver.join()).await;
    assert!(
        early.is_err(),
        "ended without the acknowledgement: {early:?}"
    );
    agent.acknowledge(&last);
    assert_eq!(must(driver.join().await), StopReason::Stopped);
    let late = must_fail(driver.send_update(status("t", TaskFinished)).await);
    assert_eq!(late.kind(), ErrorKind::Closed);

    let agent = stage.agent(super::agent().scripted()).await;
    let recorder = stage.executor_recorder();
    let mut environment = agent.environment();
    environment.flush_timeout = Duration::from_millis(50);
    let driver = stage.start_executor(environment, &recorder);
    subscribed(&recorder).await;
    must(driver.send_update(status("t", TaskFinished)).await);
    agent.expect_update(TaskFinished).await;
    driver.stop();
    let error = must_fail(driver.join().await);
    assert_eq!(error.kind(), ErrorKind::Unacknowledged);
    assert_eq!(driver.unacknowledged(), 1);
}

pub(in crate::cases) async fn unacknowledged_updates_survive_a_restart_of_the_executor(
    stage: Stage,
) {
    let directory = must(tempfile::tempdir());
    let agent = stage.agent(agent().scripted()).await;
    let kept = || {
        let mut environment = agent.environment();
        environment.journal = Some(directory.path().join("journal"));
        environment
    };
    let recorder = stage.executor_recorder();
    let driver = stage.start_executor(kept(), &recorder);
    let stream = agent.expect_stream().await;
    stream.send(mesos_testing::executor_events::launch(task("t")));
    launched(&recorder).await;
    must(driver.send_update(status("t", TaskRunning)).await);
    let running = agent.expect_update(TaskRunning).await;
    agent.expect(Type::Subscribe).await;
    driver.abort();
    must(driver.join().await);
    drop(driver);
    stream.closed().await;

    // The lock is released with the last handle of the driver.
    let recorder = stage.executor_recorder();
    let driver = loop {
        let driver = stage.start_executor(kept(), &recorder);
        match tokio::time::timeout(Duration::from_millis(50), driver.join()).await {
            Ok(Err(error)) if error.to_string().contains("in use") => {}
            Ok(end) => panic!("{end:?}"),
            Err(_) => break driver,
        }
    };
    let subscribe = agent.expect(Type::Subscribe).await.into_call().subscribe;
    let subscribe = subscribe.unwrap_or_default();
    assert_eq!(subscribe.unacknowledged_tasks, [task("t")]);
    assert_eq!(subscribe.unacknowledged_updates[0].status, running);
    let event = |event: &mesos_testing::RecordedExecutorEvent| {
        matches!(event, mesos_testing::RecordedExecutorEvent::Subscribed(_))
    };
    let mesos_testing::RecordedExecutorEvent::Subscribed(again) =
        recorder.expect("subscribed", event).await
    else {
        unreachable!("it was just found");
    };
    assert_eq!(again.recovered, [task("t")]);
    driver.abort();
}
