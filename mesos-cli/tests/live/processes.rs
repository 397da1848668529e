//! The processes of this machine.

use std::time::Duration;

use tokio::time::sleep;

use crate::program::within;

/// The number of processes with `text` in their arguments, without the program `mesos`.
pub(crate) fn with_argument(text: &str) -> usize {
    let commands = pids().filter_map(|pid| {
        let exe = std::fs::read_link(format!("/proc/{pid}/exe")).ok()?;
        let line = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).ok()?;
        (!exe.ends_with("mesos")).then_some(line)
    });
    commands.filter(|line| line.contains(text)).count()
}

/// The processes of the program `mesos` with `text` in their arguments.
pub(crate) fn programs_with_argument(text: &str) -> Vec<i32> {
    let is_such = |pid: &u32| {
        let exe = std::fs::read_link(format!("/proc/{pid}/exe"));
        let line = std::fs::read_to_string(format!("/proc/{pid}/cmdline"));
        exe.is_ok_and(|exe| exe.ends_with("mesos")) && line.is_ok_and(|line| line.contains(text))
    };
    let pids = pids().filter(is_such);
    pids.filter_map(|pid| pid.try_into().ok()).collect()
}

/// Waits until no process has `text` in its arguments. The executor reports the end of a task when
/// the shell has ended. The shell's children have a signal then and end a little later.
pub(crate) async fn ended_with_argument(text: &str) {
    within("the end of the processes of a task", async {
        while with_argument(text) > 0 {
            // sleep: a process that is not a child does not report its end.
            sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}

fn pids() -> impl Iterator<Item = u32> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// All descendants of `root`.
pub(crate) fn descendants(root: u32) -> Vec<u32> {
    let mut found = vec![root];
    let mut at = 0;
    while at < found.len() {
        let parent = found[at];
        found.extend(pids().filter(|pid| parent_of(*pid) == Some(parent)));
        at += 1;
    }
    found.remove(0);
    found
}

fn parent_of(pid: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // pid (name) state ppid …; a name may hold anything but ends at the last ')'.
    let rest = stat.rsplit_once(')')?.1;
    rest.split_whitespace().nth(1)?.parse().ok()
}

/// Fails if one of the processes is still running.
#[track_caller]
pub(crate) fn assert_ended(pids: &[u32]) {
    for pid in pids {
        let left = std::fs::read_to_string(format!("/proc/{pid}/cmdline"));
        // The arguments of a process that has ended, and whose parent does not know yet, are empty.
        let ended = left.as_ref().map_or(true, String::is_empty);
        assert!(ended, "process {pid} is still running: {left:?}");
    }
}
