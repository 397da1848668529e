//! Many simulations, one for each seed.

use std::any::Any;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use crate::lock::lock;

/// The variable that names the only seed to run.
const ONE: &str = "MESOS_SEED";

/// Runs a [simulation](crate::Builder::simulate) for each seed, on all processors. Each simulation
/// has its own tokio runtime, with a paused clock.
///
/// If the environment variable `MESOS_SEED` is set, only this seed runs.
///
/// # Panics
/// If a simulation panics. The message has the smallest seed that failed.
///
/// ```
/// use std::time::Duration;
/// use mesos::{Framework, Scheduler, SchedulerDriver, StopReason};
/// use mesos_testing::{Agent, Chaos, FakeMaster, seeds};
///
/// struct Idle;
/// impl Scheduler for Idle {}
///
/// seeds(0..10, async |seed| {
///     let master = FakeMaster::builder().agent(Agent::new("a1")).chaos(Chaos::all());
///     let master = master.simulate(seed);
///     // Mesos removes an ephemeral framework when its connection breaks.
///     let framework = Framework::with_failover_timeout("idle", Duration::from_secs(86_400));
///     let driver = SchedulerDriver::start(Idle, framework, master.backend());
///     tokio::time::sleep(Duration::from_secs(3600)).await; // Takes no time.
///     driver.abort();
///     assert_eq!(driver.join().await.unwrap(), StopReason::Aborted);
/// });
/// ```
pub fn seeds<F: AsyncFn(u64) + Sync>(seeds: Range<u64>, simulation: F) {
    let seeds = match std::env::var(ONE).map(|text| (text.parse::<u64>(), text)) {
        Err(_) => seeds,
        Ok((Ok(seed), _)) => seed..seed.saturating_add(1),
        Ok((Err(error), text)) => panic!("{ONE} must be a number, but is {text:?}: {error}"),
    };
    let next = AtomicU64::new(seeds.start);
    let failed: Mutex<Option<(u64, Box<dyn Any + Send>)>> = Mutex::new(None);
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            // Seeds are started in their order, so each smaller seed than a failed one runs.
            if seed >= seeds.end || lock(&failed).is_some() {
                return;
            }
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| run(seed, &simulation))) {
                let mut failed = lock(&failed);
                if failed.as_ref().is_none_or(|(other, _)| seed < *other) {
                    *failed = Some((seed, panic));
                }
            }
        }
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    let failed = failed.into_inner();
    if let Some((seed, panic)) = failed.unwrap_or_else(std::sync::PoisonError::into_inner) {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        match text.or_else(|| panic.downcast_ref::<&str>().copied()) {
            Some(text) => panic!("seed {seed} failed ({ONE}={seed} repeats it): {text}"),
            None => resume_unwind(panic),
        }
    }
}

fn run<F: AsyncFn(u64)>(seed: u64, simulation: &F) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build();
    match runtime {
        Ok(runtime) => runtime.block_on(simulation(seed)),
        Err(error) => panic!("cannot start a tokio runtime: {error}"),
    }
}
