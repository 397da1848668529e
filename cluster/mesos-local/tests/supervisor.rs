//! The supervisor process with shell scripts instead of the cluster process. The scripts leave behind
//! the processes that a cluster can leave behind.

mod common;

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use common::{runs, wait_until};
use mesos_local::wire::{Action, Config, Event, Failure, Request};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Starts a process that detaches itself in every possible way, then reports that it is ready.
const WITH_ORPHAN: &str = "mkfifo started
    (setsid sh -c 'trap \"echo term > got; exit\" TERM
        sh -c \"echo $$ > started; exec sleep 1000\" & while :; do wait; done' &)
    read pid < started; echo $pid > orphan; echo ready; exec sleep 1000";

struct Supervisor {
    process: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
    work_dir: tempfile::TempDir,
}

impl Supervisor {
    /// A supervisor for a cluster process that runs this script.
    fn new(script: &str) -> Self {
        Self::with(script, |_| {})
    }

    fn with(script: &str, change: impl FnOnce(&mut Config)) -> Self {
        let work_dir = tempfile::tempdir().expect("a directory");
        let mut process = Command::new(env!("CARGO_BIN_EXE_mesos-local"))
            .arg("supervise")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a supervisor");
        let mut config = Config {
            work_dir: work_dir.path().into(),
            remove_work_dir: false,
            port: 0,
            program: ["sh", "-c", script].map(String::from).into(),
            environment: [("MESOS_TEST".to_owned(), "set".to_owned())].into(),
            ready_timeout: common::TIMEOUT,
            stop_grace: Duration::ZERO,
        };
        change(&mut config);
        let mut supervisor = Self {
            stdin: process.stdin.take(),
            stdout: BufReader::new(process.stdout.take().expect("a pipe")),
            process,
            work_dir,
        };
        supervisor.send(&config);
        supervisor
    }

    fn send(&mut self, message: &impl serde::Serialize) {
        let line = serde_json::to_string(message).expect("JSON");
        writeln!(self.stdin.as_mut().expect("a pipe"), "{line}").expect("a reader");
    }

    fn event(&mut self) -> Event {
        let mut line = String::new();
        self.stdout.read_line(&mut line).expect("a line");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"))
    }

    fn request(&mut self, action: Action) -> Result<u16, Failure> {
        let id = 1 + action as u64;
        self.send(&Request { id, action });
        match self.event() {
            Event::Reply { id: of, result } if of == id => result,
            other => panic!("{other:?} is not a reply to {action:?}"),
        }
    }

    fn pid_in(&self, file: &str) -> i32 {
        let text =
            fs::read_to_string(self.work_dir.path().join(file)).expect("the script wrote it");
        text.trim().parse().expect("a pid")
    }

    /// Closes its stdin, as the end of the program does, and waits for its end.
    fn end(&mut self) {
        self.stdin = None;
        assert!(self.process.wait().expect("its end").success());
    }
}

/// The supervisor, the child of its guard.
fn guarded(supervisor: &Supervisor) -> i32 {
    let parent = format!(" {} ", supervisor.process.id());
    let found = common::processes_with("--guard").into_iter().find(|pid| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // "PID (NAME) STATE PPID …"
        stat.rfind(')')
            .is_some_and(|end| stat[end + 1..].trim_start()[1..].starts_with(&parent))
    });
    found.expect("the guard's child")
}

#[test]
fn when_the_supervisor_is_killed_even_a_detached_process_ends() {
    let mut supervisor = Supervisor::new(WITH_ORPHAN);
    supervisor.request(Action::Start).expect("a start");
    let orphan = supervisor.pid_in("orphan");
    let killed = Pid::from_raw(guarded(&supervisor));
    kill(killed, Signal::SIGKILL).expect("it runs");
    let end = supervisor.process.wait().expect("its end");
    assert_eq!(end.code(), Some(128 + 9));
    assert!(!runs(orphan));
}

