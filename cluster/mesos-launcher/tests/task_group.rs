//! Task groups on a real Mesos, through `mesos-default-executor`.
#![cfg(target_os = "linux")]

#[path = "../../mesos-local/tests/common/mod.rs"]
mod common;
#[path = "task_group/pause.rs"]
mod pause;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use mesos_core::{
    Framework, HandlerResult, Offer, Scheduler, SchedulerDriver, StatusUpdate, resources::Resources,
};
use mesos_http::HttpBackend;
use mesos_local::testing::require_real;
use mesos_local::{Builder, LocalCluster};
use mesos_proto::v1::offer::Operation;
use mesos_proto::v1::task_status::Reason;
use mesos_proto::v1::volume::source::{self, SandboxPath, sandbox_path};
use mesos_proto::v1::{
    AgentId, CommandInfo, ContainerInfo, ExecutorInfo, Filters, HealthCheck, TaskInfo, TaskState,
    TaskStatus, Volume, container_info, health_check, volume,
};
use tokio::sync::mpsc;

/// A cluster with a framework that runs task groups, each with its own executor.
struct Mesos {
    cluster: LocalCluster,
    driver: SchedulerDriver,
    groups: mpsc::UnboundedSender<Vec<TaskInfo>>,
    updates: mpsc::UnboundedReceiver<TaskStatus>,
}

/// Forwards events: a handler must not wait for another one.
struct Relay {
    offers: mpsc::UnboundedSender<Offer>,
    updates: mpsc::UnboundedSender<TaskStatus>,
}

#[async_trait]
impl Scheduler for Relay {
    async fn offers(&mut self, _: &SchedulerDriver, offers: Vec<Offer>) -> HandlerResult {
        for offer in offers {
            self.offers.send(offer)?;
        }
        Ok(())
    }

    async fn update(&mut self, _: &SchedulerDriver, update: &StatusUpdate) -> HandlerResult {
        self.updates.send(update.to_status())?;
        Ok(())
    }
}

/// Launches each group on the next offer.
async fn launch_all(
    driver: SchedulerDriver,
    mut groups: mpsc::UnboundedReceiver<Vec<TaskInfo>>,
    mut offers: mpsc::UnboundedReceiver<Offer>,
) {
    while let Some(mut tasks) = groups.recv().await {
        let group: Resources = "cpus:0.2;mem:64;disk:32".parse().expect("resources");
        let (offer, mut available) = loop {
            let offer = offers.recv().await.expect("the scheduler runs");
            let available = offer.resources().expect("resources");
            // The agent may not have the resources of the last group again.
            if available.clone().take(&group).is_ok() {
                break (offer, available);
            }
            let again = Filters {
                refuse_seconds: Some(0.0),
            };
            let declined = driver.decline([offer], Some(again)).await;
            declined.expect("a call");
        };
        let mut take =
            |need: Resources| Vec::from(available.take(&need).expect("enough resources"));
        for task in &mut tasks {
            let need = std::mem::take(&mut task.resources);
            task.resources = take(need.try_into().expect("resources"));
        }
        let framework = driver.framework_id().expect("a framework");
        let mut executor = ExecutorInfo::builder(format!("group-{}", tasks[0].task_id.value))
            .framework(framework)
            .build();
        executor.resources = take("cpus:0.1;mem:32;disk:32".parse().expect("resources"));
        let launch = Operation::launch_group(executor, tasks);
        let again = Filters {
            refuse_seconds: Some(0.0),
        };
        let accepted = driver.accept([offer], [launch], Some(again)).await;
        accepted.expect("a call");
    }
}

impl Mesos {
    async fn start(builder: Builder, framework: Framework) -> Option<Self> {
        let cluster = require_real(builder.start().await)?;
        let master = cluster.master_url().parse().expect("a URL");
        let (groups, to_launch) = mpsc::unbounded_channel();
        let (sender, updates) = mpsc::unbounded_channel();
        let (offers, offered) = mpsc::unbounded_channel();
        let relay = Relay {
            offers,
            updates: sender,
        };
        let driver = SchedulerDriver::start(relay, framework, HttpBackend::new(master)).detach();
        tokio::spawn(launch_all(driver.clone(), to_launch, offered));
        Some(Self {
            cluster,
            driver,
            groups,
            updates,
        })
    }

