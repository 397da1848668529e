//! Rows against a real Mesos.

use anyhow::{Context, Result};
use mesos_local::LocalCluster;

use super::{Bench, Client, finish};
use crate::job::{Job, Launch};
use crate::table::{Row, median};

/// The same tasks on the same cluster over both backends, in turn.
pub(super) fn real(bench: &Bench) -> Result<Vec<Row>> {
    let tasks = bench.size(2000, 100);
    let runtime = tokio::runtime::Runtime::new()?;
    let starting = LocalCluster::builder()
        .resources("cpus:10;mem:4096")
        // What has become free is offered again that soon.
        .env("MESOS_ALLOCATION_INTERVAL", "50ms")
        .start();
    let cluster = runtime.block_on(starting).context("no real Mesos")?;
    let mut rates = [Vec::new(), Vec::new()];
    for round in 0..bench.size(3, 1) {
        for native in [false, true] {
            let job = Job::Launch(Launch {
                master: if native {
                    cluster
                        .master_url()
                        .replace("http://", "")
                        .replace("/master", "")
                } else {
                    cluster.master_url()
                },
                native,
                tasks,
            });
            let outcome = finish(Client::Plain.start(&job)?)?;
            let rate = outcome.count as f64 / outcome.seconds;
            eprintln!("  round {round}, native {native}: {rate:.0} tasks/s");
            rates[usize::from(native)].push(rate);
        }
    }
    runtime.block_on(cluster.stop())?;
    let [http, native] = rates.map(median);
    let what = "tasks launched and finished/s on one real cluster: HTTP ÷ native";
    Ok(vec![Row::at_least(what, http / native, 1.0).note(format!(
        "HTTP {http:.0}/s, native {native:.0}/s; {tasks} tasks through one executor, 99 at a time"
    ))])
}
