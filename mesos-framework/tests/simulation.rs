//! A runner in virtual time, with faults at random times.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use mesos::Framework;
use mesos::framework::{JobSpec, RetryPolicy, Runner, ServiceSpec, TaskSpec};
use mesos::v1::{TaskInfo, TaskState};
use mesos_testing::{Agent, Behavior, Chaos, FakeMaster, Trace, seeds};

const MINUTE: Duration = Duration::from_secs(60);
const JOBS: usize = 20;
const INSTANCES: u32 = 4;

/// A job takes up to 10 minutes, and some attempts fail. Instances of the service run.
fn behavior(task: &TaskInfo) -> Behavior {
    let number = task.task_id.as_str().bytes();
    let number: u64 = number.fold(7, |sum, byte| sum * 31 % 10_007 + u64::from(byte));
    let running = Behavior::runs();
    match (task.name.starts_with("job"), number % 5) {
        (false, _) => running,
        (true, 0) => running.after(MINUTE).then(TaskState::TaskFailed),
        (true, _) => running
            .after(MINUTE * (number % 10) as u32)
            .then(TaskState::TaskFinished),
    }
}

async fn survive(seed: u64) -> Trace {
    let agents = ["a1", "a2", "a3"].map(Agent::new);
    let master = agents
        .into_iter()
        .fold(FakeMaster::builder(), |builder, agent| {
            builder.agent(agent.having("cpus:16;mem:16384;disk:16384"))
        });
    let master = master.tasks(behavior);
    let master = master.chaos(Chaos::all().lasting(30 * MINUTE));
    let master = master.simulate(seed);
    let framework = Framework::with_failover_timeout("runner", 60 * 24 * MINUTE);
    let runner = Runner::builder(framework).start(master.backend());
    let runner = runner.await.unwrap();

    let service = TaskSpec::shell("web", "serve");
    let service = ServiceSpec::new(service).instances(INSTANCES);
    let service = runner.keep(service).await.unwrap();
    let job = |number| {
        let task = TaskSpec::shell(format!("job{number}"), "work");
        JobSpec::new(task).retry(RetryPolicy::attempts(20))
    };
    let mut jobs = runner.run_all((0..JOBS).map(job));
    for _ in 0..JOBS {
        let outcome = tokio::time::timeout(24 * 60 * MINUTE, jobs.next()).await;
        let outcome = outcome.expect("each job ends within a day").unwrap();
        assert!(outcome.unwrap().is_success());
    }
    // sleep: virtual time, which takes no time.
    tokio::time::sleep(60 * MINUTE).await;
    let ready = tokio::time::timeout(60 * MINUTE, service.wait_ready()).await;
    assert_eq!(ready.expect("the service is ready").unwrap().ready(), 4);
    let id = master.frameworks().remove(0);
    assert_eq!(master.tasks(id).len(), INSTANCES as usize);
    runner.stop().await.unwrap();
    master.trace()
}

#[test]
fn a_runner_loses_no_job_and_no_instance_whatever_fails() {
    seeds(0..50, async |seed| {
        survive(seed).await;
    });
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_repeats_a_run_of_a_runner() {
    for seed in 0..5 {
        let (first, second) = (survive(seed).await, survive(seed).await);
        assert_eq!(first.difference(&second), None, "seed {seed}");
    }
}
