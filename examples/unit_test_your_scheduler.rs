//! How to test a scheduler without Mesos: a small scheduler and its tests.
//! `cargo run --example unit_test_your_scheduler`
//!
//! In your own crate each function under "The tests" is a `#[tokio::test]`, and `mesos-testing`
//! is a dev-dependency.

use std::collections::VecDeque;
use std::time::Duration;

use mesos::http::HttpBackend;
use mesos::v1::scheduler::call::Type;
use mesos::v1::{CommandInfo, Resource, TaskInfo, TaskState, TaskStatus};
use mesos::{
    BoxError, Framework, HandlerResult, Offer, Scheduler, SchedulerDriver, StatusUpdate, StopReason,
};
use mesos_testing::{Agent, Behavior, FakeMaster, Reaction, Scenario, events};

// The scheduler.

/// Runs tasks one after another, each until it has finished.
struct Batch {
    waiting: VecDeque<TaskInfo>,
    running: Option<TaskInfo>,
}

impl Batch {
    fn new(names: &[&str]) -> Self {
        let task = |name: &&str| {
            let task = TaskInfo::builder(*name).command(CommandInfo::sh("work"));
            task.cpus(1.0).mem(64.0).build()
        };
        Self {
            waiting: names.iter().map(task).collect(),
            running: None,
        }
    }
}

#[mesos::async_trait]
impl Scheduler for Batch {
    async fn offers(&mut self, driver: &SchedulerDriver, offers: Vec<Offer>) -> HandlerResult {
        for offer in offers {
            let enough = offer.resources()?.cpus().is_some_and(|cpus| cpus >= 1.0);
            if self.running.is_none()
                && enough
                && let Some(mut task) = self.waiting.pop_front()
            {
                // Each launch needs a new id, also for the same task.
                task.task_id = mesos::v1::TaskId::random();
                self.running = Some(task.clone());
                driver.launch(offer, [task]).await?;
            }
        }
        Ok(())
    }

    async fn update(&mut self, driver: &SchedulerDriver, update: &StatusUpdate) -> HandlerResult {
        let ours = |task: &mut TaskInfo| task.task_id == update.task_id;
        if !update.is_terminal() {
            return Ok(());
        }
        if let Some(task) = self.running.take_if(ours) {
            if update.task_state() != Ok(TaskState::TaskFinished) {
                self.waiting.push_front(task);
            }
            match self.waiting.is_empty() {
                true => driver.stop(),
                false => driver.revive().await?, // Declined offers are useful again.
            }
        }
        Ok(())
    }
}

fn start(names: &[&str], master: &str) -> Result<SchedulerDriver, BoxError> {
    let backend = HttpBackend::new(master.parse()?);
    let framework = Framework::with_failover_timeout("batch", Duration::from_secs(60));
    let driver = SchedulerDriver::start(Batch::new(names), framework, backend);
    Ok(driver.detach())
}

// The tests.

/// With a simulated cluster: the test decides how tasks behave, and checks the launches.
async fn tasks_run_one_after_another() -> Result<(), BoxError> {
    let master = FakeMaster::builder()
        .agent(Agent::new("small").having("cpus:0.5;mem:1024"))
        .agent(Agent::new("large").having("cpus:8;mem:1024"))
        .tasks(|_| Behavior::finishes().after(Duration::from_millis(1)))
        .start()
        .await?;
    let driver = start(&["one", "two", "three"], &master.url())?;
    assert_eq!(driver.join().await?, StopReason::Stopped);
    assert_eq!(launched(&master), ["one", "two", "three"]);
    // Each of the three states of each of the three tasks was acknowledged.
    assert_eq!(master.calls_of(Type::Acknowledge).len(), 9);
    assert!(master.frameworks().is_empty());
    Ok(())
}

/// The first attempt fails. The second attempt must have another id.
async fn a_task_that_failed_is_launched_again() -> Result<(), BoxError> {
    let attempts = std::sync::atomic::AtomicUsize::new(0);
    let master = FakeMaster::builder()
        .agent(Agent::new("a1"))
        .tasks(
            move |_| match attempts.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
                0 => Behavior::fails("no space left"),
                _ => Behavior::finishes(),
            },
        )
        .start()
        .await?;
    let driver = start(&["flaky"], &master.url())?;
    assert_eq!(driver.join().await?, StopReason::Stopped);
    assert_eq!(launched(&master), ["flaky", "flaky"]);
    Ok(())
}

/// Step by step: the test plays the master, and checks each call.
async fn an_offer_that_is_too_small_is_declined() -> Result<(), BoxError> {
    let mut mesos = Scenario::start().await?;
    let driver = start(&["one"], &mesos.url())?;
    mesos.receives_subscribe().await;

    let offer = |id: &str, cpus| {
        let resources = [
            Resource::scalar("cpus", cpus),
            Resource::scalar("mem", 512.0),
        ];
        events::offer(id, "a1", "*", resources)
    };
    mesos.sends(events::offers([offer("small", 0.5)]));
    let decline = mesos
        .receives(Type::Decline)
        .await
        .decline
        .unwrap_or_default();
    assert_eq!(decline.offer_ids, ["small"]);

    mesos.sends(events::offers([offer("large", 4.0)]));
    let accept = mesos
        .receives(Type::Accept)
        .await
        .accept
        .unwrap_or_default();
    assert_eq!(accept.offer_ids, ["large"]);
    let launch = accept.operations[0].launch.as_ref().ok_or("no LAUNCH")?;
    let task = &launch.task_infos[0];
    assert_eq!((task.name.as_str(), task.agent_id.as_str()), ("one", "a1"));

    let finished = TaskStatus::new(&task.task_id, TaskState::TaskFinished);
    mesos.sends_update("a1", finished).await;
    mesos.receives(Type::Teardown).await;
    assert_eq!(driver.join().await?, StopReason::Stopped);
    Ok(())
}

/// Faults: the master hangs up on the first SUBSCRIBE, and later the connection breaks during an
/// acknowledgement.
async fn a_lost_connection_loses_no_task() -> Result<(), BoxError> {
    let first = Duration::from_millis(20);
    let master = FakeMaster::builder()
        .agent(Agent::new("a1"))
        .tasks(|_| Behavior::finishes())
        .update_retry(first, first)
        .start()
        .await?;
    // No acknowledgement arrives before the connection breaks.
    let held = master.hold(Type::Acknowledge);
    master.react(Type::Subscribe, Reaction::Close);
    let driver = start(&["one", "two"], &master.url())?;
    let stream = master.expect_stream().await;
    master.expect(Type::Acknowledge).await;
    stream.cut();
    stream.closed().await;
    drop(held);
    assert_eq!(driver.join().await?, StopReason::Stopped);
    assert_eq!(launched(&master), ["one", "two"]);
    Ok(())
}

/// The names of the tasks that were launched, in their order.
fn launched(master: &FakeMaster) -> Vec<String> {
    let launched = master.launched().into_iter();
    launched.map(|task| task.name).collect()
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    tasks_run_one_after_another().await?;
    println!("tasks_run_one_after_another: ok");
    a_task_that_failed_is_launched_again().await?;
    println!("a_task_that_failed_is_launched_again: ok");
    an_offer_that_is_too_small_is_declined().await?;
    println!("an_offer_that_is_too_small_is_declined: ok");
    a_lost_connection_loses_no_task().await?;
    println!("a_lost_connection_loses_no_task: ok");
    Ok(())
}
