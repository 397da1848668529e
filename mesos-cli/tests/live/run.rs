//! `mesos run`: what it launches and shows. `run_ends` tests how it ends.

use mesos_local::LocalCluster;
use mesos_local::testing::require_real;
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::program::{User, cluster, outcome, within};

/// The first command of README.md.
#[tokio::test]
async fn a_command_runs_on_a_mesos_that_the_program_starts_and_stops() {
    // Only checks whether a local Mesos is available. The program starts its own.
    let Some(cluster) = cluster().await else {
        return;
    };
    cluster.stop().await.unwrap();
    let end = User::new().outcome(&["run", "echo hello from Mesos"]).await;
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
async fn the_exit_code_is_that_of_the_command() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let url = cluster.master_url();
    let user = User::new();
    for (command, code) in [
        (&["true"][..], 0),
        (&["exit 3"], 3),
        (&["kill -9 $$"], 137),
        // The shell reports a single word. The executor reports a program with arguments.
        (&["no-such-command-here"], 127),
        (&["no-such-command-here", "x"], 127),
    ] {
        let end = user
            .outcome(&[&["run", "--master", &url], command].concat())
            .await;
        assert_eq!(end.code, Some(code), "{command:?}: {end:?}");
        if code == 127 {
            assert!(end.stderr.contains("no-such-command-here"), "{end:?}");
        }
    }
}

#[tokio::test]
async fn output_is_shown_whole_on_the_stream_it_was_written_to() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let url = cluster.master_url();
    let command = r"seq 100000; printf '\033[1mbold\033[0m\n'; echo to stderr >&2";
    let end = User::new()
        .outcome(&["run", "--master", &url, command])
        .await;
    assert_eq!(end.code, Some(0), "{}", end.stderr);
    let mut expected: String = (1..=100_000).map(|n| format!("{n}\n")).collect();
    expected.push_str("\x1b[1mbold\x1b[0m\n");
    assert!(
        end.stdout == expected,
        "{} bytes received",
        end.stdout.len()
    );
    let lines = end.stderr.lines().filter(|line| *line == "to stderr");
    assert_eq!(lines.count(), 1, "{}", end.stderr);
}

#[tokio::test]
async fn the_task_is_found_with_its_files_after_the_end_of_the_command() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let url = cluster.master_url();
    let user = User::new();
    let run = ["--name", "greeter", "echo hello; echo more > notes"];
    let ended = user
        .outcome(&[&["run", "--master", &url], &run[..]].concat())
        .await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let task = async |args: &[&str]| {
        let args = [&["task"], args, &["--master", &url]].concat();
        let end = user.outcome(&args).await;
        assert_eq!(end.code, Some(0), "{args:?}: {end:?}");
        end.stdout
    };
    let list = task(&["list", "--all", "-o", "name"]).await;
    // Another framework found out that the cluster is ready. It had no task.
    let id = list.trim();
    assert!(id.starts_with("greeter"), "{list}");
    assert_eq!(task(&["list"]).await.lines().count(), 1);
    assert!(task(&["list", "-a"]).await.contains("finished"));
    for wanted in [id, "greeter"] {
        assert_eq!(task(&["logs", wanted]).await, "hello\n");
    }
    assert!(task(&["ls", "greeter"]).await.contains("notes"));
    assert_eq!(task(&["cat", "greeter", "notes"]).await, "more\n");
    assert!(
        task(&["inspect", "greeter"])
            .await
            .contains("TASK_FINISHED")
    );
    let copies = user.home().join("copies");
    task(&["cp", "greeter:notes", copies.to_str().unwrap()]).await;
    assert_eq!(
        std::fs::read_to_string(copies.join("notes")).unwrap(),
        "more\n"
    );
}

#[tokio::test]
async fn output_is_shown_while_the_task_runs() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let url = cluster.master_url();
    let mut run = User::new().start(&["run", "--master", &url, "echo early; sleep 1000"]);
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
async fn each_instance_has_a_prefix_and_the_first_failure_is_the_exit_code() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let url = cluster.master_url();
    // Which instance runs in a sandbox is only in its path.
    let command = "echo $PWD; case $PWD in *run-2.*) exit 7;; esac";
    let end = User::new()
        .outcome(&["run", "--master", &url, "-n", "3", command])
        .await;
    assert_eq!(end.code, Some(7), "{end:?}");
    let mut lines: Vec<_> = end.stdout.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines.len(), 3, "{end:?}");
    for (number, line) in (1..).zip(lines) {
        assert!(line.starts_with(&format!("[{number}] /")), "{line}");
        assert!(line.contains(&format!("/run-{number}.")), "{line}");
    }
}

