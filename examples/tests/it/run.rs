//! The first command of README.md.

use crate::program::{Running, cluster, outcome, within};

#[tokio::test]
async fn a_command_runs_on_a_mesos_that_the_program_starts_and_stops() {
    // Only checks whether a local Mesos is available. The program starts its own.
    let Some(cluster) = cluster().await else {
        return;
    };
    cluster.stop().await.unwrap();
    let end = outcome("run", &["echo hello from Mesos"]).await;
    assert_eq!(end.code, Some(0), "{end:?}");
    assert_eq!(end.stdout, "hello from Mesos\n");
    for state in ["TASK_STARTING", "TASK_RUNNING", "TASK_FINISHED"] {
        assert!(
            end.stderr.contains(state),
            "{state} is not in: {}",
            end.stderr
        );
    }
}

#[tokio::test]
async fn the_program_exits_with_the_code_of_the_command() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let url = cluster.master_url();
    for (command, code) in [("true", 0), ("exit 3", 3), ("kill -9 $$", 137)] {
        let end = outcome("run", &["--master", &url, command]).await;
        assert_eq!(end.code, Some(code), "{command}: {end:?}");
    }
}

#[tokio::test]
async fn over_libmesos_the_program_does_the_same() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let url = cluster.master_url();
    for (command, code) in [("echo hello from Mesos", 0), ("exit 3", 3)] {
        let end = outcome("run", &["--backend", "native", "--master", &url, command]).await;
        assert_eq!(end.code, Some(code), "{command}: {end:?}");
        let output = if code == 0 { "hello from Mesos\n" } else { "" };
        assert_eq!(end.stdout, output);
        assert!(end.stderr.contains("TASK_RUNNING"), "{end:?}");
    }
}

#[tokio::test]
async fn a_command_that_does_not_exist_is_named_and_gives_127() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let url = cluster.master_url();
    // The shell reports a single word. The executor reports a program with arguments.
    for command in [
        &["no-such-command-here"][..],
        &["no-such-command-here", "x"],
    ] {
        let mut args = vec!["--master", &url];
        args.extend(command);
        let end = outcome("run", &args).await;
        assert_eq!(end.code, Some(127), "{end:?}");
        assert!(end.stderr.contains("no-such-command-here"), "{end:?}");
    }
}

#[tokio::test]
async fn output_is_shown_whole_on_the_stream_it_was_written_to() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let url = cluster.master_url();
    let command = "seq 100000; echo to stderr >&2";
    let end = outcome("run", &["--master", &url, command]).await;
    assert_eq!(end.code, Some(0), "{}", end.stderr);
    let expected: String = (1..=100_000).map(|n| format!("{n}\n")).collect();
    assert!(
        end.stdout == expected,
        "{} bytes received",
        end.stdout.len()
    );
    assert!(
        end.stderr.lines().any(|line| line == "to stderr"),
        "{}",
        end.stderr
    );
}

#[tokio::test]
async fn output_is_shown_while_the_task_runs() {
    use tokio::io::{AsyncBufReadExt, BufReader};
    let Some(cluster) = cluster().await else {
        return;
    };
    let url = cluster.master_url();
    let mut run = Running::start("run", &["--master", &url, "echo early; sleep 1000"]);
    let stdout = run.child.stdout.take().unwrap();
    let line = within(
        "a line of output",
        BufReader::new(stdout).lines().next_line(),
    )
    .await;
    assert_eq!(line.unwrap().as_deref(), Some("early"));
    run.interrupt();
    assert_eq!(run.exit_code().await, Some(130));
}

#[tokio::test]
async fn an_interrupt_kills_the_task_and_leaves_no_process() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let url = cluster.master_url();
    // A number that is on no other command line.
    let mark = format!("{}", 1_000_000 + std::process::id());
    let command = format!("sleep {mark} & sleep {mark}; wait");
    let mut run = Running::start("run", &["--master", &url, &command]);
    run.prints("TASK_RUNNING").await;
    assert!(processes(&mark) > 0, "the task is not running");
    run.interrupt();
    run.prints("TASK_KILLED").await;
    assert_eq!(run.exit_code().await, Some(130));
    assert_eq!(
        processes(&mark),
        0,
        "a process of the task is still running"
    );
}

#[tokio::test]
async fn an_interrupt_stops_the_local_mesos_too() {
    let Some(cluster) = cluster().await else {
        return;
    };
    cluster.stop().await.unwrap();
    let mark = format!("{}", 2_000_000 + std::process::id());
    let mut run = Running::start("run", &[&format!("sleep {mark}")]);
    run.prints("Mesos is running at").await;
    run.prints("TASK_RUNNING").await;
    let pid = run.child.id().unwrap();
    let started = descendants(pid);
    assert!(
        started.len() > 2,
        "supervisor, cluster, executor: {started:?}"
    );
    run.interrupt();
    assert_eq!(run.exit_code().await, Some(130));
    assert_eq!(processes(&mark), 0, "the task is still running");
    for pid in started {
        let left = std::fs::read_to_string(format!("/proc/{pid}/cmdline"));
        assert!(left.is_err(), "process {pid} is still running: {left:?}");
    }
}

/// The number of processes with `text` in their arguments, without the example itself.
fn processes(text: &str) -> usize {
    let commands = pids().filter_map(|pid| {
        let exe = std::fs::read_link(format!("/proc/{pid}/exe")).ok()?;
        let line = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).ok()?;
        (!exe.ends_with("run")).then_some(line)
    });
    commands.filter(|line| line.contains(text)).count()
}

fn pids() -> impl Iterator<Item = u32> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// All descendants of `root`.
fn descendants(root: u32) -> Vec<u32> {
    let mut found = vec![root];
    let mut at = 0;
    while at < found.len() {
        let parent = found[at];
        found.extend(pids().filter(|pid| parent_of(*pid) == Some(parent)));
        at += 1;
    }
    found.remove(0);
    found
}

fn parent_of(pid: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // pid (name) state ppid …; a name may hold anything but ends at the last ')'.
    let rest = stat.rsplit_once(')')?.1;
    rest.split_whitespace().nth(1)?.parse().ok()
}
