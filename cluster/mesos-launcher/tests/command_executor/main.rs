//! The command executor, with real processes and an agent that the test plays.
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

/// A named pipe, by which a task says how far it is.
struct Voice {
    directory: TempDir,
    lines: Lines<BufReader<Receiver>>,
}

impl Voice {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("voice");
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).expect("a named pipe");
        // Open for writing too, so that it does not end with its first writer.
        let receiver = pipe::OpenOptions::new()
            .read_write(true)
            .open_receiver(&path);
        let lines = BufReader::new(receiver.expect("a pipe")).lines();
        Self { directory, lines }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("voice")
    }

    /// A task whose stdout is the pipe.
    fn shell(&self, script: &str) -> TaskInfo {
        shell(&format!("exec >{}; {script}", self.path().display()))
    }

    async fn line(&mut self) -> String {
        let line = tokio::time::timeout(common::PATIENCE, self.lines.next_line()).await;
        line.expect("a line in time")
            .expect("a pipe")
            .expect("a line")
    }

    async fn pid(&mut self) -> i32 {
        self.line().await.parse().expect("a pid")
    }
}

#[tokio::test]
async fn a_command_that_ends_well_is_finished_and_the_executor_leaves_when_the_agent_knows() {
    let mut agent = Agent::start().await;
    agent.launch(&shell("exit 0"));
    agent.running().await;
    let status = agent.unacknowledged().await;
    assert_eq!(status.task_state(), Ok(TaskState::TaskFinished));
    assert_eq!(message(&status), "Command exited with status 0");
    assert_eq!(status.reason, None);
    // sleep: that something does not happen has no signal.
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(!agent.has_ended(), "it must wait for the acknowledgement");
    agent.acknowledge(&status);
    assert_eq!(
        agent.end().await.expect("an end in order"),
        StopReason::Stopped
    );
}

#[tokio::test]
async fn a_command_that_ends_badly_has_failed_in_mesos_words() {
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
        assert_eq!(status.reason, None, "Mesos gives none");
        agent.end().await.expect("an end in order");
    }
}

#[tokio::test]
async fn a_command_that_cannot_be_run_has_failed_with_the_reason_and_was_never_running() {
    let user = Flags {
        user: Some("no-such-user".into()),
        ..flags()
    };
    let rootfs = Flags {
        rootfs: Some("/".into()),
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
        (user, shell("true"), "there is no user `no-such-user`"),
        (rootfs, shell("true"), "the field `rootfs`"),
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
            "it needs a type: COMMAND, HTTP or TCP",
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
        agent.end().await.expect("an end in order");
    }
}

#[tokio::test]
async fn a_command_has_the_executors_environment_and_its_own_over_it() {
    let mut voice = Voice::new();
    let mut agent = Agent::start().await;
    let script = format!(
        r#"echo "$CARGO_PKG_NAME $HOME" >{}"#,
        voice.path().display()
    );
    agent.launch(&task(
        CommandInfo::sh(script).with_env("HOME", "/of/the/task"),
    ));
    assert_eq!(voice.line().await, "mesos-launcher /of/the/task");
    agent.running().await;
    agent.update(TaskState::TaskFinished).await;
    agent.end().await.expect("an end in order");
}

