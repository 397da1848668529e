//! The checks of an agent that concern a call alone, with the agent's own texts:
//! `validateExecutorCall` in src/common/validation.cpp.

use mesos_proto::v1::executor::Call;
use mesos_proto::v1::executor::call::Type;
use mesos_proto::v1::task_status::Source;
use mesos_proto::v1::{CheckStatusInfo, TaskState, TaskStatus, check_info};

use crate::master::validate::{Check, uuid};

pub(super) fn call(call: &Call) -> Check {
    // Protobuf drops a type number of a newer Mesos, as if the field were absent.
    let Some(call_type) = call.r#type.and_then(|number| Type::try_from(number).ok()) else {
        return Err("Expecting 'type' to be present".to_owned());
    };
    let there = match call_type {
        Type::Subscribe => ("subscribe", call.subscribe.is_some()),
        Type::Update => ("update", call.update.is_some()),
        Type::Message => ("message", call.message.is_some()),
        Type::Heartbeat | Type::Unknown => return Ok(()),
    };
    let (name, true) = there else {
        let (name, _) = there;
        return Err(format!("Expecting '{name}' to be present"));
    };
    match &call.update {
        Some(update) if name == "update" => status(call, &update.status),
        _ => Ok(()),
    }
}

fn status(call: &Call, status: &TaskStatus) -> Check {
    let executor = &call.executor_id.value;
    let of = format!(
        "Received Call from executor {executor} of framework {}",
        call.framework_id.value
    );
    match &status.uuid {
        None => return Err("Expecting 'uuid' to be present".to_owned()),
        Some(bytes) => uuid(bytes)?,
    }
    if let Some(named) = &status.executor_id
        && named.value != *executor
    {
        return Err(format!(
            "ExecutorID in Call: {executor} does not match ExecutorID in TaskStatus: {}",
            named.value
        ));
    }
    if status.source != Some(Source::Executor as i32) {
        return Err(format!(
            "{of} with invalid source, expecting 'SOURCE_EXECUTOR'"
        ));
    }
    match TaskState::try_from(status.state) {
        Ok(TaskState::TaskStaging) => {
            return Err(format!(
                "Received TASK_STAGING from executor {executor} of framework {} which is not \
                 allowed",
                call.framework_id.value
            ));
        }
        Ok(_) => {}
        Err(_) => return Err("Not initialized: update.status.state".to_owned()),
    }
    status.check_status.as_ref().map_or(Ok(()), check_status)
}

/// `validateCheckStatusInfo`.
fn check_status(status: &CheckStatusInfo) -> Check {
    use check_info::Type;
    let Some(check_type) = status.r#type.and_then(|number| Type::try_from(number).ok()) else {
        return Err("CheckStatusInfo must specify 'type'".to_owned());
    };
    let (name, field, there) = match check_type {
        Type::Command => ("COMMAND", "command", status.command.is_some()),
        Type::Http => ("HTTP", "http", status.http.is_some()),
        Type::Tcp => ("TCP", "tcp", status.tcp.is_some()),
        Type::Unknown => {
            return Err("'UNKNOWN' is not a valid check's status type".to_owned());
        }
    };
    if there {
        return Ok(());
    }
    Err(format!(
        "Expecting '{field}' to be set for {name} check's status"
    ))
}
