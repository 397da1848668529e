//! The lifetime of an executor whose agent crashes.

use std::time::{Duration, Instant};

use mesos_core::{ErrorKind, StopReason};
use mesos_proto::v1::TaskState::{TaskFinished, TaskKilled, TaskRunning};
use mesos_proto::v1::executor::call::Type;

use super::{Subscribed, agent, status, subscribed, times};
use crate::stage::Stage;
use crate::steps::{must, must_fail};
use mesos_testing::Reaction;

pub(in crate::cases) async fn with_checkpointing_tasks_survive_a_crash_of_the_agent(stage: Stage) {
    let Subscribed {
        agent,
        recorder,
        driver,
        ..
    } = stage.executor_with_task(agent()).await;
    must(driver.send_update(status("t", TaskRunning)).await);
    agent.expect_update(TaskRunning).await;
    agent.crash().await;
    // An update made without an agent is kept.
    must(driver.send_update(status("t", TaskFinished)).await);
    must(agent.recover().await);
    assert!(subscribed(&recorder).await);
    agent.expect_update(TaskFinished).await;
    assert_eq!(agent.updates().len(), 2, "each once");
    assert!(agent.dropped().is_empty());
    assert_eq!(times(&recorder, "shutdown"), 0);
    driver.stop();
    assert_eq!(must(driver.join().await), StopReason::Stopped);
}

pub(in crate::cases) async fn without_checkpointing_an_executor_ends_with_its_agent(stage: Stage) {
    let Subscribed {
        agent,
        recorder,
        driver,
        ..
    } = stage.executor_with_task(agent().checkpoint(false)).await;
    agent.crash().await;
    let shutdown = |event: &mesos_testing::RecordedExecutorEvent| {
        matches!(event, mesos_testing::RecordedExecutorEvent::Shutdown)
    };
    recorder.expect("shutdown", shutdown).await;
    must(driver.send_update(status("t", TaskKilled)).await);
    let error = must_fail(driver.join().await);
    assert_eq!(error.kind(), ErrorKind::AgentLost, "{error}");
    assert_eq!(driver.unacknowledged(), 1);
    assert_eq!(times(&recorder, "disconnected"), 1);
}

pub(in crate::cases) async fn the_executor_ends_after_the_recovery_timeout(stage: Stage) {
    let timeout = Duration::from_millis(500);
    let Subscribed {
        agent,
        recorder,
        driver,
        ..
    } = stage.executor(agent().recovery_timeout(timeout)).await;
    let crashed = Instant::now();
    agent.crash().await;
    let error = must_fail(driver.join().await);
    assert_eq!(error.kind(), ErrorKind::RecoveryTimeout, "{error}");
    assert!(crashed.elapsed() >= timeout, "{:?}", crashed.elapsed());
    assert_eq!(times(&recorder, "shutdown"), 1);
    assert!(times(&recorder, "disconnected") > 1, "the driver retried");
}

pub(in crate::cases) async fn the_executor_ends_when_the_recovered_agent_rejects_its_token(
    stage: Stage,
) {
    let Subscribed {
        agent,
        recorder,
        driver,
        ..
    } = stage.executor(agent()).await;
    agent.crash().await;
    agent.react_always(Type::Subscribe, Reaction::respond(401, ""));
    must(agent.recover().await);
    let error = must_fail(driver.join().await);
    assert_eq!(error.kind(), ErrorKind::Unauthorized, "{error}");
    assert_eq!(times(&recorder, "shutdown"), 1);
}

pub(in crate::cases) async fn a_shutdown_completes_when_every_task_has_ended(stage: Stage) {
    let Subscribed {
        agent,
        recorder,
        driver,
        ..
    } = stage.executor_with_task(agent()).await;
    agent.shut_down();
    let shutdown = |event: &mesos_testing::RecordedExecutorEvent| {
        matches!(event, mesos_testing::RecordedExecutorEvent::Shutdown)
    };
    recorder.expect("shutdown", shutdown).await;
    let early = tokio::time::timeout(Duration::from_millis(100), driver.join()).await;
    assert!(early.is_err(), "ended with a live task: {early:?}");
    must(driver.send_update(status("t", TaskKilled)).await);
    assert_eq!(must(driver.join().await), StopReason::ShutDown);
    agent.expect_update(TaskKilled).await;
}

pub(in crate::cases) async fn a_shutdown_ends_after_the_grace_period(stage: Stage) {
    let grace = Duration::from_millis(300);
    let Subscribed { agent, driver, .. } = stage
        .executor_with_task(agent().shutdown_grace_period(grace))
        .await;
    let asked = Instant::now();
    agent.shut_down();
    let error = must_fail(driver.join().await);
    assert!(asked.elapsed() >= grace);
    assert_eq!(error.kind(), ErrorKind::Unacknowledged);
    assert!(
        error.to_string().contains("1 task had not ended"),
        "{error}"
    );
    assert_eq!(driver.live_tasks(), 1);
}
