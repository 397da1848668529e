//! The examples with a runner, and a runner that is killed with SIGKILL again and again.
//!
//! `MESOS_FAILOVER_KILLS` (default 6) is the number of kills. `MESOS_FAILOVER_SEED` repeats a run
//! as far as a real Mesos allows.

use std::fs;
use std::process::Stdio;
use std::time::Duration;

use mesos::http::OperatorClient;
use mesos_local::LocalCluster;
use mesos_local::testing::{can_have_images, require_real, write_image};

use crate::failover::{number, tasks};
use crate::program::{cluster, example, outcome, within};

#[tokio::test]
async fn a_batch_that_is_killed_again_and_again_runs_each_command_once() {
    let kills = number("MESOS_FAILOVER_KILLS").unwrap_or(6);
    // More than can end before the last kill: at most 50 run at a time.
    let items = 40 * kills as usize;
    let builder = LocalCluster::builder()
        .env("MESOS_ALLOCATION_INTERVAL", "50ms")
        .env("MESOS_MAX_COMPLETED_TASKS_PER_FRAMEWORK", items.to_string());
    let Some(cluster) = require_real(builder.start().await) else {
        return;
    };
    let seed = number("MESOS_FAILOVER_SEED").unwrap_or_else(|| fastrand::u64(..));
    println!("MESOS_FAILOVER_SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let directory = tempfile::tempdir().unwrap();
    let marker = directory.path().join("marker");
    let command = format!("echo $ITEM >> {}; sleep 2", marker.display());
    let state = directory.path().join("state").display().to_string();
    let count = items.to_string();
    let master = cluster.master_url();
    let arguments = [&master, &state, &count, &command].map(String::as_str);
    let ran = || fs::read_to_string(&marker).map_or(0, |text| text.lines().count());

    let mut seen = Vec::new();
    for _ in 0..kills {
        let mut batch = example("batch", &arguments);
        batch.stdout(Stdio::null()).stderr(Stdio::inherit());
        let mut batch = batch.spawn().unwrap();
        // sleep: the kill shall come at any moment
        tokio::time::sleep(Duration::from_millis(random.u64(0..2500))).await;
        batch.start_kill().unwrap();
        let end = within("the end of the process", batch.wait())
            .await
            .unwrap();
        assert!(!end.success(), "the batch ended before it was killed");
        seen.push(ran());
    }
    let last = outcome("batch", &arguments).await;
    assert_eq!(last.code, Some(0), "{last:?}");
    // The last run reports all jobs, also those that ended before.
    let finished = last
        .stdout
        .lines()
        .filter(|line| line.contains("TASK_FINISHED"));
    assert_eq!(finished.count(), items, "{last:?}");

    let text = fs::read_to_string(&marker).unwrap();
    let mut effects: Vec<usize> = text.lines().map(|line| line.parse().unwrap()).collect();
    effects.sort_unstable();
    assert_eq!(effects, (0..items).collect::<Vec<_>>(), "lost or run twice");
    let master = OperatorClient::new(master.parse().unwrap());
    assert!(tasks(&master).await.tasks.is_empty());
    println!("{kills} kills, {items} jobs; jobs started before each kill: {seen:?}");
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn the_batch_tries_a_command_three_times() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let directory = tempfile::tempdir().unwrap();
    let marker = directory.path().join("marker");
    // Item 1 always fails.
    let command = format!("echo $ITEM >> {}; test $ITEM != 1", marker.display());
    let state = directory.path().join("state").display().to_string();
    let arguments = [&cluster.master_url(), &state, "3", &command];
    let batch = outcome("batch", &arguments).await;
    assert_eq!(batch.code, Some(0), "{batch:?}");
    assert!(batch.stdout.contains("item-1 TASK_FAILED"), "{batch:?}");
    let text = fs::read_to_string(&marker).unwrap();
    let of = |item| text.lines().filter(|line| *line == item).count();
    assert_eq!((of("0"), of("1"), of("2")), (1, 3, 1));
}

#[tokio::test]
async fn the_dag_runs_in_its_order() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().display().to_string();
    let dag = outcome("dag", &[&cluster.master_url(), &path]).await;
    assert_eq!(dag.code, Some(0), "{dag:?}");
    assert_eq!(dag.stdout.matches("TASK_FINISHED").count(), 5, "{dag:?}");
    let program = fs::read_to_string(directory.path().join("program")).unwrap();
    assert_eq!(program, "tools\nsources\n");
    assert!(directory.path().join("report").exists());
}

#[tokio::test]
async fn the_containers_of_a_pod_share_a_folder_and_an_image_that_cannot_be_had_fails_them() {
    let builder = LocalCluster::builder()
        .agents(1)
        .env("MESOS_ISOLATION", "posix/cpu,posix/mem,volume/sandbox_path");
    let Some(cluster) = require_real(builder.start().await) else {
        return;
    };
    let master = cluster.master_url();
    let end = outcome("containers", &[&master]).await;
    assert_eq!(end.code, Some(0), "{end:?}");
    assert!(end.stdout.starts_with("TASK_FINISHED"), "{end:?}");
    // This agent has no images.
    let end = outcome("containers", &[&master, "alpine"]).await;
    assert_eq!(end.code, Some(0), "{end:?}");
    assert!(end.stdout.starts_with("TASK_FAILED"), "{end:?}");
}

#[tokio::test]
async fn the_containers_of_a_pod_share_a_folder_on_the_filesystem_of_an_image() {
    if !can_have_images() {
        return;
    }
    let images = tempfile::tempdir().unwrap();
    let programs = ["/bin/sh", "/bin/cat", "/bin/date", "/bin/sleep"];
    write_image(images.path(), ("tools", "1"), &programs, &[]).unwrap();
    let builder = LocalCluster::builder().images(images.path().display().to_string());
    let Some(cluster) = require_real(builder.start().await) else {
        return;
    };
    let end = outcome("containers", &[&cluster.master_url(), "tools:1"]).await;
    assert_eq!(end.code, Some(0), "{end:?}");
    assert!(end.stdout.starts_with("TASK_FINISHED"), "{end:?}");
}
