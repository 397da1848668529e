//! The memory of waiting jobs. A binary of its own, because it counts all allocations.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use mesos::framework::store::{Change, StateStore};
use mesos::framework::{JobStatus, Runner, TaskSpec};
use mesos::http::HttpBackend;
use mesos::{BoxError, Bytes, Framework};

/// The number of jobs in the test.
const JOBS: usize = 10_000;

/// A disk would keep the state outside of the memory.
#[derive(Debug)]
struct Nowhere;

#[mesos::async_trait]
impl StateStore for Nowhere {
    async fn load(&self, _: &str) -> Result<Vec<(String, Bytes)>, BoxError> {
        Ok(Vec::new())
    }

    async fn get(&self, _: &str) -> Result<Option<Bytes>, BoxError> {
        Ok(None)
    }

    async fn commit(&self, _: Vec<Change>) -> Result<(), BoxError> {
        Ok(())
    }
}

/// All tasks run on this thread, because only its allocations are counted.
#[test]
fn a_waiting_job_needs_at_most_two_kibibytes() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    // Nothing listens at this port, so all jobs wait.
    let backend = HttpBackend::new("http://127.0.0.1:1".parse().unwrap());
    let framework = Framework::with_failover_timeout("memory", Duration::from_secs(3600));
    let framework = framework.subscribe_timeout(Duration::MAX);
    let builder = Runner::builder(framework).state(Nowhere);
    let runner = runtime.block_on(builder.start(backend)).unwrap();
    let job = |n: usize| {
        let task = TaskSpec::shell(format!("job-{n}"), format!("./render --frame {n}"));
        task.cpus(0.5).mem(256.0).env("FRAME", n)
    };
    let mut all = runner.run_all((0..0).map(job));
    let more = allocation_counter::measure(|| {
        runtime.block_on(async {
            all = runner.run_all((0..JOBS).map(job)).max_running(50);
            assert!(futures_util::poll!(std::pin::pin!(all.next())).is_pending());
            // Also waits until everything is stored.
            let name = format!("job-{}", JOBS - 1);
            let last = runner.job(name).await.unwrap();
            assert_eq!(last.status(), JobStatus::Waiting);
        });
    });
    let each = more.bytes_current / JOBS as i64;
    println!("{each} bytes for each waiting job");
    assert!(each <= 2048, "{each} bytes for each waiting job");
}
