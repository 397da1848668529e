//! Command tasks on a real Mesos, through both helper programs.
#![cfg(target_os = "linux")]

mod common;

use std::time::{Duration, Instant};

use async_trait::async_trait;
use mesos_core::{
    Framework, HandlerResult, Offer, Scheduler, SchedulerDriver, StatusUpdate, resources::Resources,
};
use mesos_http::{Endpoint, HttpBackend, OperatorClient, files};
use mesos_local::LocalCluster;
use mesos_local::testing::require_real;
use mesos_proto::v1::task_status::Reason;
use mesos_proto::v1::{AgentId, CommandInfo, TaskInfo, TaskState, TaskStatus};
use tokio::sync::mpsc;

/// A cluster with a framework that runs tasks one at a time.
struct Mesos {
    cluster: LocalCluster,
    driver: SchedulerDriver,
    tasks: mpsc::UnboundedSender<TaskInfo>,
    updates: mpsc::UnboundedReceiver<TaskStatus>,
}

/// Launches what it gets on the offers that come.
struct Launcher {
    tasks: mpsc::UnboundedReceiver<TaskInfo>,
    updates: mpsc::UnboundedSender<TaskStatus>,
}

#[async_trait]
impl Scheduler for Launcher {
    async fn offers(&mut self, driver: &SchedulerDriver, offers: Vec<Offer>) -> HandlerResult {
        for offer in offers {
            // The first task waits for an offer; a declined one would keep the second waiting.
            let Some(mut task) = self.tasks.recv().await else {
                break;
            };
            let need = Resources::try_from(task.resources)?;
            task.resources = offer.resources()?.take(&need)?.into();
            driver.launch(offer, [task]).await?;
        }
        Ok(())
    }

    async fn update(&mut self, _: &SchedulerDriver, update: StatusUpdate) -> HandlerResult {
        self.updates.send(update.into_status())?;
        Ok(())
    }
}

impl Mesos {
    async fn start() -> Option<Self> {
        let cluster = require_real(LocalCluster::builder().start().await)?;
        let master: Endpoint = cluster.master_url().parse().expect("a URL");
        let (tasks, to_launch) = mpsc::unbounded_channel();
        let (sender, updates) = mpsc::unbounded_channel();
        let launcher = Launcher {
            tasks: to_launch,
            updates: sender,
        };
        let framework = Framework::ephemeral("command tasks");
        let driver = SchedulerDriver::start(launcher, framework, HttpBackend::new(master));
        Some(Self {
            cluster,
            driver,
            tasks,
            updates,
        })
    }

    fn launch(&self, id: &str, command: CommandInfo) {
        let task = TaskInfo::builder(id)
            .id(id)
            .command(command)
            .cpus(0.1)
            .mem(32.0);
        self.launch_task(task.build());
    }

    fn launch_task(&self, task: TaskInfo) {
        self.tasks.send(task).expect("the scheduler runs");
    }

    async fn update(&mut self, expected: TaskState) -> TaskStatus {
        let status = tokio::time::timeout(common::PATIENCE, self.updates.recv()).await;
        let status = status
            .expect("an update in time")
            .expect("the scheduler runs");
        assert_eq!(status.task_state(), Ok(expected), "{status:?}");
        status
    }

    async fn running(&mut self) -> AgentId {
        self.update(TaskState::TaskStarting).await;
        let status = self.update(TaskState::TaskRunning).await;
        status.agent_id.expect("an agent")
    }

