//! The end of an executor that is sure to come.

use std::io;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::getpgrp;

/// After a grace period this process and all of its process group are killed
/// (`ShutdownProcess` in `src/executor/executor.cpp`), even if the async runtime
/// hangs. For executors after SHUTDOWN: the agent kills no process of an
/// executor of which it has lost the track.
///
/// An agent starts each executor in a session, and so in a group, of its own.
/// A [`Child`](crate::Child) has a group of its own too and is not meant.
///
/// Dropping it calls it off.
#[derive(Debug)]
#[must_use = "dropping it calls it off"]
pub struct Doom {
    _called_off: Sender<()>,
}

impl Doom {
    /// SIGKILL for this process' group after `grace`.
    ///
    /// # Errors
    /// A thread that cannot be started.
    pub fn after(grace: Duration) -> io::Result<Self> {
        let (sender, receiver) = mpsc::channel::<()>();
        let wait = move || {
            if receiver.recv_timeout(grace) == Err(RecvTimeoutError::Timeout) {
                let _ = killpg(getpgrp(), Signal::SIGKILL);
            }
        };
        thread::Builder::new().name("doom".into()).spawn(wait)?;
        Ok(Self {
            _called_off: sender,
        })
    }
}
