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
        &[],
    )?;
    let test = ["--package", "mesos-examples", "--test", "it", "failover::"];
    let mut variables = vec![("MESOS_FAILOVER_KILLS", kills)];
    variables.extend(seed.map(|seed| ("MESOS_FAILOVER_SEED", seed)));
    self::test(root, &test, &variables)
}

/// Prints the fault matrix. Each row lasts `seconds`.
///
/// # Errors
/// The test does not build, or an update was lost.
pub(crate) fn faults(root: &Path, seconds: u64, seed: Option<u64>) -> Result<()> {
    let mut variables = vec![("MESOS_FAULTS_SECONDS", seconds), ("RUST_TEST_THREADS", 1)];
    variables.extend(seed.map(|seed| ("MESOS_TESTING_SEED", seed)));
    test(
        root,
        &["--package", "mesos-testing", "--test", "faults"],
        &variables,
    )
}

fn test(root: &Path, which: &[&str], variables: &[(&str, u64)]) -> Result<()> {
    let args = [&["test"], which, &["--", "--nocapture"]].concat();
    cargo(root, &args, variables)
}

fn cargo(root: &Path, args: &[&str], variables: &[(&str, u64)]) -> Result<()> {
    let status = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .current_dir(root)
        .args(args)
        .env("MESOS_REQUIRE_REAL", "1")
        .envs(
            variables
                .iter()
                .map(|(name, value)| (name, value.to_string())),
        )
        .status()
        .context("cannot run cargo")?;
    if !status.success() {
        bail!("`cargo {}` failed ({status})", args.join(" "));
    }
    Ok(())
}