    /// What the sandbox of task `id` has in `file`.
    async fn file(&self, id: &str, file: &str) -> String {
        let agent: Endpoint = self.cluster.agent_url(1).parse().expect("a URL");
        let framework = self.driver.framework_id().expect("a framework");
        let path = format!("{}/{file}", files::sandbox(&framework, &id.into()));
        let mut follow = files::Follow::new(OperatorClient::new(agent), path);
        let bytes = follow.read().await.expect("a file");
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The pids that a task writes to its stdout, `count` lines of them.
    async fn pids(&self, id: &str, count: usize) -> Vec<i32> {
        let start = Instant::now();
        loop {
            let text = self.file(id, "stdout").await;
            let pids: Vec<i32> = text.lines().filter_map(|line| line.parse().ok()).collect();
            if pids.len() == count && text.ends_with('\n') {
                return pids;
            }
            assert!(
                start.elapsed() < common::PATIENCE,
                "not {count} pids: {text}"
            );
            // sleep: the task writes its file without telling; bounded above.
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn stop(self) {
        self.driver.stop(false);
        self.driver.join().await.expect("an end in order");
        self.cluster.stop().await.expect("an end in order");
    }
}

fn message(status: &TaskStatus) -> &str {
    status.message.as_deref().unwrap_or_default()
}

#[tokio::test]
async fn a_command_runs_and_its_output_is_in_the_sandbox() {
    let Some(mut mesos) = Mesos::start().await else {
        return;
    };
    let script = r#"echo "hello $NAME"; echo "$PWD" >&2; test "$PWD" = "$MESOS_SANDBOX""#;
    mesos.launch("t", CommandInfo::sh(script).with_env("NAME", "from Mesos"));
    mesos.running().await;
    let status = mesos.update(TaskState::TaskFinished).await;
    assert_eq!(message(&status), "Command exited with status 0");
    assert_eq!(mesos.file("t", "stdout").await, "hello from Mesos\n");
    let stderr = mesos.file("t", "stderr").await;
    assert!(stderr.contains("/runs/"), "{stderr}");

    mesos.launch("argv", CommandInfo::argv(["/bin/echo", "one", "$two"]));
    mesos.running().await;
    mesos.update(TaskState::TaskFinished).await;
    assert_eq!(mesos.file("argv", "stdout").await, "one $two\n");
    mesos.stop().await;
}

#[tokio::test]
async fn a_command_that_fails_says_with_what_status() {
    let Some(mut mesos) = Mesos::start().await else {
        return;
    };
    mesos.launch("three", CommandInfo::sh("exit 3"));
    mesos.running().await;
    let status = mesos.update(TaskState::TaskFailed).await;
    assert_eq!(message(&status), "Command exited with status 3");

    mesos.launch("absent", CommandInfo::argv(["/no/such/file"]));
    mesos.update(TaskState::TaskStarting).await;
    let status = mesos.update(TaskState::TaskFailed).await;
    assert!(
        message(&status).contains("/no/such/file"),
        "{}",
        message(&status)
    );
    assert_eq!(
        status.task_reason(),
        Some(Ok(Reason::ContainerLaunchFailed))
    );
    mesos.stop().await;
}

#[tokio::test]
async fn a_kill_leaves_no_process() {
    let Some(mut mesos) = Mesos::start().await else {
        return;
    };
    mesos.launch("t", CommandInfo::sh("sleep 1000 & echo $!; echo $$; wait"));
    let agent = mesos.running().await;
    let pids = mesos.pids("t", 2).await;
    mesos
        .driver
        .kill("t", Some(agent), None)
        .await
        .expect("a call");
    mesos.update(TaskState::TaskKilling).await;
    let status = mesos.update(TaskState::TaskKilled).await;
    assert_eq!(
        message(&status),
        "Command terminated with signal Terminated"
    );
    for pid in pids {
        assert!(!common::runs(pid));
    }
    mesos.stop().await;
}

#[tokio::test]
async fn a_command_that_ignores_sigterm_gets_sigkill_after_its_grace() {
    let Some(mut mesos) = Mesos::start().await else {
        return;
    };
    let script = "trap '' TERM; echo $$; while :; do sleep 0.01; done";
    let task = TaskInfo::builder("t")
        .id("t")
        .command(CommandInfo::sh(script));
    mesos.launch_task(
        task.cpus(0.1)
            .mem(32.0)
            .kill_grace(Duration::from_millis(500))
            .build(),
    );
    let agent = mesos.running().await;
    let pids = mesos.pids("t", 1).await;
    let asked = Instant::now();
    mesos
        .driver
        .kill("t", Some(agent), None)
        .await
        .expect("a call");
    mesos.update(TaskState::TaskKilling).await;
    let status = mesos.update(TaskState::TaskKilled).await;
    assert_eq!(message(&status), "Command terminated with signal Killed");
    assert!(asked.elapsed() >= Duration::from_millis(500));
    assert!(!common::runs(pids[0]));
    mesos.stop().await;
}

#[tokio::test]
async fn a_task_that_takes_too_long_fails_with_the_reason() {
    let Some(mut mesos) = Mesos::start().await else {
        return;
    };
    let task = TaskInfo::builder("t")
        .id("t")
        .command(CommandInfo::sh("sleep 1000"));
    let limit = Duration::from_millis(500);
    mesos.launch_task(task.cpus(0.1).mem(32.0).max_completion_time(limit).build());
    mesos.running().await;
    let status = mesos.update(TaskState::TaskFailed).await;
    assert_eq!(
        status.task_reason(),
        Some(Ok(Reason::MaxCompletionTimeReached))
    );
    mesos.stop().await;
}
