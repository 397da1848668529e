//! The command executor, with real processes and a fake agent.
#![cfg(target_os = "linux")]

mod agent;
mod checks;
#[path = "../../../mesos-local/tests/common/mod.rs"]
mod common;

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use mesos_core::StopReason;
use mesos_launcher::executor::Flags;
use mesos_proto::v1::task_status::Reason;
use mesos_proto::v1::{CommandInfo, HealthCheck, TaskInfo, TaskState, TaskStatus};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::net::unix::pipe::{self, Receiver};

use agent::{Agent, flags, group, id};

fn task(command: CommandInfo) -> TaskInfo {
    let builder = TaskInfo::builder("t").id("t").agent("a");
    builder.command(command).build()
}

fn shell(script: &str) -> TaskInfo {
    task(CommandInfo::sh(script))
}

fn message(status: &TaskStatus) -> &str {
    status.message.as_deref().unwrap_or_default()
}

/// A named pipe to which a task writes its progress.
struct Progress {
    directory: TempDir,
    lines: Lines<BufReader<Receiver>>,
}

impl Progress {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("progress");
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).expect("a named pipe");
        // Open for writing too, so that the pipe does not end with its first writer.
        let receiver = pipe::OpenOptions::new()
            .read_write(true)
            .open_receiver(&path);
        let lines = BufReader::new(receiver.expect("a pipe")).lines();
        Self { directory, lines }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("progress")
    }

    /// A task whose stdout is the pipe.
    fn shell(&self, script: &str) -> TaskInfo {
        shell(&format!("exec >{}; {script}", self.path().display()))
    }

    async fn line(&mut self) -> String {
        let line = tokio::time::timeout(common::TIMEOUT, self.lines.next_line()).await;
        line.expect("a line in time")
            .expect("a pipe")
            .expect("a line")
    }

    async fn pid(&mut self) -> i32 {
        self.line().await.parse().expect("a pid")
    }
}

#[tokio::test]
async fn a_successful_command_is_finished_and_the_executor_ends_when_the_update_is_acknowledged() {
    let mut agent = Agent::start().await;
    agent.launch(&shell("exit 0"));
    agent.running().await;
    let status = agent.unacknowledged().await;
    assert_eq!(status.task_state(), Ok(TaskState::TaskFinished));
    assert_eq!(message(&status), "Command exited with status 0");
    assert_eq!(status.reason, None);
    // sleep: nothing announces that something does not happen.
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(
        !agent.has_ended(),
        "the executor must wait for the acknowledgement"
    );
    agent.acknowledge(&status);
    assert_eq!(
        agent
            .end()
            .await
            .expect("the executor ends without an error"),
        StopReason::Stopped
    );
}

#[tokio::test]
async fn a_failed_command_has_the_message_of_mesos() {
    for (script, expected) in [
        ("exit 3", "Command exited with status 3"),
        ("no-such-program", "Command exited with status 127"),
        (
            "kill -USR1 $$",
            "Command terminated with signal User defined signal 1",
        ),
    ] {
        let mut agent = Agent::start().await;
        agent.launch(&shell(script));
        agent.running().await;
        let status = agent.update(TaskState::TaskFailed).await;
        assert_eq!(message(&status), expected);
        assert_eq!(status.reason, None, "Mesos gives no reason");
        agent
            .end()
            .await
            .expect("the executor ends without an error");
    }
}

#[tokio::test]
async fn a_command_that_cannot_run_fails_with_the_reason_and_without_task_running() {
    let user = Flags {
        user: Some("no-such-user".into()),
        ..flags()
    };
    let rootfs = Flags {
        rootfs: Some("/no/such/root".into()),
        ..flags()
    };
    let launcher = Flags {
        launcher_dir: Some("/no/such/directory".into()),
        ..flags()
    };
    let absent = task(CommandInfo::argv(["/no/such/file"]));
    for (flags, task, expected) in [
        (
            flags(),
            absent,
            "cannot execute `/no/such/file`: No such file or directory",
        ),
        (
            user,
            shell("true"),
            "the user `no-such-user` does not exist",
        ),
        (
            rootfs,
            shell("true"),
            "the root filesystem /no/such/root cannot be used",
        ),
        (
            launcher,
            shell("true"),
            "cannot start /no/such/directory/mesos-containerizer",
        ),
        (
            flags(),
            TaskInfo {
                command: None,
                ..shell("true")
            },
            "the task has no command",
        ),
        (
            flags(),
            TaskInfo {
                health_check: Some(HealthCheck::default()),
                ..shell("true")
            },
            "the type is missing: COMMAND, HTTP or TCP",
        ),
    ] {
        let mut agent = Agent::start_with(flags, "5secs", true).await;
        agent.launch(&task);
        agent.update(TaskState::TaskStarting).await;
        let status = agent.update(TaskState::TaskFailed).await;
        assert!(message(&status).contains(expected), "{}", message(&status));
        assert_eq!(
            status.task_reason(),
            Some(Ok(Reason::ContainerLaunchFailed))
        );
        agent
            .end()
            .await
            .expect("the executor ends without an error");
    }
}

