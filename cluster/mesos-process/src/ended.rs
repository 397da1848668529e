//! The last status of a task by the end of its process.

use std::io;
use std::process::ExitStatus;

use mesos_proto::v1::task_status::Reason;
use mesos_proto::v1::{TaskId, TaskState, TaskStatus};

use crate::wait_status::describe;

/// Why a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// The process ended by itself.
    Itself,
    /// A KILL, or SHUTDOWN.
    Killed,
    /// `TaskInfo.max_completion_time`.
    MaxCompletionTime,
}

/// How a process ended.
#[derive(Debug)]
#[non_exhaustive]
pub struct Ended {
    /// The exit status, or the error of wait(2).
    pub status: io::Result<ExitStatus>,
    /// Why the process ended.
    pub cause: Cause,
}

impl Ended {
    /// The end of a process with this exit status.
    pub fn new(status: io::Result<ExitStatus>, cause: Cause) -> Self {
        Self { status, cause }
    }

    /// The state of the task that ran as this process, as in Mesos' executors:
    /// the cause takes precedence over the exit status (`reaped` in
    /// `src/launcher/executor.cpp`).
    pub fn state(&self) -> TaskState {
        match (&self.status, self.cause) {
            (Err(_), _) | (_, Cause::MaxCompletionTime) => TaskState::TaskFailed,
            (Ok(_), Cause::Killed) => TaskState::TaskKilled,
            (Ok(status), Cause::Itself) if status.success() => TaskState::TaskFinished,
            (Ok(_), Cause::Itself) => TaskState::TaskFailed,
        }
    }

    /// The last status of the task: state, message, and Mesos' reason, if any.
    pub fn task_status(&self, task_id: impl Into<TaskId>) -> TaskStatus {
        let message = match &self.status {
            Ok(status) => format!("Command {}", describe(*status)),
            Err(error) => format!("Failed to get exit status for Command: {error}"),
        };
        let status = TaskStatus::new(task_id, self.state()).with_message(message);
        match (&self.status, self.cause) {
            (Ok(_), Cause::MaxCompletionTime) => {
                status.with_reason(Reason::MaxCompletionTimeReached)
            }
            _ => status,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;

    use super::*;

    #[test]
    fn the_cause_takes_precedence_over_the_exit_status() {
        use Cause::{Itself, Killed, MaxCompletionTime};
        use TaskState::{TaskFailed, TaskFinished, TaskKilled};
        for (raw, cause, expected, reason) in [
            (0, Itself, TaskFinished, None),
            (256, Itself, TaskFailed, None),
            (9, Itself, TaskFailed, None),
            (0, Killed, TaskKilled, None),
            (15, Killed, TaskKilled, None),
            (
                0,
                MaxCompletionTime,
                TaskFailed,
                Some(Reason::MaxCompletionTimeReached),
            ),
        ] {
            let status = Ok(ExitStatus::from_raw(raw));
            let status = Ended { status, cause }.task_status("t");
            assert_eq!(status.task_state(), Ok(expected), "{raw} {cause:?}");
            let reason = reason.map(i32::from);
            assert_eq!(status.reason, reason, "{raw} {cause:?}");
        }
        let unknown = Ended {
            status: Err(io::Error::other("gone")),
            cause: Killed,
        };
        let status = unknown.task_status("t");
        assert_eq!(status.task_state(), Ok(TaskFailed));
        assert_eq!(
            status.message.as_deref(),
            Some("Failed to get exit status for Command: gone")
        );
    }
}
