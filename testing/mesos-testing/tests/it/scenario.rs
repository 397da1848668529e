//! Scenarios: the conversations that they accept and reject.

use mesos_core::SchedulerDriver;
use mesos_core::{Framework, HandlerResult, Scheduler, StatusUpdate};
use mesos_http::HttpBackend;
use mesos_testing::v1::scheduler::call::Type;
use mesos_testing::v1::{TaskState, TaskStatus};
use mesos_testing::{FakeMaster, Recorder, Scenario, events};
use std::time::Duration;

/// Kills every running task before its update is acknowledged.
struct Killer;

#[async_trait::async_trait]
impl Scheduler for Killer {
    async fn update(&mut self, driver: &SchedulerDriver, update: &StatusUpdate) -> HandlerResult {
        if update.task_state() == Ok(TaskState::TaskRunning) {
            driver.kill(&update.task_id).await?;
        }
        Ok(())
    }
}

async fn impatient() -> Scenario {
    let master = FakeMaster::builder()
        .scripted()
        .timeout(Duration::from_millis(200));
    Scenario::with(master.start().await.unwrap())
}

fn start(scheduler: impl Scheduler + 'static, mesos: &Scenario) -> SchedulerDriver {
    let backend = HttpBackend::new(mesos.url().parse().unwrap());
    SchedulerDriver::start(scheduler, Framework::ephemeral("test"), backend).detach()
}

#[tokio::test]
async fn a_scenario_is_the_protocol_line_by_line() {
    let mut mesos = Scenario::start().await.unwrap();
    let driver = start(Killer, &mesos);
    let framework_id = mesos.receives_subscribe().await;
    mesos
        .sends_update("a", TaskStatus::new("t", TaskState::TaskStarting))
        .await;
    let running = events::from_agent("a", TaskStatus::new("t", TaskState::TaskRunning));
    mesos.sends(events::update(running.clone()));
    let kill = mesos.receives(Type::Kill).await.kill.unwrap();
    assert_eq!((kill.task_id, kill.agent_id), ("t".into(), None));
    mesos.receives_acknowledge(&running).await;
    driver.stop();
    let teardown = mesos.receives(Type::Teardown).await;
    assert_eq!(teardown.framework_id, Some(framework_id));
    mesos.stream().closed().await;
}

#[tokio::test]
#[should_panic(expected = "expected ACKNOWLEDGE as the next call, got KILL on connection")]
async fn a_call_out_of_order_fails_with_all_calls() {
    let mut mesos = impatient().await;
    let _driver = start(Killer, &mesos);
    mesos.receives_subscribe().await;
    mesos
        .sends_update("a", TaskStatus::new("t", TaskState::TaskRunning))
        .await;
}

#[tokio::test]
async fn an_ignored_call_is_skipped() {
    let mut mesos = impatient().await.ignoring(Type::Kill);
    let _driver = start(Killer, &mesos);
    mesos.receives_subscribe().await;
    mesos
        .sends_update("a", TaskStatus::new("t", TaskState::TaskRunning))
        .await;
}

#[tokio::test]
#[should_panic(expected = "expected KILL within 200ms; received:\n * SUBSCRIBE on connection 1")]
async fn a_missing_call_fails_with_the_calls_that_arrived() {
    let mut mesos = impatient().await;
    let _driver = start(Recorder::new(), &mesos);
    mesos.receives_subscribe().await;
    mesos.receives(Type::Kill).await;
}
