//! What a round decides is accepted by a real Mesos.

#![allow(clippy::unwrap_used)]

mod oversubscribe;
mod random;
mod revocable;
mod shared;

use std::time::Duration;

use mesos_core::{Framework, Scheduler, SchedulerDriver};
use mesos_http::HttpBackend;

/// Runs a scheduler until it stops its driver.
async fn run<S: Scheduler + Send + 'static>(scheduler: S, framework: Framework, master: &str) -> S {
    let backend = HttpBackend::new(master.parse().unwrap());
    let running = SchedulerDriver::start(scheduler, framework, backend);
    // Long, because the machines that run the tests are shared.
    let limit = Duration::from_secs(500);
    let ended = tokio::time::timeout(limit, running.into_handler()).await;
    let (end, scheduler) = ended.unwrap();
    end.unwrap();
    scheduler.unwrap()
}
