//! An executor of this driver on a real agent, which is killed, paused and restarted.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use mesos_core::scheduler::Failure;
use mesos_proto::v1::task_status::Reason;
use mesos_proto::v1::{AgentId, TaskInfo, TaskState, TaskStatus};

use crate::mesos::Mesos;
use crate::stage::{Stage, Subscribed};
use crate::steps::{expect_event, must, offer, states_of, task};
use mesos_testing::RecordedEvent;

/// The executor of a case, with one running task.
struct RunningExecutor {
    subscribed: Subscribed,
    agent: AgentId,
}

/// A task `t` of the executor `e` with additional variables in its environment.
fn with_executor(master: &Mesos, variables: &[(&str, &str)]) -> TaskInfo {
    let mut executor = master.executor("e");
    for (name, value) in variables {
        let command = executor.command.take().unwrap_or_default();
        executor.command = Some(command.with_env(*name, *value));
    }
    TaskInfo {
        command: None,
        executor: Some(executor),
        ..task("t")
    }
}

impl RunningExecutor {
    async fn start(stage: &Stage, checkpoint: bool, variables: &[(&str, &str)]) -> Self {
        let framework = stage.framework().checkpoint(checkpoint);
        let subscribed = stage.subscribed_as(framework).await;
        let offer = offer(&subscribed.recorder).await;
        let agent = offer.agent_id.clone();
        // The pool regards a cluster as ready only when all of it is free.
        must(subscribed.driver.suppress().await);
        let task = with_executor(&subscribed.master, variables);
        must(subscribed.driver.launch(offer, [task]).await);
        subscribed.recorder.update(TaskState::TaskRunning).await;
        Self { subscribed, agent }
    }

    async fn send(&self, what: &str) {
        let driver = self
            .subscribed
            .driver
            .wait_for_subscription(Duration::from_secs(60));
        let data = what.as_bytes().to_vec();
        must(driver.send_message(self.agent.clone(), "e", data).await);
    }

    /// The executor's answer to a message.
    async fn request(&self, what: &str) -> String {
        self.send(what).await;
        let answer = |event: &RecordedEvent| match event {
            RecordedEvent::Message { data, .. } => Some(String::from_utf8_lossy(data).into_owned()),
            _ => None,
        };
        expect_event(&self.subscribed.recorder, "an answer", answer).await
    }

    /// The directory of the executor's process in /proc, while the process runs.
    async fn process(&self) -> PathBuf {
        let process = PathBuf::from(format!("/proc/{}", self.request("pid").await));
        assert!(process.exists(), "{}", process.display());
        process
    }

    /// The update that the executor made while no agent could receive it.
    async fn late_update(&self) -> TaskStatus {
        let wanted = |event: &RecordedEvent| match event {
            RecordedEvent::Update(update) if update.message() == "late" => {
                Some(TaskStatus::clone(update))
            }
            _ => None,
        };
        expect_event(&self.subscribed.recorder, "the late update", wanted).await
    }

    /// The number of distinct uuids of updates with this message.
    fn different(&self, message: &str) -> usize {
        let updates = self.subscribed.recorder.events().into_iter();
        let mut uuids: Vec<_> = updates
            .filter_map(|event| match event {
                RecordedEvent::Update(update) if update.message() == message => update.uuid.clone(),
                _ => None,
            })
            .collect();
        uuids.sort();
        uuids.dedup();
        uuids.len()
    }
}

