//! The scheduler as a process of its own: this test program, which runs one ignored test.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use mesos::framework::store::{Change, RedbState, StateStore};
use mesos::framework::{JobSpec, RestartPolicy, RetryPolicy, Runner, ServiceSpec, TaskSpec};
use mesos::http::HttpBackend;
use mesos::store::{MemoryState, Standby, ZooKeeperState};
use mesos::{BoxError, Bytes, Framework};

use super::settings::{INSTANCES, Lines, Phase, Process};

/// The name of the test that is the scheduler.
pub(super) const NAME: &str = "chaos::scheduler::helper_that_is_the_scheduler";

/// What precedes the lines of the scheduler. The test harness writes to stdout, too.
pub(super) const PREFIX: &str = "chaos: ";

macro_rules! report {
    ($($words:tt)*) => {
        println!("{PREFIX}{}", format_args!($($words)*))
    };
}

/// A store whose commits fail while a file exists: some before they are made, and some after.
#[derive(Debug)]
struct Failing<S> {
    state: S,
    file: PathBuf,
    failures: AtomicU32,
}

#[mesos::async_trait]
impl<S: StateStore> StateStore for Failing<S> {
    async fn load(&self, prefix: &str) -> Result<Vec<(String, Bytes)>, BoxError> {
        self.state.load(prefix).await
    }

    async fn count(&self, prefix: &str) -> Result<u64, BoxError> {
        self.state.count(prefix).await
    }

    async fn get(&self, key: &str) -> Result<Option<Bytes>, BoxError> {
        self.state.get(key).await
    }

    async fn get_all(&self, keys: &[String]) -> Result<Vec<Option<Bytes>>, BoxError> {
        self.state.get_all(keys).await
    }

    async fn commit(&self, changes: Vec<Change>) -> Result<(), BoxError> {
        if !self.file.exists() {
            return self.state.commit(changes).await;
        }
        report!("commit failed");
        if self.failures.fetch_add(1, Ordering::Relaxed) % 2 == 1 {
            self.state.commit(changes).await?;
        }
        Err("the store fails on purpose".into())
    }

    fn commit_limit(&self) -> usize {
        self.state.commit_limit()
    }

    fn size_of(&self, change: &Change) -> usize {
        self.state.size_of(change)
    }

    async fn lead(&self, standby: &Standby) -> Result<(), BoxError> {
        self.state.lead(standby).await
    }

    async fn lost_lead(&self) -> BoxError {
        self.state.lost_lead().await
    }

    async fn confirm_lead(&self) -> Result<bool, BoxError> {
        self.state.confirm_lead().await
    }

    async fn release_lead(&self) {
        self.state.release_lead().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the chaos test starts it as a process, and kills the process"]
async fn helper_that_is_the_scheduler() {
    let Some(process) = Process::from_environment() else {
        return;
    };
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .init();
    // The harness does not end its first line.
    println!();
    let framework = Framework::with_failover_timeout("chaos", Duration::from_secs(3600));
    let builder = Runner::builder(framework);
    let builder = match (process.settings.forgetful, process.settings.schedulers) {
        (true, _) => builder.state(failing(&process, MemoryState::new())),
        (_, 1) => {
            let state = RedbState::open(process.folder.join("state.redb")).unwrap();
            builder.state(failing(&process, state))
        }
        _ => {
            let state: ZooKeeperState = process.state.parse().unwrap();
            builder.state(failing(&process, state))
        }
    };
    let backend = HttpBackend::new(process.master.parse().unwrap());
    let runner = tokio::select! {
        runner = builder.start(backend) => runner.unwrap(),
        // Another process leads to the end.
        () = process.wait_for(Phase::Stop) => return,
    };
    report!("leads");
    let work = async {
        work(&runner, &process).await.unwrap();
        report!("stopped");
    };
    // The end that `work` requests is not an error.
    let ended = async {
        match runner.join().await {
            Ok(()) => std::future::pending().await,
            Err(error) => panic!("the runner has ended: {error:?}"),
        }
    };
    tokio::select! {
        () = work => {}
        () = ended => {}
    }
}

fn failing<S: StateStore>(process: &Process, state: S) -> Failing<S> {
    Failing {
        state,
        file: process.store_fails(),
        failures: AtomicU32::new(0),
    }
}

async fn work(runner: &Runner, process: &Process) -> mesos::Result<()> {
    let (settings, lines) = (&process.settings, Lines(&process.folder));
    if process.phase() == Phase::Run {
        for name in settings.service_names() {
            let task = TaskSpec::shell(&name, lines.service(&name));
            // Instances that are killed at random are not a crash loop.
            let restart = RestartPolicy::default().first_delay(Duration::from_millis(200));
            let restart = restart.max_delay(Duration::from_secs(1));
            let service = ServiceSpec::new(task).instances(INSTANCES).restart(restart);
            runner.keep(service).await?;
        }
    }
    let job = |(number, name): (u32, String)| {
        let (sleep, fails) = (settings.sleep_of(number), settings.fails_once(number));
        let task = TaskSpec::shell(&name, lines.job(&name, sleep, fails));
        let retry = RetryPolicy::attempts(50).first_delay(Duration::from_millis(200));
        JobSpec::new(task).retry(retry.max_delay(Duration::from_secs(2)))
    };
    let jobs = (0..).zip(settings.job_names()).map(job);
    let mut ends = runner.run_all(jobs).max_running(settings.max_running());
    while let Some(end) = ends.next().await {
        let end = end?;
        report!(
            "end {} {} {} {} attempts, task {}: {}",
            end.name,
            end.is_success(),
            end.state.as_str_name(),
            end.attempts,
            end.task_id.as_deref().unwrap_or("-"),
            end.message.replace('\n', " "),
        );
    }
    process.wait_for(Phase::Remove).await;
    for service in runner.services().await? {
        match runner.service(&service.name).await {
            Ok(service) => service.remove().await?,
            // It was about to be removed.
            Err(error) => report!("{error}"),
        }
    }
    report!("removed");
    process.wait_for(Phase::Stop).await;
    runner.stop().await
}
