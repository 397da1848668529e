//! A default executor whose process is paused.

use std::fs;
use std::time::Duration;

use mesos_local::LocalCluster;
use mesos_proto::v1::{KillPolicy, TaskState};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{Framework, Mesos, common, lines, message, task};

const GRACE: Duration = Duration::from_secs(5);

#[tokio::test]
async fn a_pause_of_the_executor_does_not_shorten_the_grace_period_of_a_task() {
    let framework = Framework::ephemeral("groups");
    let Some(mut mesos) = Mesos::start(LocalCluster::builder(), framework).await else {
        return;
    };
    let id = format!("patient-{}", std::process::id());
    let mut patient = task(
        &id,
        "trap 'echo ending; until test -e go; do sleep 0.05; done; exit 3' TERM; \
         echo ready; while :; do sleep 0.05; done",
    );
    patient.kill_policy = Some(KillPolicy {
        grace_period: Some(GRACE.into()),
    });
    mesos.launch([patient]);
    mesos.running(1).await;
    let sandbox = mesos.sandbox(&id, &id);
    lines(&sandbox.join("stdout"), 1);
    let executor = executor(&format!("MESOS_EXECUTOR_ID=group-{id}"));

    let killed = mesos.driver.kill(id.as_str()).await;
    killed.expect("a call");
    lines(&sandbox.join("stdout"), 2);
    kill(executor, Signal::SIGSTOP).expect("a signal");
    // sleep: the length of the pause is the subject of the test.
    tokio::time::sleep(GRACE * 2).await;
    kill(executor, Signal::SIGCONT).expect("a signal");
    // sleep: an executor that counts the pause kills the task at once.
    tokio::time::sleep(Duration::from_secs(1)).await;
    fs::write(sandbox.join("go"), "").expect("a file");

    let status = mesos.ended(1).await.remove(&id).expect("its end");
    assert_eq!(message(&status), "Command exited with status 3");
    assert_eq!(status.task_state(), Ok(TaskState::TaskKilled));
    mesos.stop().await;
}

/// The default executor with this variable in its environment.
fn executor(variable: &str) -> Pid {
    let is_executor = |pid: &i32| {
        let line = fs::read_to_string(format!("/proc/{pid}/cmdline"));
        line.is_ok_and(|line| line.contains("mesos-default-executor"))
    };
    let found: Vec<_> = common::processes_with(variable)
        .into_iter()
        .filter(is_executor)
        .collect();
    let [pid] = found[..] else {
        panic!("{variable}: {found:?}")
    };
    Pid::from_raw(pid)
}
