//! Runs the tests of mesos-native that call C++ under a tool that reports invalid memory accesses.
//! This is slow and not a step of `cargo xtask ci`. Tests that crash on purpose do so in child
//! processes, which valgrind does not check.
//!
//! Valgrind checks the Rust code, the shim and libmesos. A sanitizer checks the Rust code and the
//! shim, which are compiled for it; of libmesos it checks only the memory that libmesos frees.

mod sanitizer;

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

pub(crate) use self::sanitizer::Sanitizer;
use crate::cargo::{Executable, build, cargo};

/// The test programs that call C++, for cargo.
const TESTS: [&str; 8] = [
    "--package",
    "mesos-native",
    "--lib",
    "--test",
    "executor",
    "--test",
    "scheduler",
    "--no-run",
];

/// Shorter than the defaults: a test is about thirty times slower under valgrind.
const LENGTHS: [(&str, &str); 2] = [
    ("MESOS_NATIVE_CYCLES", "40"),
    ("MESOS_NATIVE_CALLBACKS", "3000"),
];

/// No leak check: libmesos is never unloaded, so its memory and the memory of a driver that never
/// ran are held until the process ends. Other tests measure that memory use does not grow.
const OPTIONS: [&str; 4] = [
    "--error-exitcode=99",
    "--leak-check=no",
    "--num-callers=40",
    "--fair-sched=yes",
];

/// Runs the test programs of these names, or all of them, under valgrind or a sanitizer.
///
/// # Errors
/// A tool is not installed, a test does not build or fails, or an invalid access was reported.
pub(crate) fn run(root: &Path, sanitizer: Option<Sanitizer>, names: &[String]) -> Result<()> {
    // Some tests start a local cluster, which needs these programs.
    let programs = [
        &["build", "--quiet", "--bins"][..],
        &["--package", "mesos-local", "--package", "mesos-launcher"],
    ];
    cargo(root, &programs.concat(), &[])?;
    match sanitizer {
        None => valgrind(root, names),
        Some(sanitizer) => sanitizer.run(root, names),
    }
}

fn valgrind(root: &Path, names: &[String]) -> Result<()> {
    let mut valgrind = Command::new("valgrind");
    valgrind.arg("--version").stdout(Stdio::null());
    if !valgrind.status().is_ok_and(|status| status.success()) {
        bail!("valgrind is not installed (Debian: valgrind)");
    }
    let programs = build(root, &[&["test"][..], &TESTS].concat(), &[])?;
    let mut failed = Vec::new();
    for test in programs {
        if !is_wanted(&test, names) {
            continue;
        }
        let mut command = Command::new("valgrind");
        command.args(OPTIONS).arg(&test.path);
        failed.extend(run_test(root, command, &test.name, &[])?);
    }
    report("valgrind", &failed)
}

fn is_wanted(test: &Executable, names: &[String]) -> bool {
    test.is_test && (names.is_empty() || names.contains(&test.name))
}

/// Runs a test program. The result is the failure, if it failed.
fn run_test(
    root: &Path,
    mut command: Command,
    name: &str,
    environment: &[(&str, String)],
) -> Result<Option<String>> {
    println!("== {name}");
    let status = command
        // One test at a time, so that a report is below the name of its test.
        .arg("--test-threads=1")
        .envs(LENGTHS)
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .current_dir(root.join("mesos-native"))
        .status()
        .with_context(|| format!("cannot run {name}"))?;
    Ok((!status.success()).then(|| format!("{name} ({status})")))
}

fn report(tool: &str, failed: &[String]) -> Result<()> {
    if !failed.is_empty() {
        bail!("{tool} failed: {}", failed.join(", "));
    }
    println!("{tool}: no invalid access was reported");
    Ok(())
}