#[tokio::test]
async fn the_commands_environment_overrides_that_of_the_executor() {
    let mut progress = Progress::new();
    let mut agent = Agent::start().await;
    let script = format!(
        r#"echo "$CARGO_PKG_NAME $HOME" >{}"#,
        progress.path().display()
    );
    agent.launch(&task(
        CommandInfo::sh(script).with_env("HOME", "/of/the/task"),
    ));
    assert_eq!(progress.line().await, "mesos-launcher /of/the/task");
    agent.running().await;
    agent.update(TaskState::TaskFinished).await;
    agent
        .end()
        .await
        .expect("the executor ends without an error");
}

#[tokio::test]
async fn a_kill_ends_the_command_with_all_its_processes() {
    let mut progress = Progress::new();
    let mut agent = Agent::start().await;
    // A child, a child in its own session, an orphan, and the command itself.
    let script = "sleep 1000 & echo $!; setsid sleep 1001 & echo $!; \
                  sh -c 'sleep 1002 & echo $!'; echo $$; wait";
    agent.launch(&progress.shell(script));
    let mut pids = Vec::new();
    for _ in 0..4 {
        pids.push(progress.pid().await);
    }
    agent.running().await;
    agent.kill("t", None);
    agent.update(TaskState::TaskKilling).await;
    let status = agent.update(TaskState::TaskKilled).await;
    assert_eq!(
        message(&status),
        "Command terminated with signal Terminated"
    );
    for pid in pids {
        common::wait_until("the process has ended", || !common::runs(pid));
    }
    agent
        .end()
        .await
        .expect("the executor ends without an error");
}

#[tokio::test]
async fn processes_that_a_command_leaves_behind_are_killed() {
    let mut progress = Progress::new();
    let mut agent = Agent::start().await;
    agent.launch(&progress.shell("trap '' TERM; sleep 1000 & echo $!"));
    let pid = progress.pid().await;
    agent.running().await;
    agent.update(TaskState::TaskFinished).await;
    common::wait_until("the process has ended", || !common::runs(pid));
    agent
        .end()
        .await
        .expect("the executor ends without an error");
}

/// Ignores SIGTERM, and writes a line when it does.
const STUBBORN: &str = "trap '' TERM; echo ready; while :; do sleep 0.01; done";

#[tokio::test]
async fn a_command_that_ignores_sigterm_gets_sigkill_after_its_kill_policy() {
    for (policy_of_task, policy_of_kill) in [(300, None), (60_000, Some(300))] {
        let mut progress = Progress::new();
        let mut agent = Agent::start().await;
        let mut task = progress.shell(STUBBORN);
        task.kill_policy = TaskInfo::builder("t")
            .kill_grace(Duration::from_millis(policy_of_task))
            .build()
            .kill_policy;
        agent.launch(&task);
        agent.running().await;
        progress.line().await;
        let asked = Instant::now();
        agent.kill("t", policy_of_kill.map(Duration::from_millis));
        agent.update(TaskState::TaskKilling).await;
        let status = agent.update(TaskState::TaskKilled).await;
        assert_eq!(message(&status), "Command terminated with signal Killed");
        assert!(asked.elapsed() >= Duration::from_millis(300));
        agent
            .end()
            .await
            .expect("the executor ends without an error");
    }
}

#[tokio::test]
async fn a_later_kill_can_only_shorten_the_grace() {
    let mut progress = Progress::new();
    let mut agent = Agent::start().await;
    agent.launch(&progress.shell(STUBBORN));
    agent.running().await;
    progress.line().await;
    let asked = Instant::now();
    agent.kill("t", Some(Duration::from_secs(600)));
    agent.update(TaskState::TaskKilling).await;
    agent.kill("t", Some(Duration::from_millis(300)));
    agent.kill("t", Some(Duration::from_secs(600)));
    // Without a second TASK_KILLING.
    agent.update(TaskState::TaskKilled).await;
    assert!(asked.elapsed() >= Duration::from_millis(300));
    agent
        .end()
        .await
        .expect("the executor ends without an error");
}

