//! The worker pool: one program that is both the scheduler and the executor.

use crate::program::{cluster, outcome};

#[tokio::test]
async fn the_worker_pool_runs_all_its_tasks_in_one_executor_and_loses_no_update() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let master = cluster.master_url();
    for more in [
        &["--tasks", "300"][..],
        &["--tasks", "20", "--workers", "4", "--work", "exit 0"],
    ] {
        let arguments = [&["--master", &master], more].concat();
        let end = outcome("worker_pool_executor", &arguments).await;
        assert_eq!(end.code, Some(0), "{end:?}");
        let (tasks, updates) = match more[1] {
            "300" => (300, 600),
            _ => (20, 40),
        };
        let expected = format!("{tasks} of {tasks} tasks finished, {updates} updates and ");
        assert!(end.stdout.starts_with(&expected), "{end:?}");
        assert!(
            end.stdout.contains("memory of the executor: peak "),
            "{end:?}"
        );
    }
}

#[tokio::test]
async fn a_failed_task_is_reported_with_its_exit_status() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let master = cluster.master_url();
    let arguments = ["--master", &master, "--tasks", "1", "--work", "exit 3"];
    let end = outcome("worker_pool_executor", &arguments).await;
    assert!(end.stdout.starts_with("0 of 1 tasks finished"), "{end:?}");
    let words = "task-0: [TaskRunning, TaskFailed] Command exited with status 3";
    assert!(end.stderr.contains(words), "{end:?}");
}
