//! A scheduler whose cluster is replaced: a new master without the old registry, and new agents.

use std::fs;
use std::process::Stdio;

use mesos_local::LocalCluster;
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::program::{cluster, example, within};

const ITEMS: usize = 3;

#[tokio::test]
async fn a_running_scheduler_launches_its_tasks_again_on_a_cluster_that_does_not_know_them() {
    replace_the_cluster(false).await;
}

#[tokio::test]
async fn a_restarted_scheduler_launches_its_tasks_again_on_a_cluster_that_does_not_know_them() {
    replace_the_cluster(true).await;
}

async fn replace_the_cluster(restart: bool) {
    let Some(first) = cluster().await else {
        return;
    };
    let (port, master) = (first.port(), first.master_url());
    let directory = tempfile::tempdir().unwrap();
    // The tasks end only on the second cluster.
    let marker = directory.path().join("second-cluster");
    let command = format!("test -e {} || sleep 1000", marker.display());
    let state = directory.path().join("state").display().to_string();
    let count = ITEMS.to_string();
    let arguments = [&*master, &*state, &*count, &*command];
    let start = || {
        let mut program = example("failover_scheduler", &arguments);
        let mut child = program.stderr(Stdio::inherit()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        (child, lines)
    };
    let (mut child, mut lines) = start();
    let mut running = 0;
    while running < ITEMS {
        let line = within("a running task", lines.next_line()).await.unwrap();
        running += usize::from(line.expect("a line").ends_with("TASK_RUNNING"));
    }
    if restart {
        within("the end of the program", child.kill())
            .await
            .unwrap();
    }
    first.kill().await.unwrap();
    first.stop().await.unwrap();
    fs::write(&marker, "").unwrap();
    let second = LocalCluster::builder().port(port).start().await.unwrap();
    if restart {
        (child, lines) = start();
    }
    let mut seen = Vec::new();
    let end = async {
        while let Some(line) = lines.next_line().await.unwrap() {
            seen.push(line);
        }
        child.wait().await.unwrap()
    };
    let end = tokio::time::timeout(std::time::Duration::from_secs(90), end).await;
    assert!(end.is_ok_and(|status| status.success()), "{seen:#?}");
    assert_eq!(seen.last().unwrap(), "all done, 0 failed", "{seen:#?}");
    second.stop().await.unwrap();
}
