//! A real Mesos cluster: start, restart, pause, and every kind of end.

mod common;

use std::io::BufReader;
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::Duration;

use common::{active_agents, get, get_within, line_after, processes_with, wait_until};
use mesos_local::testing::require_real;
use mesos_local::{Builder, ErrorKind, LocalCluster};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Starts a cluster, unless this machine cannot have one.
async fn started(builder: Builder) -> Option<LocalCluster> {
    require_real(builder.start().await)
}

#[tokio::test]
async fn a_started_cluster_has_its_master_and_all_its_agents() {
    let builder = LocalCluster::builder().agents(2);
    let Some(cluster) = started(builder.ready_timeout(Duration::MAX)).await else {
        return;
    };
    assert_eq!(
        cluster.master_url(),
        format!("http://127.0.0.1:{}/master", cluster.port())
    );
    let (status, _) = get(cluster.port(), "/master/health").expect("an answer");
    assert!(status.ends_with("200 OK"), "{status}");
    assert_eq!(active_agents(cluster.port()), 2);
    for number in 1..=2 {
        let url = cluster.agent_url(number);
        let path = url
            .strip_prefix(&format!("http://127.0.0.1:{}", cluster.port()))
            .expect("a path");
        let (status, _) = get(cluster.port(), &format!("{path}/health")).expect("an answer");
        assert!(status.ends_with("200 OK"), "{url}: {status}");
    }
    let (_, version) = get(cluster.port(), "/version").expect("an answer");
    assert!(version.contains("\"1.11.0\""), "{version}");
    let work_dir = cluster.work_dir().to_owned();
    cluster.stop().await.expect("a stop");
    assert!(!work_dir.exists());
}

#[tokio::test]
async fn a_dropped_cluster_ends_at_once() {
    let Some(cluster) = started(LocalCluster::builder()).await else {
        return;
    };
    let (port, work_dir) = (cluster.port(), cluster.work_dir().to_owned());
    let name = work_dir.to_str().expect("UTF-8");
    assert!(!processes_with(name).is_empty());
    drop(cluster);
    assert_eq!(processes_with(name), Vec::<i32>::new());
    assert!(!work_dir.exists());
    TcpListener::bind(("127.0.0.1", port)).expect("the port is free again");
}

#[tokio::test]
async fn a_killed_cluster_restarts_on_its_port() {
    let Some(cluster) = started(LocalCluster::builder().agents(2)).await else {
        return;
    };
    let port = cluster.port();
    cluster.kill().await.expect("a kill");
    get(port, "/master/health").expect_err("no master listens");
    cluster.restart().await.expect("a restart");
    assert_eq!(cluster.port(), port);
    assert_eq!(active_agents(port), 2);
    // Without a kill before.
    cluster.restart().await.expect("another restart");
    assert_eq!(active_agents(port), 2);
}

#[tokio::test]
async fn a_restart_waits_for_a_process_that_still_has_the_listening_socket() {
    let Some(cluster) = started(LocalCluster::builder()).await else {
        return;
    };
    cluster.kill().await.expect("a kill");
    let socket = TcpListener::bind(("127.0.0.1", cluster.port())).expect("the cluster is down");
    let holder = std::thread::spawn(move || {
        // sleep: the other process has the socket for this time.
        std::thread::sleep(Duration::from_millis(500));
        drop(socket);
    });
    cluster.restart().await.expect("a restart");
    holder.join().expect("the other process");
    assert_eq!(active_agents(cluster.port()), 1);
}

#[tokio::test]
async fn each_agent_offers_its_own_ports_and_keeps_them_over_a_restart() {
    let Some(cluster) = started(LocalCluster::builder().agents(3)).await else {
        return;
    };
    let ports = || {
        let (_, body) = get(cluster.port(), "/master/slaves").expect("an answer");
        let state: serde_json::Value = serde_json::from_str(&body).expect("JSON");
        let agents = state["slaves"].as_array().expect("agents");
        let mut ports: Vec<_> = agents
            .iter()
            .map(|agent| {
                assert_eq!(agent["resources"]["cpus"], 4.0);
                let pid = agent["pid"].as_str().expect("a pid");
                let (name, _) = pid.split_once('@').expect("a name and an address");
                let ports = agent["resources"]["ports"].as_str().expect("ports");
                format!("{name} {ports}")
            })
            .collect();
        ports.sort();
        ports
    };
    let expected = [
        "slave(1) [31000-31332]",
        "slave(2) [31333-31666]",
        "slave(3) [31667-32000]",
    ];
    assert_eq!(ports(), expected);
    cluster.restart().await.expect("a restart");
    assert_eq!(ports(), expected);
}

