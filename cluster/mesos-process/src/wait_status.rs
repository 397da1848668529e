//! Describes an exit status in Mesos' words (`src/common/status_utils.hpp`), because users search logs
//! for them.

use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;

/// The texts of glibc's strsignal for the signals from 1 on.
const SIGNALS: [&str; 31] = [
    "Hangup",
    "Interrupt",
    "Quit",
    "Illegal instruction",
    "Trace/breakpoint trap",
    "Aborted",
    "Bus error",
    "Floating point exception",
    "Killed",
    "User defined signal 1",
    "Segmentation fault",
    "User defined signal 2",
    "Broken pipe",
    "Alarm clock",
    "Terminated",
    "Stack fault",
    "Child exited",
    "Continued",
    "Stopped (signal)",
    "Stopped",
    "Stopped (tty input)",
    "Stopped (tty output)",
    "Urgent I/O condition",
    "CPU time limit exceeded",
    "File size limit exceeded",
    "Virtual timer expired",
    "Profiling timer expired",
    "Window changed",
    "I/O possible",
    "Power failure",
    "Bad system call",
];
/// glibc reserves the first two real-time signals of the kernel, 32 and 33.
const SIGRTMIN: i32 = 34;
const SIGRTMAX: i32 = 64;

/// How a process ended, in Mesos' words: `exited with status 3`,
/// `terminated with signal Killed`.
pub fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exited with status {code}"),
        (None, Some(number)) => {
            let core = if status.core_dumped() {
                " (core dumped)"
            } else {
                ""
            };
            format!("terminated with signal {}{core}", signal(number))
        }
        // A process that has ended has a code or a signal.
        (None, None) => format!("wait status {}", status.into_raw()),
    }
}

/// The number of the signal that [`describe`] names so, on Linux: 9 for `Killed`, and 35 for
/// `Real-time signal 1`. `None` if `name` is not the name of a signal.
///
/// Mesos reports the signal that ended a task only in the message of its last status, by this name.
pub fn signal_number(name: &str) -> Option<i32> {
    if let Some(index) = name.strip_prefix("Real-time signal ") {
        let number = SIGRTMIN.checked_add(index.parse().ok()?)?;
        return (SIGRTMIN..=SIGRTMAX).contains(&number).then_some(number);
    }
    let index = SIGNALS.iter().position(|known| *known == name)?;
    i32::try_from(index + 1).ok()
}

fn signal(number: i32) -> String {
    let index = usize::try_from(number - 1).ok();
    match index.and_then(|index| SIGNALS.get(index)) {
        Some(name) => (*name).to_owned(),
        None if number >= SIGRTMIN => format!("Real-time signal {}", number - SIGRTMIN),
        None => format!("Unknown signal {number}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exit_status_is_described_in_mesos_words() {
        for (raw, expected) in [
            (0, "exited with status 0"),
            (3 << 8, "exited with status 3"),
            (9, "terminated with signal Killed"),
            (15, "terminated with signal Terminated"),
            (
                11 | 0x80,
                "terminated with signal Segmentation fault (core dumped)",
            ),
            (31, "terminated with signal Bad system call"),
            (34, "terminated with signal Real-time signal 0"),
            (33, "terminated with signal Unknown signal 33"),
        ] {
            assert_eq!(describe(ExitStatus::from_raw(raw)), expected);
        }
    }

    #[test]
    fn the_number_of_a_signal_is_found_by_its_name() {
        for number in (1..=31).chain(SIGRTMIN..=SIGRTMAX) {
            assert_eq!(signal_number(&signal(number)), Some(number));
        }
        for unknown in [
            "",
            "killed",
            "Real-time signal",
            "Real-time signal -1",
            "Real-time signal 31",
            "Real-time signal 2147483647",
        ] {
            assert_eq!(signal_number(unknown), None, "{unknown}");
        }
    }
}
