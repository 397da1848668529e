//! Finds all processes that one process started, as far as Linux permits: its descendants, and the
//! members of the groups and sessions that the process and its descendants lead. A process in its own
//! session whose parent has ended cannot be found; only a cgroup contains it.

use std::collections::HashSet;
use std::fs;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// The limit of searches for new processes. Each further round needs a process that was started during
/// the round before, by a process that had not been killed yet.
const ROUNDS: usize = 100;

/// A process as in `/proc/PID/stat`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Process {
    pid: i32,
    zombie: bool,
    parent: i32,
    group: i32,
    session: i32,
    /// The time of its start in ticks since the start of the machine. With the id, it names one
    /// process: the system assigns the id again after the process has been reaped.
    start: u64,
}

/// A process of another program, with all processes that it started as far as Linux shows them:
/// its descendants, and the members of their groups and sessions.
#[derive(Debug)]
pub struct ProcessTree(Root);

impl ProcessTree {
    /// The tree of the process with this id, which must run or be a zombie now.
    pub fn of(pid: i32) -> Self {
        Self(Root::new(pid))
    }

    /// Sends SIGKILL to every process of the tree, including processes that are started during the
    /// call. If the process has ended since [`of`](Self::of), its id is not mistaken for that of
    /// another process. Blocks for as long as it reads `/proc`, at most 100 times.
    pub fn kill(&self) {
        self.0.kill_rest();
    }
}

/// The first process of a tree.
#[derive(Debug)]
pub(crate) struct Root {
    pid: i32,
    /// `None` where `/proc` does not show it.
    start: Option<u64>,
}

impl Root {
    /// The root with this id, which must not have been waited for.
    pub(crate) fn new(pid: i32) -> Self {
        let start = read(pid).map(|process| process.start);
        Self { pid, start }
    }

    /// Sends the signals, in order, to every process of the tree. The root must not have been waited
    /// for.
    pub(crate) fn signal(&self, signals: &[Signal]) {
        let found = self.living();
        for signal in signals {
            for process in &found {
                process.send(*signal);
            }
            if !found.iter().any(|process| process.pid == self.pid) {
                self.signal_alone(*signal);
            }
        }
    }

    /// Sends SIGKILL to every process of the tree, until a search finds no new process. The root must
    /// not have been waited for.
    pub(crate) fn kill_all(&self) {
        self.kill_rest();
        self.signal_alone(Signal::SIGKILL);
    }

    /// Same as [`kill_all`](Self::kill_all) for a root that may have been waited for: its processes
    /// that outlive it.
    pub(crate) fn kill_rest(&self) {
        let mut killed = HashSet::new();
        for _ in 0..ROUNDS {
            let mut found = self.living();
            found.retain(|process| killed.insert((process.pid, process.start)));
            if found.is_empty() {
                return;
            }
            for process in found {
                process.send(Signal::SIGKILL);
            }
        }
    }

    /// Sends SIGKILL to the group of the root, which must not have been waited for. Does not search.
    pub(crate) fn kill_group(&self) {
        self.signal_alone(Signal::SIGKILL);
        let _ = nix::sys::signal::killpg(Pid::from_raw(self.pid), Signal::SIGKILL);
    }

    fn signal_alone(&self, signal: Signal) {
        // Exact without a handle: the id belongs to the root until it is waited for.
        let _ = kill(Pid::from_raw(self.pid), signal);
    }

    /// The processes of the tree that are not zombies.
    fn living(&self) -> Vec<Process> {
        let all = all_processes();
        let is_other = |process: &Process| {
            process.pid == self.pid && self.start.is_none_or(|start| process.start != start)
        };
        // Another process can get the id only when no group or session has the id any more.
        if all.iter().any(is_other) {
            return Vec::new();
        }
        let mut tree = tree_of(self.pid, &all);
        tree.retain(|process| !process.zombie);
        tree
    }
}

impl Process {
    /// Sends a signal to this process, and never to another process that has got its id since. Does
    /// nothing if the process has ended or has changed its user.
    fn send(self, signal: Signal) {
        let send = self.handle();
        // The handle is of the process that has the id now.
        if read(self.pid).is_some_and(|now| now.start == self.start) {
            send(signal);
        }
    }

