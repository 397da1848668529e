//! A runner whose state cannot be written.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mesos::framework::store::{Change, MemoryState, StateStore};
use mesos::framework::{JobFilter, Runner, ServiceSpec, TaskSpec};
use mesos::http::HttpBackend;
use mesos::v1::{TaskState, TaskStatus};
use mesos::{BoxError, Bytes, ErrorKind, Framework};
use mesos_testing::{Agent, Behavior, FakeMaster};
use tokio::sync::RwLock;

use crate::cluster::{cluster, until, within};

#[derive(Clone, Debug, Default)]
struct Flaky {
    state: Arc<MemoryState>,
    fails: Arc<AtomicBool>,
    /// Reading waits while a test holds this.
    slow: Arc<RwLock<()>>,
}

#[mesos::async_trait]
impl StateStore for Flaky {
    async fn load(&self, prefix: &str) -> Result<Vec<(String, Bytes)>, BoxError> {
        self.state.load(prefix).await
    }

    async fn get(&self, key: &str) -> Result<Option<Bytes>, BoxError> {
        drop(self.slow.read().await);
        self.state.get(key).await
    }

    async fn commit(&self, changes: Vec<Change>) -> Result<(), BoxError> {
        match self.fails.load(Ordering::Relaxed) {
            true => Err("the disk is full".into()),
            false => self.state.commit(changes).await,
        }
    }
}

async fn start(master: &str, state: Flaky) -> Runner {
    let framework = Framework::with_failover_timeout("flaky", Duration::from_secs(3600));
    let framework = framework.subscribe_timeout(Duration::MAX);
    let backend = HttpBackend::new(master.parse().unwrap());
    let builder = Runner::builder(framework).state(state);
    builder.start(backend).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_runner_does_not_wait_forever_for_a_state_that_cannot_be_written() {
    let state = Flaky::default();
    // Nothing listens at this port.
    let runner = start("http://127.0.0.1:1", state.clone()).await;
    let job = runner.submit(TaskSpec::shell("job", "true")).await.unwrap();
    state.fails.store(true, Ordering::Relaxed);
    for end in [runner.stop().await, runner.detach().await] {
        let error = end.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Store);
        let text = "the state cannot be written: the disk is full";
        assert!(error.to_string().starts_with(text), "{error}");
    }
    state.fails.store(false, Ordering::Relaxed);
    runner.detach().await.unwrap();
    drop(job);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_launched_before_it_is_stored() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let state = Flaky::default();
    let runner = start(&cluster.master_url(), state.clone()).await;
    runner.run(TaskSpec::shell("first", "true")).await.unwrap();
    state.fails.store(true, Ordering::Relaxed);
    let directory = tempfile::tempdir().unwrap();
    let marker = directory.path().join("marker");
    let line = format!("touch {}", marker.display());
    let second = runner.run(TaskSpec::shell("second", line)).into_future();
    let second = tokio::spawn(second);
    let mut failure = runner.state_failure();
    failure.wait_for(Option::is_some).await.unwrap();
    assert!(!marker.exists() && !second.is_finished());
    state.fails.store(false, Ordering::Relaxed);
    assert!(second.await.unwrap().unwrap().is_success());
    assert!(marker.exists());
    assert_eq!(*runner.state_failure().borrow(), None);
    runner.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_that_is_slow_to_read_does_not_delay_anything_but_new_requests() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let state = Flaky::default();
    let runner = start(&cluster.master_url(), state.clone()).await;
    let directory = tempfile::tempdir().unwrap();
    let go = directory.path().join("go");
    let line = format!("until test -e {}; do sleep 0.05; done", go.display());
    let first = runner.submit(TaskSpec::shell("first", line)).await.unwrap();

    let slow = state.slow.write().await;
    let submit = |line: &'static str| {
        let runner = runner.clone();
        tokio::spawn(async move { runner.submit(TaskSpec::shell("second", line)).await })
    };
    let second = submit("true");
    let keep = {
        let service = ServiceSpec::new(TaskSpec::shell("third", "sleep 1000"));
        let runner = runner.clone();
        tokio::spawn(async move { runner.keep(service).await })
    };
    // The runner answers, and handles the end of a task.
    let list = runner.jobs(JobFilter::default());
    let list = within("a list of jobs", list).await.unwrap();
    assert_eq!(list.jobs.len(), 1);
    std::fs::write(&go, "").unwrap();
    let outcome = within("the end of the first job", first.outcome()).await;
    assert!(outcome.unwrap().is_success());
    let other = submit("false");
    assert!(!second.is_finished() && !keep.is_finished() && !other.is_finished());

    drop(slow);
    let second = second.await.unwrap().unwrap();
    assert!(second.outcome().await.unwrap().is_success());
    // The requests keep their order, so that the other one is refused.
    let error = other.await.unwrap().unwrap_err();
    assert!(
        error
            .to_string()
            .contains("exists with another specification"),
        "{error}"
    );
    keep.await.unwrap().unwrap().wait_ready().await.unwrap();
    // A job that ended while the state could not be read is known.
    let first = runner.submit(TaskSpec::shell("first", "true")).await;
    assert_eq!(first.unwrap_err().kind(), ErrorKind::Config);
    runner.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn only_an_end_is_acknowledged_after_it_is_stored() {
    let master = FakeMaster::builder()
        .agent(Agent::new("a1").having("cpus:4;mem:1024;disk:1024"))
        .tasks(|_| Behavior::stays_silent())
        .allocation_interval(Duration::from_millis(20))
        .start()
        .await
        .unwrap();
    let state = Flaky::default();
    let runner = start(&master.url(), state.clone()).await;
    let job = runner.submit(TaskSpec::shell("job", "true")).await.unwrap();
    until("the launch", || async { master.launched().len() == 1 }).await;
    state.fails.store(true, Ordering::Relaxed);
    let task = master.launched().remove(0).task_id;
    let framework = runner.framework_id().unwrap();
    let report = |state| {
        let status = TaskStatus::new(task.clone(), state);
        master.report(framework.clone(), task.clone(), status);
    };
    report(TaskState::TaskRunning);
    until("an acknowledgement", || async {
        master.acknowledged_count() == 1
    })
    .await;
    report(TaskState::TaskFinished);
    until("the end of the job", || async {
        let list = runner.jobs(JobFilter::default()).await.unwrap();
        list.jobs.is_empty()
    })
    .await;
    assert_eq!(master.acknowledged_count(), 1);
    state.fails.store(false, Ordering::Relaxed);
    let outcome = within("the end of the job", job.outcome()).await;
    assert!(outcome.unwrap().is_success());
    until("the other acknowledgement", || async {
        master.acknowledged_count() == 2
    })
    .await;
    runner.stop().await.unwrap();
}
