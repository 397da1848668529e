//! The client of a row, with all allocations counted. It runs on one thread, because the counter
//! counts the allocations of its thread.

#![forbid(unsafe_code)]

use anyhow::{Context as _, Result};
use mesos_bench::client;

fn main() -> Result<()> {
    let job = std::env::args()
        .nth(1)
        .context("missing job; run this program with `cargo xtask bench`")?;
    client::run(&job, |perform| {
        let mut outcome = None;
        let counted = allocation_counter::measure(|| outcome = Some(perform()));
        let mut outcome = outcome.context("the job did not run")??;
        outcome.allocations = counted.count_total;
        outcome.heap_peak = counted.bytes_max;
        Ok(outcome)
    })
}