#[tokio::test]
async fn the_command_has_its_variables_files_and_resources() {
    let cluster = LocalCluster::builder().resources("cpus:2;mem:256;disk:64");
    let Some(cluster) = require_real(cluster.start().await) else {
        return;
    };
    let url = cluster.master_url();
    let user = User::new();
    let file = user.home().join("data.txt");
    std::fs::write(&file, "from the file\n").unwrap();
    let file = file.to_str().unwrap();
    let mut command = user.command(&[
        "run",
        "--master",
        &url,
        "--cpus",
        "2",
        "--disk",
        "64",
        "-e",
        "A=1 2",
        "-e",
        "PASSED",
        "--uri",
        file,
        "--",
        "sh",
        "-c",
        "echo $A $PASSED $0; cat data.txt",
        "zero",
    ]);
    command.env("PASSED", "on");
    let end = outcome(command).await;
    assert_eq!(end.code, Some(0), "{end:?}");
    // The messages of the fetcher are in the other file.
    assert_eq!(end.stdout, "1 2 on zero\nfrom the file\n", "{end:?}");
    assert!(end.stderr.contains("mesos-fetcher: fetched"), "{end:?}");
}

#[tokio::test]
async fn a_task_waits_for_resources_and_says_which_are_missing() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let url = cluster.master_url();
    let user = User::new();
    let args = [
        "run",
        "--master",
        &url,
        "--cpus",
        "64",
        "--time-limit",
        "2s",
    ];
    let end = user.outcome(&[&args[..], &["true"]].concat()).await;
    assert_eq!(end.code, Some(124), "{end:?}");
    assert!(end.stderr.contains("waiting for a larger offer"), "{end:?}");
    assert!(end.stderr.contains("cpus"), "{end:?}");
}

#[tokio::test]
async fn a_role_gives_the_command_the_resources_that_are_reserved_for_the_role() {
    // Nothing is left for other roles.
    let cluster = LocalCluster::builder().resources("cpus(dev):1;mem(dev):64;disk(dev):64");
    let Some(cluster) = require_real(cluster.start().await) else {
        return;
    };
    let url = cluster.master_url();
    let user = User::new();
    let run = ["run", "--master", &url, "--time-limit", "10s"];
    let args = [&run[..], &["--role", "dev", "--mem", "64", "echo reserved"]].concat();
    let end = user.outcome(&args).await;
    assert_eq!(end.code, Some(0), "{end:?}");
    assert_eq!(end.stdout, "reserved\n");
    let run = ["run", "--master", &url, "--time-limit", "2s"];
    let end = user.outcome(&[&run[..], &["true"]].concat()).await;
    assert_eq!(end.code, Some(124), "{end:?}");
}

#[tokio::test]
async fn an_image_that_the_agent_does_not_support_is_the_reason_of_the_failure() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let url = cluster.master_url();
    let args = ["run", "--master", &url, "--image", "alpine", "true"];
    let end = User::new().outcome(&args).await;
    assert_eq!(end.code, Some(1), "{end:?}");
    let reason =
        "TASK_FAILED: Failed to launch container: Unsupported container image type: DOCKER";
    assert!(end.stderr.contains(reason), "{end:?}");
}

#[tokio::test]
async fn a_user_runs_the_command_and_an_unknown_user_is_the_reason_of_the_failure() {
    // A local Mesos runs all commands as its own user otherwise.
    let cluster = LocalCluster::builder().env("MESOS_SWITCH_USER", "true");
    let Some(cluster) = require_real(cluster.start().await) else {
        return;
    };
    let url = cluster.master_url();
    let user = User::new();
    let run = ["run", "--master", &url, "--user"];
    let end = user
        .outcome(&[&run[..], &["no-such-user", "true"]].concat())
        .await;
    assert_eq!(end.code, Some(1), "{end:?}");
    assert!(
        end.stderr.contains("No such user 'no-such-user'"),
        "{end:?}"
    );
    // Only root can become another user.
    if nix::unistd::geteuid().is_root() {
        let end = user
            .outcome(&[&run[..], &["nobody", "id -un"]].concat())
            .await;
        assert_eq!((end.code, &*end.stdout), (Some(0), "nobody\n"), "{end:?}");
    }
}
