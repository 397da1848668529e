//! Downloads by the program `mesos-local`: the crates that a download needs are in the program, and
//! not in every program that uses the library.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::error::{Error, ErrorKind};
use crate::programs::Programs;
use crate::wire::Provided;

/// Runs `mesos-local provide`, whose progress goes to stderr.
pub(super) fn provide(what: &[&str]) -> Result<PathBuf, Error> {
    let program = Programs::find()?.local;
    let failed = |cause: Box<dyn std::error::Error + Send + Sync>| {
        Error::because(
            ErrorKind::Download,
            format!("cannot download with {}", program.display()),
            cause,
        )
    };
    let output = Command::new(&program)
        .arg("provide")
        .args(what)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|cause| failed(cause.into()))?;
    match serde_json::from_slice(&output.stdout) {
        Ok(Provided::File(path)) => Ok(path),
        Ok(Provided::Failed { kind, message }) => Err(Error::new(kind, message)),
        Err(cause) => Err(failed(cause.into())),
    }
}
