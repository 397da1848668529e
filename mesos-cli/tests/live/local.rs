//! `mesos local`.

use serde_json::Value;

use crate::processes::{assert_ended, descendants};
use crate::program::{User, cluster, outcome};

#[tokio::test]
async fn a_detached_cluster_is_found_used_and_stopped_completely() {
    // Only checks whether a local Mesos is available.
    let Some(probe) = cluster().await else {
        return;
    };
    probe.stop().await.unwrap();
    let user = User::new();
    let up = ["local", "up", "--detach", "--port", "0", "--agents", "2"];
    let end = user.outcome(&up).await;
    assert_eq!(end.code, Some(0), "{end:?}");
    assert!(end.stdout.contains("Mesos is up at http://127.0.0.1:"));

    let status = user.outcome(&["local", "status", "-o", "json"]).await;
    assert_eq!(status.code, Some(0), "{status:?}");
    let status: Value = serde_json::from_str(&status.stdout).unwrap();
    let master = status["master"].as_str().unwrap();
    assert!(end.stdout.contains(master), "{end:?}");
    assert_eq!(status["version"], mesos_local::DEFAULT_VERSION);
    assert_eq!(status["active_agents"], 2);
    assert_eq!(status["agents"].as_array().unwrap().len(), 2);

    let again = user.outcome(&up).await;
    assert_eq!(again.code, Some(1), "{again:?}");
    assert!(again.stderr.contains("already running"), "{again:?}");
    let run = user.outcome(&["run", "echo on the local cluster"]).await;
    assert_eq!(run.stdout, "on the local cluster\n", "{run:?}");
    assert!(run.stderr.contains(master), "{run:?}");
    // All commands use the cluster if no other one is configured.
    let agents = user.outcome(&["agent", "list", "-o", "name"]).await;
    assert_eq!(agents.stdout.lines().count(), 2, "{agents:?}");
    let config = user.outcome(&["config", "show"]).await;
    assert!(config.stdout.contains("mesos local"), "{config:?}");

    let pid = u32::try_from(status["pid"].as_u64().unwrap()).unwrap();
    let mut processes = descendants(pid);
    assert!(processes.len() > 2, "{processes:?}");
    processes.push(pid);
    let down = user.outcome(&["local", "down"]).await;
    assert_eq!(down.code, Some(0), "{down:?}");
    assert_eq!(down.stdout, "cluster local is stopped\n");
    assert_ended(&processes);
    let work_dir = status["work_dir"].as_str().unwrap();
    assert!(!std::path::Path::new(work_dir).exists(), "{work_dir}");
    let status = user.outcome(&["local", "status"]).await;
    assert_eq!(status.code, Some(3), "{status:?}");
    let down = user.outcome(&["local", "down"]).await;
    assert_eq!(down.stdout, "cluster local is not running\n");
}

#[tokio::test]
async fn an_interrupt_stops_a_cluster_in_the_foreground() {
    let Some(probe) = cluster().await else {
        return;
    };
    probe.stop().await.unwrap();
    let user = User::new();
    let mut up = user.start(&["local", "up", "--port", "0"]);
    let stdout = up.child.stdout.take().unwrap();
    let mut lines = tokio::io::AsyncBufReadExt::lines(tokio::io::BufReader::new(stdout));
    let first = lines.next_line().await.unwrap().unwrap();
    assert!(first.starts_with("Mesos is up at http"), "{first}");
    let processes = descendants(up.child.id().unwrap());
    assert!(processes.len() > 1, "{processes:?}");
    up.interrupt();
    assert_eq!(up.exit_code().await, Some(0));
    assert_ended(&processes);
}

#[tokio::test]
async fn a_detached_cluster_that_does_not_start_says_why() {
    let used = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = used.local_addr().unwrap().port().to_string();
    let user = User::new();
    let end = user.outcome(&["local", "up", "-d", "--port", &port]).await;
    assert_eq!(end.code, Some(2), "{end:?}");
    assert!(end.stderr.contains(&port), "{end:?}");
    let status = user.outcome(&["local", "status"]).await;
    assert_eq!(status.code, Some(3), "{status:?}");
}

#[tokio::test]
async fn a_cluster_with_tls_and_a_credential_is_used_with_the_credential_only() {
    let Some(probe) = cluster().await else {
        return;
    };
    probe.stop().await.unwrap();
    let user = User::new();
    let up = [
        "local",
        "up",
        "-d",
        "--port",
        "0",
        "--tls",
        "--credential",
        "me:s3cret",
    ];
    let end = user.outcome(&up).await;
    assert_eq!(end.code, Some(0), "{end:?}");
    assert!(
        end.stdout.contains("Mesos is up at https://127.0.0.1:"),
        "{end:?}"
    );
    assert!(end.stdout.contains("MESOS_CA_FILE=/"), "{end:?}");
    assert!(!end.stdout.contains("s3cret"), "{end:?}");

    // The certificate is that of the cluster, without any setting.
    let status = user.outcome(&["local", "status", "-o", "json"]).await;
    assert_eq!(status.code, Some(0), "{status:?}");
    let status: Value = serde_json::from_str(&status.stdout).unwrap();
    let authority = status["authority"].as_str().unwrap();
    assert!(std::path::Path::new(authority).exists(), "{authority}");
    let run = ["run", "echo encrypted"];
    let end = user.outcome(&run).await;
    assert_eq!(end.code, Some(125), "{end:?}");
    assert!(end.stderr.contains("set MESOS_PRINCIPAL"), "{end:?}");
    let mut command = user.command(&run);
    command
        .env("MESOS_PRINCIPAL", "me")
        .env("MESOS_SECRET", "s3cret");
    let end = outcome(command).await;
    assert_eq!(
        (end.code, &*end.stdout),
        (Some(0), "encrypted\n"),
        "{end:?}"
    );

    let down = user.outcome(&["local", "down"]).await;
    assert_eq!(down.stdout, "cluster local is stopped\n");
    assert!(!std::path::Path::new(authority).exists(), "{authority}");
}
