//! The namespace `task` in src/master/validation.cpp.

use mesos_core::resources::Resources;
use mesos_proto::v1::{
    AgentId, ContainerInfo, ExecutorId, ExecutorInfo, FrameworkId, TaskInfo, executor_info,
};

use super::executor::{executor, share_cgroups};
use super::resource::sum;
use super::usable::{not_mixed, one_role, overlap, unique_persistence_ids, usable};
use super::{Check, Within as _, check, container, id, refuse};

/// What the checks need to know of the framework and its tasks.
pub(crate) trait Known {
    fn framework_id(&self) -> FrameworkId;
    fn has_task(&self, task_id: &str) -> bool;
    fn has_unreachable_task(&self, task_id: &str) -> bool;
    /// The executor with this id on an agent.
    fn executor(&self, agent_id: &AgentId, executor_id: &ExecutorId) -> Option<&ExecutorInfo>;
    /// The containers of the tasks of an executor on an agent, also of unreachable tasks.
    fn containers(
        &self,
        agent_id: &AgentId,
        executor_id: &ExecutorId,
    ) -> Vec<Option<&ContainerInfo>>;
}

/// `task::validate`. Returns the resources that the launch needs.
pub(crate) fn task(
    task: &TaskInfo,
    known: &impl Known,
    agent_id: &AgentId,
    offered: &Resources,
) -> Result<Resources, String> {
    alone(task, known, agent_id)?;
    let needed = with_executor(task, known, agent_id, offered)?;
    match share_cgroups(task.container.as_ref()) {
        Some(false) => {
            Err("Only tasks in a task group may have 'share_cgroups' set to 'false'".to_owned())
        }
        _ => Ok(needed),
    }
}

/// `task::internal::validateTask`.
pub(super) fn alone(task: &TaskInfo, known: &impl Known, agent_id: &AgentId) -> Check {
    let task_id = task.task_id.as_str();
    id(task_id)?;
    if known.has_task(task_id) {
        return Err(format!("Task has duplicate ID: {task_id}"));
    }
    if known.has_unreachable_task(task_id) {
        return Err(format!(
            "Task reuses the ID of an unreachable task: {task_id}"
        ));
    }
    if task.agent_id != *agent_id {
        return Err(format!(
            "Task uses invalid agent {} while agent {agent_id} is expected",
            task.agent_id
        ));
    }
    let policy = task.kill_policy.as_ref();
    let grace = policy.and_then(|policy| policy.grace_period.as_ref());
    if grace.is_some_and(|grace| grace.nanoseconds < 0) {
        return refuse("Task's 'kill_policy.grace_period' must be non-negative");
    }
    let time = task.max_completion_time.as_ref();
    if time.is_some_and(|time| time.nanoseconds < 0) {
        return refuse("Task's `max_completion_time` must be non-negative");
    }
    if let Some(check) = &task.check {
        check::check(check).within("Task uses invalid check")?;
    }
    if let Some(check) = &task.health_check {
        check::health_check(check).within("Task uses invalid health check")?;
    }
    resources(task)?;
    if let Some(command) = &task.command {
        container::command(command).within("Task's `CommandInfo` is invalid")?;
    }
    if let Some(container) = &task.container {
        container::container(container).within("Task's `ContainerInfo` is invalid")?;
    }
    limits(task)
}

/// `validateResources`.
fn resources(task: &TaskInfo) -> Check {
    if task.resources.is_empty() {
        return refuse("Task uses no resources");
    }
    usable(&task.resources).within("Task uses invalid resources")?;
    let resources = sum(&task.resources);
    unique_persistence_ids(&resources).within("Task uses duplicate persistence ID")?;
    one_role(&resources).within("Invalid task resources")?;
    not_mixed(&resources).within("Task mixes revocable and non-revocable resources")
}

/// `validateResourceLimits`.
fn limits(task: &TaskInfo) -> Check {
    if task
        .limits
        .keys()
        .any(|name| !matches!(name.as_str(), "cpus" | "mem"))
    {
        return refuse("Only cpus and mem may be included in a task's resource limits");
    }
    let resources = sum(&task.resources);
    if let Some(limit) = task.limits.get("cpus") {
        match resources.cpus() {
            None => {
                return refuse(
                    "When a CPU limit is specified, a CPU request must also be specified",
                );
            }
            Some(cpus) if limit.value < cpus => {
                return refuse("The cpu limit must be greater than or equal to the cpu request");
            }
            Some(_) => {}
        }
    }
    match (task.limits.get("mem"), resources.mem()) {
        (Some(_), None) => {
            refuse("When a memory limit is specified, a memory request must also be specified")
        }
        (Some(limit), Some(mem)) if limit.value < mem => {
            refuse("The memory limit must be greater than or equal to the memory request")
        }
        _ => Ok(()),
    }
}

/// `validateExecutor`, and `validateTaskAndExecutorResources`, of which the check of the sum alone is
/// not here: a sum of valid resources is valid.
fn with_executor(
    task: &TaskInfo,
    known: &impl Known,
    agent_id: &AgentId,
    offered: &Resources,
) -> Result<Resources, String> {
    let used = sum(&task.resources);
    let mut needed = used.clone();
    match (&task.command, &task.executor) {
        (None, None) | (Some(_), Some(_)) => {
            return Err(
                "Task should have at least one (but not both) of CommandInfo or ExecutorInfo \
                 present"
                    .to_owned(),
            );
        }
        (Some(_), None) => {}
        (None, Some(own)) => {
            let running = known.executor(agent_id, &own.executor_id);
            executor(own, &known.framework_id(), running)?;
            custom(own)?;
            let of_executor = sum(&own.resources);
            if running.is_none() {
                needed += &of_executor;
            }
            if overlap(&[&used, &of_executor]) {
                return Err(format!(
                    "There are overlapping resources in the task resources {used} and executor \
                     resources {of_executor}"
                ));
            }
            let total = &used + &of_executor;
            unique_persistence_ids(&total)
                .within("Task and its executor use duplicate persistence ID")?;
            not_mixed(&total)
                .within("Task and its executor mix revocable and non-revocable resources")?;
        }
    }
    match offered.contains(&needed) {
        true => Ok(needed),
        false => Err(format!(
            "Total resources {needed} required by task and its executor is more than available \
             {offered}"
        )),
    }
}

/// The checks of an executor of LAUNCH.
fn custom(executor: &ExecutorInfo) -> Check {
    if executor.r#type.is_some() && executor.r#type() != executor_info::Type::Custom {
        return refuse("'ExecutorInfo.type' must be 'CUSTOM'");
    }
    if executor.command.is_none() {
        return refuse("'ExecutorInfo.command' must be set");
    }
    let resources = sum(&executor.resources);
    if resources.iter().any(|resource| resource.shared.is_some()) {
        return Err(format!(
            "Executor resources {resources} should not contain any shared resources"
        ));
    }
    match share_cgroups(executor.container.as_ref()) {
        Some(true) => {
            refuse("The 'share_cgroups' field cannot be set to 'true' on executor containers")
        }
        _ => Ok(()),
    }
}