/// Waits until a process has ended.
async fn gone(process: &Path, within: Duration) -> Duration {
    let asked = Instant::now();
    while process.exists() {
        assert!(asked.elapsed() < within, "{} still runs", process.display());
        // sleep: the end of a process that is not a child sends no signal.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    asked.elapsed()
}

pub(in crate::cases) async fn an_executor_survives_a_crash_without_losing_updates(stage: Stage) {
    let executor = RunningExecutor::start(&stage, true, &[]).await;
    let process = executor.process().await;
    let Subscribed {
        master,
        recorder,
        driver,
        ..
    } = &executor.subscribed;
    let cluster = master.cluster().expect("a real Mesos");
    executor.send("later 500").await;
    must(cluster.kill().await);
    must(cluster.restart().await);
    recorder.subscribed().await;
    let late = executor.late_update().await;
    assert!(process.exists(), "the executor has ended");
    assert!(late.uuid.is_some());
    let patient = driver.wait_for_subscription(Duration::from_secs(60));
    must(
        patient
            .kill_with(
                "t",
                mesos_core::scheduler::KillOptions::new().agent(executor.agent.clone()),
            )
            .await,
    );
    recorder.update(TaskState::TaskKilled).await;
    assert_eq!(executor.different("late"), 1);
    use TaskState::{TaskKilled, TaskRunning, TaskStarting};
    assert_eq!(
        states_of(recorder, "t"),
        [TaskStarting, TaskRunning, TaskKilled]
    );
}

pub(in crate::cases) async fn without_checkpointing_a_crash_ends_the_executor(stage: Stage) {
    let executor = RunningExecutor::start(&stage, false, &[]).await;
    let process = executor.process().await;
    let cluster = executor.subscribed.master.cluster().expect("a real Mesos");
    cluster.mark_dirty();
    must(cluster.kill().await);
    gone(&process, Duration::from_secs(20)).await;
}

pub(in crate::cases) async fn an_executor_process_ends_after_the_recovery_timeout(stage: Stage) {
    // The scheduler's value overrides the value of the agent.
    let timeout = [("MESOS_RECOVERY_TIMEOUT", "1secs")];
    let executor = RunningExecutor::start(&stage, true, &timeout).await;
    let process = executor.process().await;
    let cluster = executor.subscribed.master.cluster().expect("a real Mesos");
    cluster.mark_dirty();
    must(cluster.kill().await);
    let took = gone(&process, Duration::from_secs(20)).await;
    assert!(took >= Duration::from_millis(900), "{took:?}");
}

pub(in crate::cases) async fn an_executor_waits_for_a_paused_agent(stage: Stage) {
    let executor = RunningExecutor::start(&stage, true, &[]).await;
    let process = executor.process().await;
    let cluster = executor.subscribed.master.cluster().expect("a real Mesos");
    executor.send("later 300").await;
    must(cluster.pause().await);
    // sleep: the update has to be made while the agent is paused.
    tokio::time::sleep(Duration::from_secs(1)).await;
    must(cluster.resume().await);
    executor.late_update().await;
    assert!(process.exists());
    assert_eq!(executor.different("late"), 1);
}

pub(in crate::cases) async fn the_tasks_of_a_killed_executor_are_reported_as_failed(stage: Stage) {
    let executor = RunningExecutor::start(&stage, true, &[]).await;
    executor.send("die").await;
    let recorder = &executor.subscribed.recorder;
    let failed = recorder.update(TaskState::TaskFailed).await;
    assert_eq!(failed.task_reason(), Some(Ok(Reason::ExecutorTerminated)));
    let failure = |event: &RecordedEvent| match event {
        RecordedEvent::Failure(failure) => Some(failure.clone()),
        _ => None,
    };
    match expect_event(recorder, "the end of the executor", failure).await {
        // As of wait(2): ended by SIGKILL.
        Failure::Executor { status, .. } => assert_eq!(status, Some(9)),
        other => panic!("{other:?}"),
    }
}

pub(in crate::cases) async fn a_hanging_executor_exits_after_its_grace_period(stage: Stage) {
    // The agent itself would wait for 5 s.
    let grace = [("MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD", "500ms")];
    let executor = RunningExecutor::start(&stage, true, &grace).await;
    let process = executor.process().await;
    executor.request("hang at the end").await;
    let Subscribed { driver, .. } = &executor.subscribed;
    must(driver.shutdown(executor.agent.clone(), "e").await);
    let took = gone(&process, Duration::from_secs(4)).await;
    assert!(took >= Duration::from_millis(400), "{took:?}");
}
