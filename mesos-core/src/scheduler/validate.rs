//! Refuses calls that Mesos would ignore silently, or that would have unwanted effects. The
//! rules are those of `src/master/master.cpp`, `src/master/validation.cpp` and
//! `src/common/validation.cpp`. Calls that Mesos answers with an error are not checked here.

use std::collections::HashSet;

use mesos_proto::v1::scheduler::{Call, call::Type};
use mesos_proto::v1::{Filters, Resource, TaskInfo, offer::Operation, value};

use super::subscribe_state;
use crate::error::{Error, ErrorKind, Result};

/// The length of a status update's uuid in bytes (RFC 4122).
const UUID_LENGTH: usize = 16;

/// The longest id in bytes: agents create directories with the names of ids.
const MAX_ID_LENGTH: usize = 255;

/// Checks a call before it is sent. `roles` returns the roles that the framework is subscribed
/// to.
pub(super) fn call(call: &Call, roles: impl FnOnce() -> Vec<String>) -> Result<()> {
    match call.r#type() {
        Type::Accept => {
            let Some(body) = &call.accept else {
                return Ok(());
            };
            filters(body.filters.as_ref())?;
            operations(&body.operations)
        }
        Type::Decline => filters(call.decline.as_ref().and_then(|body| body.filters.as_ref())),
        Type::AcceptInverseOffers => {
            let body = call.accept_inverse_offers.as_ref();
            filters(body.and_then(|body| body.filters.as_ref()))
        }
        Type::DeclineInverseOffers => {
            let body = call.decline_inverse_offers.as_ref();
            filters(body.and_then(|body| body.filters.as_ref()))
        }
        Type::Revive => match &call.revive {
            Some(body) => known_roles("REVIVE", &body.roles, &roles()),
            None => Ok(()),
        },
        Type::Suppress => match &call.suppress {
            Some(body) => known_roles("SUPPRESS", &body.roles, &roles()),
            None => Ok(()),
        },
        Type::UpdateFramework => match &call.update_framework {
            Some(body) => {
                let roles = subscribe_state::roles(&body.framework_info);
                known_roles("UPDATE_FRAMEWORK", &body.suppressed_roles, &roles)
            }
            None => Ok(()),
        },
        Type::Acknowledge => match &call.acknowledge {
            Some(body) => uuid(&body.uuid),
            None => Ok(()),
        },
        Type::AcknowledgeOperationStatus => match &call.acknowledge_operation_status {
            Some(body) => uuid(&body.uuid),
            None => Ok(()),
        },
        _ => ids(call),
    }
}

/// Checks the ids in calls without other fields to check.
fn ids(call: &Call) -> Result<()> {
    if let Some(body) = &call.kill {
        id("task", &body.task_id.value)?;
    }
    if let Some(body) = &call.shutdown {
        id("executor", &body.executor_id.value)?;
        id("agent", &body.agent_id.value)?;
    }
    if let Some(body) = &call.message {
        id("executor", &body.executor_id.value)?;
        id("agent", &body.agent_id.value)?;
    }
    for task in call.reconcile.iter().flat_map(|body| &body.tasks) {
        id("task", &task.task_id.value)?;
    }
    let operations = call.reconcile_operations.iter();
    for operation in operations.flat_map(|body| &body.operations) {
        id("operation", &operation.operation_id.value)?;
    }
    Ok(())
}

fn operations(operations: &[Operation]) -> Result<()> {
    let mut tasks_seen = HashSet::new();
    let mut operations_seen = HashSet::new();
    for operation in operations {
        if let Some(operation_id) = &operation.id {
            id("operation", &operation_id.value)?;
            if !operations_seen.insert(operation_id.value.as_str()) {
                let text = format!("operation id `{operation_id}` occurs twice in one ACCEPT");
                return Err(config_error(text));
            }
        }
        let group = operation.launch_group.as_ref();
        if let Some(group) = group {
            id("executor", &group.executor.executor_id.value)?;
        }
        for task in tasks(operation) {
            id("task", &task.task_id.value)?;
            if let Some(executor) = &task.executor {
                id("executor", &executor.executor_id.value)?;
            }
            printable(task)?;
            if !tasks_seen.insert(task.task_id.value.as_str()) {
                let text = format!("task id `{}` occurs twice in one ACCEPT", task.task_id);
                return Err(config_error(text));
            }
        }
    }
    Ok(())
}

/// Refuses tasks that use gpus, for a framework without the capability GPU_RESOURCES whose
/// offers have no gpus. Mesos would answer TASK_ERROR, which does not name the capability
/// (`--filter_gpu_resources` in `src/master/flags.cpp`).
pub(super) fn no_gpus(operation: &Operation) -> Result<()> {
    let gpus = |task: &&TaskInfo| {
        let scalar = |one: &Resource| one.scalar.as_ref().map(|scalar| scalar.value);
        let mut gpus = task.resources.iter().filter(|one| one.name == "gpus");
        gpus.any(|one| scalar(one).is_some_and(|value| value > 0.0))
    };
    match tasks(operation).find(gpus) {
        Some(task) => Err(config_error(format!(
            "task `{}` uses gpus, but the framework does not have the capability GPU_RESOURCES, so \
             its offers contain no gpus; add .capability(GpuResources) to the Framework",
            task.task_id
        ))),
        None => Ok(()),
    }
}

