//! Runs the tests of mesos-native that call C++ under valgrind, which sees every access of
//! Rust's, of the shim's and of libmesos' to memory that is not theirs. Slow, and no part of
//! the gate. Tests that die on purpose do so in processes of their own, which are left alone.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// Shorter than usual: valgrind makes everything some thirty times slower.
const LENGTHS: [(&str, &str); 2] = [
    ("MESOS_NATIVE_CYCLES", "40"),
    ("MESOS_NATIVE_CALLBACKS", "3000"),
];

/// No leak check: libmesos is never unloaded, and what it and a driver that never ran hold is
/// held until the end. That nothing grows is asked by tests that measure it.
const OPTIONS: [&str; 4] = [
    "--error-exitcode=99",
    "--leak-check=no",
    "--num-callers=40",
    "--fair-sched=yes",
];

/// Runs the test programs of these names, or of all that there are.
///
/// # Errors
/// No valgrind, tests that do not build or fail, and every access that valgrind reports.
pub(crate) fn run(root: &Path, names: &[String]) -> Result<()> {
    let mut there = Command::new("valgrind");
    there.arg("--version").stdout(Stdio::null());
    if !there.status().is_ok_and(|status| status.success()) {
        bail!("valgrind is not installed (Debian: valgrind)");
    }
    // The programs of a local cluster, for the tests that want one.
    let mut helpers = Command::new("cargo");
    helpers.args(["build", "--quiet", "--bins"]);
    helpers.args(["--package", "mesos-local", "--package", "mesos-launcher"]);
    if !helpers.current_dir(root).status()?.success() {
        bail!("mesos-local and mesos-launcher do not build");
    }
    let mut bad = Vec::new();
    for (name, program) in programs(root)? {
        if !names.is_empty() && !names.contains(&name) {
            continue;
        }
        println!("== {name}");
        let status = Command::new("valgrind")
            .args(OPTIONS)
            .arg(program)
            // One at a time, so that a report names its test.
            .arg("--test-threads=1")
            .envs(LENGTHS)
            .current_dir(root.join("mesos-native"))
            .status()
            .context("cannot run valgrind")?;
        if !status.success() {
            bad.push(format!("{name} ({status})"));
        }
    }
    if !bad.is_empty() {
        bail!("not clean: {}", bad.join(", "));
    }
    Ok(())
}

/// The test programs of mesos-native, built, by the names of their targets.
fn programs(root: &Path) -> Result<Vec<(String, PathBuf)>> {
    let mut build = Command::new("cargo")
        .args(["test", "--package", "mesos-native", "--no-run"])
        .args(["--lib", "--test", "executor", "--test", "scheduler"])
        .arg("--message-format=json-render-diagnostics")
        .current_dir(root)
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot run cargo")?;
    let mut programs = Vec::new();
    if let Some(stdout) = build.stdout.take() {
        for line in BufReader::new(stdout).lines() {
            let line = line.context("cannot read what cargo says")?;
            programs.extend(serde_json::from_str(&line).ok().and_then(program));
        }
    }
    if !build.wait()?.success() {
        bail!("the tests of mesos-native do not build");
    }
    Ok(programs)
}

fn program(message: Value) -> Option<(String, PathBuf)> {
    let program = message.get("executable")?.as_str()?;
    let tested = message.get("profile")?.get("test")?.as_bool()?;
    let name = message.get("target")?.get("name")?.as_str()?;
    tested.then(|| (name.to_owned(), program.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cargo_built_as_a_test_is_found_by_its_name() {
        let said = |executable: &str, test: bool| {
            let text = format!(
                r#"{{"executable": {executable}, "profile": {{"test": {test}}},
                    "target": {{"name": "executor"}}}}"#
            );
            program(serde_json::from_str(&text).unwrap_or_default())
        };
        let found = said(r#""/target/executor-1""#, true);
        assert_eq!(
            found,
            Some(("executor".to_owned(), "/target/executor-1".into()))
        );
        assert_eq!(said(r#""/target/mesos-local""#, false), None);
        assert_eq!(said("null", true), None);
    }
}
