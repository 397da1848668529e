//! `cargo xtask bench`: builds and runs the benchmark program.

use std::path::Path;

use anyhow::Result;

use crate::cargo::cargo;

/// Builds the program and everything that its rows start in release mode, and runs it with `args`.
///
/// # Errors
/// A limit was not met, or a row could not be measured. The program prints which and why.
pub(crate) fn run(root: &Path, args: &[String]) -> Result<()> {
    // The programs of the real cluster, and the examples whose size and idle CPU are measured.
    let packages = [
        "mesos-bench",
        "mesos-local",
        "mesos-launcher",
        "mesos-examples",
    ];
    let mut build = vec!["build", "--release", "--bins", "--examples"];
    build.extend(packages.iter().flat_map(|name| ["--package", *name]));
    cargo(root, &build, &[])?;
    let mut command = vec!["run", "--release", "--quiet", "--package", "mesos-bench"];
    command.extend(["--bin", "mesos-bench", "--"]);
    command.extend(args.iter().map(String::as_str));
    cargo(root, &command, &[])
}
