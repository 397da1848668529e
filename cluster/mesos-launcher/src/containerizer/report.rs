//! The pipe that reports to an executor why its command could not be run. Mesos has no such pipe:
//! the reason is in the sandbox only, and the task exits with status 1.

use std::fs::{File, OpenOptions};
use std::io::Write as _;

use anyhow::{Context as _, Error, Result};

use super::descriptors;

/// The writing end. A successful exec closes it, and the reader receives nothing.
#[derive(Debug)]
pub(super) struct Report(File);

/// The pipe with this descriptor, if there is one.
pub(super) fn open(descriptor: Option<i32>) -> Result<Option<Report>> {
    let Some(descriptor) = descriptor else {
        return Ok(None);
    };
    descriptors::reopen(descriptor, OpenOptions::new().write(true))
        .map(|file| Some(Report(file)))
        .context("cannot use --report_pipe")
}

impl Report {
    /// Reports the reason.
    pub(super) fn failed(&mut self, error: &Error) {
        // The executor may have closed the pipe.
        let _ = write!(self.0, "{error:#}");
    }
}