/// Refuses resources of type TEXT. A master ends when it prints one in its refusal of the task
/// (`operator<<` for `Resource` in `src/common/resources.cpp`).
fn printable(task: &TaskInfo) -> Result<()> {
    let executor = task.executor.iter().flat_map(|one| &one.resources);
    let text = |one: &&Resource| one.r#type() == value::Type::Text;
    match task.resources.iter().chain(executor).find(text) {
        Some(resource) => Err(config_error(format!(
            "the resource `{}` of task `{}` has the type TEXT; use SCALAR, RANGES or SET",
            resource.name, task.task_id
        ))),
        None => Ok(()),
    }
}

/// The tasks that `operation` launches.
pub(super) fn tasks(operation: &Operation) -> impl Iterator<Item = &TaskInfo> {
    let launch = operation.launch.iter();
    let group = operation.launch_group.iter();
    launch
        .flat_map(|launch| &launch.task_infos)
        .chain(group.flat_map(|group| &group.task_group.tasks))
}

/// Checks an id. An id becomes the name of a directory on the agent, and Mesos refuses ids that
/// are not valid names.
pub(crate) fn id(what: &str, value: &str) -> Result<()> {
    let bad = |byte: u8| byte.is_ascii_control() | (byte == b'/') | (byte == b'\\');
    // Without an exit from the loop, several bytes are checked at once.
    let any_bad = value.bytes().fold(false, |any, byte| any | bad(byte));
    if !any_bad && matches!(value.len(), 3..=MAX_ID_LENGTH) {
        return Ok(());
    }
    let wrong = if value.is_empty() {
        "is empty"
    } else if value.len() > MAX_ID_LENGTH {
        "is longer than 255 bytes"
    } else if value == "." || value == ".." {
        "cannot be `.` or `..`"
    } else if value.bytes().any(|byte| matches!(byte, b'/' | b'\\')) {
        "contains a slash or a backslash"
    } else if value.bytes().any(|byte| byte.is_ascii_control()) {
        "contains a control character"
    } else {
        return Ok(());
    };
    let shown: String = value.chars().take(40).collect();
    Err(config_error(format!("the {what} id {shown:?} {wrong}")))
}

fn filters(filters: Option<&Filters>) -> Result<()> {
    match filters.and_then(|filters| filters.refuse_seconds) {
        // Mesos would silently use its default of 5 s instead.
        Some(seconds) if seconds.is_nan() || seconds < 0.0 => Err(config_error(format!(
            "refuse_seconds must be 0 or more, but is {seconds}"
        ))),
        _ => Ok(()),
    }
}

/// Checks roles. A single unknown role makes the master drop the whole call silently.
fn known_roles(call: &str, named: &[String], subscribed: &[String]) -> Result<()> {
    match named.iter().find(|role| !subscribed.contains(role)) {
        Some(role) => Err(config_error(format!(
            "{call} names the role {role:?}, but the framework is subscribed to {subscribed:?}"
        ))),
        None => Ok(()),
    }
}

fn uuid(uuid: &[u8]) -> Result<()> {
    if uuid.len() == UUID_LENGTH {
        return Ok(());
    }
    let length = uuid.len();
    Err(config_error(format!(
        "the uuid of an acknowledgement must have {UUID_LENGTH} bytes, but has {length}"
    )))
}

fn config_error(text: String) -> Error {
    Error::new(ErrorKind::Config, text)
}

#[cfg(test)]
mod tests {
    use mesos_proto::v1::ExecutorInfo;

    use super::*;

    #[test]
    fn ids_that_mesos_refuses_are_refused_here() {
        let long = "x".repeat(256);
        for bad in ["", ".", "..", "a/b", "a\\b", "a\nb", "a\u{7f}", &long] {
            let error = id("task", bad).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config, "{bad:?}");
            assert!(error.to_string().starts_with("the task id "), "{error}");
        }
        let longest = "x".repeat(255);
        for good in ["a", "...", ".a", "a b", "web.1@host:2", "日本", &longest] {
            id("task", good).unwrap();
        }
    }

    #[test]
    fn resources_that_a_master_cannot_print_are_refused_here() {
        let resource = |kind: value::Type| Resource {
            name: "os".to_owned(),
            r#type: kind.into(),
            ..Default::default()
        };
        let of_task = |kind| TaskInfo {
            resources: vec![resource(kind)],
            ..Default::default()
        };
        let of_executor = |kind| TaskInfo {
            executor: Some(ExecutorInfo {
                resources: vec![resource(kind)],
                ..Default::default()
            }),
            ..Default::default()
        };
        for task in [of_task(value::Type::Text), of_executor(value::Type::Text)] {
            let error = printable(&task).unwrap_err();
            assert!(error.to_string().contains("type TEXT"), "{error}");
        }
        printable(&of_task(value::Type::Set)).unwrap();
        printable(&of_executor(value::Type::Scalar)).unwrap();
    }

    #[test]
    fn refuse_seconds_must_be_zero_or_more() {
        let with = |seconds| Filters {
            refuse_seconds: Some(seconds),
        };
        for bad in [-1.0, f64::NAN, f64::NEG_INFINITY] {
            assert!(filters(Some(&with(bad))).is_err(), "{bad}");
        }
        for good in [0.0, 5.0, f64::INFINITY] {
            filters(Some(&with(good))).unwrap();
        }
        filters(None).unwrap();
    }

    #[test]
    fn a_uuid_must_have_16_bytes() {
        uuid(&[0; 16]).unwrap();
        assert!(uuid(&[]).is_err());
        assert!(uuid(b"0123456789abcdef0123456789abcdef").is_err());
    }
}
