//! Runs the tests of mesos-native that call C++ under valgrind. Valgrind reports every invalid
//! memory access of the Rust code, of the shim and of libmesos. This is slow and not a step of
//! `cargo xtask ci`. Tests that crash on purpose do so in child processes, which valgrind does not
//! check.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::cargo::{build, cargo};

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

/// Runs the test programs of these names, or all of them.
///
/// # Errors
/// Valgrind is not installed, a test does not build or fails, or valgrind reports an access.
pub(crate) fn run(root: &Path, names: &[String]) -> Result<()> {
    let mut valgrind = Command::new("valgrind");
    valgrind.arg("--version").stdout(Stdio::null());
    if !valgrind.status().is_ok_and(|status| status.success()) {
        bail!("valgrind is not installed (Debian: valgrind)");
    }
    // Some tests start a local cluster, which needs these programs.
    let programs = [
        &["build", "--quiet", "--bins"][..],
        &["--package", "mesos-local", "--package", "mesos-launcher"],
    ];
    cargo(root, &programs.concat(), &[])?;
    let tests = [
        &["test", "--package", "mesos-native", "--no-run", "--lib"][..],
        &["--test", "executor", "--test", "scheduler"],
    ];
    let mut failed = Vec::new();
    for test in build(root, &tests.concat())? {
        let name = test.name;
        if !test.is_test || (!names.is_empty() && !names.contains(&name)) {
            continue;
        }
        println!("== {name}");
        let status = Command::new("valgrind")
            .args(OPTIONS)
            .arg(test.path)
            // One test at a time, so that a report is below the name of its test.
            .arg("--test-threads=1")
            .envs(LENGTHS)
            .current_dir(root.join("mesos-native"))
            .status()
            .context("cannot run valgrind")?;
        if !status.success() {
            failed.push(format!("{name} ({status})"));
        }
    }
    if !failed.is_empty() {
        bail!("valgrind failed: {}", failed.join(", "));
    }
    Ok(())
}