#[test]
fn when_the_guard_is_killed_the_supervisor_ends_everything() {
    let mut supervisor = Supervisor::new(WITH_ORPHAN);
    supervisor.request(Action::Start).expect("a start");
    let orphan = supervisor.pid_in("orphan");
    let left = guarded(&supervisor);
    supervisor.process.kill().expect("it runs");
    wait_until("the supervisor has ended", || !runs(left));
    assert!(!runs(orphan));
}

fn refusal(result: Result<u16, Failure>) -> String {
    result.expect_err("an error").message
}

#[test]
fn when_the_program_ends_even_a_detached_process_ends_before_the_supervisor() {
    let mut supervisor = Supervisor::new(WITH_ORPHAN);
    supervisor.request(Action::Start).expect("a start");
    let orphan = supervisor.pid_in("orphan");
    assert!(runs(orphan));
    supervisor.end();
    assert!(!runs(orphan));
    assert!(
        !supervisor.work_dir.path().join("got").exists(),
        "SIGTERM was sent first"
    );
}

#[test]
fn a_stop_sends_sigterm_first() {
    let mut supervisor =
        Supervisor::with(WITH_ORPHAN, |config| config.stop_grace = common::TIMEOUT);
    supervisor.request(Action::Start).expect("a start");
    supervisor.request(Action::Stop).expect("a stop");
    assert!(!runs(supervisor.pid_in("orphan")));
    assert_eq!(
        fs::read_to_string(supervisor.work_dir.path().join("got")).expect("SIGTERM"),
        "term\n"
    );
    assert!(supervisor.process.wait().expect("its end").success());
}

#[test]
fn a_stop_kills_processes_that_ignore_sigterm() {
    let script = "mkfifo started
        (setsid sh -c 'trap \"\" TERM; echo $$ > started; while :; do sleep 1000; done' &)
        read pid < started; echo $pid > orphan; echo ready; exec sleep 1000";
    let mut supervisor = Supervisor::with(script, |config| {
        config.stop_grace = Duration::from_millis(100)
    });
    supervisor.request(Action::Start).expect("a start");
    supervisor.request(Action::Stop).expect("a stop");
    assert!(!runs(supervisor.pid_in("orphan")));
}

#[test]
fn a_kill_leaves_the_tasks_alone_and_the_cluster_can_start_again() {
    let script = "mkfifo started; echo $$ >> cluster
        (setsid sh -c 'echo $$ > started; exec sleep 1000' &)
        read pid < started; rm started; echo $pid > orphan; echo ready; exec sleep 1000";
    let mut supervisor = Supervisor::new(script);
    supervisor.request(Action::Start).expect("a start");
    let (cluster, orphan) = (supervisor.pid_in("cluster"), supervisor.pid_in("orphan"));
    supervisor.request(Action::Kill).expect("a kill");
    assert!(!runs(cluster));
    assert!(runs(orphan));
    assert_eq!(
        refusal(supervisor.request(Action::Pause)),
        "the cluster is down"
    );
    supervisor.request(Action::Start).expect("another start");
    supervisor.end();
    assert!(!runs(orphan));
}

#[test]
fn a_paused_cluster_does_not_run_until_it_is_resumed() {
    let script = "echo $$ > cluster; echo ready; while :; do sleep 1000; done";
    let mut supervisor = Supervisor::new(script);
    supervisor.request(Action::Start).expect("a start");
    let stat = format!("/proc/{}/stat", supervisor.pid_in("cluster"));
    let is_stopped = || fs::read_to_string(&stat).expect("it runs").contains(") T ");
    supervisor.request(Action::Pause).expect("a pause");
    assert!(is_stopped(), "the reply comes after the pause");
    supervisor.request(Action::Resume).expect("a resume");
    wait_until("the process continues", || !is_stopped());
    supervisor.request(Action::Pause).expect("a pause");
    supervisor.end();
}

