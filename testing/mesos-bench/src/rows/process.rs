//! The memory of a scheduler that is a program of its own.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use super::Bench;
use crate::flood::{Flood, Options, Workload};
use crate::table::Row;
use crate::usage::field;

/// The program, which `cargo xtask bench` builds with the profile `dist`.
const PROGRAM: &str = "mesos-bench-scheduler";

/// Resident memory at the highest rate that the machine permits, with one and two threads.
pub(super) fn process(bench: &Bench) -> Result<Vec<Row>> {
    let program = program()?;
    let mut rows = Vec::new();
    for threads in [1, 2] {
        let flood = Flood::start(Options::new(Workload::Updates {
            tasks: 1000,
            updates: bench.size(1_000_000, 100_000),
            window: 1000,
        }))?;
        let mut command = Command::new(&program);
        command.args([flood.url(), threads.to_string()]);
        let output = command.stderr(Stdio::inherit()).output()?;
        let report = flood.wait()?;
        if !output.status.success() || !report.complete {
            bail!("{PROGRAM} failed:\n{report}");
        }
        let status = String::from_utf8(output.stdout)?;
        let megabytes = |name| field(&status, name) as f64 * 1024.0 / 1e6;
        let what =
            format!("memory of a scheduler, profile dist, in MB: at most, threads: {threads}");
        rows.push(Row::at_most(what, megabytes("VmHWM:"), 7.0).note(format!(
            "{:.2} MB of its own, {:.2} MB of files; {:.0} updates/s",
            megabytes("RssAnon:"),
            megabytes("RssFile:"),
            report.acknowledged_per_second
        )));
    }
    Ok(rows)
}

fn program() -> Result<PathBuf> {
    let release = std::env::current_exe()?;
    let target = release.parent().and_then(|folder| folder.parent());
    let target = target.context("this program is not in the target directory of cargo")?;
    let program = target.join("dist").join(PROGRAM);
    if !program.exists() {
        bail!(
            "{} is not built; run `cargo xtask bench --only process`",
            program.display()
        );
    }
    Ok(program)
}
