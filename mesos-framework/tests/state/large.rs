//! Commits that are larger than their store accepts at once.

use std::time::Duration;

use futures_util::FutureExt;
use mesos::framework::store::{Change, MemoryState, StateStore};
use mesos::framework::{Runner, ServiceSpec, TaskSpec};
use mesos::http::HttpBackend;
use mesos::store::ZooKeeperState;
use mesos::{BoxError, Bytes, ErrorKind, Framework};

use crate::server::ZooKeeper;

const JOBS: usize = 10_000;

/// Accepts less than ZooKeeper in one commit.
#[derive(Clone, Debug, Default)]
struct Small(MemoryState);

#[mesos::async_trait]
impl StateStore for Small {
    async fn load(&self, prefix: &str) -> Result<Vec<(String, Bytes)>, BoxError> {
        self.0.load(prefix).await
    }

    async fn get(&self, key: &str) -> Result<Option<Bytes>, BoxError> {
        self.0.get(key).await
    }

    async fn commit(&self, changes: Vec<Change>) -> Result<(), BoxError> {
        let size: usize = changes.iter().map(|change| self.size_of(change)).sum();
        match size <= self.commit_limit() {
            true => self.0.commit(changes).await,
            false => Err(format!("the commit has {size} bytes").into()),
        }
    }

    fn commit_limit(&self) -> usize {
        100_000
    }
}

/// Nothing listens at the address of the master.
async fn start(state: impl StateStore + 'static) -> Runner {
    let framework = Framework::with_failover_timeout("large", Duration::from_secs(3600));
    let framework = framework.subscribe_timeout(Duration::MAX);
    let backend = HttpBackend::new("http://127.0.0.1:1".parse().unwrap());
    let builder = Runner::builder(framework).state(state);
    builder.start(backend).await.unwrap()
}

async fn submit(runner: &Runner) {
    let job = |number| TaskSpec::shell(format!("job-{number:05}"), "true");
    let mut all = runner.run_all((0..JOBS).map(job));
    assert!(all.next().now_or_never().is_none());
    // Returns when everything is stored.
    runner.detach().await.unwrap();
}

#[tokio::test]
async fn a_step_that_is_larger_than_a_commit_of_the_store_is_stored() {
    let state = Small::default();
    submit(&start(state.clone()).await).await;
    assert_eq!(state.count("live/job/").await.unwrap(), JOBS as u64);
    assert_eq!(state.count("parts/").await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn zookeeper_stores_ten_thousand_jobs_that_are_submitted_at_once() {
    let Some(zookeeper) = ZooKeeper::start().await else {
        return;
    };
    let address = format!("zk://{}/shop/state", zookeeper.servers());
    let state: ZooKeeperState = address.parse().unwrap();
    submit(&start(state).await).await;
    let state: ZooKeeperState = address.parse().unwrap();
    assert_eq!(state.count("live/job/").await.unwrap(), JOBS as u64);
    assert_eq!(state.count("parts/").await.unwrap(), 0);
}

#[tokio::test]
async fn a_job_or_service_that_could_never_be_stored_is_refused() {
    let runner = start(Small::default()).await;
    let task = |size| TaskSpec::shell("large", "true").env("TEXT", "x".repeat(size));
    runner.submit(task(40_000)).await.unwrap();
    let error = runner.submit(task(60_000)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    let text = error.to_string();
    let start = "the description of the job \"large\" has 60";
    let end = "the state accepts 50000; move files to uris, or keep the state in a file";
    assert!(text.starts_with(start) && text.ends_with(end), "{text}");
    let error = runner.keep(ServiceSpec::new(task(20_000)).name("web"));
    let text = error.await.unwrap_err().to_string();
    assert!(text.contains("the service \"web\" has 20"), "{text}");
    runner.detach().await.unwrap();
}
