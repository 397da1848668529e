//! A supervised process: started, ended with all that it started, waited for. It knows nothing
//! of tasks.

use std::io;
use std::process::ExitStatus;
use std::time::Duration;

use nix::sys::signal::Signal;
use tokio::process::Command;
use tokio::time::{Instant, sleep_until};

use super::process_tree;

/// A running process that leads a group or session of its own.
///
/// Dropping it leaves the process alone.
#[derive(Debug)]
pub struct Child {
    process: tokio::process::Child,
    pid: i32,
    kill: Option<Kill>,
}

/// The way from SIGTERM to SIGKILL.
#[derive(Clone, Copy, Debug)]
struct Kill {
    began: Instant,
    /// When SIGKILL is due; `None` once it was sent.
    escalates: Option<Instant>,
}

impl Child {
    /// Starts `command`, which has to become the leader of a session or of a process group:
    /// through [`process_group(0)`](Command::process_group), or by itself, as
    /// `mesos-containerizer launch` does.
    ///
    /// # Errors
    /// Those of [`Command::spawn`].
    pub fn spawn(mut command: Command) -> io::Result<Self> {
        let process = command.spawn()?;
        let pid = process.id().and_then(|id| i32::try_from(id).ok());
        let pid = pid.ok_or_else(|| io::Error::other("the process has no usable id"))?;
        Ok(Self {
            process,
            pid,
            kill: None,
        })
    }

    /// Asks the process, and all that it started, to end: SIGTERM now, SIGKILL after `grace` if
    /// the process has not ended by then; no SIGTERM if `grace` is zero. SIGKILL comes from
    /// [`wait`](Self::wait), so that has to be awaited.
    ///
    /// Asking again can only make SIGKILL come earlier, counted from the first time, and sends
    /// no second SIGTERM: requests are repeated when their answers are late.
    pub fn kill(&mut self, grace: Duration) {
        let now = Instant::now();
        let first = self.kill.is_none();
        let kill = self.kill.get_or_insert(Kill {
            began: now,
            escalates: Some(now + grace),
        });
        if let Some(at) = &mut kill.escalates {
            *at = (*at).min(kill.began + grace);
        }
        if first && !grace.is_zero() {
            process_tree::signal(self.pid, Signal::SIGTERM);
            // A stopped process would not see it.
            process_tree::signal(self.pid, Signal::SIGCONT);
        }
    }

    /// Whether it was asked to end.
    pub fn is_killed(&self) -> bool {
        self.kill.is_some()
    }

    /// Waits for the process' end, sending the SIGKILL that is due meanwhile. What is left of
    /// its sessions and groups is killed then, as if it had been in a cgroup.
    ///
    /// Cancel safe.
    ///
    /// # Errors
    /// Those of [`tokio::process::Child::wait`].
    pub async fn wait(&mut self) -> io::Result<ExitStatus> {
        let status = loop {
            let due = self.kill.and_then(|kill| kill.escalates);
            tokio::select! {
                biased;
                status = self.process.wait() => break status?,
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                    process_tree::kill_all(self.pid);
                    if let Some(kill) = &mut self.kill {
                        kill.escalates = None;
                    }
                }
            }
        };
        process_tree::kill_rest(self.pid);
        Ok(status)
    }
}
