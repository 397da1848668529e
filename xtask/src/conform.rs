//! `cargo xtask conform`: the conformance suite's test program, which prints a table when it is started with
//! `--table` and takes all further options.

use std::path::Path;

use anyhow::Result;

use crate::cargo::cargo;

/// Builds and runs it with `args`.
///
/// # Errors
/// A promise is broken, or nothing could be asked; the program has said which and why.
pub(crate) fn run(root: &Path, args: &[String]) -> Result<()> {
    let mut command = vec!["test", "--quiet", "--package", "mesos-conformance"];
    command.extend(["--test", "conform", "--", "--table"]);
    command.extend(args.iter().map(String::as_str));
    cargo(root, &command, &[])
}
