//! The client process of a row: performs a job and reports the costs.

use std::io::Write as _;

use anyhow::{Context, Result};
use tokio::runtime::{Builder, Runtime};

use crate::job::{Job, Outcome};
use crate::usage::{cpu, field};
#[cfg(feature = "cluster")]
use crate::{jobs, launch, listen, state};
use crate::{place, raw, scheduler};

/// Performs `job`, which is JSON, and prints the outcome as JSON. `measure` runs the job and may
/// add its own counts.
///
/// # Errors
/// The reason why the job was not completed.
pub fn run(
    job: &str,
    measure: impl FnOnce(&mut dyn FnMut() -> Result<Outcome>) -> Result<Outcome>,
) -> Result<()> {
    let job: Job = serde_json::from_str(job).context("the job")?;
    let runtime = runtime(&job)?;
    let mut outcome = measure(&mut || complete(&runtime, job.clone()))?;
    if outcome.cpu == 0.0 {
        outcome.cpu = cpu()?;
    }
    // getrusage would include the memory of the parent process.
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    outcome.resident_peak = field(&status, "VmHWM:");
    let mut out = std::io::stdout().lock();
    serde_json::to_writer(&mut out, &outcome)?;
    Ok(out.flush()?)
}

fn runtime(job: &Job) -> Result<Runtime> {
    let threads = match job {
        Job::Drive(drive) => drive.threads,
        Job::Launch(_) | Job::Jobs(_) | Job::Listen(_) | Job::Decode { .. } | Job::Drain { .. } => {
            2
        }
        _ => 0,
    };
    let mut builder = match threads {
        0 => Builder::new_current_thread(),
        _ => Builder::new_multi_thread(),
    };
    Ok(builder
        .worker_threads(threads.max(1))
        .enable_all()
        .build()?)
}

/// Not generic, so that the driver is compiled once, and not with each program.
#[inline(never)]
fn complete(runtime: &Runtime, job: Job) -> Result<Outcome> {
    runtime.block_on(perform(job))
}

async fn perform(job: Job) -> Result<Outcome> {
    match job {
        Job::Drive(drive) => scheduler::run(drive).await,
        Job::Raw { url, calls } => raw::calls(&url, calls).await,
        // On a worker thread, as in a driver: the allocator behaves differently there than on the
        // only thread of a process.
        Job::Decode { url, times } => {
            tokio::spawn(async move { raw::decode(&url, times).await }).await?
        }
        Job::Drain { url, tasks, decode } => raw::drain(&url, tasks, decode).await,
        #[cfg(feature = "cluster")]
        Job::Launch(launch) => launch::run(launch).await,
        #[cfg(feature = "cluster")]
        Job::Jobs(launch) => jobs::run(launch).await,
        #[cfg(feature = "cluster")]
        Job::Listen(listen) => listen::run(listen).await,
        #[cfg(feature = "cluster")]
        Job::State(job) => state::run(job).await,
        Job::Place(job) => place::run(job),
        #[cfg(not(feature = "cluster"))]
        job => anyhow::bail!("{job:?} needs the feature `cluster` of mesos-bench"),
    }
}
