//! Rows about the cost of one event at larger scales, in instructions counted by callgrind, which
//! do not depend on the load of the machine.

use std::process::{Command, Stdio};

use crate::flood::{Flood, Options, Workload};
use anyhow::{Context, Result, bail};

use super::{Bench, Client};
use crate::job::{Drive, Job};
use crate::table::Row;

/// The ratio up to which the cost per event counts as constant.
const FLAT: f64 = 1.15;

/// The cost per update, per answer to RECONCILE and per offer.
pub(super) fn growth(bench: &Bench) -> Result<Vec<Row>> {
    require_valgrind()?;
    let scales: &[u32] = bench.size(&[1, 10, 100], &[1, 10]);
    let track = Drive {
        track: true,
        ..Drive::default()
    };
    let mut rows = Vec::new();
    // The number of updates is the same at each scale; only the number of remembered tasks differs.
    let updates = bench.size(100_000, 10_000);
    rows.push(row("update", scales, |scale| {
        let tasks = 1000 * scale;
        let options = |updates| {
            let workload = Workload::Updates {
                tasks,
                updates,
                window: 1000,
            };
            Options::new(workload).agents(100 * scale)
        };
        // All tasks are known before the measured updates begin.
        let known = u64::from(tasks);
        let less = instructions(options(known), &track)?;
        let more = instructions(options(known + updates / 2), &track)?;
        Ok(more.saturating_sub(less) as f64 / (updates / 2) as f64)
    })?);
    rows.push(row("answer to RECONCILE", scales, |scale| {
        let tasks = 1000 * scale;
        let options = Options::new(Workload::Reconcile { tasks });
        let drive = Drive {
            reconcile: tasks,
            ..track.clone()
        };
        let none = Options::new(Workload::Reconcile { tasks: 1 });
        let least = Drive {
            reconcile: 1,
            ..track.clone()
        };
        let base = instructions(none, &least)?;
        Ok((instructions(options, &drive)? - base) as f64 / f64::from(tasks))
    })?);
    rows.push(row("offer", scales, |scale| {
        // One event has one offer of each agent; the total number of offers is the same.
        let events = |events| {
            Options::new(Workload::Offers {
                events,
                offers: 100 * scale,
            })
        };
        let (few, many) = (1, 1 + u64::from(100 / scale).max(1));
        let less = instructions(events(few), &Drive::default())?;
        let more = instructions(events(many), &Drive::default())?;
        let offers = (many - few) as f64 * f64::from(100 * scale);
        Ok(more.saturating_sub(less) as f64 / offers)
    })?);
    Ok(rows)
}

fn row(what: &str, scales: &[u32], mut cost: impl FnMut(u32) -> Result<f64>) -> Result<Row> {
    let mut costs = Vec::new();
    for scale in scales {
        eprintln!("  {what}, {scale}×…");
        costs.push(cost(*scale)?);
    }
    let ratio = costs.last().copied().unwrap_or_default() / costs[0];
    let counts: Vec<_> = scales
        .iter()
        .zip(&costs)
        .map(|(scale, cost)| format!("{scale}×: {cost:.0}"))
        .collect();
    let name = format!(
        "growth: cost per {what} at {}× ÷ at 1×",
        scales[scales.len() - 1]
    );
    let row = Row::at_most(name, ratio, FLAT);
    Ok(row.note(format!("instructions per {what} at {}", counts.join(", "))))
}

/// The number of instructions that the client executes.
pub(super) fn instructions(options: Options, drive: &Drive) -> Result<u64> {
    let flood = Flood::start(options.idle_timeout(std::time::Duration::from_secs(60)))?;
    let job = Job::Drive(Drive {
        url: flood.url(),
        ..drive.clone()
    });
    let counted = count(&job);
    let report = flood.wait()?;
    if !report.complete {
        bail!("the run under callgrind failed:\n{report}");
    }
    counted
}

/// Checks that instructions can be counted.
pub(super) fn require_valgrind() -> Result<()> {
    let there = Command::new("valgrind")
        .arg("--version")
        .stdout(Stdio::null())
        .status();
    if !there.is_ok_and(|status| status.success()) {
        bail!(
            "valgrind is not installed (apt-get install valgrind); instructions are counted with it"
        );
    }
    Ok(())
}

/// The number of instructions that a client executes for a job.
pub(super) fn count(job: &Job) -> Result<u64> {
    let output = Client::Callgrind.start(job)?.wait_with_output()?;
    let counts = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        bail!("the run under callgrind failed:\n{counts}");
    }
    let counted = counts
        .lines()
        .find_map(|line| line.split("Collected :").nth(1));
    let counted =
        counted.context("the output of callgrind does not contain the number of instructions")?;
    Ok(counted.trim().parse()?)
}