    fn launch(&self, tasks: impl IntoIterator<Item = TaskInfo>) {
        let tasks = tasks.into_iter().collect();
        self.groups.send(tasks).expect("the scheduler runs");
    }

    async fn next(&mut self) -> TaskStatus {
        let status = tokio::time::timeout(common::TIMEOUT, self.updates.recv()).await;
        status
            .expect("an update in time")
            .expect("the scheduler runs")
    }

    /// Reads updates until each of the tasks runs.
    async fn running(&mut self, count: usize) -> AgentId {
        let mut running = 0;
        loop {
            let status = self.next().await;
            match status.task_state() {
                Ok(TaskState::TaskStarting) => {}
                Ok(TaskState::TaskRunning) => running += 1,
                _ => panic!("{status:?}"),
            }
            if running == count {
                return status.agent_id.expect("an agent");
            }
        }
    }

    /// Reads updates until each of the tasks has ended.
    async fn ended(&mut self, count: usize) -> HashMap<String, TaskStatus> {
        let mut ended = HashMap::new();
        while ended.len() < count {
            let status = self.next().await;
            let state = status.task_state().expect("a known state");
            if state.is_terminal() {
                let before = ended.insert(status.task_id.value.clone(), status);
                assert!(before.is_none(), "one end for each: {before:?}");
            }
        }
        ended
    }

    /// The sandbox of a task, by the link for users who search for it.
    fn sandbox(&self, group: &str, task: &str) -> PathBuf {
        let found = find(self.cluster.work_dir(), &format!("group-{group}"));
        let executor = found.expect("the executor's directory");
        executor.join("runs/latest/tasks").join(task)
    }

    async fn stop(self) {
        self.driver.stop();
        self.driver
            .join()
            .await
            .expect("the driver and the cluster end without an error");
        self.cluster
            .stop()
            .await
            .expect("the driver and the cluster end without an error");
    }
}

/// The executor's directory of this name. The agent's records are in other directories.
fn find(directory: &Path, name: &str) -> Option<PathBuf> {
    std::fs::read_dir(directory)
        .ok()?
        .flatten()
        .find_map(|entry| {
            let path = entry.path();
            if !entry.file_type().ok()?.is_dir() || path.ends_with("meta") {
                None
            } else if path.ends_with(name) {
                Some(path)
            } else {
                find(&path, name)
            }
        })
}

fn task(id: &str, script: &str) -> TaskInfo {
    let builder = TaskInfo::builder(id).id(id).cpus(0.1).mem(32.0);
    builder.command(CommandInfo::sh(script)).build()
}

fn state(statuses: &HashMap<String, TaskStatus>, task: &str) -> TaskState {
    statuses[task].task_state().expect("a known state")
}

fn message(status: &TaskStatus) -> &str {
    status.message.as_deref().unwrap_or_default()
}

/// The lines that a task has written, as soon as there are `count`.
fn lines(file: &Path, count: usize) -> Vec<String> {
    let mut lines = Vec::new();
    common::wait_until("the task wrote its lines", || {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        lines = text.lines().map(str::to_owned).collect();
        lines.len() >= count && text.ends_with('\n')
    });
    lines
}

/// The task with the directory `shared` of the executor's sandbox in its own sandbox.
fn sharing(mut task: TaskInfo) -> TaskInfo {
    let volume = Volume {
        mode: volume::Mode::Rw.into(),
        container_path: "shared".into(),
        source: Some(volume::Source {
            r#type: Some(source::Type::SandboxPath.into()),
            sandbox_path: Some(SandboxPath {
                r#type: Some(sandbox_path::Type::Parent.into()),
                path: "shared".into(),
            }),
            ..volume::Source::default()
        }),
        ..Volume::default()
    };
    task.container = Some(ContainerInfo {
        r#type: container_info::Type::Mesos.into(),
        volumes: vec![volume],
        ..ContainerInfo::default()
    });
    task
}

