//! The example with a service, which is killed with SIGKILL again and again.
//!
//! `MESOS_FAILOVER_KILLS` (default 6) is the number of kills. `MESOS_FAILOVER_SEED` repeats a run
//! as far as a real Mesos allows.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use mesos::http::OperatorClient;
use mesos_local::{LocalCluster, testing::require_real};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Child;

use crate::failover::{number, tasks};
use crate::program::{example, within};

/// Starts the example, and waits until all instances are ready.
async fn ready(arguments: &[&str; 4]) -> Child {
    let mut service = example("service", arguments);
    service.stderr(Stdio::inherit());
    let mut service = service.spawn().unwrap();
    let output = BufReader::new(service.stdout.take().unwrap());
    let line = within("the instances", async {
        output.lines().next_line().await.unwrap()
    })
    .await;
    assert_eq!(line, Some(format!("{} ready", arguments[2])));
    service
}

/// The processes that the instances wrote down, at least this number.
async fn processes(marker: &Path, count: usize) -> Vec<i32> {
    let read = || fs::read_to_string(marker).unwrap_or_default();
    until("the processes", async || read().lines().count() >= count).await;
    read().lines().map(|line| line.parse().unwrap()).collect()
}

/// Repeats a question until the answer is yes.
async fn until(what: &str, mut check: impl AsyncFnMut() -> bool) {
    within(what, async {
        while !check().await {
            // sleep: files, and acknowledgements in the master, have no events
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_service_survives_kills_of_its_scheduler_and_of_its_instances() {
    let kills = number("MESOS_FAILOVER_KILLS").unwrap_or(6);
    let builder = LocalCluster::builder().env("MESOS_ALLOCATION_INTERVAL", "50ms");
    let Some(cluster) = require_real(builder.start().await) else {
        return;
    };
    let seed = number("MESOS_FAILOVER_SEED").unwrap_or_else(|| fastrand::u64(..));
    println!("MESOS_FAILOVER_SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let directory = tempfile::tempdir().unwrap();
    let marker = directory.path().join("marker");
    let command = format!("echo $$ >> {}; exec sleep 1000", marker.display());
    let state = directory.path().join("state").display().to_string();
    let url = cluster.master_url();
    let master = OperatorClient::new(url.parse().unwrap());

    for _ in 0..kills {
        let mut service = example("service", &[&url, &state, "3", &command]);
        service.stdout(Stdio::null()).stderr(Stdio::inherit());
        let mut service = service.spawn().unwrap();
        // sleep: the kill shall come at any moment
        tokio::time::sleep(Duration::from_millis(random.u64(0..1500))).await;
        service.start_kill().unwrap();
        within("the end", service.wait()).await.unwrap();
        assert!(tasks(&master).await.tasks.len() <= 3);
    }
    let mut service = ready(&[&url, &state, "3", &command]).await;
    let first = processes(&marker, 3).await;
    assert_eq!(first.len(), 3, "an instance was started twice");
    assert_eq!(tasks(&master).await.tasks.len(), 3);

    // An instance that ends is started again. The others are not touched.
    kill(Pid::from_raw(first[1]), Signal::SIGKILL).unwrap();
    processes(&marker, 4).await;
    service.start_kill().unwrap();
    within("the end", service.wait()).await.unwrap();

    // Another number of instances changes nothing about those that stay.
    let mut service = ready(&[&url, &state, "5", &command]).await;
    assert_eq!(processes(&marker, 6).await.len(), 6);
    service.start_kill().unwrap();
    within("the end", service.wait()).await.unwrap();
    let mut service = ready(&[&url, &state, "2", &command]).await;
    let all = processes(&marker, 6).await;
    assert_eq!(all.len(), 6);
    // The master knows the others until their ends are acknowledged.
    until("two tasks", async || tasks(&master).await.tasks.len() == 2).await;

    // Ctrl-C removes the service.
    let process = i32::try_from(service.id().unwrap()).unwrap();
    kill(Pid::from_raw(process), Signal::SIGINT).unwrap();
    let end = within("the end", service.wait()).await.unwrap();
    assert!(end.success(), "{end:?}");
    assert!(tasks(&master).await.tasks.is_empty());
    println!(
        "{kills} kills of the scheduler; {} instances started",
        all.len()
    );
    cluster.stop().await.unwrap();
}
