//! The namespace `executor` in src/master/validation.cpp.

use mesos_proto::v1::{ExecutorInfo, FrameworkId, container_info, executor_info};

use super::resource::sum;
use super::usable::{not_mixed, one_role, unique_persistence_ids, usable};
use super::{Check, Within as _, container, id, refuse};

/// `executor::internal::validate`. `running` is the executor on the agent with the same id.
pub(super) fn executor(
    executor: &ExecutorInfo,
    framework_id: &FrameworkId,
    running: Option<&ExecutorInfo>,
) -> Check {
    kind(executor)?;
    id(executor.executor_id.as_str())?;
    let grace = executor.shutdown_grace_period.as_ref();
    if grace.is_some_and(|grace| grace.nanoseconds < 0) {
        return refuse("ExecutorInfo's 'shutdown_grace_period' must be non-negative");
    }
    if let Some(command) = &executor.command {
        container::command(command).within("Executor's `CommandInfo` is invalid")?;
    }
    if let Some(container) = &executor.container {
        container::container(container).within("Executor's `ContainerInfo` is invalid")?;
    }
    match &executor.framework_id {
        None => return refuse("'ExecutorInfo.framework_id' must be set"),
        Some(id) if id != framework_id => {
            return Err(format!(
                "ExecutorInfo has an invalid FrameworkID (Actual: {id} vs Expected: \
                 {framework_id})"
            ));
        }
        Some(_) => {}
    }
    resources(executor)?;
    match running {
        Some(running) if !same(executor, running) => Err(incompatible(executor, running)),
        _ => Ok(()),
    }
}

/// `validateType`.
fn kind(executor: &ExecutorInfo) -> Check {
    match executor.r#type() {
        executor_info::Type::Default => {
            if executor.command.is_some() {
                return refuse("'ExecutorInfo.command' must not be set for 'DEFAULT' executor");
            }
            let Some(container) = &executor.container else {
                return Ok(());
            };
            if container.r#type() != container_info::Type::Mesos {
                return refuse(
                    "'ExecutorInfo.container.type' must be 'MESOS' for 'DEFAULT' executor",
                );
            }
            let mesos = container.mesos.as_ref();
            match mesos.is_some_and(|mesos| mesos.image.is_some()) {
                true => refuse(
                    "'ExecutorInfo.container.mesos.image' must not be set for 'DEFAULT' executor",
                ),
                false => Ok(()),
            }
        }
        executor_info::Type::Custom if executor.command.is_none() => {
            refuse("'ExecutorInfo.command' must be set for 'CUSTOM' executor")
        }
        executor_info::Type::Custom | executor_info::Type::Unknown => Ok(()),
    }
}

/// `validateResources`.
fn resources(executor: &ExecutorInfo) -> Check {
    usable(&executor.resources).within("Executor uses invalid resources")?;
    let resources = sum(&executor.resources);
    unique_persistence_ids(&resources).within("Executor uses duplicate persistence ID")?;
    one_role(&resources).within("Invalid executor resources")?;
    not_mixed(&resources).within("Executor mixes revocable and non-revocable resources")
}

/// Whether a master regards the executors as one: resources may be in another order.
pub(super) fn same(left: &ExecutorInfo, right: &ExecutorInfo) -> bool {
    let without = |executor: &ExecutorInfo| ExecutorInfo {
        resources: Vec::new(),
        ..executor.clone()
    };
    without(left) == without(right) && sum(&left.resources) == sum(&right.resources)
}

/// `validateCompatibleExecutorInfo`.
fn incompatible(executor: &ExecutorInfo, running: &ExecutorInfo) -> String {
    let line = "-".repeat(60);
    format!(
        "ExecutorInfo is not compatible with existing ExecutorInfo with same ExecutorID.\n\
         {line}\nExisting ExecutorInfo:\n{running:?}\n{line}\nExecutorInfo:\n{executor:?}\n{line}\n"
    )
}

/// Whether the cgroups of the parent are shared, if the container says so.
pub(super) fn share_cgroups(container: Option<&mesos_proto::v1::ContainerInfo>) -> Option<bool> {
    let linux = container.and_then(|container| container.linux_info.as_ref());
    linux.and_then(|linux| linux.share_cgroups)
}