#[tokio::test]
async fn a_paused_cluster_responds_after_it_is_resumed() {
    let Some(cluster) = started(LocalCluster::builder()).await else {
        return;
    };
    cluster.pause().await.expect("a pause");
    get_within(cluster.port(), "/master/health", Duration::from_millis(300))
        .expect_err("no response during the pause");
    cluster.resume().await.expect("a resume");
    let (status, _) = get(cluster.port(), "/master/health").expect("an answer");
    assert!(status.ends_with("200 OK"), "{status}");
}

#[tokio::test]
async fn the_error_about_a_port_in_use_names_the_port() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("its address").port();
    let error = LocalCluster::builder()
        .port(port)
        .start()
        .await
        .expect_err("it is taken");
    assert_eq!(error.kind(), ErrorKind::PortInUse);
    assert!(
        error
            .to_string()
            .contains(&format!("port {port} of 127.0.0.1")),
        "{error}"
    );
    assert!(error.to_string().contains("another port"), "{error}");
}

#[tokio::test]
async fn invalid_settings_are_refused() {
    let error = LocalCluster::builder()
        .agents(101)
        .start()
        .await
        .expect_err("too many");
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(
        error.to_string().contains("up to 100 agents, not 101"),
        "{error}"
    );
    let error = LocalCluster::builder()
        .version("2.0")
        .start()
        .await
        .expect_err("no such version");
    assert_eq!(error.kind(), ErrorKind::UnknownVersion);
    let error = LocalCluster::builder()
        .env("A=B", "")
        .start()
        .await
        .expect_err("no such name");
    assert_eq!(error.kind(), ErrorKind::Config);
}

#[tokio::test]
async fn a_flag_that_mesos_refuses_is_quoted_from_its_log() {
    // First, whether this machine can have a cluster.
    let Some(_) = started(LocalCluster::builder().agents(0)).await else {
        return;
    };
    let work_dir = tempfile::tempdir().expect("a directory");
    let builder = LocalCluster::builder().work_dir(work_dir.path());
    let error = builder
        .env("MESOS_ALLOCATION_INTERVAL", "soon")
        .start()
        .await
        .expect_err("no duration");
    assert_eq!(error.kind(), ErrorKind::Start);
    for part in ["Failed to load flag 'allocation_interval'", "cluster.log"] {
        assert!(
            error.to_string().contains(part),
            "{part:?} is missing in: {error}"
        );
    }
}

#[tokio::test]
async fn an_unexpected_end_is_reported() {
    let Some(cluster) = started(LocalCluster::builder()).await else {
        return;
    };
    let work_dir = cluster.work_dir().to_str().expect("UTF-8").to_owned();
    for pid in processes_with(&format!("{work_dir}/mesos")) {
        kill(Pid::from_raw(pid), Signal::SIGKILL).expect("it runs");
    }
    let error = cluster.exited().await;
    assert_eq!(error.kind(), ErrorKind::Exited);
    assert!(error.to_string().contains("SIGKILL"), "{error}");
    drop(cluster);
    // Kept for its log, so the test removes it.
    std::fs::remove_dir_all(work_dir).expect("a directory");
}

#[tokio::test]
#[ignore = "the next test runs and kills it as a program"]
async fn helper_that_has_a_cluster_until_it_is_killed() {
    let Some(cluster) = started(LocalCluster::builder()).await else {
        return;
    };
    println!("\nwork dir {}", cluster.work_dir().display());
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn the_cluster_of_a_program_that_is_killed_ends_with_it() {
    // First, whether this machine can have a cluster.
    let Some(_) = started(LocalCluster::builder().agents(0)).await else {
        return;
    };
    let mut program = Command::new(std::env::current_exe().expect("this test"))
        .args([
            "--ignored",
            "--nocapture",
            "--exact",
            "helper_that_has_a_cluster_until_it_is_killed",
        ])
        .stdout(Stdio::piped())
        .spawn()
        .expect("a program");
    let mut stdout = BufReader::new(program.stdout.take().expect("a pipe"));
    let work_dir = line_after(&mut stdout, "work dir ");
    assert!(!processes_with(&work_dir).is_empty());
    program.kill().expect("SIGKILL");
    program.wait().expect("its end");
    wait_until("no process of the cluster is left", || {
        processes_with(&work_dir).is_empty()
    });
    wait_until("the files of the cluster are removed", || {
        !std::path::Path::new(&work_dir).exists()
    });
}
