//! What an agent refuses by looking at an update alone:
//! `validateExecutorCall` and `validateCheckStatusInfo` in
//! `src/common/validation.cpp`. Pure.

use mesos_proto::v1::check_info::Type;
use mesos_proto::v1::{CheckStatusInfo, TaskState, TaskStatus};

use crate::error::{Error, ErrorKind, Result};

pub(super) fn status(status: &TaskStatus) -> Result<()> {
    let task = &status.task_id;
    let fault = match TaskState::try_from(status.state) {
        Ok(TaskState::TaskStaging) => {
            "an executor may not send TASK_STAGING; TASK_STARTING is the first".to_owned()
        }
        Ok(_) => match status.check_status.as_ref().map(check_status) {
            Some(Err(fault)) => format!("its check_status {fault}"),
            _ => return Ok(()),
        },
        Err(_) => format!("{} is the number of no state", status.state),
    };
    let text = format!("an update of task `{task}` was not made: {fault}");
    Err(Error::new(ErrorKind::Config, text))
}

fn check_status(status: &CheckStatusInfo) -> Result<(), String> {
    let present = match status.r#type.and_then(|number| Type::try_from(number).ok()) {
        None => return Err("has no type, or one of no known number".to_owned()),
        Some(Type::Unknown) => return Err("has the type UNKNOWN".to_owned()),
        Some(Type::Command) => ("COMMAND", "command", status.command.is_some()),
        Some(Type::Http) => ("HTTP", "http", status.http.is_some()),
        Some(Type::Tcp) => ("TCP", "tcp", status.tcp.is_some()),
    };
    match present {
        (_, _, true) => Ok(()),
        (name, field, false) => Err(format!("has the type {name} and no `{field}`")),
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
    fn what_an_agent_takes_passes() {
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
    fn what_an_agent_refuses_is_refused_with_the_task_and_the_fault() {
        let unknown = TaskStatus {
            state: 77,
            ..TaskStatus::new("t", TaskState::TaskRunning)
        };
        let hollow = CheckStatusInfo {
            r#type: Some(Type::Http as i32),
            ..Default::default()
        };
        for (update, fault) in [
            (
                TaskStatus::new("t", TaskState::TaskStaging),
                "may not send TASK_STAGING",
            ),
            (unknown, "77 is the number of no state"),
            (with(CheckStatusInfo::default()), "has no type"),
            (with(hollow), "has the type HTTP and no `http`"),
        ] {
            let error = status(&update).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            let text = error.to_string();
            assert!(text.contains("task `t`") && text.contains(fault), "{text}");
        }
    }
}
