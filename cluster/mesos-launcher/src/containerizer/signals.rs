//! Signals as things to read, so that no code runs inside a signal handler.

use std::os::fd::{AsFd, BorrowedFd};

use anyhow::{Context as _, Result};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{self, SigSet, SigmaskHow, kill, sigprocmask};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::unistd::Pid;

/// All signals that can be caught, held back from this process and readable here.
#[derive(Debug)]
pub(super) struct Signals(SignalFd);

/// One signal that came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Signal(pub(super) signal::Signal);

impl Signals {
    /// Holds all signals back from now on.
    pub(super) fn hold() -> Result<Self> {
        let mut all = SigSet::all();
        // Rust has it ignored; held back, it would come for each write of ours to a closed pipe.
        all.remove(signal::SIGPIPE);
        sigprocmask(SigmaskHow::SIG_SETMASK, Some(&all), None)
            .context("cannot hold signals back")?;
        SignalFd::with_flags(&all, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)
            .map(Self)
            .context("cannot read signals")
    }

    /// The next signal that is there already.
    pub(super) fn pending(&self) -> Result<Option<Signal>> {
        loop {
            match self.0.read_signal() {
                Ok(None) => return Ok(None),
                Ok(Some(info)) => {
                    // Real-time signals have no name in nix, and nobody sends them to a helper.
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

    /// The next signal.
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
    /// Whether it means that some child changed its state.
    pub(super) fn is_about_children(self) -> bool {
        self.0 == signal::SIGCHLD
    }

    /// Whether a process that does nothing about signals would not live on unaffected.
    pub(super) fn ends_a_process(self) -> bool {
        use signal::{SIGCHLD, SIGCONT, SIGURG, SIGWINCH};
        ![SIGCHLD, SIGCONT, SIGURG, SIGWINCH].contains(&self.0)
    }

    /// Hands it on to `process`.
    pub(super) fn send(self, process: Pid) {
        // It fails only for a process that has just ended, which will be noticed anyway.
        let _ = kill(process, self.0);
    }
}

/// Lets all signals through again: the mask outlives exec, and a command begins without one.
pub(super) fn release() -> Result<()> {
    sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None)
        .context("cannot let signals through")
}