#[test]
fn an_unexpected_end_of_the_cluster_is_reported_with_the_reason() {
    let script = "mkfifo go; echo ready; read x < go
        echo 'F1122 1:1 1 master.cpp:1] Recovery failed: it hurts' >&2; exit 3";
    let mut supervisor = Supervisor::new(script);
    supervisor.request(Action::Start).expect("a start");
    fs::write(supervisor.work_dir.path().join("go"), "\n").expect("a reader");
    let Event::Exited(message) = supervisor.event() else {
        panic!("no end")
    };
    for part in [
        "ended unexpectedly",
        "exit status: 3",
        "Recovery failed: it hurts",
        "cluster.log",
    ] {
        assert!(message.contains(part), "{part:?} is missing in: {message}");
    }
    supervisor.end();
}

#[test]
fn a_failed_start_reports_the_reason_and_the_log() {
    let reported = "echo 'failed agent 2 did not register'; sleep 1000";
    let message = refusal(Supervisor::new(reported).request(Action::Start));
    assert!(
        message.contains("did not start: agent 2 did not register"),
        "{message}"
    );

    let logged = "echo 'E1 1 local.cpp:1] EXIT with status 1: Failed to load flag' >&2; exit 1";
    let message = refusal(Supervisor::new(logged).request(Action::Start));
    for part in [
        "did not start",
        "exit status: 1",
        "Failed to load flag",
        "cluster.log",
    ] {
        assert!(message.contains(part), "{part:?} is missing in: {message}");
    }

    let missing = |config: &mut Config| config.program = vec!["/nowhere/mesos-local".into()];
    let message = refusal(Supervisor::with("", missing).request(Action::Start));
    assert!(
        message.contains("cannot start /nowhere/mesos-local"),
        "{message}"
    );
}

#[test]
fn the_cluster_gets_only_the_configured_settings_of_mesos() {
    let script = "env > environment; echo ready; sleep 1000";
    // Cargo and the caller of the test may have set MESOS_… variables. This one is set for sure.
    let mut supervisor = Supervisor::with(script, |config| {
        config.program = ["env", "MESOS_INSIDE=1", "sh", "-c", script]
            .map(String::from)
            .into();
    });
    supervisor.request(Action::Start).expect("a start");
    let text = fs::read_to_string(supervisor.work_dir.path().join("environment")).expect("written");
    let mut names: Vec<_> = text
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, _)| name)
        .filter(|name| {
            ["MESOS_", "LIBPROCESS_", "SSL_"]
                .iter()
                .any(|prefix| name.starts_with(prefix))
        })
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["LIBPROCESS_PORT", "MESOS_INSIDE", "MESOS_TEST"]);
}

#[test]
fn a_cluster_with_any_free_port_keeps_its_port() {
    let script = "echo $LIBPROCESS_PORT > port; echo ready; sleep 1000";
    let mut supervisor = Supervisor::new(script);
    let file = supervisor.work_dir.path().join("port");
    let port = supervisor.request(Action::Start).expect("a start");
    assert_ne!(port, 0);
    for _ in 0..2 {
        let written = fs::read_to_string(&file).expect("written");
        assert_eq!(written.trim(), port.to_string());
        supervisor.request(Action::Kill).expect("an end");
        assert_eq!(supervisor.request(Action::Start).expect("a start"), port);
    }
    supervisor.end();
}

#[test]
fn a_temporary_work_directory_is_removed_unless_something_failed() {
    let temporary = |config: &mut Config| config.remove_work_dir = true;
    let mut supervisor = Supervisor::with("echo ready; sleep 1000", temporary);
    supervisor.request(Action::Start).expect("a start");
    supervisor.end();
    assert!(!supervisor.work_dir.path().exists());

    let mut supervisor = Supervisor::with("echo why >&2; exit 1", temporary);
    supervisor.request(Action::Start).expect_err("a failure");
    supervisor.end();
    assert_eq!(log(supervisor.work_dir.path()), "why\n");
}

fn log(work_dir: &Path) -> String {
    fs::read_to_string(work_dir.join("cluster.log")).expect("a log")
}
