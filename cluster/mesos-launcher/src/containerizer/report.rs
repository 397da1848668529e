//! The pipe through which an executor learns why its command could not be run. Mesos has no
//! such thing: there the reason is in the sandbox only, and the task exits with status 1.

use std::fs::{File, OpenOptions};
use std::io::Write as _;

use anyhow::{Context as _, Error, Result};

use super::descriptors;

/// The writing end. It closes with the exec that succeeds: nothing has come through it then.
#[derive(Debug)]
pub(super) struct Report(File);

/// The end with this number, if there is one.
pub(super) fn take(descriptor: Option<i32>) -> Result<Option<Report>> {
    let Some(descriptor) = descriptor else {
        return Ok(None);
    };
    descriptors::adopt(descriptor, OpenOptions::new().write(true))
        .map(|file| Some(Report(file)))
        .context("cannot use --report_pipe")
}

impl Report {
    /// Says why.
    pub(super) fn failed(&mut self, error: &Error) {
        // Whoever has stopped reading does not want to know.
        let _ = write!(self.0, "{error:#}");
    }
}
