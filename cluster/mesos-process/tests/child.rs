//! Supervises real processes.
#![cfg(target_os = "linux")]

use std::process::Stdio;
use std::time::{Duration, Instant};

use mesos_process::{Child, Output};
use mesos_proto::v1::{TaskState, TaskStatus};
use tokio::process::{ChildStdout, Command};

/// Longer than anything here takes on a slow machine.
const TIMEOUT: Duration = Duration::from_secs(30);

fn shell(script: &str) -> (Child, Output<ChildStdout>) {
    let mut command = Command::new("sh");
    command.args(["-c", script]).stdout(Stdio::piped());
    let mut child = Child::spawn(command).expect("a shell");
    let output = Output::new(child.take_stdout().expect("a pipe"));
    (child, output)
}

async fn line(output: &mut Output<ChildStdout>) -> String {
    let line = tokio::time::timeout(TIMEOUT, output.line()).await;
    let line = line.expect("a line in time").expect("a pipe");
    String::from_utf8(line.expect("a line").into()).expect("UTF-8")
}

async fn end(child: &mut Child) -> TaskStatus {
    let ended = tokio::time::timeout(TIMEOUT, child.wait()).await;
    ended.expect("an end in time").task_status("t")
}

fn message(status: &TaskStatus) -> &str {
    status.message.as_deref().unwrap_or_default()
}

/// Whether a process of this id runs. A process that waits to be reaped does not.
fn runs(pid: &str) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat[stat.rfind(')').expect("a name") + 1..].starts_with(" Z"))
}

/// Waits for the end of a killed process.
fn wait_gone(pid: &str) {
    let start = Instant::now();
    while runs(pid) {
        assert!(start.elapsed() < TIMEOUT, "{pid} still runs");
        // sleep: the end of another's child is not announced; bounded above.
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[tokio::test]
async fn all_descendants_end_with_the_process_in_other_sessions_too() {
    let (mut child, mut output) = shell(
        "sleep 1000 & echo $!; setsid sleep 1000 & echo $!; \
         (setsid sh -c 'sleep 1000 & echo $!; wait') & wait",
    );
    let mut pids = Vec::new();
    for _ in 0..3 {
        pids.push(line(&mut output).await);
    }
    child.kill(Duration::from_secs(20));
    let status = end(&mut child).await;
    assert_eq!(status.task_state(), Ok(TaskState::TaskKilled));
    assert_eq!(
        message(&status),
        "Command terminated with signal Terminated"
    );
    pids.iter().for_each(|pid| wait_gone(pid));
}

#[tokio::test]
async fn a_process_that_ignores_sigterm_is_killed_after_the_shortest_grace() {
    let (mut child, mut output) = shell("trap '' TERM; echo ready; while :; do sleep 1; done");
    line(&mut output).await;
    child.kill(Duration::from_secs(1000));
    let early = tokio::time::timeout(Duration::from_millis(100), child.wait()).await;
    assert!(early.is_err(), "the grace is not over");
    child.kill(Duration::from_secs(2000));
    child.kill(Duration::from_millis(1));
    let status = end(&mut child).await;
    assert_eq!(message(&status), "Command terminated with signal Killed");
}

#[tokio::test]
async fn a_grace_of_zero_sends_sigterm_before_sigkill() {
    // A process has no time to handle SIGTERM, but usually it is faster than the second search.
    for expire in [false, true] {
        let mut messages = Vec::new();
        while !messages.contains(&"Command exited with status 3".to_owned()) {
            assert!(messages.len() < 100, "{messages:?}");
            let (mut child, mut output) =
                shell("trap 'exit 3' TERM; echo ready; while :; do sleep 0.1; done");
            line(&mut output).await;
            match expire {
                true => child.expire(),
                false => child.kill(Duration::ZERO),
            }
            messages.push(message(&end(&mut child).await).to_owned());
        }
    }
}

#[tokio::test]
async fn the_longest_grace_never_ends() {
    let (mut child, mut output) = shell("trap '' TERM; echo ready; while :; do sleep 1; done");
    line(&mut output).await;
    child.kill(Duration::MAX);
    let early = tokio::time::timeout(Duration::from_millis(100), child.wait()).await;
    assert!(early.is_err(), "the grace is not over");
    child.kill(Duration::from_millis(1));
    let status = end(&mut child).await;
    assert_eq!(message(&status), "Command terminated with signal Killed");
}

/// The stack of each thread of [`without_threads`]. Far more than the test allocates.
const STACK: u64 = 256 << 20;

#[test]
fn a_system_that_refuses_threads_does_not_stop_a_kill() {
    let output = std::process::Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", "without_threads", "--ignored", "--nocapture"])
        .env("RUST_MIN_STACK", STACK.to_string())
        .output()
        .expect("a process");
    assert!(output.status.success(), "{output:?}");
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(printed.contains("test result: ok. 1 passed"), "{printed}");
}

#[test]
#[ignore = "limits its whole process; another test starts it"]
fn without_threads() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};

    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let (mut child, mut output) = shell("setsid sleep 1000 & echo $!; wait");
        let sleep = line(&mut output).await;
        // No room for a stack in the address space, because other limits do not apply to root.
        let pages = std::fs::read_to_string("/proc/self/statm").expect("/proc");
        let pages: u64 = pages
            .split(' ')
            .next()
            .map(str::parse)
            .expect("a size")
            .expect("pages");
        let (_, hard) = getrlimit(Resource::RLIMIT_AS).expect("a limit");
        setrlimit(Resource::RLIMIT_AS, pages * 4096 + STACK / 2, hard).expect("a lower limit");
        let refused = std::thread::Builder::new().spawn(|| {});
        refused.expect_err("there is no room for the stack of a thread");

        child.kill(Duration::from_secs(20));
        let status = end(&mut child).await;
        assert_eq!(status.task_state(), Ok(TaskState::TaskKilled));
        wait_gone(&sleep);
    });
}

