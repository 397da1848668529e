//! Finds and ends all descendants of this process.
//!
//! This process is a subreaper, so a process that detaches itself (setsid, double fork) becomes its
//! child when the process's own parent ends, and `waitpid` reports when no descendant is left.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid, waitpid};
use nix::unistd::Pid;
use rustix::process::{PidfdFlags, Signal as Number, kill_process, pidfd_open, pidfd_send_signal};
use tokio::signal::unix::Signal as SignalStream;
use tokio::time::{Instant, sleep_until};

/// The interval of searches for new children while the old ones are being killed.
const ROUND: Duration = Duration::from_millis(50);

/// How long processes may take to end after SIGKILL. A process in an operation of a disk that hangs
/// does not end.
const LIMIT: Duration = Duration::from_secs(20);

/// A child that was reaped.
pub(crate) struct Reaped {
    pub(crate) pid: Pid,
    pub(crate) status: ExitStatus,
}

/// Makes orphans among the descendants children of this process.
pub(crate) fn adopt_orphans() -> io::Result<()> {
    Ok(nix::sys::prctl::set_child_subreaper(true)?)
}

/// Reaps the next child that has ended, if any has. `Err(ECHILD)`: this process has no child, and so
/// no descendant.
pub(crate) fn reap() -> Result<Option<Reaped>, Errno> {
    loop {
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::StillAlive) => return Ok(None),
            Ok(status) => match ended(status) {
                Some(reaped) => return Ok(Some(reaped)),
                None => continue,
            },
            Err(Errno::EINTR) => continue,
            Err(error) => return Err(error),
        }
    }
}

/// Kills a child that has not been reaped, reaps it, and returns its status: killed, or ended by
/// itself before.
pub(crate) fn end(child: Pid) -> Option<ExitStatus> {
    kill(child, Signal::SIGKILL).ok()?;
    loop {
        match waitpid(child, None) {
            Ok(status) => match ended(status) {
                Some(reaped) => return Some(reaped.status),
                None => continue,
            },
            Err(Errno::EINTR) => continue,
            Err(_) => return None,
        }
    }
}

/// Stops a child that has not been reaped yet, and returns when all its threads have stopped, or
/// it has ended.
pub(crate) fn pause(child: Pid) -> Result<(), Errno> {
    kill(child, Signal::SIGSTOP)?;
    // WNOWAIT leaves the status for `reap`.
    let flags = WaitPidFlag::WSTOPPED | WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT;
    loop {
        match waitid(Id::Pid(child), flags) {
            Err(Errno::EINTR) => continue,
            result => return result.map(drop),
        }
    }
}

fn ended(status: WaitStatus) -> Option<Reaped> {
    let (pid, raw) = match status {
        WaitStatus::Exited(pid, code) => (pid, code << 8),
        WaitStatus::Signaled(pid, signal, core) => {
            (pid, signal as i32 | if core { 0x80 } else { 0 })
        }
        _ => return None,
    };
    Some(Reaped {
        pid,
        status: ExitStatus::from_raw(raw),
    })
}

/// Ends every descendant: SIGTERM if the grace period is not zero, and SIGKILL after it. `children` is
/// the stream of SIGCHLD.
pub(crate) async fn end_all(grace: Duration, children: &mut SignalStream) -> io::Result<()> {
    if !grace.is_zero() {
        let deadline = Instant::now() + grace;
        for (pid, start) in descendants()? {
            // A stopped process has to run in order to end.
            send(pid, start, &[Number::TERM, Number::CONT]);
        }
        while Instant::now() < deadline {
            if none_left() {
                return Ok(());
            }
            tokio::select! {
                _ = children.recv() => {}
                () = sleep_until(deadline) => {}
            }
        }
    }
    // Children only: their ids cannot be reused before this process reaps them. Their children become
    // children of this process for the next round.
    let limit = Instant::now() + LIMIT;
    while !none_left() {
        let left = own_children()?;
        if Instant::now() >= limit {
            let text = format!("processes do not end {LIMIT:?} after SIGKILL: {left:?}");
            return Err(io::Error::new(io::ErrorKind::TimedOut, text));
        }
        for pid in left {
            let _ = kill(pid, Signal::SIGKILL);
        }
        tokio::select! {
            _ = children.recv() => {}
            () = sleep_until(Instant::now() + ROUND) => {}
        }
    }
    Ok(())
}

/// Sends signals to a process that may not be a child, but not to another process that has got its id
/// since. Does nothing if the process has ended.
fn send(pid: Pid, start: u64, signals: &[Number]) {
    let id = rustix::process::Pid::from_raw(pid.as_raw());
    let handle = id.and_then(|id| pidfd_open(id, PidfdFlags::empty()).ok());
    // The handle is of the process that has the id now.
    if read(pid.as_raw()).is_none_or(|now| now.start != start) {
        return;
    }
    for signal in signals {
        let _ = match &handle {
            Some(handle) => pidfd_send_signal(handle, *signal).is_ok(),
            // A kernel before 5.3, or a container that forbids the call.
            None => id.is_some_and(|id| kill_process(id, *signal).is_ok()),
        };
    }
}

/// Reaps all children that have ended. Returns whether no descendant is left.
fn none_left() -> bool {
    loop {
        match reap() {
            Ok(Some(_)) => {}
            Ok(None) => return false,
            Err(_) => return true,
        }
    }
}

/// A process as in `/proc/PID/stat`.
#[derive(Clone, Copy)]
struct Process {
    parent: Pid,
    /// The time of its start. With the id, it names one process.
    start: u64,
}

fn own_children() -> io::Result<Vec<Pid>> {
    let own = Pid::this();
    Ok(processes()?
        .into_iter()
        .filter(|(_, process)| process.parent == own)
        .map(|(pid, _)| pid)
        .collect())
}

/// The descendants, with the times of their starts.
fn descendants() -> io::Result<Vec<(Pid, u64)>> {
    let own = Pid::this();
    let all = processes()?;
    let is_below = |pid: &Pid| {
        let mut pid = *pid;
        // Processes change while they are listed, so a loop is possible.
        for _ in 0..all.len() {
            match all.get(&pid) {
                Some(process) if process.parent == own => return true,
                Some(process) => pid = process.parent,
                None => return false,
            }
        }
        false
    };
    let below = all.iter().filter(|(pid, _)| is_below(pid));
    Ok(below.map(|(pid, process)| (*pid, process.start)).collect())
}

/// All processes of this machine.
fn processes() -> io::Result<HashMap<Pid, Process>> {
    let process = |name: &str| {
        let pid = name.parse().ok()?;
        Some((Pid::from_raw(pid), read(pid)?))
    };
    let entries = fs::read_dir("/proc")?;
    Ok(entries
        .flatten()
        .filter_map(|entry| process(entry.file_name().to_str()?))
        .collect())
}

/// The process with this id; `None` if it has ended.
fn read(pid: i32) -> Option<Process> {
    let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
    let stat = String::from_utf8_lossy(&stat);
    // "PID (NAME) STATE PPID …"; NAME can contain any character. The start is field 22 (proc(5)).
    let after_name = &stat[stat.rfind(')')? + 1..];
    let mut fields = after_name.split_whitespace();
    Some(Process {
        parent: Pid::from_raw(fields.nth(1)?.parse().ok()?),
        start: fields.nth(17)?.parse().ok()?,
    })
}
