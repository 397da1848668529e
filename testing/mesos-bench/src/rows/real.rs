//! Rows on a real Mesos.

use anyhow::{Context, Result};
use mesos_local::LocalCluster;
use tokio::runtime::Runtime;

use super::{Bench, Client, finish};
use crate::job::{Job, Launch, Outcome};
use crate::table::{Row, median};

/// Runs a job over HTTP and over libmesos in turn, on one cluster and in alternating order.
fn in_turn(
    bench: &Bench,
    rounds: usize,
    count: u32,
    job: impl Fn(Launch) -> Job,
) -> Result<[Vec<Outcome>; 2]> {
    let runtime = Runtime::new()?;
    let starting = LocalCluster::builder()
        .resources("cpus:10;mem:4096")
        // Free resources are offered again this soon.
        .env("MESOS_ALLOCATION_INTERVAL", "10ms")
        .start();
    let cluster = runtime.block_on(starting).context("no real Mesos")?;
    let url = cluster.master_url();
    let address = url.replace("http://", "").replace("/master", "");
    let mut outcomes = [Vec::new(), Vec::new()];
    for round in 0..bench.size(rounds, 1) {
        for native in [round % 2 == 1, round % 2 == 0] {
            let master = if native { &address } else { &url }.clone();
            let job = job(Launch {
                master,
                native,
                count,
            });
            let outcome = finish(Client::Plain.start(&job)?)?;
            eprintln!(
                "  round {round}, {}: {:.0}/s",
                if native { "native" } else { "HTTP" },
                outcome.count as f64 / outcome.seconds
            );
            outcomes[usize::from(native)].push(outcome);
        }
    }
    runtime.block_on(cluster.stop())?;
    Ok(outcomes)
}

fn each(outcomes: &[Outcome], of: impl Fn(&Outcome) -> f64) -> f64 {
    median(outcomes.iter().map(of).collect())
}

/// The same tasks over both backends.
pub(super) fn real(bench: &Bench) -> Result<Vec<Row>> {
    let tasks = bench.size(2000, 100);
    let outcomes = in_turn(bench, 9, tasks, Job::Launch)?;
    let rate = |outcome: &Outcome| outcome.count as f64 / outcome.seconds;
    let [http, native] = outcomes.map(|outcomes| each(&outcomes, rate));
    let what = "tasks launched and finished/s on one real cluster: HTTP ÷ native";
    Ok(vec![Row::at_least(what, http / native, 1.0).note(format!(
        "HTTP {http:.0}/s, native {native:.0}/s; {tasks} tasks through one executor, 99 at a time"
    ))])
}

/// The cost of a callback over both backends.
pub(super) fn callbacks(bench: &Bench) -> Result<Vec<Row>> {
    let messages = bench.size(20_000, 500);
    let outcomes = in_turn(bench, 5, messages, Job::Listen)?;
    let cost = |outcome: &Outcome| outcome.cpu * 1e6 / outcome.count as f64;
    let [http, native] = outcomes.map(|outcomes| each(&outcomes, cost));
    let what = "CPU of a callback, from the socket to the handler: native ÷ HTTP";
    let row = Row::stated(what, format!("{:.2}", native / http));
    Ok(vec![row.note(format!(
        "native {native:.1} µs, HTTP {http:.1} µs of the scheduler's process for each of {messages} messages of 100 bytes"
    ))])
}
