//! The exit code of a task.

use mesos::v1::{TaskState, TaskStatus};

/// One line about a state.
pub(crate) fn describe(status: &TaskStatus) -> String {
    let mut line = match status.task_state() {
        Ok(state) => state.as_str_name().to_owned(),
        Err(unknown) => unknown.to_string(),
    };
    if let Some(message) = status.message.as_ref().filter(|text| !text.is_empty()) {
        line = format!("{line}: {message}");
    }
    line
}

/// The exit code of the command, if Mesos reports it. The exit code is only in the message that
/// the command executor of Mesos writes (`src/launcher/executor.cpp`).
pub(crate) fn exit_code(status: &TaskStatus) -> u8 {
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
        return SIGNALS
            .iter()
            .find(|(name, _)| signal.starts_with(name))
            .map_or(128, |(_, number)| 128 + number);
    }
    // Shells use these codes for commands that cannot be started.
    if message.contains("could not be run") {
        let missing = message.contains("No such file or directory");
        return if missing { 127 } else { 126 };
    }
    1
}

/// Signals that end commands, with their names from `strsignal(3)`.
const SIGNALS: [(&str, u8); 10] = [
    ("Hangup", 1),
    ("Interrupt", 2),
    ("Illegal instruction", 4),
    ("Trace/breakpoint trap", 5),
    ("Aborted", 6),
    ("Floating point exception", 8),
    ("Killed", 9),
    ("Segmentation fault", 11),
    ("Broken pipe", 13),
    ("Terminated", 15),
];

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
