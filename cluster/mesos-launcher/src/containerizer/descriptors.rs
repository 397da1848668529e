//! Descriptors that the parent passed as numbers.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;

use anyhow::{Context as _, Result};
use nix::libc::{O_NONBLOCK, STDERR_FILENO};
use nix::unistd::close;

/// Opens the file of an inherited descriptor again, closed on exec, and closes the inherited one.
pub(super) fn reopen(descriptor: i32, how: &mut OpenOptions) -> Result<File> {
    // A pipe opens at once from either end. Opening any other file must not block either.
    let path = format!("/proc/self/fd/{descriptor}");
    let file = how
        .custom_flags(O_NONBLOCK)
        .open(&path)
        .with_context(|| format!("cannot open {path}"))?;
    close(descriptor).with_context(|| format!("cannot close the descriptor {descriptor}"))?;
    Ok(file)
}

/// Closes all inherited descriptors except stdin, stdout, stderr and `kept`. Call it before this
/// process opens descriptors itself.
pub(super) fn close_inherited(kept: &[i32]) -> Result<()> {
    let directory = "/proc/self/fd";
    let numbers: Vec<i32> = fs::read_dir(directory)
        .with_context(|| format!("cannot read {directory}"))?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|number| *number > STDERR_FILENO && !kept.contains(number))
        .collect();
    for number in numbers {
        // The directory's own descriptor is in the list, and is closed already.
        let _ = close(number);
    }
    Ok(())
}
