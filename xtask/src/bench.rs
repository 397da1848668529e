//! `cargo xtask bench`: builds and runs the benchmark program.

use std::path::Path;

use anyhow::Result;

use crate::cargo::cargo;

/// The rows that need the feature `cluster` of mesos-bench, or other programs of the workspace.
const CLUSTER: [&str; 5] = ["state", "real", "callbacks", "jobs", "programs"];

/// The row whose program is built with the profile `dist`.
const DIST: &str = "process";

/// The rows that `args` select; empty for all rows.
fn selected(args: &[String]) -> Vec<&str> {
    let mut rows = Vec::new();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match arg.strip_prefix("--only=") {
            Some(row) => rows.push(row),
            None if arg == "--only" => rows.extend(args.next().map(String::as_str)),
            None => {}
        }
    }
    rows
}

/// Whether `args` select rows, and none of these rows needs the feature `cluster`.
fn is_lean(args: &[String]) -> bool {
    let rows = selected(args);
    !rows.is_empty() && rows.iter().all(|row| !CLUSTER.contains(row))
}

/// Builds the program and everything that its rows start in release mode, and runs it with `args`.
/// Rows about the HTTP driver and placement need a small part of the workspace.
///
/// # Errors
/// A limit was not met, or a row could not be measured. The program prints which and why.
pub(crate) fn run(root: &Path, args: &[String]) -> Result<()> {
    let lean = is_lean(args);
    let packages: &[&str] = match lean {
        true => &["mesos-bench"],
        // The programs of the real cluster, and the examples whose size and idle CPU are measured.
        false => &[
            "mesos-bench",
            "mesos-local",
            "mesos-launcher",
            "mesos-examples",
        ],
    };
    let features: &[&str] = if lean {
        &["--no-default-features", "--features", "json"]
    } else {
        &[]
    };
    let mut build = vec!["build", "--release", "--bins", "--examples"];
    build.extend(packages.iter().flat_map(|name| ["--package", *name]));
    build.extend(features);
    cargo(root, &build, &[])?;
    if selected(args).contains(&DIST) {
        let dist = ["build", "--profile", "dist", "--package", "mesos-bench"];
        let bin = ["--no-default-features", "--bin", "mesos-bench-scheduler"];
        cargo(root, &[&dist[..], &bin].concat(), &[])?;
    }
    let mut command = vec!["run", "--release", "--quiet", "--package", "mesos-bench"];
    command.extend(features);
    command.extend(["--bin", "mesos-bench", "--"]);
    command.extend(args.iter().map(String::as_str));
    cargo(root, &command, &[])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_selection_of_rows_without_a_cluster_is_built_without_it() {
        let lean =
            |args: &[&str]| is_lean(&args.iter().map(|arg| (*arg).into()).collect::<Vec<_>>());
        assert!(lean(&["--only", "instructions", "--quick"]));
        assert!(lean(&["--quick", "--only=offers", "--only", "placement"]));
        assert!(!lean(&["--only", "offers", "--only", "real"]));
        assert!(!lean(&["--only=state"]));
        assert!(!lean(&["--quick"]));
    }
}
