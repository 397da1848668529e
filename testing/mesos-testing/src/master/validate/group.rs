//! The namespace `task::group` in src/master/validation.cpp.

use mesos_core::resources::Resources;
use mesos_proto::v1::offer::operation::LaunchGroup;
use mesos_proto::v1::{
    AgentId, ExecutorInfo, TaskInfo, container_info, executor_info, health_check,
};

use super::executor::{executor, same, share_cgroups};
use super::resource::sum;
use super::task::{Known, alone};
use super::usable::{not_mixed, overlap, unique_persistence_ids};
use super::{Check, Within as _, number, refuse};

/// `MIN_CPUS` and `MIN_MEM` in src/master/constants.hpp.
const MIN_CPUS: f64 = 0.01;
const MIN_MEM: f64 = 32.0;

/// `task::group::validate`. Returns the resources that the launch needs in addition to those of the
/// tasks: those of a new executor.
pub(crate) fn group(
    group: &LaunchGroup,
    known: &impl Known,
    agent_id: &AgentId,
    offered: &Resources,
) -> Result<Resources, String> {
    for task in &group.task_group.tasks {
        of_group(task, known, agent_id).within(&format!("Task '{}' is invalid", task.task_id))?;
    }
    no_twins(&group.task_group.tasks)?;
    let running = known.executor(agent_id, &group.executor.executor_id);
    executor(&group.executor, &known.framework_id(), running)?;
    fields(group)?;
    minimum(&group.executor)?;
    let of_executor = sum(&group.executor.resources);
    let of_tasks: Vec<Resources> = group
        .task_group
        .tasks
        .iter()
        .map(|task| sum(&task.resources))
        .collect();
    together(&of_tasks, &of_executor)?;
    let additional = match running {
        Some(_) => Resources::new(),
        None => of_executor,
    };
    let needed = &of_tasks.iter().sum::<Resources>() + &additional;
    if !offered.contains(&needed) {
        return Err(format!(
            "Total resources {needed} required by task group and its executor are more than \
             available {offered}"
        ));
    }
    cgroups(group, known, agent_id)?;
    Ok(additional)
}

/// `task::group::internal::validateTask`.
fn of_group(task: &TaskInfo, known: &impl Known, agent_id: &AgentId) -> Check {
    alone(task, known, agent_id)?;
    if let Some(container) = &task.container {
        let check = task.health_check.as_ref().map(|check| check.r#type());
        if !container.network_infos.is_empty()
            && matches!(
                check,
                Some(health_check::Type::Http | health_check::Type::Tcp)
            )
        {
            return refuse(
                "HTTP and TCP health checks are not supported for nested containers not joining \
                 parent's network",
            );
        }
        if container.r#type() == container_info::Type::Docker {
            return refuse("Docker ContainerInfo is not supported on the task");
        }
    }
    if !task.limits.is_empty() && share_cgroups(task.container.as_ref()) != Some(false) {
        return refuse(
            "Resource limits may only be set for tasks within a task group when the \
             'share_cgroups' field is set to 'false'.",
        );
    }
    Ok(())
}

/// A real master does not check this and ends when it adds the second task.
fn no_twins(tasks: &[TaskInfo]) -> Check {
    for (place, task) in tasks.iter().enumerate() {
        if tasks[..place]
            .iter()
            .any(|other| other.task_id == task.task_id)
        {
            return Err(format!("Task has duplicate ID: {}", task.task_id));
        }
    }
    Ok(())
}

/// `task::group::internal::validateExecutor`, the fields of the executor.
fn fields(group: &LaunchGroup) -> Check {
    let executor = &group.executor;
    if executor.r#type.is_none() {
        return refuse("'ExecutorInfo.type' must be set");
    }
    if executor.r#type() == executor_info::Type::Unknown {
        return refuse("Unknown executor type");
    }
    let container = executor.container.as_ref();
    if container.is_some_and(|container| container.r#type() == container_info::Type::Docker) {
        return refuse("Docker ContainerInfo is not supported on the executor");
    }
    for task in &group.task_group.tasks {
        if task
            .executor
            .as_ref()
            .is_some_and(|own| !same(own, executor))
        {
            return Err(format!(
                "The `ExecutorInfo` of task '{}' is different from executor '{}'",
                task.task_id, executor.executor_id
            ));
        }
    }
    Ok(())
}

/// The least resources of an executor.
fn minimum(executor: &ExecutorInfo) -> Check {
    let resources = sum(&executor.resources);
    let id = &executor.executor_id;
    let less = |what: &str, has: Option<String>, least: &str| {
        let has = has.unwrap_or_else(|| "None".to_owned());
        Err(format!(
            "Executor '{id}' uses less {what} ({has}) than the minimum required ({least})"
        ))
    };
    let cpus = resources.cpus();
    if cpus.is_none_or(|cpus| cpus < MIN_CPUS) {
        return less("CPUs", cpus.map(number), "0.01");
    }
    let mem = resources.mem();
    if mem.is_none_or(|mem| mem < MIN_MEM) {
        return less("memory", mem.map(|mem| format!("{mem}MB")), "32MB");
    }
    match resources.disk() {
        None => Err(format!("Executor '{id}' uses no disk")),
        Some(_) => Ok(()),
    }
}

/// `validateTaskGroupAndExecutorResources`.
fn together(of_tasks: &[Resources], of_executor: &Resources) -> Check {
    let mut parts: Vec<&Resources> = of_tasks.iter().collect();
    parts.push(of_executor);
    let total: Resources = parts.iter().copied().sum();
    unique_persistence_ids(&total)
        .within("Task group and executor use duplicate persistence ID")?;
    not_mixed(&total)
        .within("Task group and executor mix revocable and non-revocable resources")?;
    if !overlap(&parts) {
        return Ok(());
    }
    let of_tasks: Vec<String> = of_tasks.iter().map(Resources::to_string).collect();
    Err(format!(
        "There are overlapping resources in the task group's task resources {{ {} }} and/or \
         executor resources {of_executor}",
        of_tasks.join(", ")
    ))
}

/// `validateShareCgroups`.
fn cgroups(group: &LaunchGroup, known: &impl Known, agent_id: &AgentId) -> Check {
    if share_cgroups(group.executor.container.as_ref()) == Some(true) {
        return refuse("The 'share_cgroups' field cannot be set to 'true' on executor containers");
    }
    let tasks = group.task_group.tasks.iter();
    let mut shared = tasks
        .map(|task| task.container.as_ref())
        .chain(known.containers(agent_id, &group.executor.executor_id))
        .map(|container| share_cgroups(container).unwrap_or(true));
    let first = shared.next();
    match shared.all(|one| Some(one) == first) {
        true => Ok(()),
        false => refuse(
            "If set, the value of 'share_cgroups' must be the same for all tasks in each task \
             group and under a single executor",
        ),
    }
}
