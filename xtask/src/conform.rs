//! `cargo xtask conform`: runs the conformance suite's test program, which prints a table with
//! `--table` and has all other options.

use std::path::Path;

use anyhow::Result;

use crate::cargo::cargo;

/// Builds and runs the program with `args`.
///
/// # Errors
/// A case fails, or no case could be run. The program prints which and why.
pub(crate) fn run(root: &Path, args: &[String]) -> Result<()> {
    let mut command = vec!["test", "--quiet", "--package", "mesos-conformance"];
    command.extend(["--test", "conform", "--", "--table"]);
    command.extend(args.iter().map(String::as_str));
    cargo(root, &command, &[])
}
