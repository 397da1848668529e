//! What `accept` in src/master/master.cpp does to an operation before the checks of its content:
//! `validateAndUpgradeResources` in src/common/resources_utils.cpp, `injectAllocationInfo` in
//! src/common/protobuf_utils.cpp, and the fields that the master adds.

use mesos_proto::v1::offer::Operation;
use mesos_proto::v1::offer::operation::Type;
use mesos_proto::v1::resource::{AllocationInfo, ReservationInfo, reservation_info};
use mesos_proto::v1::{ExecutorInfo, FrameworkId, Resource, TaskInfo, health_check};

use super::resource::{each, old_fields, one};
use super::{Check, refuse};

/// `validateAndUpgradeResources`, the part that validates.
pub(crate) fn resources(operation: &Operation) -> Check {
    match operation.r#type() {
        Type::Launch => {
            let Some(launch) = &operation.launch else {
                return missing("A LAUNCH offer", "launch", ".");
            };
            launch.task_infos.iter().try_for_each(of_task)
        }
        Type::LaunchGroup => {
            let Some(launch) = &operation.launch_group else {
                return missing("A LAUNCH_GROUP offer", "launch_group", ".");
            };
            each(&launch.executor.resources)?;
            launch.task_group.tasks.iter().try_for_each(of_task)
        }
        Type::Reserve => {
            let Some(reserve) = &operation.reserve else {
                return missing("A RESERVE offer", "reserve", ".");
            };
            each(&reserve.resources)?;
            each(&reserve.source)?;
            match reserve.source.is_empty() {
                true => Ok(()),
                false => {
                    refuse("Reservation updates are not yet implemented for the scheduler API.")
                }
            }
        }
        Type::Unreserve => match &operation.unreserve {
            None => missing("An UNRESERVE offer", "unreserve", "."),
            Some(unreserve) => each(&unreserve.resources),
        },
        Type::Create => match &operation.create {
            None => missing("A CREATE offer", "create", "."),
            Some(create) => each(&create.volumes),
        },
        Type::Destroy => match &operation.destroy {
            None => missing("A DESTROY offer", "destroy", "."),
            Some(destroy) => each(&destroy.volumes),
        },
        Type::GrowVolume => match &operation.grow_volume {
            None => missing("A GROW_VOLUME", "grow_volume", ""),
            Some(grow) => one(&grow.volume).and_then(|()| one(&grow.addition)),
        },
        Type::ShrinkVolume => match &operation.shrink_volume {
            None => missing("A SHRINK_VOLUME offer", "shrink_volume", ""),
            Some(shrink) => one(&shrink.volume),
        },
        Type::CreateDisk => match &operation.create_disk {
            None => missing("A CREATE_DISK offer", "create_disk", "."),
            Some(create) => one(&create.source),
        },
        Type::DestroyDisk => match &operation.destroy_disk {
            None => missing("A DESTROY_DISK offer", "destroy_disk", "."),
            Some(destroy) => one(&destroy.source),
        },
        Type::Unknown => refuse("Unknown offer operation"),
    }
}

fn of_task(task: &TaskInfo) -> Check {
    each(&task.resources)?;
    let executor = task.executor.iter();
    executor
        .map(|executor| executor.resources.as_slice())
        .try_for_each(each)
}

fn missing(what: &str, field: &str, end: &str) -> Check {
    Err(format!(
        "{what} operation must have the Offer.Operation.{field} field set{end}"
    ))
}

