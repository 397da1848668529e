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
}

/// Sends `signal` to every process of the tree of `root`. The root must not have been waited for.
pub(crate) fn signal(root: i32, signal: Signal) {
    for pid in with_root(root) {
        send(pid, signal);
    }
}

/// Sends SIGKILL to every process of the tree, including processes that are started during the call.
/// The root must not have been waited for.
pub(crate) fn kill_all(root: i32) {
    until_no_more(|| with_root(root));
}

/// The tree, including its root even if `/proc` does not show the root.
fn with_root(root: i32) -> Vec<i32> {
    let mut tree = alive(&tree_of(root, &all_processes()));
    if !tree.contains(&root) {
        tree.push(root);
    }
    tree
}

/// Sends SIGKILL to the processes of the tree that outlive the root. The root has been waited for.
pub(crate) fn kill_rest(root: i32) {
    until_no_more(|| {
        let processes = all_processes();
        // Another process can get the id only when no group or session has the id any more.
        if processes.iter().any(|process| process.pid == root) {
            return Vec::new();
        }
        alive(&tree_of(root, &processes))
    });
}

/// Sends SIGKILL to the processes that `scan` finds, until it finds no new process.
fn until_no_more(scan: impl Fn() -> Vec<i32>) {
    let mut killed = HashSet::new();
    for _ in 0..ROUNDS {
        let mut found = scan();
        found.retain(|pid| killed.insert(*pid));
        if found.is_empty() {
            return;
        }
        for pid in found {
            send(pid, Signal::SIGKILL);
        }
    }
}

fn send(pid: i32, signal: Signal) {
    // Fails for a process that has ended, and for one that has changed its user.
    let _ = kill(Pid::from_raw(pid), signal);
}

/// The ids of the processes that are not zombies.
fn alive(processes: &[Process]) -> Vec<i32> {
    let alive = processes.iter().filter(|process| !process.zombie);
    alive.map(|process| process.pid).collect()
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
    let stats = entries.filter_map(|entry| {
        let entry = entry.ok()?;
        entry.file_name().to_str()?.parse::<i32>().ok()?;
        // Unreadable if the process has ended since the directory was read.
        fs::read_to_string(entry.path().join("stat")).ok()
    });
    stats.filter_map(|stat| parse(&stat)).collect()
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
        }
    }

    #[test]
    fn names_with_blanks_and_brackets_do_not_shift_the_fields() {
        assert_eq!(
            parse("7 (a) b) S (c) R 1 2 3 4 5"),
            Some(process(7, 1, 2, 3))
        );
        let zombie = parse("7 (sh) Z 1 2 3 0").map(|process| process.zombie);
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
    fn this_process_is_among_all_processes() {
        let own = i32::try_from(std::process::id()).unwrap();
        assert!(
            all_processes()
                .iter()
                .any(|process| process.pid == own && !process.zombie)
        );
    }
}
