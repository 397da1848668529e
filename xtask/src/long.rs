//! The long runs of tests that are short in `cargo test --workspace`. Environment variables set
//! the length, and the tests print their figures. They need a real Mesos.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

/// Kills a scheduler `kills` times while it launches tasks.
///
/// # Errors
/// The test does not build, or it fails.
pub(crate) fn failover(root: &Path, kills: u64, seed: Option<u64>) -> Result<()> {
    // Cargo does not build examples for a single test target.
    cargo(
        root,
        &["build", "--package", "mesos-examples", "--examples"],
        Vec::new(),
    )?;
    let test = ["--package", "mesos-examples", "--test", "it", "failover::"];
    let mut variables = vec![("MESOS_FAILOVER_KILLS", kills.to_string())];
    variables.extend(seed.map(|seed| ("MESOS_FAILOVER_SEED", seed.to_string())));
    self::test(root, &test, variables)
}

/// The rows of the fault matrix.
#[derive(clap::Args)]
pub(crate) struct Faults {
    /// Seconds for each row
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Seed of the random numbers; each run prints its seed [default: random]
    #[arg(long)]
    seed: Option<u64>,
    /// Run only the rows whose name (`PEER, FAULT, ENCODING`) contains this text [default: all]
    #[arg(long)]
    rows: Option<String>,
    /// The number of rows that run at the same time
    #[arg(long, default_value_t = 4)]
    jobs: u64,
}

/// Prints the fault matrix.
///
/// # Errors
/// The test does not build, or an update was lost.
pub(crate) fn faults(root: &Path, faults: Faults) -> Result<()> {
    let mut variables = vec![
        ("MESOS_FAULTS_SECONDS", faults.seconds.to_string()),
        ("MESOS_FAULTS_JOBS", faults.jobs.to_string()),
        ("RUST_TEST_THREADS", 1.to_string()),
    ];
    variables.extend(faults.rows.map(|rows| ("MESOS_FAULTS_ROWS", rows)));
    variables.extend(
        faults
            .seed
            .map(|seed| ("MESOS_TESTING_SEED", seed.to_string())),
    );
    test(
        root,
        &["--package", "mesos-testing", "--test", "faults"],
        variables,
    )
}

/// What runs while faults are injected.
#[derive(clap::Args)]
pub(crate) struct Chaos {
    /// Seconds of faults. The end of all jobs follows
    #[arg(long, default_value_t = 600)]
    seconds: u64,
    /// Seed of the random numbers; each run prints its seed [default: random]
    #[arg(long)]
    seed: Option<u64>,
    /// The number of jobs
    #[arg(long, default_value_t = 1000)]
    jobs: u32,
    /// The number of services, each with three instances
    #[arg(long, default_value_t = 3)]
    services: u32,
    /// Run three schedulers of which one leads
    #[arg(long)]
    ha: bool,
}

/// Runs jobs and services while everything fails at random moments.
///
/// # Errors
/// The test does not build, or an invariant was violated.
pub(crate) fn chaos(root: &Path, chaos: Chaos) -> Result<()> {
    let test = ["--package", "mesos-examples", "--test", "it"];
    let name = "chaos::a_runner_loses_nothing_and_runs_nothing_twice_whatever_fails";
    let test = [&test[..], &[name]].concat();
    let schedulers = if chaos.ha { 3 } else { 1 };
    let mut variables = vec![
        ("MESOS_CHAOS_SECONDS", chaos.seconds.to_string()),
        ("MESOS_CHAOS_JOBS", chaos.jobs.to_string()),
        ("MESOS_CHAOS_SERVICES", chaos.services.to_string()),
        ("MESOS_CHAOS_SCHEDULERS", schedulers.to_string()),
    ];
    variables.extend(
        chaos
            .seed
            .map(|seed| ("MESOS_CHAOS_SEED", seed.to_string())),
    );
    self::test(root, &test, variables)
}

fn test(root: &Path, which: &[&str], variables: Vec<(&str, String)>) -> Result<()> {
    let args = [&["test"], which, &["--", "--nocapture"]].concat();
    cargo(root, &args, variables)
}

fn cargo(root: &Path, args: &[&str], variables: Vec<(&str, String)>) -> Result<()> {
    let status = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .current_dir(root)
        .args(args)
        .env("MESOS_REQUIRE_REAL", "1")
        .envs(variables)
        .status()
        .context("cannot run cargo")?;
    if !status.success() {
        bail!("`cargo {}` failed ({status})", args.join(" "));
    }
    Ok(())
}