/// Removes bodies of other types, writes every resource in the present format, allocates it to the role of the offer unless it has
/// an allocation, and adds the fields that the master adds.
pub(crate) fn complete(operation: &mut Operation, role: &str, framework_id: &FrameworkId) {
    keep_body(operation);
    each_resource(operation, &mut |resource| {
        upgrade(resource);
        resource
            .allocation_info
            .get_or_insert_with(|| AllocationInfo {
                role: Some(role.to_owned()),
            });
    });
    for task in operation
        .launch
        .iter_mut()
        .flat_map(|launch| &mut launch.task_infos)
    {
        if let Some(executor) = &mut task.executor {
            executor
                .framework_id
                .get_or_insert_with(|| framework_id.clone());
        }
        if let Some(check) = task
            .health_check
            .as_mut()
            .filter(|check| check.r#type.is_none())
        {
            let derived = match (&check.command, &check.http) {
                (Some(_), None) => Some(health_check::Type::Command),
                (None, Some(_)) => Some(health_check::Type::Http),
                _ => None,
            };
            check.r#type = derived.map(|derived| derived as i32);
        }
    }
    if let Some(launch) = &mut operation.launch_group {
        for task in &mut launch.task_group.tasks {
            task.executor.get_or_insert_with(|| launch.executor.clone());
        }
    }
}

fn keep_body(operation: &mut Operation) {
    let kind = operation.r#type();
    let all = std::mem::take(operation);
    *operation = Operation {
        r#type: all.r#type,
        id: all.id,
        launch: all.launch.filter(|_| kind == Type::Launch),
        launch_group: all.launch_group.filter(|_| kind == Type::LaunchGroup),
        reserve: all.reserve.filter(|_| kind == Type::Reserve),
        unreserve: all.unreserve.filter(|_| kind == Type::Unreserve),
        create: all.create.filter(|_| kind == Type::Create),
        destroy: all.destroy.filter(|_| kind == Type::Destroy),
        grow_volume: all.grow_volume.filter(|_| kind == Type::GrowVolume),
        shrink_volume: all.shrink_volume.filter(|_| kind == Type::ShrinkVolume),
        create_disk: all.create_disk.filter(|_| kind == Type::CreateDisk),
        destroy_disk: all.destroy_disk.filter(|_| kind == Type::DestroyDisk),
    };
}

/// `upgradeResource`: `role` and `reservation` become `reservations`.
#[expect(deprecated)]
fn upgrade(resource: &mut Resource) {
    let (role, old) = old_fields(resource);
    if resource.reservations.is_empty()
        && let Some(role) = role.filter(|role| *role != "*")
    {
        let kind = match old {
            Some(_) => reservation_info::Type::Dynamic,
            None => reservation_info::Type::Static,
        };
        let reservation = ReservationInfo {
            r#type: Some(kind as i32),
            role: Some(role.to_owned()),
            principal: old.and_then(|old| old.principal.clone()),
            labels: old.and_then(|old| old.labels.clone()),
        };
        resource.reservations.push(reservation);
    }
    resource.role = None;
    resource.reservation = None;
}

fn each_resource(operation: &mut Operation, change: &mut impl FnMut(&mut Resource)) {
    let of_executor = |executor: &mut ExecutorInfo, change: &mut dyn FnMut(&mut Resource)| {
        executor.resources.iter_mut().for_each(change);
    };
    let of_tasks = |tasks: &mut [TaskInfo], change: &mut dyn FnMut(&mut Resource)| {
        for task in tasks {
            task.resources.iter_mut().for_each(&mut *change);
            if let Some(executor) = &mut task.executor {
                of_executor(executor, change);
            }
        }
    };
    if let Some(launch) = &mut operation.launch {
        of_tasks(&mut launch.task_infos, change);
    }
    if let Some(launch) = &mut operation.launch_group {
        of_executor(&mut launch.executor, change);
        of_tasks(&mut launch.task_group.tasks, change);
    }
    if let Some(reserve) = &mut operation.reserve {
        reserve.resources.iter_mut().for_each(&mut *change);
    }
    if let Some(unreserve) = &mut operation.unreserve {
        unreserve.resources.iter_mut().for_each(&mut *change);
    }
    if let Some(create) = &mut operation.create {
        create.volumes.iter_mut().for_each(&mut *change);
    }
    if let Some(destroy) = &mut operation.destroy {
        destroy.volumes.iter_mut().for_each(&mut *change);
    }
    if let Some(grow) = &mut operation.grow_volume {
        change(&mut grow.volume);
        change(&mut grow.addition);
    }
    if let Some(shrink) = &mut operation.shrink_volume {
        change(&mut shrink.volume);
    }
    if let Some(create) = &mut operation.create_disk {
        change(&mut create.source);
    }
    if let Some(destroy) = &mut operation.destroy_disk {
        change(&mut destroy.source);
    }
}
