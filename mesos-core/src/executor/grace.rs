//! What happens when the time that an executor has for its end is over.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

/// What a driver does when the grace period after a SHUTDOWN, or after the
/// loss of the agent, is over and tasks have not ended.
///
/// Mesos' own library kills the process group of its program then
/// (`ShutdownProcess` in `src/executor/executor.cpp`): whatever hangs, in
/// whichever thread or child, ends before the agent has to destroy the
/// container. That is right for a program that an agent has started, and wrong
/// for a test, whose process group is the test runner's. Therefore
/// [`from_env`](crate::executor::ExecutorEnvironment::from_env) chooses
/// [`KillProcessGroup`](Self::KillProcessGroup), unless `MESOS_LOCAL` is set,
/// and [`parse`](crate::executor::ExecutorEnvironment::parse) chooses
/// [`EndDriver`](Self::EndDriver).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OnGraceTimeout {
    /// The driver ends with
    /// [`ErrorKind::Unacknowledged`](crate::ErrorKind::Unacknowledged), or
    /// with the failure that it began with. What becomes of the tasks is for
    /// the program to say.
    #[default]
    EndDriver,
    /// SIGKILL to this process' group, this process included, from a thread of
    /// its own, so that a blocked tokio runtime cannot delay it. Elsewhere
    /// than on unix only this process ends.
    KillProcessGroup,
}

/// The thread that kills. It stands down when this is dropped.
#[derive(Debug)]
pub(super) struct Watchdog(#[allow(dead_code)] mpsc::Sender<()>);

impl Watchdog {
    pub(super) fn start(policy: OnGraceTimeout, grace: Duration) -> Option<Self> {
        if policy != OnGraceTimeout::KillProcessGroup {
            return None;
        }
        let (sender, dropped) = mpsc::channel::<()>();
        let watch = move || {
            if dropped.recv_timeout(grace) == Err(RecvTimeoutError::Timeout) {
                eprintln!(
                    "mesos: the grace period of {grace:?} is over: killing this process group"
                );
                kill_process_group();
            }
        };
        let thread = std::thread::Builder::new().name("executor-watchdog".to_owned());
        match thread.spawn(watch) {
            Ok(_) => Some(Self(sender)),
            Err(error) => {
                tracing::error!(%error, "nobody watches over the grace period");
                None
            }
        }
    }

    /// Lets it do its work although the driver has ended.
    pub(super) fn leave(self) {
        std::mem::forget(self);
    }
}

fn kill_process_group() {
    #[cfg(unix)]
    {
        use nix::sys::signal::{Signal, killpg};
        use nix::unistd::Pid;
        let _ = killpg(Pid::from_raw(0), Signal::SIGKILL);
    }
    std::process::abort();
}
