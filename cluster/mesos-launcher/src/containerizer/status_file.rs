//! The file from which the agent reads how the container ended.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use anyhow::{Context as _, Result};

use super::signals::Signal;

/// The file `status`. Writing consumes the value, so the file contains exactly one status. It stays
/// empty if this process is killed, which an agent treats as SIGKILL.
#[derive(Debug)]
pub(super) struct StatusFile {
    file: File,
    path: PathBuf,
}

/// The wait status (wait(2)) of a process that exited with status 1.
pub(super) const EXIT_1: i32 = 1 << 8;

impl StatusFile {
    pub(super) fn create(runtime_directory: &Path) -> Result<Self> {
        let path = runtime_directory.join("status");
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&path)
            .with_context(|| format!("cannot create {}", path.display()))?;
        Ok(Self { file, path })
    }

    /// Writes the wait status of a process, in decimal.
    pub(super) fn write(mut self, wait_status: i32) -> Result<()> {
        let text = wait_status.to_string();
        let written = self.file.write_all(text.as_bytes());
        written.with_context(|| format!("cannot write {text} to {}", self.path.display()))
    }
}

/// The wait status.
pub(super) fn wait_status(status: ExitStatus) -> i32 {
    status.into_raw()
}

/// The wait status of a process that `signal` killed.
pub(super) fn killed_by(signal: Signal) -> i32 {
    signal.0 as i32
}