    #[cfg(target_os = "linux")]
    fn handle(self) -> Box<dyn FnOnce(Signal)> {
        use rustix::process::{Pid, PidfdFlags, Signal as Number, pidfd_open, pidfd_send_signal};

        let pid = Pid::from_raw(self.pid);
        match pid.and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok()) {
            Some(handle) => Box::new(move |signal| {
                if let Some(number) = Number::from_named_raw(signal as i32) {
                    let _ = pidfd_send_signal(handle, number);
                }
            }),
            // A kernel before 5.3, or a container that forbids the call.
            None => self.by_id(),
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn handle(self) -> Box<dyn FnOnce(Signal)> {
        self.by_id()
    }

    fn by_id(self) -> Box<dyn FnOnce(Signal)> {
        Box::new(move |signal| {
            let _ = kill(Pid::from_raw(self.pid), signal);
        })
    }
}

/// The processes of the tree of `root`, among `all`.
fn tree_of(root: i32, all: &[Process]) -> Vec<Process> {
    let mut ids = HashSet::from([root]);
    loop {
        let before = ids.len();
        let belongs = |process: &&Process| {
            [process.pid, process.parent, process.group, process.session]
                .iter()
                .any(|id| ids.contains(id))
        };
        let members: Vec<Process> = all.iter().filter(belongs).copied().collect();
        ids.extend(members.iter().map(|process| process.pid));
        if ids.len() == before {
            return members;
        }
    }
}

/// All processes of this machine.
fn all_processes() -> Vec<Process> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    let ids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    ids.filter_map(read).collect()
}

/// The process with this id; `None` if it has ended.
fn read(pid: i32) -> Option<Process> {
    // Not UTF-8 if the name of the program is not.
    let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
    parse(&String::from_utf8_lossy(&stat))
}

/// Parses `PID (NAME) STATE PPID PGRP SESSION …`. The name can contain any character.
fn parse(stat: &str) -> Option<Process> {
    let (pid, rest) = stat.split_once(' ')?;
    let (_, rest) = rest.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace();
    let state = fields.next()?;
    let mut number = || fields.next()?.parse().ok();
    Some(Process {
        pid: pid.parse().ok()?,
        zombie: matches!(state, "Z" | "X"),
        parent: number()?,
        group: number()?,
        session: number()?,
        // 22 in proc(5).
        start: fields.nth(15)?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(pid: i32, parent: i32, group: i32, session: i32) -> Process {
        Process {
            pid,
            zombie: false,
            parent,
            group,
            session,
            start: 9,
        }
    }

    const REST: &str = "0 0 0 0 0 0 0 0 0 0 20 0 1 0 0 9 0";

    #[test]
    fn names_with_blanks_and_brackets_do_not_shift_the_fields() {
        assert_eq!(
            parse(&format!("7 (a) b) S (c) R 1 2 3 {REST}")),
            Some(process(7, 1, 2, 3))
        );
        let zombie = parse(&format!("7 (sh) Z 1 2 3 {REST}")).map(|process| process.zombie);
        assert_eq!(zombie, Some(true));
        assert_eq!(parse("7 (sh"), None);
    }

    #[test]
    fn a_tree_contains_descendants_and_the_orphans_of_its_sessions_and_groups() {
        let all = [
            process(1, 0, 1, 1),
            process(10, 1, 10, 10),  // the executor
            process(20, 10, 20, 20), // the root
            process(21, 20, 21, 20), // a job of a shell
            process(22, 1, 21, 20),  // an orphan of the job
            process(23, 1, 20, 20),  // an orphan of the root
            process(24, 21, 24, 24), // in its own session, with its parent alive
            process(25, 1, 24, 24),  // an orphan of 24
            process(30, 1, 30, 30),
        ];
        let pids = |root| -> Vec<i32> {
            let tree = tree_of(root, &all);
            tree.iter().map(|process| process.pid).collect()
        };
        assert_eq!(pids(20), [20, 21, 22, 23, 24, 25]);
        assert_eq!(pids(24), [24, 25]);
    }

    #[test]
    fn a_signal_does_not_reach_another_process_that_has_got_the_id() {
        let mut child = std::process::Command::new("sleep")
            .arg("1000")
            .spawn()
            .unwrap();
        let pid = i32::try_from(child.id()).unwrap();
        let process = read(pid).unwrap();
        let earlier = Process {
            start: process.start - 1,
            ..process
        };
        earlier.send(Signal::SIGKILL);
        let root = Root {
            pid,
            start: Some(process.start - 1),
        };
        root.kill_rest();
        assert!(
            read(pid).is_some_and(|process| !process.zombie),
            "it was killed"
        );
        process.send(Signal::SIGKILL);
        assert!(!child.wait().unwrap().success());
        // Its id is free now.
        process.send(Signal::SIGKILL);
    }

    #[test]
    fn a_name_that_is_not_utf8_does_not_hide_a_process() {
        use std::os::unix::ffi::OsStrExt as _;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(std::ffi::OsStr::from_bytes(b"\xff"));
        std::os::unix::fs::symlink("/bin/sleep", &path).unwrap();
        let mut child = std::process::Command::new(path)
            .arg("1000")
            .spawn()
            .unwrap();
        let pid = i32::try_from(child.id()).unwrap();
        assert!(all_processes().iter().any(|process| process.pid == pid));
        child.kill().unwrap();
        child.wait().unwrap();
    }

    #[test]
    fn this_process_is_among_all_processes() {
        let own = i32::try_from(std::process::id()).unwrap();
        assert!(
            all_processes()
                .iter()
                .any(|process| process.pid == own && !process.zombie)
        );
    }
}
