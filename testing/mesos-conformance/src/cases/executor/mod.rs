//! The promises of an executor's driver, checked on a [`FakeAgent`] or, with the executor of a
//! [`Cluster`](crate::Cluster), on a real agent.

pub(super) mod events;
pub(super) mod lifetime;
pub(super) mod subscription;
pub(super) mod survival;
pub(super) mod updates;

use std::time::Duration;

use mesos_core::ExecutorDriver;
use mesos_core::executor::ExecutorEnvironment;
use mesos_proto::v1::{TaskInfo, TaskState, TaskStatus};

use crate::stage::Stage;
use crate::steps::must;
use mesos_testing::agent::{Builder, Stream};
use mesos_testing::{ExecutorRecorder, FakeAgent, RecordedExecutorEvent};

/// A subscribed executor.
struct Subscribed {
    agent: FakeAgent,
    recorder: ExecutorRecorder,
    driver: ExecutorDriver,
    stream: Stream,
}

/// An agent whose executors retry quickly.
fn agent() -> Builder {
    FakeAgent::builder().subscription_backoff_max(Duration::from_millis(100))
}

impl Stage {
    async fn agent(&self, builder: Builder) -> FakeAgent {
        let agent = must(builder.start().await);
        self.watch_agent(&agent);
        agent
    }

    fn executor_recorder(&self) -> ExecutorRecorder {
        let recorder = ExecutorRecorder::new();
        self.watch_executor(&recorder);
        recorder
    }

    fn start_executor(
        &self,
        environment: ExecutorEnvironment,
        recorder: &ExecutorRecorder,
    ) -> ExecutorDriver {
        let backend = self.harness.connect_executor(&environment);
        ExecutorDriver::start(recorder.clone(), environment, backend).detach()
    }

    /// An executor that has subscribed to an agent with these settings.
    async fn executor(&self, builder: Builder) -> Subscribed {
        let agent = self.agent(builder).await;
        let recorder = self.executor_recorder();
        let driver = self.start_executor(agent.environment(), &recorder);
        let stream = agent.expect_stream().await;
        subscribed(&recorder).await;
        Subscribed {
            agent,
            recorder,
            driver,
            stream,
        }
    }

    /// The same, with a launched task `t`.
    async fn executor_with_task(&self, builder: Builder) -> Subscribed {
        let subscribed = self.executor(builder).await;
        subscribed.agent.launch(task("t"));
        launched(&subscribed.recorder).await;
        subscribed
    }
}

/// Waits for SUBSCRIBED. Returns whether the executor was subscribed before.
async fn subscribed(recorder: &ExecutorRecorder) -> bool {
    let wanted =
        |event: &RecordedExecutorEvent| matches!(event, RecordedExecutorEvent::Subscribed(_));
    match recorder.expect("subscribed", wanted).await {
        RecordedExecutorEvent::Subscribed(subscribed) => subscribed.resubscribed,
        other => unreachable!("{other}"),
    }
}

async fn launched(recorder: &ExecutorRecorder) -> TaskInfo {
    let wanted = |event: &RecordedExecutorEvent| matches!(event, RecordedExecutorEvent::Launch(_));
    match recorder.expect("launch", wanted).await {
        RecordedExecutorEvent::Launch(task) => *task,
        other => unreachable!("{other}"),
    }
}

/// The number of recorded events whose text begins like this.
fn times(recorder: &ExecutorRecorder, beginning: &str) -> usize {
    let received = recorder.events();
    let lines = received.iter().map(ToString::to_string);
    lines.filter(|line| line.starts_with(beginning)).count()
}

fn task(id: &str) -> TaskInfo {
    TaskInfo::builder(id).id(id).build()
}

fn status(id: &str, state: TaskState) -> TaskStatus {
    TaskStatus::new(id, state)
}
