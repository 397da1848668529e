//! How long a runner needs after SIGKILL until it knows again what runs.
//!
//! The test starts this program again: with the address of a master in `RECOVERY_MASTER` it runs
//! everything on the state in `RECOVERY_STATE` until it is killed.

#![cfg(feature = "redb")]
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use mesos::Framework;
use mesos::framework::store::{RedbState, RedbStateError, StateStore};
use mesos::framework::{JobFilter, Runner, ServiceSpec, TaskSpec};
use mesos::http::HttpBackend;
use mesos::v1::scheduler::call::Type;
use mesos_testing::{Agent, Behavior, FakeMaster};

const MASTER: &str = "RECOVERY_MASTER";
const STATE: &str = "RECOVERY_STATE";

const JOBS: usize = 9_000;
const SERVICES: usize = 10;
const INSTANCES: u32 = 100;
const TASKS: usize = JOBS + SERVICES * INSTANCES as usize;

/// How long the first process may take for its launches.
const START: Duration = Duration::from_secs(180);

/// From SUBSCRIBED until the state of each task is known again.
const BAR: Duration = Duration::from_secs(1);

/// How often the recovery is measured at most: other programs use the processors, too.
const ATTEMPTS: usize = 20;

async fn start(master: &str, path: &Path) -> Runner {
    let state = loop {
        match RedbState::open(path) {
            // The driver before drops its parts after its end.
            Err(RedbStateError::InUse { .. }) => tokio::task::yield_now().await,
            state => break state.unwrap(),
        }
    };
    let framework = Framework::with_failover_timeout("recovery", Duration::from_secs(3600));
    let backend = HttpBackend::new(master.parse().unwrap());
    let builder = Runner::builder(framework).state(state);
    builder.start(backend).await.unwrap()
}

fn task(name: String) -> TaskSpec {
    TaskSpec::shell(name, "sleep 1000").cpus(0.01).mem(1.0)
}

/// Submits everything, and waits until the process is killed.
async fn run_everything(master: &str, state: &Path) {
    let runner = start(master, state).await;
    for number in 0..SERVICES {
        let service = ServiceSpec::new(task(format!("service-{number}")));
        runner.keep(service.instances(INSTANCES)).await.unwrap();
    }
    let mut jobs = runner.run_all((0..JOBS).map(|number| task(format!("job-{number}"))));
    panic!("a job has ended: {:?}", jobs.next().await);
}

/// How many tasks the runner knows to run.
async fn running(runner: &Runner) -> usize {
    let jobs = runner.jobs(JobFilter::default()).await.unwrap();
    let services = runner.services().await.unwrap();
    jobs.counts.running + services.iter().map(|one| one.ready()).sum::<usize>()
}

/// How many tasks are recorded as seen by an executor: without that, the end of a task that the
/// master has forgotten would not count as an attempt.
async fn recorded(path: &Path) -> usize {
    let state = RedbState::open(path).unwrap();
    let entries = state.load("live/").await.unwrap();
    let ran = |value: &[u8]| str::from_utf8(value).unwrap().contains("\"ran\":true");
    entries.iter().filter(|(_, value)| ran(value)).count()
}

async fn until(what: &str, mut check: impl AsyncFnMut() -> bool) {
    let wait = async {
        while !check().await {
            // sleep: the number of tasks has no event, and counting them delays the runner
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let done = tokio::time::timeout(START, wait).await;
    assert!(done.is_ok(), "timed out waiting for {what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_known_again_a_second_after_the_subscription() {
    if let (Ok(master), Some(state)) = (std::env::var(MASTER), std::env::var_os(STATE)) {
        return run_everything(&master, Path::new(&state)).await;
    }
    let master = FakeMaster::builder()
        .agent(Agent::new("a1").having("cpus:1000;mem:1000000;disk:1000000"))
        .tasks(|_| Behavior::runs())
        .allocation_interval(Duration::from_millis(50))
        .start()
        .await
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.redb");
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "everything_is_known_again_a_second_after_the_subscription",
            "--nocapture",
        ])
        .env(MASTER, master.url())
        .env(STATE, &path)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let begin = Instant::now();
    until("the acknowledgements", async || {
        master.acknowledged_count() >= 2 * TASKS
    })
    .await;
    println!("{TASKS} tasks run after {:?}", begin.elapsed());
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(recorded(&path).await, TASKS);

    // The SUBSCRIBE of the first process.
    let _ = master.expect(Type::Subscribe).await;
    let mut best = Duration::MAX;
    for _ in 0..ATTEMPTS {
        let begin = Instant::now();
        let runner = start(&master.url(), &path).await;
        let _ = master.expect(Type::Subscribe).await;
        let (started, subscribed) = (begin.elapsed(), Instant::now());
        until("everything", async || running(&runner).await == TASKS).await;
        let took = subscribed.elapsed();
        println!("started in {started:?}; {TASKS} tasks known {took:?} after SUBSCRIBE");
        runner.detach().await.unwrap();
        drop(runner);
        best = best.min(took);
        if best <= BAR {
            break;
        }
    }
    let launched = master.launched().len();
    assert_eq!(launched, TASKS, "something was launched again");
    assert!(best <= BAR, "{best:?}");
}
