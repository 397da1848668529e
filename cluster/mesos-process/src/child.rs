//! A supervised process: starts it, ends it with all its descendants, waits for it.

use std::io;
use std::time::Duration;

use nix::sys::signal::Signal;
use tokio::process::{ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::time::{Instant, sleep_until};

use crate::ended::{Cause, Ended};
use crate::tree;

/// A running process that leads its own process group or session.
///
/// Dropping the value leaves the process running, unless
/// [`kill_on_drop`](Self::kill_on_drop) was called.
#[derive(Debug)]
pub struct Child {
    process: tokio::process::Child,
    pid: i32,
    kill: Option<Kill>,
    cause: Cause,
    ended: bool,
    kill_on_drop: bool,
}

/// The times of SIGTERM and SIGKILL.
#[derive(Clone, Copy, Debug)]
struct Kill {
    began: Instant,
    /// When SIGKILL is due; `None` once it was sent.
    escalates: Option<Instant>,
}

impl Child {
    /// Starts `command` as the leader of its own process group. The process
    /// inherits streams that `command` does not set.
    ///
    /// # Errors
    /// Those of [`Command::spawn`].
    pub fn spawn(mut command: Command) -> io::Result<Self> {
        command.process_group(0);
        Self::spawn_leader(command)
    }

    /// Starts a `command` that makes itself the leader of a session, as
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

    /// Sends SIGKILL to the process and all its descendants when this value is
    /// dropped before [`wait`](Self::wait) has returned, for example because a
    /// future was canceled.
    #[must_use]
    pub fn kill_on_drop(mut self) -> Self {
        self.kill_on_drop = true;
        self
    }

    /// The id of the process and of its group. After [`wait`](Self::wait) the
    /// system may assign the id to another process.
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// Takes the writing end of the process's stdin, if that is a pipe.
    pub fn take_stdin(&mut self) -> Option<ChildStdin> {
        self.process.stdin.take()
    }

    /// Takes the reading end of the process's stdout, if that is a pipe; for
    /// [`Output`](crate::Output).
    pub fn take_stdout(&mut self) -> Option<ChildStdout> {
        self.process.stdout.take()
    }

    /// Takes the reading end of the process's stderr, if that is a pipe.
    pub fn take_stderr(&mut self) -> Option<ChildStderr> {
        self.process.stderr.take()
    }

    /// Ends the process and all its descendants: SIGTERM now, and SIGKILL after
    /// `grace` if the process has not ended by then. Without SIGTERM if `grace`
    /// is zero. [`wait`](Self::wait) sends SIGKILL, so it must be awaited.
    ///
    /// Another call can only shorten the grace, counted from the first call, and
    /// sends no second SIGTERM: schedulers repeat a KILL whose effect is late.
    pub fn kill(&mut self, grace: Duration) {
        self.end(grace, Cause::Killed);
    }

    /// Ends the process because its `max_completion_time` is over: SIGKILL at
    /// once, and the task has failed (`taskCompletionTimeout` in
    /// `src/launcher/executor.cpp`). After a [`kill`](Self::kill) the task is
    /// still killed, not failed.
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
            // A stopped process does not handle SIGTERM.
            tree::signal(self.pid, Signal::SIGCONT);
        }
    }

    /// Whether [`kill`](Self::kill) or [`expire`](Self::expire) was called.
    pub fn is_killed(&self) -> bool {
        self.kill.is_some()
    }

    /// Waits for the end of the process, and sends SIGKILL when that is due.
    /// Then kills the remaining processes of its sessions and groups, as if
    /// the process had been in a cgroup.
    ///
    /// Pipes must be read at the same time or before: a process that has filled a
    /// pipe blocks. The rest of the output can still be read afterwards.
    ///
    /// Cancel safe: the next call continues.
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
