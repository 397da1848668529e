//! Steps that many cases share.

use std::fmt;
use std::time::Duration;

use mesos_core::{Offer, Result, SchedulerDriver};
use mesos_proto::v1::offer::Operation;
use mesos_proto::v1::{AgentId, CommandInfo, FrameworkId, TaskInfo, TaskState};

use mesos_testing::{RecordedEvent, Recorder};

/// Waits until `is_so` returns true. For the state of another process, or of a recording, that is not
/// announced. The time limit of the case bounds the wait.
pub(super) async fn until<F: Future<Output = bool>>(is_so: impl Fn() -> F) {
    while !is_so().await {
        // sleep: see above.
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Returns the value; an error fails the case.
#[track_caller]
pub(super) fn must<T, E: fmt::Debug>(result: std::result::Result<T, E>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("{error:?}"),
    }
}

/// Returns the error; success fails the case.
#[track_caller]
pub(super) fn must_fail<T: fmt::Debug>(result: Result<T>) -> mesos_core::Error {
    match result {
        Err(error) => error,
        Ok(value) => panic!("it succeeded: {value:?}"),
    }
}

/// The id of a subscribed framework.
pub(super) fn framework_id(driver: &SchedulerDriver) -> FrameworkId {
    must(driver.framework_id().ok_or("no id"))
}

/// Reconciles tasks that do not exist: the cheapest way to receive events, one UPDATE without a
/// uuid for each task, in order.
pub(super) async fn reconcile_unknown(
    driver: &SchedulerDriver,
    tasks: impl IntoIterator<Item = &str>,
) -> Result<()> {
    driver
        .reconcile(tasks.into_iter().map(|id| (id.into(), None)))
        .await
}

/// Waits for this number of such events.
pub(super) async fn expect_unknown(recorder: &Recorder, count: usize) {
    for _ in 0..count {
        recorder.update(TaskState::TaskUnknown).await;
    }
}

/// The task ids of all updates so far.
pub(super) fn tasks(recorder: &Recorder) -> Vec<String> {
    let states = recorder.states().into_iter();
    states.map(|(task, _)| task).collect()
}

/// The states of a task so far, without repeated updates.
pub(super) fn states_of(recorder: &Recorder, task: &str) -> Vec<TaskState> {
    let mut states: Vec<_> = recorder
        .states()
        .into_iter()
        .filter(|(id, _)| id == task)
        .map(|(_, state)| state)
        .collect();
    states.dedup();
    states
}

/// A task that runs a shell command: `true`, `exit 7`, or one that takes longer than any case.
pub(super) fn command(id: &str, command: &str) -> TaskInfo {
    TaskInfo::builder(id)
        .id(id)
        .command(CommandInfo::sh(command))
        .cpus(0.5)
        .mem(32.0)
        .build()
}

/// A task that runs until it is killed.
pub(super) fn task(id: &str) -> TaskInfo {
    command(id, "exec sleep 1000")
}

/// LAUNCH of one task.
pub(super) fn launch(task: TaskInfo) -> Operation {
    Operation::launch([task])
}

/// The first of the next offers; the others are declined.
pub(super) async fn offer(recorder: &Recorder) -> Offer {
    let mut offers = recorder.offers().await;
    assert!(!offers.is_empty());
    offers.remove(0)
}

/// Launches `task` on the next offer, waits for TASK_RUNNING and returns the agent.
pub(super) async fn run(driver: &SchedulerDriver, recorder: &Recorder, task: TaskInfo) -> AgentId {
    let offer = offer(recorder).await;
    let agent = offer.agent_id.clone();
    must(driver.launch(offer, [task]).await);
    recorder.update(TaskState::TaskRunning).await;
    agent
}

/// Waits for offers of two agents and returns one of each; other offers are declined.
pub(super) async fn one_of_each(recorder: &Recorder) -> [Offer; 2] {
    let mut found: Vec<Offer> = Vec::new();
    loop {
        for offer in recorder.offers().await {
            if found.iter().all(|other| other.agent_id != offer.agent_id) {
                found.push(offer);
            }
        }
        if let Ok(two) = <[Offer; 2]>::try_from(std::mem::take(&mut found)).map_err(|few| {
            found = few;
        }) {
            return two;
        }
    }
}

/// Waits for an event for which `wanted` returns a value.
pub(super) async fn expect_event<T>(
    recorder: &Recorder,
    what: &str,
    wanted: impl Fn(&RecordedEvent) -> Option<T> + Send + Sync,
) -> T {
    let event = recorder.expect(what, |event| wanted(event).is_some()).await;
    match wanted(&event) {
        Some(found) => found,
        None => unreachable!("it was just found"),
    }
}
