//! Jobs that share a custom executor.

use std::sync::Arc;
use std::time::Duration;

use mesos::Framework;
use mesos::framework::store::MemoryState;
use mesos::framework::{ExecutorSpec, JobSpec, Runner, TaskSpec};
use mesos::http::HttpBackend;
use mesos_testing::{Agent, Behavior, FakeMaster};

fn job(name: &str) -> JobSpec {
    let executor = ExecutorSpec::new("shared", "./executor");
    let executor = executor.resources("cpus:0.5;mem:32".parse().unwrap());
    let task = TaskSpec::new(name).executor(executor);
    JobSpec::new(task.resources("cpus:0.4".parse().unwrap()))
}

/// The agent does not have enough for two executors.
#[tokio::test]
async fn an_executor_that_runs_is_used_by_later_jobs_also_after_a_restart() {
    let agent = Agent::new("a").having("cpus:1;mem:64");
    let master = FakeMaster::builder().agent(agent);
    let master = master.tasks(|_| Behavior::finishes());
    let master = master.start().await.unwrap();
    let state = Arc::new(MemoryState::new());
    for names in [["first", "second"], ["third", "fourth"]] {
        let framework = Framework::with_failover_timeout("shared", Duration::from_secs(3600));
        let backend = HttpBackend::new(master.url().parse().unwrap());
        let runner = Runner::builder(framework).state(Arc::clone(&state));
        let runner = runner.start(backend).await.unwrap();
        for name in names {
            let outcome = tokio::time::timeout(Duration::from_secs(60), async {
                runner.run(job(name)).await.unwrap()
            });
            let outcome = outcome
                .await
                .unwrap_or_else(|_| panic!("{name} was not launched"));
            assert!(outcome.is_success(), "{outcome:?}");
        }
        runner.detach().await.unwrap();
    }
}
