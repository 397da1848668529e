//! Runs the rows and prints the table; also runs as the other processes of rows.

#![forbid(unsafe_code)]

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Result, bail};
use clap::{Parser, Subcommand};
use mesos_bench::client;
#[cfg(feature = "cluster")]
use mesos_bench::launch;
use mesos_bench::plot;
use mesos_bench::rows::{Bench, MORE, ROWS};
use mesos_bench::table::Table;

/// Measures the drivers and prints one table
#[derive(Parser)]
struct Cli {
    /// Run only these rows; `programs` (size, start and idling of the examples) and `process` (the
    /// memory of a scheduler) run only by name
    #[arg(long)]
    only: Vec<String>,
    /// Use small numbers, to check that the rows work; the results are not meaningful
    #[arg(long)]
    quick: bool,
    /// Also draw the rows and their bars into this SVG file
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,
    #[command(subcommand)]
    part: Option<Part>,
}

#[derive(Subcommand)]
enum Part {
    /// The client of a row
    #[command(hide = true)]
    Client { job: String },
    /// The executor of the rows with a real cluster
    #[cfg(feature = "cluster")]
    #[command(hide = true)]
    Executor,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match &cli.part {
        Some(Part::Client { job }) => client::run(job, |perform| perform()).map(|()| true),
        #[cfg(feature = "cluster")]
        Some(Part::Executor) => execute().map(|()| true),
        None => play(&cli),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(feature = "cluster")]
#[tokio::main(flavor = "current_thread")]
async fn execute() -> Result<()> {
    launch::execute().await
}

/// Returns whether every bar was met.
fn play(cli: &Cli) -> Result<bool> {
    let all = || ROWS.iter().chain(MORE);
    if let Some(unknown) = cli
        .only
        .iter()
        .find(|name| all().all(|(row, _)| row != name))
    {
        let names: Vec<_> = all().map(|(name, _)| *name).collect();
        bail!("unknown row {unknown:?}; choose from {}", names.join(", "));
    }
    let bench = Bench { quick: cli.quick };
    let wanted: Vec<_> = match cli.only.is_empty() {
        true => ROWS.iter().collect(),
        false => all()
            .filter(|(name, _)| cli.only.iter().any(|only| only == name))
            .collect(),
    };
    let mut rows = Vec::new();
    let mut failed = false;
    for (name, row) in wanted {
        let began = Instant::now();
        eprintln!("{name}…");
        match row(&bench) {
            Ok(measured) => rows.extend(measured),
            Err(error) => {
                failed = true;
                eprintln!("error: {name}: {error:#}");
            }
        }
        eprintln!("{name}: {:.1} s", began.elapsed().as_secs_f64());
    }
    println!("{}", Table(&rows));
    if let Some(path) = &cli.plot {
        plot::draw(&rows, path)?;
        eprintln!("the plot is in {}", path.display());
    }
    Ok(!failed && rows.iter().all(|row| row.met != Some(false)))
}
