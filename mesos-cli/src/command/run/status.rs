//! The exit status of a task.

use mesos::v1::{TaskState, TaskStatus};
use mesos_process::signal_number;

use crate::output::visible;

/// The exit code after `--time-limit`, as that of timeout(1).
pub(super) const TIMED_OUT: u8 = 124;
/// The exit code after Ctrl-C, as that of a shell.
pub(super) const INTERRUPTED: u8 = 130;

/// One line about a state.
pub(super) fn describe(status: &TaskStatus) -> String {
    let mut line = match status.task_state() {
        Ok(state) => state.as_str_name().to_owned(),
        Err(unknown) => unknown.to_string(),
    };
    match status.healthy {
        Some(true) => line.push_str(" (healthy)"),
        Some(false) => line.push_str(" (not healthy)"),
        None => {}
    }
    if let Some(message) = status.message.as_ref().filter(|text| !text.is_empty()) {
        // Text from a cluster must not control the terminal.
        let message: String = message.chars().map(visible).collect();
        line = format!("{line}: {message}");
    }
    line
}

/// The exit status of the command, if Mesos reports it. The status is only in the message that the
/// command executor of Mesos writes (`src/launcher/executor.cpp`).
pub(super) fn exit_code(status: &TaskStatus) -> u8 {
    if status.task_state() == Ok(TaskState::TaskFinished) {
        return 0;
    }
    let message = status.message.as_deref().unwrap_or_default();
    if let Some((_, code)) = message.split_once("exited with status ") {
        let digits = code.split(|c: char| !c.is_ascii_digit()).next();
        if let Some(code) = digits.and_then(|digits| digits.parse().ok()) {
            return code;
        }
    }
    if let Some((_, signal)) = message.split_once("terminated with signal ") {
        let number = signal_number(signal.trim_end_matches(" (core dumped)"));
        let number = number.and_then(|number| u8::try_from(number).ok());
        return 128 + number.unwrap_or(0);
    }
    // Shells use these codes for commands that cannot be started.
    if message.contains("could not be run") {
        let missing = message.contains("No such file or directory");
        return if missing { 127 } else { 126 };
    }
    1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_code_is_that_of_the_command() {
        for (state, message, code) in [
            (TaskState::TaskFinished, "Command exited with status 0", 0),
            (TaskState::TaskFailed, "Command exited with status 3", 3),
            (TaskState::TaskFailed, "Command exited with status 127", 127),
            (
                TaskState::TaskFailed,
                "Command terminated with signal Killed",
                137,
            ),
            (
                TaskState::TaskFailed,
                "Command terminated with signal Segmentation fault (core dumped)",
                139,
            ),
            (
                TaskState::TaskFailed,
                "Command terminated with signal User defined signal 1",
                138,
            ),
            (
                TaskState::TaskFailed,
                "Command terminated with signal Stopped (tty input)",
                149,
            ),
            (
                TaskState::TaskFailed,
                "Command terminated with signal Bad system call",
                159,
            ),
            (
                TaskState::TaskFailed,
                "Command terminated with signal Real-time signal 1",
                163,
            ),
            (TaskState::TaskFailed, "Executor terminated", 1),
            (
                TaskState::TaskFailed,
                "Command could not be run: cannot execute `x`: No such file or directory (os error 2)",
                127,
            ),
            (
                TaskState::TaskFailed,
                "Command could not be run: cannot execute `/etc`: Permission denied (os error 13)",
                126,
            ),
            (TaskState::TaskError, "", 1),
        ] {
            let status = TaskStatus::new("t", state).with_message(message);
            assert_eq!(exit_code(&status), code, "{message}");
        }
    }
}
