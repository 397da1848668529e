//! The files `stdout` and `stderr` of a sandbox, for agents that do not open them. An agent in
//! local mode passes its own streams to its containers
//! (`src/slave/containerizer/mesos/io/switchboard.cpp` in Mesos' tree).

use std::fs::{File, OpenOptions};
use std::path::Path;

use anyhow::{Context as _, Result};
use nix::unistd::{dup2_stderr, dup2_stdout};

/// Redirects stdout and stderr of this process, and of the command after it, to the files in
/// `sandbox`.
pub(super) fn into_sandbox(sandbox: &Path) -> Result<()> {
    dup2_stdout(open(sandbox, "stdout")?).context("cannot replace stdout")?;
    dup2_stderr(open(sandbox, "stderr")?).context("cannot replace stderr")?;
    Ok(())
}

fn open(sandbox: &Path, name: &str) -> Result<File> {
    let path = sandbox.join(name);
    let file = OpenOptions::new().append(true).create(true).open(&path);
    file.with_context(|| format!("cannot open {}", path.display()))
}
