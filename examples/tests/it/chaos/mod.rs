//! Random faults while a scheduler, which is a process of its own, runs jobs and keeps services on a
//! real Mesos: SIGKILL and SIGSTOP of the scheduler, changes of the leading master, restarts and
//! pauses of master and agents, faults of the network, failures of the store, and SIGKILL of
//! instances. No job is lost, no attempt runs twice, never more instances run than wanted, every
//! update is acknowledged, and nothing is left at the end.
//!
//! `cargo xtask chaos` runs it with other numbers than the test. The seed repeats the faults as far
//! as a real Mesos allows.

mod check;
mod faults;
mod ledger;
mod scheduler;
mod settings;
mod world;

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use mesos_local::testing::require_real;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use self::check::{Violation, at_the_end, marks};
use self::faults::Chaos;
use self::settings::{Phase, Process, Settings};
use self::world::World;
use crate::server::ZooKeeper;

/// How long the jobs that are left may take after the last fault. Long, because the machines that
/// run the tests are shared.
const SETTLE: Duration = Duration::from_secs(240);

/// An agent repeats an update after 10 s, then after 20 s, and so on, up to 10 minutes.
const ACKNOWLEDGE: Duration = Duration::from_secs(700);

/// The longest session of several schedulers with ZooKeeper.
const SESSION: Duration = Duration::from_secs(3);

#[tokio::test(flavor = "multi_thread")]
async fn a_runner_loses_nothing_and_runs_nothing_twice_whatever_fails() {
    let settings = Settings::from_environment();
    println!("{}", settings.command());
    match run(&settings).await {
        Some(Ok(report)) => println!("{report}"),
        Some(Err(violation)) => panic!("{violation}\nrepeat with: {}", settings.command()),
        None => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scheduler_that_forgets_its_state_is_found_out() {
    let settings = Settings {
        seconds: 60,
        seed: 1,
        jobs: 60,
        services: 1,
        schedulers: 1,
        forgetful: true,
    };
    if let Some(result) = run(&settings).await {
        let violation = result.expect_err("nothing is forgotten without a consequence");
        println!("found as expected: {violation}");
    }
}

/// Runs everything. `None` without a real Mesos or ZooKeeper.
async fn run(settings: &Settings) -> Option<Result<String, Violation>> {
    let zookeeper = match settings.schedulers {
        1 => ZooKeeper::start().await?,
        _ => ZooKeeper::with_sessions_up_to(SESSION).await?,
    };
    let folder = tempfile::Builder::new().prefix("chaos-").tempdir();
    let mut folder = folder.unwrap();
    let cluster = require_real(World::builder(folder.path()).start().await)?;
    // The files stay after a panic, too.
    folder.disable_cleanup(true);
    let world = World::start(cluster, zookeeper, settings.seed).await;
    let process = Process {
        settings: settings.clone(),
        master: world.master(),
        state: world.state(),
        folder: folder.path().to_owned(),
    };
    let chaos = Arc::new(Chaos::new(process, world));
    let mut schedulers = JoinSet::new();
    let result = tokio::select! {
        result = in_order(&chaos, &mut schedulers) => result,
        violation = chaos.watch() => Err(violation),
        reason = chaos.world.crashed() => Err(Violation(reason)),
    };
    schedulers.shutdown().await;
    let history = chaos.ledger().history.clone();
    fs::write(folder.path().join("history"), history).unwrap();
    let result = match result {
        Ok(()) if keeps_files() => Ok(format!("{}\n{}", chaos.report(), folder.path().display())),
        Ok(()) => {
            folder.disable_cleanup(false);
            Ok(chaos.report())
        }
        Err(violation) => {
            let mut text = format!("{violation}\n{}", chaos.report());
            match settings.forgetful {
                true => folder.disable_cleanup(false),
                false => text += &format!("\nlogs, marks and history: {}", folder.path().display()),
            }
            Err(Violation(text))
        }
    };
    if let Ok(chaos) = Arc::try_unwrap(chaos) {
        chaos.world.stop().await;
    }
    Some(result)
}

/// Whether the files of a good run are kept, too.
fn keeps_files() -> bool {
    std::env::var_os("MESOS_CHAOS_KEEP").is_some()
}

/// The parts of a run, one after the other.
async fn in_order(chaos: &Arc<Chaos>, schedulers: &mut JoinSet<()>) -> Result<(), Violation> {
    let settings = &chaos.process.settings;
    let begin = Instant::now();
    // Each kind of fault has its own sequence.
    let mut random = fastrand::Rng::with_seed(settings.seed);
    let (master, network, store, instances) =
        (random.fork(), random.fork(), random.fork(), random.fork());
    for _ in 0..settings.schedulers {
        schedulers.spawn(Arc::clone(chaos).scheduler(random.fork()));
    }
    let end = begin + Duration::from_secs(settings.seconds);
    tokio::join!(
        chaos.master(master, end),
        chaos.network(network, end),
        chaos.store(store, end),
        chaos.instances(instances, end),
    );
    chaos.calm();
    let jobs = settings.jobs as usize;
    within(SETTLE, || chaos.ledger().ends.0.len() == jobs).await;
    // Otherwise the end of the services would hide what is missing.
    check(chaos, true).await?;
    chaos.process.enter(Phase::Remove);
    if !within(SETTLE, || chaos.ledger().removed).await {
        return Err(Violation("the services could not be removed".to_owned()));
    }
    check(chaos, false).await?;
    chaos.process.enter(Phase::Stop);
    let ended = async { while schedulers.join_next().await.is_some() {} };
    let ended = timeout(SETTLE, ended).await.is_ok();
    // The last line may arrive after the end of the process.
    if !ended || !within(SETTLE, || chaos.ledger().stopped).await {
        return Err(Violation("the scheduler could not be stopped".to_owned()));
    }
    Ok(())
}

/// Checks the jobs; after the end of the services also whether anything is left.
async fn check(chaos: &Chaos, services: bool) -> Result<(), Violation> {
    let begin = Instant::now();
    let left = match services {
        true => check::Left::default(),
        false => loop {
            let left = chaos.left().await;
            let nothing = left.tasks.is_empty() && left.processes.is_empty();
            if nothing || begin.elapsed() > ACKNOWLEDGE {
                chaos.ledger().acknowledged_after = begin.elapsed();
                break left;
            }
            // sleep: the operator API has no event for an acknowledgment.
            sleep(Duration::from_millis(500)).await;
        },
    };
    let text = fs::read_to_string(chaos.process.folder.join("marks")).unwrap_or_default();
    let ends = chaos.ledger().ends.clone();
    at_the_end(&chaos.process.settings, &marks(&text), &ends, &left)
}

async fn within(limit: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + limit;
    while !condition() {
        if Instant::now() > end {
            return false;
        }
        // sleep: the condition is observed again and again
        sleep(Duration::from_millis(100)).await;
    }
    true
}

/// Lets the time between faults pass, or the time of a fault.
async fn pass(time: Duration) {
    // sleep: faults are injected at random times, and not after events
    sleep(time).await;
}
