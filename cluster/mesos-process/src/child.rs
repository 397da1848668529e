//! A supervised process: started, ended with all that it started, waited for.

use std::io;
use std::time::Duration;

use nix::sys::signal::Signal;
use tokio::process::{ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::time::{Instant, sleep_until};

use crate::ended::{Cause, Ended};
use crate::tree;

/// A running process that leads a group or session of its own.
///
/// Dropping it leaves the process alone, unless
/// [`kill_on_drop`](Self::kill_on_drop) says otherwise.
#[derive(Debug)]
pub struct Child {
    process: tokio::process::Child,
    pid: i32,
    kill: Option<Kill>,
    cause: Cause,
    ended: bool,
    kill_on_drop: bool,
}

/// The way from SIGTERM to SIGKILL.
#[derive(Clone, Copy, Debug)]
struct Kill {
    began: Instant,
    /// When SIGKILL is due; `None` once it was sent.
    escalates: Option<Instant>,
}

impl Child {
    /// Starts `command` as the leader of a process group of its own. Its
    /// streams are inherited unless `command` says otherwise.
    ///
    /// # Errors
    /// Those of [`Command::spawn`].
    pub fn spawn(mut command: Command) -> io::Result<Self> {
        command.process_group(0);
        Self::spawn_leader(command)
    }

    /// Starts `command`, which by itself becomes the leader of a session, as
    /// `mesos-containerizer launch` does.
    ///
    /// # Errors
    /// Those of [`Command::spawn`].
    pub fn spawn_leader(mut command: Command) -> io::Result<Self> {
        let process = command.spawn()?;
        let pid = process.id().and_then(|id| i32::try_from(id).ok());
        let pid = pid.ok_or_else(|| io::Error::other("the process has no usable id"))?;
        Ok(Self {
            process,
            pid,
            kill: None,
            cause: Cause::Itself,
            ended: false,
            kill_on_drop: false,
        })
    }

    /// Has SIGKILL sent to the process, and all that it started, when this value
    /// is dropped before [`wait`](Self::wait) has returned: for one whose end
    /// nobody waits for when its future is cancelled.
    #[must_use]
    pub fn kill_on_drop(mut self) -> Self {
        self.kill_on_drop = true;
        self
    }

    /// The process' id, which is its group's too. After [`wait`](Self::wait) it
    /// may be another's.
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// The writing end of its stdin, once, if that is a pipe.
    pub fn take_stdin(&mut self) -> Option<ChildStdin> {
        self.process.stdin.take()
    }

    /// The reading end of its stdout, once, if that is a pipe; for
    /// [`Output`](crate::Output).
    pub fn take_stdout(&mut self) -> Option<ChildStdout> {
        self.process.stdout.take()
    }

    /// The reading end of its stderr, once, if that is a pipe.
    pub fn take_stderr(&mut self) -> Option<ChildStderr> {
        self.process.stderr.take()
    }

    /// Asks the process, and all that it started, to end: SIGTERM now, SIGKILL
    /// after `grace` if the process has not ended by then; no SIGTERM if
    /// `grace` is zero. SIGKILL comes from [`wait`](Self::wait), so that has to
    /// be awaited.
    ///
    /// Asking again can only make SIGKILL come earlier, counted from the first
    /// time, and sends no second SIGTERM: schedulers repeat a KILL whose effect
    /// is late.
    pub fn kill(&mut self, grace: Duration) {
        self.end(grace, Cause::Killed);
    }

    /// Ends the process because it has had all the time that it may take:
    /// SIGKILL at once, and the task has failed
    /// (`taskCompletionTimeout` in `src/launcher/executor.cpp`). One that was
    /// asked to end before stays killed.
    pub fn expire(&mut self) {
        self.end(Duration::ZERO, Cause::MaxCompletionTime);
    }

    fn end(&mut self, grace: Duration, cause: Cause) {
        let now = Instant::now();
        let first = self.kill.is_none();
        if first {
            self.cause = cause;
        }
        let kill = self.kill.get_or_insert(Kill {
            began: now,
            escalates: Some(now + grace),
        });
        if let Some(at) = &mut kill.escalates {
            *at = (*at).min(kill.began + grace);
        }
        if first && !grace.is_zero() {
            tree::signal(self.pid, Signal::SIGTERM);
            // A stopped process would not see it.
            tree::signal(self.pid, Signal::SIGCONT);
        }
    }

    /// Whether it was asked to end, for whatever reason.
    pub fn is_killed(&self) -> bool {
        self.kill.is_some()
    }

    /// Waits for the process' end, sending the SIGKILL that is due meanwhile.
    /// What is left of its sessions and groups is killed then, as if it had
    /// been in a cgroup.
    ///
    /// Pipes have to be read meanwhile or before: a process that has filled one
    /// waits for the reader. What it wrote can still be read afterwards, to the
    /// end.
    ///
    /// Cancel safe: nothing is lost, and the next call goes on.
    pub async fn wait(&mut self) -> Ended {
        let status = loop {
            let due = self.kill.and_then(|kill| kill.escalates);
            tokio::select! {
                biased;
                status = self.process.wait() => break status,
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                    tree::kill_all(self.pid);
                    if let Some(kill) = &mut self.kill {
                        kill.escalates = None;
                    }
                }
            }
        };
        self.ended = true;
        tree::kill_rest(self.pid);
        Ended {
            status,
            cause: self.cause,
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if self.kill_on_drop && !self.ended {
            tree::kill_all(self.pid);
        }
    }
}
