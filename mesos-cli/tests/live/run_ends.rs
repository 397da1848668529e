//! How `mesos run` ends, and what it leaves behind.

use std::process::Stdio;

use mesos_local::LocalCluster;
use mesos_local::testing::require_real;
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::processes::{assert_ended, descendants, ended_with_argument, with_argument};
use crate::program::{User, cluster, outcome, within};

#[tokio::test]
async fn an_interrupt_kills_all_instances_and_leaves_no_process() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let url = cluster.master_url();
    // A number that is on no other command line.
    let mark = format!("{}", 1_000_000 + std::process::id());
    let command = format!("sleep {mark} & sleep {mark}; wait");
    let mut run = User::new().start(&["run", "-n", "2", "--master", &url, &command]);
    run.prints("TASK_RUNNING").await;
    run.prints("TASK_RUNNING").await;
    assert!(with_argument(&mark) > 0, "the task is not running");
    run.interrupt();
    run.prints("TASK_KILLED").await;
    run.prints("TASK_KILLED").await;
    assert_eq!(run.exit_code().await, Some(130));
    ended_with_argument(&mark).await;
}

#[tokio::test]
async fn an_interrupt_stops_the_local_mesos_too() {
    let Some(cluster) = cluster().await else {
        return;
    };
    cluster.stop().await.unwrap();
    let mark = format!("{}", 2_000_000 + std::process::id());
    let mut run = User::new().start(&["run", &format!("sleep {mark}")]);
    run.prints("Mesos is running at").await;
    run.prints("TASK_RUNNING").await;
    let started = descendants(run.child.id().unwrap());
    assert!(
        started.len() > 2,
        "supervisor, cluster, executor: {started:?}"
    );
    run.interrupt();
    assert_eq!(run.exit_code().await, Some(130));
    assert_eq!(with_argument(&mark), 0, "the task is still running");
    assert_ended(&started);
}

#[tokio::test]
async fn the_time_limit_kills_the_task() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let url = cluster.master_url();
    let mark = format!("{}", 3_000_000 + std::process::id());
    let command = format!("echo started; sleep {mark}");
    let end = User::new()
        .outcome(&["run", "--master", &url, "--time-limit", "3s", &command])
        .await;
    assert_eq!(end.code, Some(124), "{end:?}");
    assert_eq!(end.stdout, "started\n");
    assert!(end.stderr.contains("TASK_KILLED"), "{end:?}");
    ended_with_argument(&mark).await;
}

#[tokio::test]
async fn a_reader_that_goes_away_ends_the_task() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let url = cluster.master_url();
    let mark = format!("{}", 4_000_000 + std::process::id());
    let command = format!("sleep {mark} & while sleep 0.1; do echo line; done");
    let mut run = User::new().start(&["run", "--master", &url, &command]);
    let stdout = run.child.stdout.take().unwrap();
    let mut lines = BufReader::new(stdout).lines();
    within("a line", lines.next_line()).await.unwrap();
    drop(lines);
    assert_eq!(run.exit_code().await, Some(0));
    ended_with_argument(&mark).await;
}

#[tokio::test]
async fn the_result_of_health_checks_is_shown() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let url = cluster.master_url();
    let args = ["run", "--master", &url, "--health", "false", "sleep 1000"];
    let user = User::new();
    let mut run = user.start(&args);
    run.prints("TASK_RUNNING (not healthy)").await;
    run.interrupt();
    assert_eq!(run.exit_code().await, Some(130));
    let args = ["run", "--master", &url, "--health", "true", "sleep 1000"];
    let mut run = user.start(&args);
    run.prints("TASK_RUNNING (healthy)").await;
    run.interrupt();
    assert_eq!(run.exit_code().await, Some(130));
}

#[tokio::test]
async fn a_master_that_cannot_be_reached_is_named_with_exit_code_125() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let end = User::new()
        .outcome(&["run", "--master", &address, "true"])
        .await;
    assert_eq!(end.code, Some(125), "{end:?}");
    assert!(end.stderr.contains(&address), "{end:?}");
}

#[tokio::test]
async fn credentials_are_those_of_the_configuration() {
    let cluster = LocalCluster::builder().credential("operator", "s3cret");
    let Some(cluster) = require_real(cluster.start().await) else {
        return;
    };
    let url = cluster.master_url();
    let user = User::new();
    let args = ["run", "--master", &url, "echo allowed"];
    let end = user.outcome(&args).await;
    assert_eq!(end.code, Some(125), "{end:?}");
    assert!(end.stderr.contains("set MESOS_PRINCIPAL"), "{end:?}");
    let mut command = user.command(&args);
    command
        .env("MESOS_PRINCIPAL", "operator")
        .env("MESOS_SECRET", "s3cret");
    let end = outcome(command).await;
    assert_eq!(end.code, Some(0), "{end:?}");
    assert_eq!(end.stdout, "allowed\n");
}

#[tokio::test]
async fn stderr_that_is_closed_does_not_end_the_program() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let url = cluster.master_url();
    let command = "echo to stderr >&2; echo to stdout";
    let mut program = User::new().command(&["run", "--master", &url, command]);
    let mut child = program.stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stderr.take());
    let output = within("the program's end", child.wait_with_output()).await;
    let output = output.unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(output.stdout, b"to stdout\n");
}