#[tokio::test]
async fn a_kill_ends_the_command_with_all_that_it_started() {
    let mut voice = Voice::new();
    let mut agent = Agent::start().await;
    // A child, a child in a session of its own, an orphan, and the command itself.
    let script = "sleep 1000 & echo $!; setsid sleep 1001 & echo $!; \
                  sh -c 'sleep 1002 & echo $!'; echo $$; wait";
    agent.launch(&voice.shell(script));
    let mut pids = Vec::new();
    for _ in 0..4 {
        pids.push(voice.pid().await);
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
    agent.end().await.expect("an end in order");
}

#[tokio::test]
async fn what_a_command_leaves_behind_is_killed_with_its_end() {
    let mut voice = Voice::new();
    let mut agent = Agent::start().await;
    agent.launch(&voice.shell("trap '' TERM; sleep 1000 & echo $!"));
    let pid = voice.pid().await;
    agent.running().await;
    agent.update(TaskState::TaskFinished).await;
    common::wait_until("the process has ended", || !common::runs(pid));
    agent.end().await.expect("an end in order");
}

/// Ignores SIGTERM, and says when it does so.
const STUBBORN: &str = "trap '' TERM; echo ready; while :; do sleep 0.01; done";

#[tokio::test]
async fn a_command_that_ignores_sigterm_gets_sigkill_after_the_grace_of_its_kill_policy() {
    for (policy_of_task, policy_of_kill) in [(300, None), (60_000, Some(300))] {
        let mut voice = Voice::new();
        let mut agent = Agent::start().await;
        let mut task = voice.shell(STUBBORN);
        task.kill_policy = TaskInfo::builder("t")
            .kill_grace(Duration::from_millis(policy_of_task))
            .build()
            .kill_policy;
        agent.launch(&task);
        agent.running().await;
        voice.line().await;
        let asked = Instant::now();
        agent.kill("t", policy_of_kill.map(Duration::from_millis));
        agent.update(TaskState::TaskKilling).await;
        let status = agent.update(TaskState::TaskKilled).await;
        assert_eq!(message(&status), "Command terminated with signal Killed");
        assert!(asked.elapsed() >= Duration::from_millis(300));
        agent.end().await.expect("an end in order");
    }
}

#[tokio::test]
async fn a_later_kill_can_shorten_the_grace_and_never_lengthen_it() {
    let mut voice = Voice::new();
    let mut agent = Agent::start().await;
    agent.launch(&voice.shell(STUBBORN));
    agent.running().await;
    voice.line().await;
    let asked = Instant::now();
    agent.kill("t", Some(Duration::from_secs(600)));
    agent.update(TaskState::TaskKilling).await;
    agent.kill("t", Some(Duration::from_millis(300)));
    agent.kill("t", Some(Duration::from_secs(600)));
    // No second TASK_KILLING comes between.
    agent.update(TaskState::TaskKilled).await;
    assert!(asked.elapsed() >= Duration::from_millis(300));
    agent.end().await.expect("an end in order");
}

#[tokio::test]
async fn task_killing_is_only_for_frameworks_that_know_it() {
    let mut agent = Agent::start_with(flags(), "5secs", false).await;
    agent.launch(&shell("sleep 1000"));
    agent.running().await;
    agent.kill("t", None);
    agent.update(TaskState::TaskKilled).await;
    agent.end().await.expect("an end in order");
}

#[tokio::test]
async fn a_task_that_takes_too_long_is_failed_without_grace_or_task_killing() {
    let mut voice = Voice::new();
    let mut agent = Agent::start().await;
    let mut task = voice.shell(STUBBORN);
    task.max_completion_time = Some(Duration::from_millis(500).into());
    agent.launch(&task);
    voice.line().await;
    agent.running().await;
    let status = agent.update(TaskState::TaskFailed).await;
    assert_eq!(
        status.task_reason(),
        Some(Ok(Reason::MaxCompletionTimeReached))
    );
    assert_eq!(message(&status), "Command terminated with signal Killed");
    agent.end().await.expect("an end in order");
}

#[tokio::test]
async fn a_second_task_fails_and_the_first_goes_on() {
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
    agent.end().await.expect("an end in order");
}

#[tokio::test]
async fn a_task_group_is_refused_and_ends_the_executor() {
    let mut agent = Agent::start().await;
    agent.send(group(&[shell("true")]));
    let status = agent.update(TaskState::TaskFailed).await;
    assert!(
        message(&status).contains("no task groups"),
        "{}",
        message(&status)
    );
    assert_eq!(
        agent.end().await.expect("an end in order"),
        StopReason::Stopped
    );
}

#[tokio::test]
async fn a_kill_before_the_launch_is_answered_and_the_launch_does_nothing() {
    let mut agent = Agent::start().await;
    agent.kill("t", None);
    let status = agent.unacknowledged().await;
    assert_eq!(status.task_state(), Ok(TaskState::TaskKilled));
    assert_eq!(message(&status), "Killed before it was launched");
    agent.launch(&shell("true"));
    agent.kill("t", None);
    agent.acknowledge(&status);
    assert_eq!(
        agent.end().await.expect("an end in order"),
        StopReason::Stopped
    );
}

#[tokio::test]
async fn a_shutdown_kills_the_task_within_the_agents_patience() {
    let mut voice = Voice::new();
    // Two seconds are kept for the way of the last update.
    let mut agent = Agent::start_with(flags(), "2.3secs", true).await;
    agent.launch(&voice.shell(STUBBORN));
    agent.running().await;
    voice.line().await;
    let asked = Instant::now();
    agent.shutdown();
    agent.update(TaskState::TaskKilling).await;
    agent.update(TaskState::TaskKilled).await;
    assert!(asked.elapsed() >= Duration::from_millis(300));
    assert!(asked.elapsed() < Duration::from_millis(2300));
    assert_eq!(
        agent.end().await.expect("an end in order"),
        StopReason::ShutDown
    );
}

#[tokio::test]
async fn a_shutdown_before_the_launch_just_ends_the_executor() {
    let agent = Agent::start().await;
    agent.shutdown();
    agent.end().await.expect("an end in order");
}

#[tokio::test]
async fn without_checkpointing_the_task_ends_with_its_agent() {
    let mut voice = Voice::new();
    let mut agent = Agent::start_with(flags(), "2secs", true).await;
    agent.launch(&voice.shell("echo $$; exec sleep 1000"));
    let pid = voice.pid().await;
    agent.running().await;
    agent.vanish();
    agent.end().await.expect_err("the agent is gone");
    common::wait_until("the process has ended", || !common::runs(pid));
    assert!(
        !fs::exists(format!("/proc/{pid}")).expect("/proc"),
        "it was waited for"
    );
}
