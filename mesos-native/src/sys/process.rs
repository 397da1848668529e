//! The process that a driver belongs to. In a forked child libmesos' threads do not
//! exist, and nothing of it works.

use std::process;

/// Where a driver was made.
#[derive(Debug)]
pub(super) struct Home(u32);

impl Home {
    /// This process.
    pub(super) fn here() -> Self {
        Self(process::id())
    }

    /// # Errors
    /// This is another process: a child of the one that made the driver.
    pub(super) fn check(&self) -> Result<(), String> {
        if self.0 == process::id() {
            return Ok(());
        }
        Err(format!(
            "this process was forked from process {}, which owns the driver; libmesos does not \
             work in a forked process: exec a program instead, or make the driver after the fork",
            self.0
        ))
    }
}
