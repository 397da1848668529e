//! Validation of tasks before their launch: src/master/validation.cpp, namespaces task and group.

use mesos_core::resources::Resources;
use mesos_proto::v1::executor_info;
use mesos_proto::v1::offer::operation::LaunchGroup;
use mesos_proto::v1::{AgentId, FrameworkId, Resource, TaskInfo};

use super::super::validate;
use super::records::Framework;

/// Resources as the cluster counts them: valid, and without their allocation.
pub(super) fn counted(resources: &[Resource]) -> Result<Resources, String> {
    let mut counted = Resources::try_from(resources)
        .map_err(|error| format!("Task uses invalid resources: {error}"))?;
    counted.unallocate();
    Ok(counted)
}

/// Validates a task of LAUNCH. Returns the resources it uses, or the reason of the refusal.
pub(super) fn task(
    task: &TaskInfo,
    framework: &Framework,
    agent_id: &AgentId,
    remaining: &Resources,
) -> Result<Resources, String> {
    identity(task, framework, agent_id)?;
    match (&task.command, &task.executor) {
        (None, None) | (Some(_), Some(_)) => {
            return Err(
                "Task should have at least one (but not both) of CommandInfo or ExecutorInfo \
                 present"
                    .to_owned(),
            );
        }
        (None, Some(executor)) => {
            validate::id(executor.executor_id.as_str())?;
            if executor.r#type == Some(executor_info::Type::Default as i32) {
                return Err("'ExecutorInfo.type' must be 'CUSTOM'".to_owned());
            }
            if executor.command.is_none() {
                return Err("'ExecutorInfo.command' must be set for 'CUSTOM' executor".to_owned());
            }
            own_executor(executor.framework_id.as_ref(), framework)?;
        }
        (Some(_), None) => {}
    }
    let mut used = counted(&task.resources)?;
    if used.is_empty() {
        return Err("Task uses no resources".to_owned());
    }
    if let Some(executor) = &task.executor
        && !framework
            .executors_on(agent_id)
            .contains(&executor.executor_id)
    {
        used += counted(&executor.resources)?;
    }
    fits(&used, remaining)?;
    Ok(used)
}

/// Validates all tasks of LAUNCH_GROUP. Returns the resources of each task, the executor's share
/// included in the first, or the reason of the refusal.
pub(super) fn group(
    group: &LaunchGroup,
    framework: &Framework,
    agent_id: &AgentId,
    remaining: &Resources,
) -> Result<Vec<Resources>, String> {
    let executor = &group.executor;
    validate::id(executor.executor_id.as_str())?;
    if executor.r#type.is_none() {
        return Err("'ExecutorInfo.type' must be set".to_owned());
    }
    let default = executor.r#type == Some(executor_info::Type::Default as i32);
    if default == executor.command.is_some() {
        return Err(
            "'ExecutorInfo.command' must be set for a 'CUSTOM' executor, and only there".to_owned(),
        );
    }
    if executor.framework_id.is_none() {
        return Err("'ExecutorInfo.framework_id' must be set".to_owned());
    }
    own_executor(executor.framework_id.as_ref(), framework)?;
    let of_executor = counted(&executor.resources)?;
    let enough = of_executor.cpus().is_some_and(|cpus| cpus >= 0.01)
        && of_executor.mem().is_some_and(|mem| mem >= 32.0)
        && of_executor.disk().is_some();
    let running = framework
        .executors_on(agent_id)
        .contains(&executor.executor_id);
    if !enough {
        return Err(format!(
            "Executor '{}' needs at least 0.01 cpus, 32 mem and some disk",
            executor.executor_id
        ));
    }
    let mut sum = Resources::new();
    let mut shares = Vec::new();
    for (place, task) in group.task_group.tasks.iter().enumerate() {
        identity(task, framework, agent_id)?;
        let twins = group.task_group.tasks.iter();
        if twins.filter(|other| other.task_id == task.task_id).count() > 1 {
            return Err(format!("Task has duplicate ID: {}", task.task_id));
        }
        if task.executor.as_ref().is_some_and(|own| own != executor) {
            return Err("The `ExecutorInfo` of task does not match that of its group".to_owned());
        }
        let mut used = counted(&task.resources)?;
        if used.is_empty() {
            return Err("Task uses no resources".to_owned());
        }
        if place == 0 && !running {
            used += &of_executor;
        }
        sum += &used;
        shares.push(used);
    }
    fits(&sum, remaining)?;
    Ok(shares)
}

fn identity(task: &TaskInfo, framework: &Framework, agent_id: &AgentId) -> Result<(), String> {
    let id = task.task_id.as_str();
    validate::id(id)?;
    if framework.tasks.contains_key(id) || framework.lost_tasks.contains_key(id) {
        return Err(format!("Task has duplicate ID: {id}"));
    }
    if task.agent_id != *agent_id {
        return Err(format!(
            "Task uses invalid agent {} while agent {agent_id} is expected",
            task.agent_id
        ));
    }
    Ok(())
}

fn own_executor(id: Option<&FrameworkId>, framework: &Framework) -> Result<(), String> {
    match id {
        Some(id) if *id != framework.id() => Err(format!(
            "ExecutorInfo has an invalid FrameworkID (Actual: {id} vs Expected: {})",
            framework.id()
        )),
        _ => Ok(()),
    }
}

fn fits(used: &Resources, remaining: &Resources) -> Result<(), String> {
    if remaining.contains(used) {
        return Ok(());
    }
    Err(format!(
        "Task uses more resources {used} than available {remaining}"
    ))
}