#[tokio::test]
async fn tasks_of_a_group_share_a_volume_and_end_independently() {
    // With tokens. Calls to the API for containers carry a token too, but an agent in local mode does
    // not require one there: master and agents share the flag, and only agents have a key.
    let builder = LocalCluster::builder().executor_authentication();
    let framework = Framework::ephemeral("groups");
    let Some(mut mesos) = Mesos::start(builder, framework).await else {
        return;
    };
    let writer = "echo \"$MESOS_ALLOCATION_ROLE $MESOS_CONTAINER_IP $PWD\"; \
                  echo hello > shared/next; mv shared/next shared/word";
    let reader = "until test -e shared/word; do sleep 0.02; done; cat shared/word";
    mesos.launch([
        sharing(task("writer", writer)),
        sharing(task("reader", reader)),
    ]);
    let ended = mesos.ended(2).await;
    for (task, status) in &ended {
        assert_eq!(state(&ended, task), TaskState::TaskFinished, "{status:?}");
        assert_eq!(message(status), "Command exited with status 0");
        let container = status.container_status.as_ref().expect("a container");
        let id = container.container_id.as_ref().expect("its id");
        assert!(id.parent.is_some(), "nested in the executor's container");
    }
    let stdout = |task: &str| lines(&mesos.sandbox("writer", task).join("stdout"), 1);
    assert_eq!(stdout("reader"), ["hello"]);
    let lines = stdout("writer").remove(0);
    assert!(lines.starts_with("* 127.0.0.1 /"), "{lines}");
    assert!(lines.contains("/containers/"), "{lines}");
    mesos.stop().await;
}

#[tokio::test]
async fn a_failed_task_ends_its_group_and_no_other() {
    let framework = Framework::ephemeral("groups");
    let Some(mut mesos) = Mesos::start(LocalCluster::builder(), framework).await else {
        return;
    };
    // Ends by itself, without an effect on the others.
    let well = task("well", "exit 0");
    let stubborn = "trap '' TERM; echo $$; while :; do sleep 0.05; done";
    let mut stubborn = task("stubborn", stubborn);
    stubborn.kill_policy = Some(mesos_proto::v1::KillPolicy {
        grace_period: Some(Duration::from_millis(200).into()),
    });
    mesos.launch([task("lasting", "sleep 1000"), well, stubborn]);
    mesos.launch([task("other", "sleep 1000")]);
    let agent = loop {
        let status = mesos.next().await;
        if status.task_id.value == "other" && status.state == i32::from(TaskState::TaskRunning) {
            break status.agent_id.expect("an agent");
        }
    };
    let pid = lines(&mesos.sandbox("lasting", "stubborn").join("stdout"), 1);
    let pid: i32 = pid[0].parse().expect("a pid");
    let kill = mesos.driver.kill_with(
        "lasting",
        mesos_core::scheduler::KillOptions::new().agent(agent.clone()),
    );
    kill.await.expect("a call");
    let mut ended = mesos.ended(2).await;
    if ended.remove("well").is_some() {
        ended.extend(mesos.ended(1).await);
    }
    assert_eq!(state(&ended, "lasting"), TaskState::TaskKilled);
    assert_eq!(
        message(&ended["lasting"]),
        "Command terminated with signal Terminated"
    );
    assert_eq!(state(&ended, "stubborn"), TaskState::TaskKilled);
    assert_eq!(
        message(&ended["stubborn"]),
        "Command terminated with signal Killed"
    );
    common::wait_until("the process has ended", || !common::runs(pid));
    let kill = mesos.driver.kill_with(
        "other",
        mesos_core::scheduler::KillOptions::new().agent(agent),
    );
    kill.await.expect("a call");
    assert_eq!(state(&mesos.ended(1).await, "other"), TaskState::TaskKilled);
    mesos.stop().await;
}

#[tokio::test]
async fn tasks_that_cannot_run_or_exceed_their_time_fail_with_the_reason() {
    let framework = Framework::ephemeral("groups");
    let Some(mut mesos) = Mesos::start(LocalCluster::builder(), framework).await else {
        return;
    };
    let mut absent = task("absent", "");
    absent.command = Some(CommandInfo::argv(["/no/such/file"]));
    let mut long = task("long", "sleep 1000");
    long.max_completion_time = Some(Duration::from_millis(300).into());
    let mut volume = sharing(task("volume", "sleep 1000"));
    let container = volume.container.as_mut().expect("a container");
    container.volumes[0].container_path = "/absolute".into();
    for (task, words, reason) in [
        (absent, "Command exited with status 1", None),
        // SIGKILL follows SIGTERM at once, and either of them ends the task.
        (
            long,
            "Command terminated with signal",
            Some(Reason::MaxCompletionTimeReached),
        ),
        (
            volume,
            "absolute container path",
            Some(Reason::ContainerLaunchFailed),
        ),
    ] {
        let id = task.task_id.value.clone();
        mesos.launch([task]);
        let ended = mesos.ended(1).await;
        let status = &ended[&id];
        assert_eq!(state(&ended, &id), TaskState::TaskFailed, "{status:?}");
        assert!(message(status).contains(words), "{status:?}");
        assert_eq!(status.task_reason(), reason.map(Ok), "{status:?}");
    }
    mesos.stop().await;
}

