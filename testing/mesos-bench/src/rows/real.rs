//! Rows on a real Mesos.

use anyhow::{Context, Result};
use mesos_local::LocalCluster;
use tokio::runtime::Runtime;

use super::{Bench, Client, finish};
use crate::job::{Job, Launch, Outcome};
use crate::table::{Row, median};

/// Makes the job of one side. The argument has the URL of the master.
type Side<'a> = (&'a str, &'a dyn Fn(&str) -> Job);

/// Runs the jobs of two sides in turn, on one cluster and in alternating order.
fn in_turn(bench: &Bench, rounds: usize, sides: [Side<'_>; 2]) -> Result<[Vec<Outcome>; 2]> {
    let runtime = Runtime::new()?;
    let starting = LocalCluster::builder()
        .resources("cpus:10;mem:4096")
        // Free resources are offered again this soon.
        .env("MESOS_ALLOCATION_INTERVAL", "10ms")
        .start();
    let cluster = runtime.block_on(starting).context("no real Mesos")?;
    let url = cluster.master_url();
    let mut outcomes = [Vec::new(), Vec::new()];
    for round in 0..bench.size(rounds, 1) {
        for at in [round % 2, 1 - round % 2] {
            let (name, job) = sides[at];
            let outcome = finish(Client::Plain.start(&job(&url))?)?;
            eprintln!("  round {round}, {name}: {:.0}/s", rate(&outcome));
            outcomes[at].push(outcome);
        }
    }
    runtime.block_on(cluster.stop())?;
    Ok(outcomes)
}

/// Runs a job over HTTP and over libmesos.
fn over_both(
    bench: &Bench,
    rounds: usize,
    count: u32,
    job: impl Fn(Launch) -> Job,
) -> Result<[Vec<Outcome>; 2]> {
    let http = |url: &str| job(over_http(url, count));
    let native = |url: &str| {
        job(Launch {
            master: url.replace("http://", "").replace("/master", ""),
            native: true,
            count,
        })
    };
    in_turn(bench, rounds, [("HTTP", &http), ("native", &native)])
}

fn over_http(url: &str, count: u32) -> Launch {
    Launch {
        master: url.to_owned(),
        native: false,
        count,
    }
}

fn rate(outcome: &Outcome) -> f64 {
    outcome.count as f64 / outcome.seconds
}

fn each(outcomes: &[Outcome], of: impl Fn(&Outcome) -> f64) -> f64 {
    median(outcomes.iter().map(of).collect())
}

/// The same tasks over both backends.
pub(super) fn real(bench: &Bench) -> Result<Vec<Row>> {
    let tasks = bench.size(2000, 100);
    let outcomes = over_both(bench, 9, tasks, Job::Launch)?;
    let [http, native] = outcomes.map(|outcomes| each(&outcomes, rate));
    let what = "tasks launched and finished/s on one real cluster: HTTP ÷ native";
    Ok(vec![Row::at_least(what, http / native, 1.0).note(format!(
        "HTTP {http:.0}/s, native {native:.0}/s; {tasks} tasks through one executor, 99 at a time"
    ))])
}

/// The cost of a callback over both backends.
pub(super) fn callbacks(bench: &Bench) -> Result<Vec<Row>> {
    let messages = bench.size(20_000, 500);
    let outcomes = over_both(bench, 5, messages, Job::Listen)?;
    let cost = |outcome: &Outcome| outcome.cpu * 1e6 / outcome.count as f64;
    let [http, native] = outcomes.map(|outcomes| each(&outcomes, cost));
    let what = "CPU of a callback, from the socket to the handler: native ÷ HTTP";
    let row = Row::stated(what, format!("{:.2}", native / http));
    Ok(vec![row.note(format!(
        "native {native:.1} µs, HTTP {http:.1} µs of the scheduler's process for each of {messages} messages of 100 bytes"
    ))])
}

/// The same tasks as jobs of a framework, and over the driver alone.
pub(super) fn jobs(bench: &Bench) -> Result<Vec<Row>> {
    let count = bench.size(10_000, 200);
    let driver = |url: &str| Job::Launch(over_http(url, count));
    let jobs = |url: &str| Job::Jobs(over_http(url, count));
    let outcomes = in_turn(bench, 5, [("driver", &driver), ("jobs", &jobs)])?;
    let cpu = |outcomes: &[Outcome]| each(outcomes, |outcome| outcome.cpu);
    let [driver_cpu, jobs_cpu] = [cpu(&outcomes[0]), cpu(&outcomes[1])];
    let [driver, jobs] = outcomes.map(|outcomes| each(&outcomes, rate));
    let what = "jobs run to their end/s on one real cluster: framework ÷ driver";
    Ok(vec![Row::at_least(what, jobs / driver, 0.9).note(format!(
        "framework {jobs:.0}/s with its state in a file, driver {driver:.0}/s; {count} tasks \
         through one executor, 99 at a time; CPU of the scheduler's process {jobs_cpu:.1} s, \
         {driver_cpu:.1} s"
    ))])
}
