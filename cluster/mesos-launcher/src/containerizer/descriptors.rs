//! Descriptors that came from the parent as numbers.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;

use anyhow::{Context as _, Result};
use nix::libc::{O_NONBLOCK, STDERR_FILENO};
use nix::unistd::close;

/// One's own descriptor for what the number `descriptor` stands for, closed on exec; the number
/// itself is closed.
pub(super) fn adopt(descriptor: i32, how: &mut OpenOptions) -> Result<File> {
    // A pipe opens at once from either end; anything else must not make us wait either.
    let path = format!("/proc/self/fd/{descriptor}");
    let file = how
        .custom_flags(O_NONBLOCK)
        .open(&path)
        .with_context(|| format!("cannot open {path}"))?;
    close(descriptor).with_context(|| format!("cannot close the descriptor {descriptor}"))?;
    Ok(file)
}

/// Closes all inherited descriptors except stdin, stdout, stderr and `kept`. To be called before
/// this process has descriptors of its own.
pub(super) fn close_inherited(kept: &[i32]) -> Result<()> {
    let directory = "/proc/self/fd";
    let numbers: Vec<i32> = fs::read_dir(directory)
        .with_context(|| format!("cannot read {directory}"))?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|number| *number > STDERR_FILENO && !kept.contains(number))
        .collect();
    for number in numbers {
        // The directory's own is among them, and is closed already.
        let _ = close(number);
    }
    Ok(())
}
