//! The smallest examples.

use mesos::framework::{Command, ExecutorSpec, Runner, TaskSpec};
use mesos::http::HttpBackend;
use mesos::v1::{CommandInfo, ExecutorInfo, Resource, TaskInfo, TaskState};
use mesos::{
    Framework, HandlerResult, Offer, Scheduler, SchedulerDriver, StatusUpdate, StopReason,
};

use crate::program::{cluster, outcome, path, within};

#[tokio::test]
async fn hello_scheduler_runs_its_task_and_ends() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let end = outcome("hello_scheduler", &[&cluster.master_url()]).await;
    assert_eq!(end.code, Some(0), "{end:?}");
    assert_eq!(
        end.stdout,
        "hello: TASK_STARTING\nhello: TASK_RUNNING\nhello: TASK_FINISHED: Command exited with status 0\n"
    );
}

#[tokio::test]
async fn hello_executor_runs_the_tasks_of_a_scheduler() {
    struct Launch(Option<TaskInfo>, Vec<TaskState>);

    #[mesos::async_trait]
    impl Scheduler for Launch {
        async fn offers(&mut self, driver: &SchedulerDriver, offers: Vec<Offer>) -> HandlerResult {
            for offer in offers {
                if let Some(task) = self.0.take() {
                    driver.launch(offer, [task]).await?;
                }
            }
            Ok(())
        }

        async fn update(
            &mut self,
            driver: &SchedulerDriver,
            update: &StatusUpdate,
        ) -> HandlerResult {
            let state = update.task_state()?;
            self.1.push(state);
            if state.is_terminal() {
                assert_eq!(self.1, [TaskState::TaskFinished], "{:?}", update.message);
                driver.stop();
            }
            Ok(())
        }
    }

    let Some(cluster) = cluster().await else {
        return;
    };
    let program = path("hello_executor");
    let executor = ExecutorInfo::builder("hello")
        .command(CommandInfo::argv([program.to_str().unwrap()]))
        .resource(Resource::scalar("cpus", 0.1))
        .build();
    let task = TaskInfo::builder("hello").executor(executor);
    let task = task.cpus(0.1).mem(32.0).build();
    let master = cluster.master_url().parse().unwrap();
    let scheduler = Launch(Some(task), Vec::new());
    let run = SchedulerDriver::run(
        scheduler,
        Framework::ephemeral("hello"),
        HttpBackend::new(master),
    );
    let end = within("the framework's end", run).await;
    assert_eq!(end.unwrap(), StopReason::Stopped);
}

#[tokio::test]
async fn hello_executor_runs_the_jobs_of_a_runner() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let program = path("hello_executor");
    let executor = ExecutorSpec::new("hello", Command::argv([program.to_str().unwrap()]));
    let backend = HttpBackend::new(cluster.master_url().parse().unwrap());
    let runner = Runner::builder(Framework::ephemeral("hello"));
    let runner = runner.start(backend).await.unwrap();
    let job = |name: &str| TaskSpec::new(name).executor(executor.clone());
    let mut jobs = runner.run_all([job("a"), job("b")]);
    let mut count = 0;
    while let Some(outcome) = within("the end of a job", jobs.next()).await {
        let outcome = outcome.unwrap();
        assert!(outcome.is_success(), "{outcome:?}");
        count += 1;
    }
    assert_eq!(count, 2);
    // An executor that cannot be started fails the job.
    let missing = ExecutorSpec::new("missing", Command::argv(["/nonexistent/executor"]));
    let job = TaskSpec::new("missing").executor(missing);
    let outcome = within("the end of a job", runner.run(job).into_future()).await;
    let outcome = outcome.unwrap();
    assert_eq!(outcome.state, TaskState::TaskFailed, "{outcome:?}");
    assert!(!outcome.message.is_empty(), "{outcome:?}");
    runner.stop().await.unwrap();
}

#[test]
fn the_small_examples_stay_small() {
    for (example, source, limit) in [
        (
            "hello_scheduler",
            include_str!("../../hello_scheduler.rs"),
            40,
        ),
        (
            "hello_executor",
            include_str!("../../hello_executor.rs"),
            25,
        ),
    ] {
        let lines = source.lines().count();
        assert!(lines <= limit, "{example} has {lines} lines");
    }
}
