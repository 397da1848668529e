//! How a job ended.

use std::time::{Duration, SystemTime};

use mesos_placement::Agent;
use mesos_proto::v1::TaskState;
use mesos_proto::v1::task_status::Reason;
use serde::{Deserialize, Serialize};

/// How a job ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Outcome {
    /// The name of the job.
    pub name: String,
    /// The last state of the task. A job that was killed before it started has the state
    /// TASK_KILLED; a job whose dependency failed has the state TASK_DROPPED; a job that exceeded
    /// its timeout has the state TASK_FAILED. In a pod, a task that failed decides.
    #[serde(with = "state")]
    pub state: TaskState,
    /// The reason that Mesos reported.
    #[serde(
        default,
        with = "optional_reason",
        skip_serializing_if = "Option::is_none"
    )]
    pub reason: Option<Reason>,
    /// What happened, for people.
    pub message: String,
    /// The exit status of the command, if the executor of Mesos reported one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_status: Option<i32>,
    /// The id of the task of the last attempt; in a pod, of the task that decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_id: Option<String>,
    /// Where the last attempt ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<Agent>,
    /// The container of the last attempt, which names the folder of the sandbox.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container_id: Option<String>,
    /// How often the job was started. A launch that did not arrive at an agent does not count.
    pub attempts: u32,
    /// When the first attempt was launched, by the clock of the scheduler.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<SystemTime>,
    /// When the job ended, by the clock of the scheduler.
    pub ended: SystemTime,
}

impl Outcome {
    /// Whether the job ended well: with TASK_FINISHED.
    pub fn is_success(&self) -> bool {
        self.state == TaskState::TaskFinished
    }

    /// The time from the first launch to the end; `None` if the job was never launched.
    pub fn duration(&self) -> Option<Duration> {
        self.ended.duration_since(self.started?).ok()
    }
}

/// The exit status in a message of the executors of Mesos (`src/launcher/executor.cpp`).
pub(crate) fn exit_status(state: TaskState, message: &str) -> Option<i32> {
    match message.split_once("exited with status ") {
        Some((_, rest)) => {
            let end = rest.find(|c: char| !c.is_ascii_digit() && c != '-');
            rest[..end.unwrap_or(rest.len())].parse().ok()
        }
        None => (state == TaskState::TaskFinished).then_some(0),
    }
}

pub(crate) mod state {
    use mesos_proto::v1::TaskState;
    use serde::{Deserialize, Deserializer, Serializer, de};

    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "serde passes a reference"
    )]
    pub(crate) fn serialize<S: Serializer>(state: &TaskState, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(state.as_str_name())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<TaskState, D::Error> {
        let name = String::deserialize(from)?;
        TaskState::from_str_name(&name)
            .ok_or_else(|| de::Error::custom(format_args!("{name:?} is not a state of a task")))
    }
}

pub(crate) mod optional_reason {
    use mesos_proto::v1::task_status::Reason;
    use serde::{Deserialize, Deserializer, Serializer};

    #[expect(clippy::ref_option, reason = "serde passes a reference")]
    pub(crate) fn serialize<S: Serializer>(
        reason: &Option<Reason>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        match reason {
            Some(reason) => to.serialize_some(reason.as_str_name()),
            None => to.serialize_none(),
        }
    }

    /// The reason of a newer Mesos becomes `None`.
    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Reason>, D::Error> {
        let name = Option::<String>::deserialize(from)?;
        Ok(name.and_then(|name| Reason::from_str_name(&name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_status_is_found_in_the_messages_of_the_executors() {
        use TaskState::{TaskFailed, TaskFinished, TaskKilled};
        for (state, message, status) in [
            (TaskFailed, "Command exited with status 3", Some(3)),
            (TaskFailed, "Command exited with status 3 (OOM)", Some(3)),
            (TaskFinished, "Command exited with status 0", Some(0)),
            (TaskFinished, "", Some(0)),
            (TaskKilled, "Command terminated with signal Killed", None),
            (TaskFailed, "", None),
        ] {
            assert_eq!(exit_status(state, message), status, "{message}");
        }
    }
}
