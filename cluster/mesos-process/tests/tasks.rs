//! Tasks that are real processes.
#![cfg(target_os = "linux")]

use std::time::Duration;

use mesos_process::{Child, TaskSet};
use mesos_proto::v1::task_status::Reason;
use mesos_proto::v1::{TaskInfo, TaskState, TaskStatus};
use tokio::process::Command;

/// Longer than anything here takes on a slow machine.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Runs the script as the process of a task of `tasks`, to its end.
async fn run(tasks: &TaskSet, task: &TaskInfo, script: &str) -> TaskStatus {
    let mut running = tasks.insert(task).expect("a new id");
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    let mut child = Child::spawn(command).expect("a shell");
    let ended = tokio::time::timeout(TIMEOUT, running.supervise(&mut child)).await;
    ended
        .expect("an end in time")
        .task_status(running.id().clone())
}

fn task(id: &str) -> TaskInfo {
    TaskInfo {
        task_id: id.into(),
        ..TaskInfo::default()
    }
}

#[tokio::test]
async fn a_kill_ends_the_process_of_one_task_and_a_shutdown_those_of_all() {
    let tasks = TaskSet::new();
    let (a, b, c) = (task("a"), task("b"), task("c"));
    let killing = async {
        while tasks.len() < 3 {
            tokio::task::yield_now().await;
        }
        assert!(tasks.kill(&a.task_id, None));
        while tasks.len() == 3 {
            tokio::task::yield_now().await;
        }
        assert_eq!(tasks.shutdown(Duration::ZERO), 2);
    };
    let script = "exec sleep 1000";
    let (first, second, third, ()) = tokio::join!(
        run(&tasks, &a, script),
        run(&tasks, &b, script),
        run(&tasks, &c, script),
        killing,
    );
    for status in [first, second, third] {
        assert_eq!(status.task_state(), Ok(TaskState::TaskKilled), "{status:?}");
    }
    assert!(tasks.is_empty());
}

#[tokio::test]
async fn a_task_that_has_run_for_its_max_completion_time_fails() {
    let tasks = TaskSet::new();
    let task = TaskInfo {
        max_completion_time: Some(Duration::from_millis(50).into()),
        ..task("t")
    };
    let status = run(&tasks, &task, "exec sleep 1000").await;
    assert_eq!(status.task_state(), Ok(TaskState::TaskFailed));
    let reason = Some(Reason::MaxCompletionTimeReached.into());
    assert_eq!(status.reason, reason, "{status:?}");
}

#[tokio::test]
async fn a_task_that_ends_by_itself_leaves_the_set() {
    let tasks = TaskSet::new();
    let status = run(&tasks, &task("t"), "true").await;
    assert_eq!(status.task_state(), Ok(TaskState::TaskFinished));
    tasks.wait_until_empty().await;
}
