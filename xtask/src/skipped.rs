//! A check that cannot run on this machine, which is not a failure.

use std::fmt;
use std::process::Command;

use anyhow::Result;

use crate::output::output;

/// The error of a command that checked nothing, with the reason.
#[derive(Debug)]
pub(crate) struct Skipped(pub(crate) String);

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SKIPPED: {}", self.0)
    }
}

impl std::error::Error for Skipped {}

/// The version that `command --version` prints. `command` is from the package `package`.
///
/// # Errors
/// [`Skipped`] if the command is not installed, with the command that installs it.
pub(crate) fn version(command: &[&str], package: &str) -> Result<String> {
    let mut version = Command::new(command[0]);
    version.args(&command[1..]).arg("--version");
    let version = output(&mut version).map(|version| version.trim().to_owned());
    version.map_err(|_| {
        let install = format!("cargo install {package} --locked");
        Skipped(format!(
            "{package} is not installed; `{install}` installs it"
        ))
        .into()
    })
}
