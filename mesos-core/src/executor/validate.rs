//! Validates an update as the agent does: `validateExecutorCall` and
//! `validateCheckStatusInfo` in `src/common/validation.cpp`. Pure.

use mesos_proto::v1::check_info::Type;
use mesos_proto::v1::{CheckStatusInfo, TaskState, TaskStatus};

use crate::error::{Error, ErrorKind, Result};

pub(super) fn status(status: &TaskStatus) -> Result<()> {
    let task = &status.task_id;
    let fault = match TaskState::try_from(status.state) {
        Ok(TaskState::TaskStaging) => {
            "an executor cannot send TASK_STAGING; start with TASK_STARTING".to_owned()
        }
        Ok(_) => match status.check_status.as_ref().map(check_status) {
            Some(Err(fault)) => format!("its check_status {fault}"),
            _ => return Ok(()),
        },
        Err(_) => format!("invalid task state {}", status.state),
    };
    let text = format!("invalid update of task `{task}`: {fault}");
    Err(Error::new(ErrorKind::Config, text))
}

fn check_status(status: &CheckStatusInfo) -> Result<(), String> {
    let present = match status.r#type.and_then(|number| Type::try_from(number).ok()) {
        None => return Err("has no type, or an unknown type".to_owned()),
        Some(Type::Unknown) => return Err("has the type UNKNOWN".to_owned()),
        Some(Type::Command) => ("COMMAND", "command", status.command.is_some()),
        Some(Type::Http) => ("HTTP", "http", status.http.is_some()),
        Some(Type::Tcp) => ("TCP", "tcp", status.tcp.is_some()),
    };
    match present {
        (_, _, true) => Ok(()),
        (name, field, false) => Err(format!("has the type {name} but not the field `{field}`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mesos_proto::v1::check_status_info;

    fn with(check_status: CheckStatusInfo) -> TaskStatus {
        TaskStatus {
            check_status: Some(check_status),
            ..TaskStatus::new("t", TaskState::TaskRunning)
        }
    }

    #[test]
    fn a_valid_update_passes() {
        for state in [TaskState::TaskStarting, TaskState::TaskLost] {
            assert!(status(&TaskStatus::new("t", state)).is_ok());
        }
        let empty = CheckStatusInfo {
            r#type: Some(Type::Command as i32),
            command: Some(check_status_info::Command::default()),
            ..Default::default()
        };
        assert!(status(&with(empty)).is_ok());
    }

    #[test]
    fn an_invalid_update_is_an_error_with_the_task_and_the_fault() {
        let unknown = TaskStatus {
            state: 77,
            ..TaskStatus::new("t", TaskState::TaskRunning)
        };
        let without_body = CheckStatusInfo {
            r#type: Some(Type::Http as i32),
            ..Default::default()
        };
        for (update, fault) in [
            (
                TaskStatus::new("t", TaskState::TaskStaging),
                "cannot send TASK_STAGING",
            ),
            (unknown, "invalid task state 77"),
            (with(CheckStatusInfo::default()), "has no type"),
            (
                with(without_body),
                "has the type HTTP but not the field `http`",
            ),
        ] {
            let error = status(&update).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            let text = error.to_string();
            assert!(text.contains("task `t`") && text.contains(fault), "{text}");
        }
    }
}
