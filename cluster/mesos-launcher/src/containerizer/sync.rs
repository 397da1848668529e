//! The pipe by which the agent allows the container to start. By then the agent has recorded the
//! process, isolated it, and fetched its files.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read as _};
use std::os::fd::AsFd as _;

use anyhow::{Context as _, Result, bail};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::close;

use super::descriptors;
use super::flags::Flags;
use super::signals::{Signal, Signals};

/// The reading end, if there is a pipe.
pub(super) fn pipe(flags: &Flags) -> Result<Option<File>> {
    let (Some(read), Some(write)) = (flags.pipe_read, flags.pipe_write) else {
        return Ok(None);
    };
    let pipe = descriptors::reopen(read, OpenOptions::new().read(true))
        .context("cannot use --pipe_read")?;
    // While this end is open here, a closed end of the agent would not be noticed.
    close(write).with_context(|| format!("cannot close --pipe_write ({write})"))?;
    Ok(Some(pipe))
}

/// Waits for the agent's byte. A signal that arrives first ends the wait, and is returned.
pub(super) fn wait(pipe: &mut File, signals: Option<&Signals>) -> Result<Option<Signal>> {
    loop {
        let mut ready = vec![PollFd::new(pipe.as_fd(), PollFlags::POLLIN)];
        ready.extend(signals.map(|signals| PollFd::new(signals.as_fd(), PollFlags::POLLIN)));
        match poll(&mut ready, PollTimeout::NONE) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(error).context("cannot wait for the agent"),
        }
        while let Some(signal) = signals.map(Signals::pending).transpose()?.flatten() {
            if signal.ends_a_process() {
                return Ok(Some(signal));
            }
        }
        match pipe.read(&mut [0]) {
            Ok(1) => return Ok(None),
            Ok(_) => bail!(
                "the agent closed the pipe without starting the container (the agent has probably exited)"
            ),
            Err(error)
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            Err(error) => return Err(error).context("cannot read the agent's pipe"),
        }
    }
}
