//! The process that a driver belongs to. libmesos does not work in a forked child, because its
//! threads do not exist there.

use std::process;

/// The process in which a driver was made.
#[derive(Debug)]
pub(super) struct Home(u32);

impl Home {
    /// This process.
    pub(super) fn here() -> Self {
        Self(process::id())
    }

    /// # Errors
    /// The current process is a forked child of the process that made the driver.
    pub(super) fn check(&self) -> Result<(), String> {
        if self.0 == process::id() {
            return Ok(());
        }
        Err(format!(
            "this process was forked from process {}, which owns the driver; libmesos does not \
             work in a forked process: exec a program instead, or create the driver after the fork",
            self.0
        ))
    }
}
