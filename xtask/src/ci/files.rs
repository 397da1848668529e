//! The files of the repository.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::output::output;

/// The names, relative to `root`, of the files that git tracks or would add.
///
/// # Errors
/// `git ls-files` cannot be run or fails; a file's name is not UTF-8.
pub(super) fn files(root: &Path) -> Result<Vec<String>> {
    let mut list = Command::new("git");
    list.args(["ls-files", "-z", "--cached", "--others"])
        .arg("--exclude-standard")
        .current_dir(root);
    let names = output(&mut list)?;
    Ok(names.split_terminator('\0').map(str::to_owned).collect())
}

/// Whether a program of this project writes the file.
pub(super) fn is_generated(text: &str) -> bool {
    let first = text.lines().next();
    first.is_some_and(|line| line.contains("@generated"))
}
