//! `cargo xtask bench`: the program that measures, with all that its rows start built beside it.

use std::path::Path;

use anyhow::Result;

use crate::cargo::cargo;

/// Builds in release, and runs it with `args`.
///
/// # Errors
/// A bar was not met, or a row could not be measured; the program has said which and why.
pub(crate) fn run(root: &Path, args: &[String]) -> Result<()> {
    // The real cluster's programs, and the examples whose size and idling are measured.
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
