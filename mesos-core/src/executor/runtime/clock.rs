//! The time that the driver's limits count: the time in which the process runs.
//!
//! A process can be paused (SIGSTOP, a frozen cgroup, a paused virtual machine) for longer than
//! the recovery timeout. It must not give its agent up before it has tried to subscribe again.
//! So while a limit runs, a task ticks every second, and the time between two ticks counts as at
//! most [`LONGEST`].

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use crate::lock;

const TICK: Duration = Duration::from_secs(1);

/// More than a tick, for a machine that is busy.
const LONGEST: Duration = Duration::from_secs(2);

/// See the module.
#[derive(Debug)]
pub(super) struct Clock {
    time: Arc<Mutex<Time>>,
    /// The task that ticks, while a limit runs.
    ticker: JoinSet<()>,
}

#[derive(Debug)]
struct Time {
    /// The time since the start, without pauses, at the last tick.
    counted: Duration,
    ticked: Instant,
}

impl Time {
    fn tick(&mut self, longest: Duration) {
        let passed = self.ticked.elapsed();
        if passed > longest {
            let paused = passed.saturating_sub(longest);
            tracing::info!(?paused, "the process was paused; its timeouts are extended");
        }
        self.counted = self.counted.saturating_add(passed.min(longest));
        self.ticked = Instant::now();
    }
}

impl Clock {
    pub(super) fn new() -> Self {
        let time = Time {
            counted: Duration::ZERO,
            ticked: Instant::now(),
        };
        Self {
            time: Arc::new(Mutex::new(time)),
            ticker: JoinSet::new(),
        }
    }

    /// The time since the start, without pauses while a limit ran.
    pub(super) fn elapsed(&self) -> Duration {
        let longest = match self.ticker.is_empty() {
            true => Duration::MAX,
            false => LONGEST,
        };
        let mut time = lock(&self.time);
        time.tick(longest);
        time.counted
    }

    /// Starts or stops to look for pauses: `limited` says whether a limit runs.
    pub(super) fn limit(&mut self, limited: bool) {
        if !limited {
            self.ticker.abort_all();
            self.ticker = JoinSet::new();
        } else if self.ticker.is_empty() {
            // The time until now counts completely.
            self.elapsed();
            let time = Arc::clone(&self.time);
            self.ticker.spawn(async move {
                loop {
                    sleep(TICK).await;
                    lock(&time).tick(LONGEST);
                }
            });
        }
    }

    /// When the time will be `at`, unless the process is paused before. `None` if a clock cannot
    /// show that time.
    fn instant(&self, at: Duration) -> Option<Instant> {
        Instant::now().checked_add(at.saturating_sub(self.elapsed()))
    }

    /// Completes at the time, or indefinitely without one. A pause makes it complete too early, so
    /// the caller has to check the time again. Cancel safe.
    pub(super) async fn wait(&self, at: Option<Duration>) {
        match at.and_then(|at| self.instant(at)) {
            Some(at) => sleep_until(at).await,
            None => std::future::pending().await,
        }
    }
}
