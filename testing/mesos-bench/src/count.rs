//! The client of a row, with every allocation counted. It runs on one thread,
//! so that nothing is missed: the counter's is the thread's.

#![forbid(unsafe_code)]

use anyhow::{Context as _, Result};
use mesos_bench::client;

fn main() -> Result<()> {
    let job = std::env::args()
        .nth(1)
        .context("needs a job; `cargo xtask bench` gives it one")?;
    client::run(&job, |perform| {
        let mut outcome = None;
        let counted = allocation_counter::measure(|| outcome = Some(perform()));
        let mut outcome = outcome.context("nothing was done")??;
        outcome.allocations = counted.count_total;
        outcome.heap_peak = counted.bytes_max;
        Ok(outcome)
    })
}