#[tokio::test]
async fn a_task_of_a_group_whose_time_is_over_can_handle_sigterm_before_sigkill() {
    let framework = Framework::ephemeral("groups");
    let Some(mut mesos) = Mesos::start(LocalCluster::builder(), framework).await else {
        return;
    };
    // The shell has no guaranteed time for its handler, but usually it is faster than SIGKILL.
    let mut messages = Vec::new();
    while !messages.contains(&"Command exited with status 0".to_owned()) {
        assert!(messages.len() < 20, "{messages:?}");
        let id = format!("t{}", messages.len());
        let mut task = task(&id, "trap 'exit 0' TERM; sleep 1000 & wait");
        task.max_completion_time = Some(Duration::from_secs(1).into());
        mesos.launch([task]);
        let status = mesos.ended(1).await.remove(&id).expect("its end");
        assert_eq!(status.task_state(), Ok(TaskState::TaskFailed), "{status:?}");
        let reason = status.task_reason();
        assert_eq!(reason, Some(Ok(Reason::MaxCompletionTimeReached)));
        messages.push(status.message.expect("a message"));
    }
    mesos.stop().await;
}

#[tokio::test]
async fn an_unhealthy_task_is_killed_and_its_check_runs_in_its_sandbox() {
    let framework = Framework::ephemeral("groups");
    let Some(mut mesos) = Mesos::start(LocalCluster::builder(), framework).await else {
        return;
    };
    let mut sick = task("sick", "touch healthy; sleep 1000");
    sick.command = sick
        .command
        .map(|command| command.with_env("SIGN", "healthy"));
    sick.health_check = Some(HealthCheck {
        r#type: Some(health_check::Type::Command.into()),
        command: Some(CommandInfo::sh("test -e $SIGN && rm $SIGN")),
        delay_seconds: Some(0.5),
        interval_seconds: Some(0.1),
        grace_period_seconds: Some(0.0),
        consecutive_failures: Some(2),
        ..HealthCheck::default()
    });
    mesos.launch([sick]);
    let mut health = Vec::new();
    let last = loop {
        let status = mesos.next().await;
        if status.task_state().is_ok_and(TaskState::is_terminal) {
            break status;
        }
        if status.task_reason() == Some(Ok(Reason::TaskHealthCheckStatusUpdated)) {
            health.push(status.healthy.expect("a health status"));
        }
    };
    assert_eq!(health, [true, false, false]);
    assert_eq!(last.task_state(), Ok(TaskState::TaskKilled));
    assert_eq!(last.healthy, Some(false));
    mesos.stop().await;
}

#[tokio::test]
async fn a_group_survives_a_restart_of_its_agent() {
    let framework = Framework::with_failover_timeout("groups", Duration::from_secs(600));
    let builder = LocalCluster::builder().env("MESOS_EXECUTOR_REREGISTRATION_TIMEOUT", "10secs");
    let Some(mut mesos) = Mesos::start(builder, framework).await else {
        return;
    };
    let directory = tempfile::tempdir().expect("a directory");
    let mark = directory.path().join("mark");
    let script = format!(
        "echo $$; until test -e {}; do sleep 0.05; done",
        mark.display()
    );
    mesos.launch([task("one", &script), task("two", &script)]);
    mesos.running(2).await;
    let pid = |task: &str| lines(&mesos.sandbox("one", task).join("stdout"), 1).remove(0);
    let pids = ["one", "two"].map(|task| pid(task).parse::<i32>().expect("a pid"));
    mesos.cluster.kill().await.expect("a cluster");
    assert!(pids.into_iter().all(common::runs));
    mesos.cluster.restart().await.expect("a cluster again");
    std::fs::write(&mark, "").expect("a file");
    let ended = mesos.ended(2).await;
    for task in ["one", "two"] {
        assert_eq!(state(&ended, task), TaskState::TaskFinished, "{ended:?}");
    }
    mesos.stop().await;
}
