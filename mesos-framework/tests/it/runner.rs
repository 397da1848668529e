//! Jobs of a runner on a real Mesos.

use std::fs;
use std::path::Path;
use std::time::Duration;

use mesos::backend::{Backend, SchedulerApi};
use mesos::framework::{JobSpec, JobStatus, RetryPolicy, Runner, TaskSpec};
use mesos::http::HttpBackend;
use mesos::v1::TaskState;
use mesos::{ErrorKind, Framework};
use mesos_local::LocalCluster;

use crate::cluster::{cluster, until};

const HOUR: Duration = Duration::from_secs(3600);

fn http(cluster: &LocalCluster) -> HttpBackend {
    HttpBackend::new(cluster.master_url().parse().unwrap())
}

async fn start(backend: impl Backend<SchedulerApi> + 'static) -> Runner {
    let framework = Framework::with_failover_timeout("runner", HOUR);
    Runner::builder(framework).start(backend).await.unwrap()
}

/// Without the wait of a second before the next attempt.
fn attempts(attempts: u32) -> RetryPolicy {
    RetryPolicy::attempts(attempts).first_delay(Duration::from_millis(10))
}

fn lines(path: &Path) -> usize {
    fs::read_to_string(path).map_or(0, |text| text.lines().count())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_has_an_outcome() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let runner = start(http(&cluster)).await;
    let good = runner.run(TaskSpec::shell("good", "true")).await.unwrap();
    assert!(good.is_success());
    assert_eq!((good.exit_status, good.attempts), (Some(0), 1));
    assert!(good.agent.is_some() && good.container_id.is_some() && good.duration().is_some());

    let bad = runner.run(TaskSpec::shell("bad", "exit 3")).await.unwrap();
    assert_eq!(bad.state, TaskState::TaskFailed);
    assert_eq!((bad.exit_status, bad.attempts), (Some(3), 1));

    // The same job again is the job that has ended.
    let again = runner.run(TaskSpec::shell("bad", "exit 3")).await.unwrap();
    assert_eq!(again, bad);
    let other = runner.run(TaskSpec::shell("bad", "exit 4")).await;
    assert_eq!(other.unwrap_err().kind(), ErrorKind::Config);
    runner.forget("bad").await.unwrap();
    let other = runner.run(TaskSpec::shell("bad", "exit 4")).await.unwrap();
    assert_eq!(other.exit_status, Some(4));
    runner.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_runner_works_over_libmesos() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let library = mesos_local::load_libmesos(mesos_local::DEFAULT_VERSION);
    let library = library.await.unwrap();
    let backend = mesos::native::NativeBackend::new(library, cluster.master_url().parse().unwrap());
    let runner = start(backend.unwrap()).await;
    let directory = tempfile::tempdir().unwrap();
    let marker = directory.path().join("marker");
    let line = format!("echo >> {0}; test $(wc -l < {0}) = 2", marker.display());
    let job = JobSpec::new(TaskSpec::shell("native", line)).retry(attempts(3));
    let outcome = runner.run(job).await.unwrap();
    assert!(outcome.is_success());
    assert_eq!((outcome.attempts, lines(&marker)), (2, 2));
    runner.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_fails_is_tried_again_on_another_agent_as_often_as_allowed() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let runner = start(http(&cluster)).await;
    let directory = tempfile::tempdir().unwrap();
    let marker = directory.path().join("marker");
    // The last part of the path of a sandbox differs; the part of the agent is the same.
    let line = format!("echo $MESOS_SANDBOX >> {}; exit 1", marker.display());
    let job = JobSpec::new(TaskSpec::shell("fails", line)).retry(attempts(3));
    let outcome = runner.run(job).await.unwrap();
    assert_eq!(outcome.state, TaskState::TaskFailed);
    assert_eq!((outcome.attempts, lines(&marker)), (3, 3));
    let text = fs::read_to_string(&marker).unwrap();
    let agent = |line: &str| line.split("/slaves/").nth(1).unwrap()[..41].to_owned();
    let agents: Vec<String> = text.lines().map(agent).collect();
    // There are two agents, so only the third attempt had to use an agent again.
    assert_ne!(agents[0], agents[1], "{text}");
    runner.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_waits_for_the_end_of_the_task() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let runner = start(http(&cluster)).await;
    let mut sleep = runner
        .submit(TaskSpec::shell("sleep", "sleep 1000"))
        .await
        .unwrap();
    while !matches!(sleep.status(), JobStatus::Running(_)) {
        sleep.changed().await.unwrap();
    }
    let outcome = sleep.kill().await.unwrap();
    assert_eq!(outcome.state, TaskState::TaskKilled);
    assert_eq!(outcome.attempts, 1);
    assert_eq!(sleep.status().outcome(), Some(&outcome));

    // A job that never got an offer ends at once.
    let large = TaskSpec::shell("large", "true").cpus(1000.0);
    let large = runner.submit(large).await.unwrap();
    until("a report", || async {
        !runner.reports("large").await.unwrap().is_empty()
    })
    .await;
    let report = runner.reports("large").await.unwrap()[0].to_string();
    assert!(
        report.starts_with("large: 1 of 1 instance not placed"),
        "{report}"
    );
    assert_eq!(large.status(), JobStatus::Waiting);
    let outcome = large.kill().await.unwrap();
    assert_eq!(
        (outcome.state, outcome.attempts),
        (TaskState::TaskKilled, 0)
    );
    let missing = runner.kill("missing").await.unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::Config);
    runner.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_future_detaches_or_cancels() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let runner = start(http(&cluster)).await;
    for (name, cancel) in [("detached", false), ("canceled", true)] {
        let run = runner.run(TaskSpec::shell(name, "sleep 1000"));
        let run = match cancel {
            true => run.cancel_on_drop(),
            false => run,
        };
        let task = tokio::spawn(run.into_future());
        until("the task runs", || async {
            let job = runner.job(name).await;
            job.is_ok_and(|job| matches!(job.status(), JobStatus::Running(_)))
        })
        .await;
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
    }
    let canceled = runner.job("canceled").await.unwrap();
    assert_eq!(
        canceled.outcome().await.unwrap().state,
        TaskState::TaskKilled
    );
    let detached = runner.job("detached").await.unwrap();
    assert!(matches!(detached.status(), JobStatus::Running(_)));
    runner.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn at_most_the_allowed_number_of_jobs_runs_at_once() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let runner = start(http(&cluster)).await;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().display();
    let line = format!(
        "touch {path}/run-$N; ls {path} | grep -c run >> {path}/seen; sleep 0.3; rm {path}/run-$N"
    );
    let job = |n| TaskSpec::shell(format!("job-{n}"), line.clone()).env("N", n);
    let mut all = runner.run_all((0..12).map(job)).max_running(3);
    let mut ended = 0;
    while let Some(outcome) = all.next().await {
        assert!(outcome.unwrap().is_success());
        ended += 1;
        let progress = all.progress();
        assert!(progress.running <= 3, "{progress:?}");
        assert!(progress.finished >= ended, "{progress:?}");
    }
    assert_eq!((ended, all.progress().failed), (12, 0));
    let seen = fs::read_to_string(directory.path().join("seen")).unwrap();
    let seen: Vec<u32> = seen.lines().map(|line| line.parse().unwrap()).collect();
    assert_eq!(seen.len(), 12);
    assert_eq!(seen.iter().max(), Some(&3), "{seen:?}");
    runner.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_wait_for_the_jobs_that_they_name() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let runner = start(http(&cluster)).await;
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("log");
    let job = |name: &str| {
        let line = format!("echo {name} >> {}", log.display());
        JobSpec::new(TaskSpec::shell(name, line))
    };
    let jobs = [
        job("last").after("left").after("right"),
        job("left").after("first"),
        job("right").after("first"),
        job("first"),
        JobSpec::new(TaskSpec::shell("fails", "false")),
        job("never").after("fails"),
        job("never at all").name("never-2").after("never"),
    ];
    let mut all = runner.run_all(jobs);
    let mut ends = Vec::new();
    while let Some(outcome) = all.next().await {
        let outcome = outcome.unwrap();
        ends.push((outcome.name.clone(), outcome.state));
    }
    assert_eq!(ends.len(), 7);
    for (name, state) in &ends {
        let expected = match name.as_str() {
            "fails" => TaskState::TaskFailed,
            "never" | "never-2" => TaskState::TaskDropped,
            _ => TaskState::TaskFinished,
        };
        assert_eq!(*state, expected, "{name}");
    }
    let log = fs::read_to_string(&log).unwrap();
    let log: Vec<&str> = log.lines().collect();
    assert_eq!((log.len(), log[0], log[3]), (4, "first", "last"), "{log:?}");

    let circle = runner.run_all([job("a").after("b"), job("b").after("a")]);
    let error = circle.max_running(1).next().await.unwrap().unwrap_err();
    let text = "the jobs wait for each other: a after b after a; remove one of these dependencies";
    assert_eq!(error.to_string(), text);
    let missing = runner.run(job("c").after("d")).await.unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::Config);
    runner.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_exceeds_its_timeout_is_killed() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let runner = start(http(&cluster)).await;
    let job = JobSpec::new(TaskSpec::shell("slow", "sleep 1000"))
        .retry(attempts(3))
        .timeout(Duration::from_secs(1));
    let outcome = runner.run(job).await.unwrap();
    assert_eq!(outcome.state, TaskState::TaskFailed);
    assert_eq!(outcome.message, "the job exceeded its timeout of 1s");
    assert_eq!(outcome.attempts, 1);
    runner.stop().await.unwrap();
}
