//! The end of the grace period of an executor.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

/// What a driver does if tasks are still running at the end of the grace period
/// after a SHUTDOWN or after the loss of the agent.
///
/// Mesos' library kills the process group of its program
/// (`ShutdownProcess` in `src/executor/executor.cpp`), so that every blocked
/// thread and child process ends before the agent has to destroy the
/// container. That is right for a program that an agent has started. It is
/// wrong for a test, whose process group includes the test runner. Therefore
/// [`from_env`](crate::executor::ExecutorEnvironment::from_env) chooses
/// [`KillProcessGroup`](Self::KillProcessGroup), unless `MESOS_LOCAL` is set,
/// and [`parse`](crate::executor::ExecutorEnvironment::parse) chooses
/// [`EndDriver`](Self::EndDriver).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OnGraceTimeout {
    /// The driver ends with
    /// [`ErrorKind::Unacknowledged`](crate::ErrorKind::Unacknowledged), or
    /// with the failure that started the shutdown. The program decides what
    /// happens to the tasks.
    #[default]
    EndDriver,
    /// Sends SIGKILL to the process group of this process, including this
    /// process. A separate thread sends it, so that a blocked tokio runtime
    /// cannot delay it. On other systems than unix, only this process ends.
    KillProcessGroup,
}

/// The longest time that a pause of the process counts as grace.
const SLICE: Duration = Duration::from_millis(500);

/// The thread that kills the process group. Dropping this stops the thread.
#[derive(Debug)]
pub(super) struct Watchdog(#[allow(dead_code)] mpsc::Sender<()>);

impl Watchdog {
    pub(super) fn start(policy: OnGraceTimeout, grace: Duration) -> Option<Self> {
        if policy != OnGraceTimeout::KillProcessGroup {
            return None;
        }
        let (sender, dropped) = mpsc::channel::<()>();
        let watch = move || {
            if is_over(&dropped, grace) {
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
                tracing::error!(%error, "cannot start the thread that enforces the grace period");
                None
            }
        }
    }

    /// Keeps the thread running after the end of the driver.
    pub(super) fn leave(self) {
        std::mem::forget(self);
    }
}

/// Waits for the grace period. Returns false if the watchdog was dropped before.
///
/// A process that was paused (SIGSTOP, a frozen cgroup) has not had the time of the pause, so
/// each slice counts only once.
fn is_over(dropped: &mpsc::Receiver<()>, grace: Duration) -> bool {
    let mut left = grace;
    while !left.is_zero() {
        let slice = left.min(SLICE);
        if dropped.recv_timeout(slice) != Err(RecvTimeoutError::Timeout) {
            return false;
        }
        left -= slice;
    }
    true
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
