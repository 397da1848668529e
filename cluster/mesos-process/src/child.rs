//! A supervised process: starts it, ends it with all its descendants, waits for it.

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use nix::sys::signal::Signal;
use tokio::process::{ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::sync::oneshot::{self, Receiver};

use crate::ended::{Cause, Ended};
use crate::time_limit::TimeLimit;
use crate::tree::Root;

/// A running process that leads its own process group or session.
///
/// Dropping the value leaves the process running, unless
/// [`kill_on_drop`](Self::kill_on_drop) was called.
#[derive(Debug)]
pub struct Child {
    process: tokio::process::Child,
    pid: i32,
    root: Arc<Root>,
    /// A search for processes in progress, which sends signals. Completes when the search ends.
    search: Option<Receiver<()>>,
    /// The grace period, from SIGTERM on.
    grace: Option<TimeLimit>,
    /// Whether SIGKILL was sent.
    escalated: bool,
    cause: Cause,
    ended: bool,
    kill_on_drop: bool,
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
            root: Arc::new(Root::new(pid)),
            search: None,
            grace: None,
            escalated: false,
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
    /// `grace` if the process has not ended by then. If `grace` is zero, SIGKILL
    /// follows SIGTERM at once. A grace that is too long for a clock, such as
    /// [`Duration::MAX`], never ends. A pause of this process extends the grace
    /// ([`TimeLimit`]). [`wait`](Self::wait) sends SIGKILL, so it must
    /// be awaited.
    ///
    /// Another call can only shorten the grace, counted from the first call, and
    /// sends no second SIGTERM: schedulers repeat a KILL whose effect is late.
    ///
    /// Returns at once. The search for descendants runs on its own thread. If the
    /// system refuses the thread, the search runs on the calling thread, and
    /// this call returns after the search. Does nothing after the end of the process.
    pub fn kill(&mut self, grace: Duration) {
        self.end(grace, Cause::Killed);
    }

    /// Ends the process because its `max_completion_time` is over, without a grace
    /// period, and the task has failed (`taskCompletionTimeout` in
    /// `src/launcher/executor.cpp`). After a [`kill`](Self::kill) the task is
    /// still killed, not failed.
    pub fn expire(&mut self) {
        self.end(Duration::ZERO, Cause::MaxCompletionTime);
    }

    fn end(&mut self, grace: Duration, cause: Cause) {
        if let Some(before) = &mut self.grace {
            before.shorten(grace);
            return;
        }
        if self.ended {
            return; // Its id may belong to another process.
        }
        self.cause = cause;
        self.grace = Some(TimeLimit::new(grace));
        // A stopped process does not handle SIGTERM.
        self.search(|root| root.signal(&[Signal::SIGTERM, Signal::SIGCONT]));
    }

    /// Whether [`kill`](Self::kill) or [`expire`](Self::expire) was called.
    pub fn is_killed(&self) -> bool {
        self.grace.is_some()
    }

    /// Searches on another thread, because a machine can have very many processes. Not on a thread
    /// of tokio, which panics if the system refuses threads.
    fn search(&mut self, work: fn(&Root)) {
        let (done, search) = oneshot::channel();
        if on_thread(&self.root, move |root| {
            work(root);
            // Fails if `Child` was dropped.
            let _ = done.send(());
        }) {
            self.search = Some(search);
        } else {
            work(&self.root);
        }
    }

    /// Waits for the end of the process, and sends SIGKILL when that is due.
    /// Then kills the remaining processes of its sessions and groups, as if
    /// the process had been in a cgroup. A process in its own session whose parent
    /// has ended (a daemon) is not found and keeps running.
    ///
    /// Pipes must be read at the same time or before: a process that has filled a
    /// pipe blocks. The rest of the output can still be read afterwards.
    ///
    /// Cancel safe: the next call continues.
    pub async fn wait(&mut self) -> Ended {
        loop {
            // Before the process is waited for, so that its id is not assigned again.
            if let Some(search) = &mut self.search {
                let _ = search.await;
                self.search = None;
            }
            let mut never = TimeLimit::never();
            let grace = self.grace.as_mut().filter(|_| !self.escalated);
            let grace = grace.unwrap_or(&mut never);
            tokio::select! {
                biased;
                status = self.process.wait() => {
                    if self.ended {
                        return Ended { status, cause: self.cause };
                    }
                    self.ended = true;
                    self.search(Root::kill_rest);
                }
                () = grace.passed() => {
                    self.escalated = true;
                    self.search(Root::kill_all);
                }
            }
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if !self.kill_on_drop || self.ended {
            return;
        }
        // At once, for a program that is about to end; the rest by a search, which takes time.
        self.root.kill_group();
        if !on_thread(&self.root, Root::kill_rest) {
            self.root.kill_rest();
        }
    }
}

/// Runs `work` on a new thread. Returns whether the system permitted the thread.
fn on_thread(root: &Arc<Root>, work: impl FnOnce(&Root) + Send + 'static) -> bool {
    let root = Arc::clone(root);
    let thread = thread::Builder::new().name("mesos-process".to_owned());
    thread.spawn(move || work(&root)).is_ok()
}
