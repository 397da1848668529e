//! The files of the repository.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

/// The names, relative to `root`, of the files that git tracks or would add.
///
/// # Errors
/// `git ls-files` cannot be run or fails; a file's name is not UTF-8.
pub(super) fn files(root: &Path) -> Result<Vec<String>> {
    let output = Command::new("git")
        .current_dir(root)
        .args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ])
        .output()
        .context("cannot run `git ls-files`")?;
    if !output.status.success() {
        bail!(
            "`git ls-files` failed: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    let names = String::from_utf8(output.stdout).context("a file's name is not UTF-8")?;
    Ok(names.split_terminator('\0').map(str::to_owned).collect())
}

/// Whether a program of this project writes the file.
pub(super) fn is_generated(text: &str) -> bool {
    let first = text.lines().next();
    first.is_some_and(|line| line.contains("@generated"))
}
