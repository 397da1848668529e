//! Signals read from a descriptor, so that no code runs inside a signal handler.

use std::os::fd::{AsFd, BorrowedFd};

use anyhow::{Context as _, Result};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{self, SigSet, SigmaskHow, kill, sigprocmask};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::unistd::Pid;

/// All signals that can be caught: blocked for this process, and readable here.
#[derive(Debug)]
pub(super) struct Signals(SignalFd);

/// A received signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Signal(pub(super) signal::Signal);

impl Signals {
    /// Blocks all signals from now on.
    pub(super) fn block() -> Result<Self> {
        let mut all = SigSet::all();
        // Rust ignores SIGPIPE. Blocked, it would be pending after each write to a closed pipe.
        all.remove(signal::SIGPIPE);
        sigprocmask(SigmaskHow::SIG_SETMASK, Some(&all), None).context("cannot block signals")?;
        SignalFd::with_flags(&all, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)
            .map(Self)
            .context("cannot read signals")
    }

    /// The next signal that is pending already.
    pub(super) fn pending(&self) -> Result<Option<Signal>> {
        loop {
            match self.0.read_signal() {
                Ok(None) => return Ok(None),
                Ok(Some(info)) => {
                    // nix has no names for real-time signals, and nobody sends them to this program.
                    let number = i32::try_from(info.ssi_signo).unwrap_or_default();
                    if let Ok(signal) = signal::Signal::try_from(number) {
                        return Ok(Some(Signal(signal)));
                    }
                }
                Err(Errno::EINTR) => {}
                Err(error) => return Err(error).context("cannot read a signal"),
            }
        }
    }

    /// Waits for the next signal.
    pub(super) fn wait(&self) -> Result<Signal> {
        loop {
            if let Some(signal) = self.pending()? {
                return Ok(signal);
            }
            match poll(
                &mut [PollFd::new(self.as_fd(), PollFlags::POLLIN)],
                PollTimeout::NONE,
            ) {
                Ok(_) | Err(Errno::EINTR) => {}
                Err(error) => return Err(error).context("cannot wait for a signal"),
            }
        }
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Signal {
    /// Whether it reports that a child changed its state.
    pub(super) fn is_about_children(self) -> bool {
        self.0 == signal::SIGCHLD
    }

    /// Whether it ends a process that does not handle it.
    pub(super) fn ends_a_process(self) -> bool {
        use signal::{SIGCHLD, SIGCONT, SIGURG, SIGWINCH};
        ![SIGCHLD, SIGCONT, SIGURG, SIGWINCH].contains(&self.0)
    }

    /// Forwards the signal to `process`.
    pub(super) fn send(self, process: Pid) {
        // Fails only if the process has just ended, which the caller notices anyway.
        let _ = kill(process, self.0);
    }
}

/// Unblocks all signals: the mask survives exec, and a command starts without a mask.
pub(super) fn unblock() -> Result<()> {
    sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None)
        .context("cannot unblock signals")
}
