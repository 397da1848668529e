//! `cargo xtask conform`: runs the chosen cases and prints a table.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use clap::{Parser, ValueEnum};
use mesos_conformance::runner::{Format, Job, Matrix, Outcome, Table, run_jobs};
use mesos_conformance::{CASES, Case, Harness, RunsOn, World};
use mesos_local::{DEFAULT_VERSION, load_libmesos, versions};

use crate::backends::{BACKENDS, columns, with_native_executors};
use crate::pool::Pool;
use crate::progress::Progress;

/// Runs the conformance suite over every backend, on a fake master and on a real Mesos
///
/// Prints the result of each promise: ok; FAILED; n/a (not applicable, with the reason); known (a
/// known failure, with the reason); FIXED (a known failure that passes). Fails if a result is
/// FAILED or FIXED.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask conform")]
struct Cli {
    /// Run only this backend; may be repeated [default: all]
    #[arg(long, value_name = "NAME")]
    backend: Vec<String>,
    /// Where to run
    #[arg(long, value_delimiter = ',', default_value = "fake,real")]
    on: Vec<On>,
    /// Comma-separated releases of Mesos, or `all` available ones. Several releases run in one
    /// process each, and the result is a matrix
    #[arg(long, value_delimiter = ',', default_value = DEFAULT_VERSION)]
    versions: Vec<String>,
    /// Run only cases with this text in their topic or name; may be repeated
    #[arg(long, value_name = "TEXT")]
    filter: Vec<String>,
    /// List the cases without running them
    #[arg(long)]
    list: bool,
    /// The format of the table
    #[arg(long, default_value = "text")]
    format: Show,
    /// The number of cases that run at a time; most of them mostly wait
    #[arg(long, value_name = "N", default_value_t = 6)]
    jobs: usize,
    /// Run the executors of a real Mesos over the full libmesos in FILE instead of over HTTP
    #[arg(long, value_name = "FILE")]
    native_executors: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum On {
    /// A master in this process
    Fake,
    /// A real Mesos, which is downloaded once (27 MB)
    Real,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Show {
    Text,
    Markdown,
    /// One line for each outcome, for a process that runs several releases
    #[value(hide = true)]
    Lines,
}

/// Runs the cases that `args` select and prints the table. Returns whether nothing failed
/// unexpectedly.
pub(crate) fn run(args: impl IntoIterator<Item = OsString>) -> Result<bool, String> {
    let program = OsString::from("cargo xtask conform");
    let cli = Cli::parse_from([program].into_iter().chain(args));
    let cli = &cli;
    let is_wanted = |case: &&Case| {
        let name = format!("{}::{}", case.topic, case.id);
        cli.filter.is_empty() || cli.filter.iter().any(|text| name.contains(text))
    };
    let cases: Vec<&'static Case> = CASES.iter().filter(is_wanted).collect();
    if cases.is_empty() {
        return Err(format!("no case matches {:?}", cli.filter));
    }
    if cli.list {
        list(&cases);
        return Ok(true);
    }
    let version = match &chosen_versions(&cli.versions)?[..] {
        [version] => version.clone(),
        several => return compare(cli, several),
    };
    let (harnesses, worlds) = chosen(cli, &version)?;
    let places: Vec<(&Harness, &World)> = harnesses
        .iter()
        .flat_map(|harness| worlds.iter().map(move |world| (harness, world)))
        .collect();
    let mut table = Table::new(places.iter().copied());
    let mut jobs: Vec<Job> = places
        .iter()
        .flat_map(|(harness, world)| {
            cases.iter().map(|case| Job {
                case,
                harness: (*harness).clone(),
                world: (*world).clone(),
            })
        })
        .collect();
    // The longest first.
    jobs.sort_by_key(|job| matches!(job.world, World::Fake));
    let mut progress = Progress::new(jobs.len());
    run_jobs(jobs, cli.jobs, |result| {
        progress.add(&result);
        if matches!(cli.format, Show::Lines) {
            println!("{}", Outcome::of(&result).to_line());
        }
        table.add(result);
    });
    let took = progress.end();
    let format = match cli.format {
        Show::Text => Format::Text,
        Show::Markdown => Format::Markdown,
        Show::Lines => return Ok(table.is_good()),
    };
    print!("{}", table.show(format));
    println!("after {took:.0} s");
    Ok(table.is_good())
}

/// The selected releases.
fn chosen_versions(names: &[String]) -> Result<Vec<String>, String> {
    let known: Vec<&str> = versions().collect();
    let mut chosen: Vec<String> = Vec::new();
    for name in names {
        match name.as_str() {
            "all" => chosen.extend(known.iter().map(ToString::to_string)),
            release if known.contains(&release) => chosen.push(name.clone()),
            _ => {
                let there = known.join(", ");
                return Err(format!(
                    "unknown Mesos release {name:?}; choose from {there}, or all"
                ));
            }
        }
    }
    Ok(chosen)
}

/// Runs several releases, one after the other.
fn compare(cli: &Cli, versions: &[String]) -> Result<bool, String> {
    let program = std::env::current_exe();
    let program =
        program.map_err(|error| format!("cannot find the path of this program: {error}"))?;
    let since = Instant::now();
    let mut matrix = Matrix::default();
    for version in versions {
        eprintln!("Mesos {version}");
        let mut one = std::process::Command::new(&program);
        one.args([
            "--table",
            "--on",
            "real",
            "--format",
            "lines",
            "--versions",
            version,
        ]);
        one.args(["--jobs", &cli.jobs.to_string()]);
        for (option, values) in [("--backend", &cli.backend), ("--filter", &cli.filter)] {
            values.iter().for_each(|value| {
                one.args([option, value]);
            });
        }
        // The progress and errors of the run go to the terminal.
        let output = one.stderr(std::process::Stdio::inherit()).output();
        let output =
            output.map_err(|error| format!("cannot start the run for Mesos {version}: {error}"))?;
        let lines = String::from_utf8_lossy(&output.stdout);
        matrix.add(
            version,
            lines.lines().filter_map(Outcome::from_line).collect(),
        );
    }
    print!("{}", matrix.show());
    println!("\nafter {:.0} s", since.elapsed().as_secs_f64());
    Ok(matrix.is_good())
}

/// The selected backends and worlds.
fn chosen(cli: &Cli, version: &str) -> Result<(Vec<Harness>, Vec<World>), String> {
    let wanted = |name: &str| cli.backend.is_empty() || cli.backend.iter().any(|one| one == name);
    if let Some(unknown) = cli
        .backend
        .iter()
        .find(|name| !BACKENDS.contains(&name.as_str()))
    {
        let known = BACKENDS.join(", ");
        return Err(format!("unknown backend {unknown:?}; choose from {known}"));
    }
    let mut worlds = Vec::new();
    if cli.on.contains(&On::Fake) {
        worlds.push(World::Fake);
    }
    let mut library = None;
    if cli.on.contains(&On::Real) {
        let program = std::env::current_exe();
        let program =
            program.map_err(|error| format!("cannot find the path of this program: {error}"))?;
        let pool = match &cli.native_executors {
            None => Pool::new(program, version),
            Some(path) => {
                // Cargo runs this program in the directory of the package, not in the caller's.
                let path = Path::new(env!("CARGO_MANIFEST_DIR"))
                    .join("../..")
                    .join(path);
                Pool::with_native_executors(program, version, &path)
            }
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| format!("cannot start a runtime: {error}"))?;
        let ready = runtime.block_on(async {
            pool.probe().await?;
            if wanted("native") {
                library = Some(load_libmesos(version).await?);
            }
            Ok(())
        });
        ready.map_err(|error: mesos_local::Error| {
            format!(
                "no real Mesos: {}; use `--on fake` to run without one",
                error.report()
            )
        })?;
        worlds.push(World::Real(Arc::new(pool)));
    }
    let mut harnesses = columns(library);
    if cli.native_executors.is_some() {
        harnesses = harnesses.into_iter().map(with_native_executors).collect();
    }
    harnesses.retain(|harness| wanted(harness.backend()));
    Ok((harnesses, worlds))
}

fn list(cases: &[&Case]) {
    for case in cases {
        let only = match case.runs_on {
            RunsOn::Both => String::new(),
            RunsOn::FakeOnly(reason) => format!(" (fake only: {reason})"),
            RunsOn::RealOnly(reason) => format!(" (real only: {reason})"),
        };
        let requires: String = case
            .requires
            .iter()
            .map(|one| format!(" requires {one:?}"))
            .collect();
        let since = case.since.map(|release| format!(" since {release}"));
        println!(
            "{}::{}{requires}{}{only}",
            case.topic,
            case.id,
            since.unwrap_or_default()
        );
    }
}
