//! Writes the manual pages of the command mesos, which prints them itself.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::cargo::cargo;
use crate::generated::{Files, Generated};

/// Writes the pages, or with `check` compares them.
///
/// # Errors
/// The program does not compile, or a folder cannot be read or written. With `check`: a page is out
/// of date.
pub(crate) fn run(root: &Path, check: bool) -> Result<()> {
    let temp = tempfile::tempdir().context("cannot create a temporary folder")?;
    let target = temp.path().display().to_string();
    let args = [
        "run",
        "--quiet",
        "--package",
        "mesos-cli",
        "--",
        "man",
        &target,
    ];
    cargo(root, &args, &[])?;
    let mut files = Files::new();
    for entry in fs::read_dir(temp.path()).context("cannot read the pages")? {
        let path = entry.context("cannot read the pages")?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let text = fs::read_to_string(&path).context("cannot read the pages")?;
        files.insert(name.into_owned(), text);
    }
    Generated {
        dir: &root.join("mesos-cli/man"),
        files,
        owns_dir: true,
        repair: "cargo xtask man",
    }
    .write_or_check(check)
}