#[tokio::test]
async fn task_killing_is_only_sent_to_frameworks_with_the_capability() {
    let mut agent = Agent::start_with(flags(), "5secs", false).await;
    agent.launch(&shell("sleep 1000"));
    agent.running().await;
    agent.kill("t", None);
    agent.update(TaskState::TaskKilled).await;
    agent
        .end()
        .await
        .expect("the executor ends without an error");
}

#[tokio::test]
async fn a_task_that_exceeds_its_time_fails_without_a_grace_and_without_task_killing() {
    let mut progress = Progress::new();
    let mut agent = Agent::start().await;
    let mut task = progress.shell(STUBBORN);
    task.max_completion_time = Some(Duration::from_millis(500).into());
    agent.launch(&task);
    progress.line().await;
    agent.running().await;
    let status = agent.update(TaskState::TaskFailed).await;
    assert_eq!(
        status.task_reason(),
        Some(Ok(Reason::MaxCompletionTimeReached))
    );
    assert_eq!(message(&status), "Command terminated with signal Killed");
    agent
        .end()
        .await
        .expect("the executor ends without an error");
}

#[tokio::test]
async fn a_second_task_fails_and_the_first_continues() {
    let mut agent = Agent::start().await;
    agent.launch(&shell("sleep 1000"));
    agent.running().await;
    let mut second = shell("true");
    second.task_id = "second".into();
    agent.launch(&second);
    let status = agent.update(TaskState::TaskFailed).await;
    assert_eq!(id(&status).value, "second");
    assert_eq!(
        message(&status),
        "Attempted to run multiple tasks using a \"command\" executor"
    );
    agent.kill("second", None);
    agent.kill("t", None);
    agent.update(TaskState::TaskKilling).await;
    let status = agent.update(TaskState::TaskKilled).await;
    assert_eq!(id(&status).value, "t");
    agent
        .end()
        .await
        .expect("the executor ends without an error");
}

#[tokio::test]
async fn a_task_group_is_refused_and_ends_the_executor() {
    let mut agent = Agent::start().await;
    agent.send(group(&[shell("true")]));
    let status = agent.update(TaskState::TaskFailed).await;
    assert!(
        message(&status).contains("does not run task groups"),
        "{}",
        message(&status)
    );
    assert_eq!(
        agent
            .end()
            .await
            .expect("the executor ends without an error"),
        StopReason::Stopped
    );
}

#[tokio::test]
async fn a_kill_before_the_launch_is_reported_and_the_launch_does_nothing() {
    let mut agent = Agent::start().await;
    agent.kill("t", None);
    let status = agent.unacknowledged().await;
    assert_eq!(status.task_state(), Ok(TaskState::TaskKilled));
    assert_eq!(message(&status), "Killed before it was launched");
    agent.launch(&shell("true"));
    agent.kill("t", None);
    agent.acknowledge(&status);
    assert_eq!(
        agent
            .end()
            .await
            .expect("the executor ends without an error"),
        StopReason::Stopped
    );
}

#[tokio::test]
async fn a_shutdown_kills_the_task_within_the_agents_timeout() {
    let mut progress = Progress::new();
    // Two seconds are reserved for the last update.
    let mut agent = Agent::start_with(flags(), "2.3secs", true).await;
    agent.launch(&progress.shell(STUBBORN));
    agent.running().await;
    progress.line().await;
    let asked = Instant::now();
    agent.shutdown();
    agent.update(TaskState::TaskKilling).await;
    agent.update(TaskState::TaskKilled).await;
    assert!(asked.elapsed() >= Duration::from_millis(300));
    assert!(asked.elapsed() < Duration::from_millis(2300));
    assert_eq!(
        agent
            .end()
            .await
            .expect("the executor ends without an error"),
        StopReason::ShutDown
    );
}

#[tokio::test]
async fn a_shutdown_before_the_launch_ends_the_executor() {
    let agent = Agent::start().await;
    agent.shutdown();
    agent
        .end()
        .await
        .expect("the executor ends without an error");
}

#[tokio::test]
async fn without_checkpointing_the_task_ends_with_its_agent() {
    let mut progress = Progress::new();
    let mut agent = Agent::start_with(flags(), "2secs", true).await;
    agent.launch(&progress.shell("echo $$; exec sleep 1000"));
    let pid = progress.pid().await;
    agent.running().await;
    agent.vanish();
    agent.end().await.expect_err("the agent is gone");
    common::wait_until("the process has ended", || !common::runs(pid));
    assert!(
        !fs::exists(format!("/proc/{pid}")).expect("/proc"),
        "it was waited for"
    );
}