#[tokio::test]
async fn a_daemon_survives_as_documented() {
    // Forks twice: its parent ends at once, and it has its own session.
    let (mut child, mut output) =
        shell("(setsid sh -c 'echo $$; exec sleep 1000' &) ; exec sleep 1000");
    let daemon = line(&mut output).await;
    // Until the daemon's parent has ended, it is a descendant.
    let is_orphan = || {
        let stat = std::fs::read_to_string(format!("/proc/{daemon}/stat")).expect("it runs");
        let parent = stat[stat.rfind(')').expect("a name") + 4..]
            .split(' ')
            .next();
        parent != Some(&child.pid().to_string())
    };
    let began = Instant::now();
    while !is_orphan() {
        assert!(began.elapsed() < TIMEOUT, "it has a parent");
        tokio::task::yield_now().await;
    }
    child.kill(Duration::from_secs(1000));
    end(&mut child).await;
    assert!(
        runs(&daemon),
        "the documentation says that a daemon survives"
    );
    let daemon = nix::unistd::Pid::from_raw(daemon.parse().expect("an id"));
    nix::sys::signal::kill(daemon, nix::sys::signal::Signal::SIGKILL).expect("a signal");
}

#[tokio::test]
async fn a_stopped_process_receives_the_signal() {
    let (mut child, mut output) = shell("echo ready; exec sleep 1000");
    line(&mut output).await;
    let pid = nix::unistd::Pid::from_raw(child.pid());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGSTOP).expect("a signal");
    child.kill(Duration::from_secs(1000));
    let status = end(&mut child).await;
    assert_eq!(
        message(&status),
        "Command terminated with signal Terminated"
    );
}

#[tokio::test]
async fn a_process_that_writes_faster_than_it_is_read_blocks_and_loses_nothing() {
    let (mut child, mut output) = shell("seq 200000; echo done >&2");
    let early = tokio::time::timeout(Duration::from_millis(200), child.wait()).await;
    assert!(early.is_err(), "the output does not fit into a pipe");
    let mut expected = 0;
    while let Some(line) = output.line().await.expect("a pipe") {
        expected += 1;
        assert_eq!(line, expected.to_string());
    }
    assert_eq!(expected, 200_000);
    let status = end(&mut child).await;
    assert_eq!(status.task_state(), Ok(TaskState::TaskFinished));
}

#[tokio::test]
async fn output_can_be_read_after_the_end() {
    let (mut child, mut output) = shell("echo last words; kill -KILL $$");
    let status = end(&mut child).await;
    assert_eq!(message(&status), "Command terminated with signal Killed");
    assert_eq!(status.task_state(), Ok(TaskState::TaskFailed));
    assert_eq!(line(&mut output).await, "last words");
    assert_eq!(output.line().await.expect("a pipe"), None);
}

#[tokio::test]
async fn a_dropped_child_keeps_running_unless_kill_on_drop_is_set() {
    for kill in [false, true] {
        let (child, mut output) = shell("sleep 1000 & echo $!; wait");
        let sleep = line(&mut output).await;
        let pid = child.pid();
        match kill {
            true => drop(child.kill_on_drop()),
            false => drop(child),
        }
        if !kill {
            assert!(runs(&sleep), "the process was not to be killed");
            let group = nix::unistd::Pid::from_raw(pid);
            nix::sys::signal::killpg(group, nix::sys::signal::Signal::SIGKILL).expect("a signal");
        }
        wait_gone(&sleep);
    }
}

#[tokio::test]
async fn a_missing_program_is_an_error() {
    let error = Child::spawn(Command::new("/no/such/program")).expect_err("the program is missing");
    assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
}
