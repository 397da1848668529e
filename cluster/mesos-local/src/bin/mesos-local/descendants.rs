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
use tokio::signal::unix::Signal as SignalStream;
use tokio::time::{Instant, sleep_until};

/// The interval of searches for new children while the old ones are being killed.
const ROUND: Duration = Duration::from_millis(50);

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
        for pid in descendants()? {
            // Fails for a process that has ended. A stopped process has to run in order to end.
            let _ = kill(pid, Signal::SIGTERM);
            let _ = kill(pid, Signal::SIGCONT);
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
    while !none_left() {
        for pid in own_children()? {
            let _ = kill(pid, Signal::SIGKILL);
        }
        tokio::select! {
            _ = children.recv() => {}
            () = sleep_until(Instant::now() + ROUND) => {}
        }
    }
    Ok(())
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

fn own_children() -> io::Result<Vec<Pid>> {
    let own = Pid::this();
    Ok(parents()?
        .into_iter()
        .filter(|(_, parent)| *parent == own)
        .map(|(pid, _)| pid)
        .collect())
}

fn descendants() -> io::Result<Vec<Pid>> {
    let own = Pid::this();
    let parents = parents()?;
    let is_below = |pid: &Pid| {
        let mut pid = *pid;
        // Processes change while they are listed, so a loop is possible.
        for _ in 0..parents.len() {
            match parents.get(&pid) {
                Some(parent) if *parent == own => return true,
                Some(parent) => pid = *parent,
                None => return false,
            }
        }
        false
    };
    Ok(parents.keys().copied().filter(is_below).collect())
}

/// The parent of each process of this machine.
fn parents() -> io::Result<HashMap<Pid, Pid>> {
    let parent = |name: &str| {
        let pid = name.parse().ok()?;
        let stat = fs::read_to_string(format!("/proc/{name}/stat")).ok()?;
        // "PID (NAME) STATE PPID …"; NAME can contain any character.
        let after_name = &stat[stat.rfind(')')? + 1..];
        let parent = after_name.split_whitespace().nth(1)?.parse().ok()?;
        Some((Pid::from_raw(pid), Pid::from_raw(parent)))
    };
    let entries = fs::read_dir("/proc")?;
    Ok(entries
        .flatten()
        .filter_map(|entry| parent(entry.file_name().to_str()?))
        .collect())
}
