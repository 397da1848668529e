//! How a command task ends when its executor is killed, and when its time is over.

use std::time::{Duration, Instant};

use mesos_proto::v1::task_status::Reason;
use mesos_proto::v1::{CommandInfo, TaskInfo, TaskState};

use super::{Mesos, common};

#[tokio::test]
async fn the_processes_of_a_task_end_when_its_executor_is_killed() {
    let Some(mut mesos) = Mesos::start().await else {
        return;
    };
    // A job of the shell, and one in its own session.
    let script = "echo $$; sleep 1000 & echo $!; setsid sleep 1000 & echo $!; echo end; wait";
    mesos.launch("t", CommandInfo::sh(script));
    mesos.running().await;
    let mut text = String::new();
    let began = Instant::now();
    while !text.ends_with("end\n") {
        assert!(began.elapsed() < common::TIMEOUT, "{text}");
        text = mesos.file("t", "stdout").await;
    }
    let pids: Vec<i32> = text.lines().filter_map(|line| line.parse().ok()).collect();
    let [shell, _, _] = pids[..] else {
        panic!("{text}")
    };
    let parent = nix::unistd::Pid::from_raw(parent_of(shell));
    nix::sys::signal::kill(parent, nix::sys::signal::Signal::SIGKILL).expect("a signal");
    let status = mesos.update(TaskState::TaskFailed).await;
    assert!(status.message.is_some(), "{status:?}");
    for pid in pids {
        let began = Instant::now();
        while common::runs(pid) {
            assert!(began.elapsed() < common::TIMEOUT, "{pid} still runs");
            // sleep: the end of another's child is not announced; bounded above.
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    mesos.cluster.stop().await.expect("a clean stop");
}

fn parent_of(pid: i32) -> i32 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("it runs");
    let rest = &stat[stat.rfind(')').expect("a name") + 2..];
    let parent = rest.split(' ').nth(1).expect("a parent");
    parent.parse().expect("an id")
}

#[tokio::test]
async fn a_task_whose_time_is_over_can_handle_sigterm_before_sigkill() {
    let Some(mut mesos) = Mesos::start().await else {
        return;
    };
    // The shell has no guaranteed time for its handler, but usually it is faster than SIGKILL.
    let mut messages = Vec::new();
    while !messages.contains(&"Command exited with status 0".to_owned()) {
        assert!(messages.len() < 20, "{messages:?}");
        let id = format!("t{}", messages.len());
        let command = CommandInfo::sh("trap 'exit 0' TERM; while :; do sleep 0.1; done");
        let mut task = TaskInfo::builder(&*id)
            .id(&*id)
            .command(command)
            .cpus(0.1)
            .mem(32.0)
            .build();
        task.max_completion_time = Some(Duration::from_secs(1).into());
        mesos.launch_task(task);
        mesos.running().await;
        let status = mesos.update(TaskState::TaskFailed).await;
        let reason = status.task_reason();
        assert_eq!(reason, Some(Ok(Reason::MaxCompletionTimeReached)));
        messages.push(status.message.expect("a message"));
    }
    mesos.cluster.stop().await.expect("a clean stop");
}
