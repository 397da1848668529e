//! `task::group` in src/master/validation.cpp.

use mesos_proto::v1::{
    ExecutorInfo, Resource, TaskGroupInfo, TaskInfo, container_info, executor_info, health_check,
};

use super::check::health_check_type;
use super::report::Report;
use super::rules::{
    COMMAND_WITHOUT_VALUE, EXECUTOR_RESOURCES, IGNORED_FIELD, INVALID_EXECUTOR, INVALID_GROUP,
    SHARE_CGROUPS,
};
use super::{Severity, command, container, executor, ports, resources, task};

pub(super) fn group(report: &mut Report<'_>, own: &ExecutorInfo, group: &TaskGroupInfo) {
    for (place, one) in group.tasks.iter().enumerate() {
        let field = format!("task_group.tasks[{place}]");
        report.within(field, |report| of_group(report, one, own));
    }
    task::duplicates(report, "task_group.tasks", &group.tasks);
    report.within("executor", |report| of_all(report, own));
    cgroups(report, group);
    let mut parts: Vec<&[Resource]> = vec![&own.resources];
    parts.extend(group.tasks.iter().map(|one| one.resources.as_slice()));
    resources::together(report, "task_group", &parts);
    let all: Vec<_> = parts.concat();
    resources::fit(report, &resources::sum(&all));
}

/// `task::group::internal::validateTask`.
fn of_group(report: &mut Report<'_>, one: &TaskInfo, own: &ExecutorInfo) {
    task::alone(report, one);
    task::kill_grace(report, one, own);
    ports::task(report, one, Some(own));
    if own.r#type() == executor_info::Type::Default {
        match &one.command {
            Some(info) => report.within("command", |report| {
                command::value(report, info, container::has_image(one.container.as_ref()));
            }),
            None => {
                let message = "the task has no command";
                report.add(&COMMAND_WITHOUT_VALUE, "command", message, "set command");
            }
        }
        if one.data.as_ref().is_some_and(|data| !data.is_empty()) {
            let message = "the default executor does not pass data to the command";
            let remedy = "use an environment variable or a URI, or a custom executor";
            report.add(&IGNORED_FIELD, "data", message, remedy);
        }
    }
    if one
        .executor
        .as_ref()
        .is_some_and(|given| !executor::same(given, own))
    {
        let message = "the executor of the task differs from the executor of the group";
        report.add(
            &INVALID_GROUP,
            "executor",
            message,
            "remove executor from the task",
        );
    }
    // A master derives the type only for LAUNCH.
    let check = one.health_check.as_ref();
    if check.is_some_and(|check| {
        check.r#type.is_none() && health_check_type(check) != health_check::Type::Unknown
    }) {
        let message = "a health check of a task of a group must have a type";
        let remedy = "set type to COMMAND, HTTP or TCP";
        report.add(&INVALID_GROUP, "health_check.type", message, remedy);
    }
    if let Some(info) = &one.container {
        if info.r#type() == container_info::Type::Docker {
            let message = "a task of a group must not have a container of type DOCKER";
            let remedy = "set type to MESOS; the image can stay a Docker image";
            report.add(&INVALID_GROUP, "container.type", message, remedy);
        }
        let kind = one.health_check.as_ref().map(|check| check.r#type());
        let connects = matches!(
            kind,
            Some(health_check::Type::Http | health_check::Type::Tcp)
        );
        if connects && !info.network_infos.is_empty() {
            let message = "HTTP and TCP health checks are not possible for a task of a group with \
                           networks of its own";
            let remedy = "use a COMMAND health check, or the network of the executor";
            report.add(&INVALID_GROUP, "health_check", message, remedy);
        }
    }
    if !one.limits.is_empty() && container::share_cgroups(one.container.as_ref()) != Some(false) {
        let message = "limits of a task of a group need a cgroup of the task";
        let remedy = "set container.linux_info.share_cgroups to false";
        report.add(&INVALID_GROUP, "limits", message, remedy);
    }
}

/// `task::group::internal::validateExecutor`.
fn of_all(report: &mut Report<'_>, own: &ExecutorInfo) {
    executor::executor(report, own);
    if own.r#type() == executor_info::Type::Unknown {
        let message = "the executor of a task group must have a type";
        report.add(
            &INVALID_EXECUTOR,
            "type",
            message,
            "set type to DEFAULT or CUSTOM",
        );
    }
    if own.framework_id.is_none() {
        let message = "the executor of a task group must have the id of the framework";
        let remedy = "set framework_id when the framework is subscribed";
        report.add(&INVALID_EXECUTOR, "framework_id", message, remedy);
    }
    let container = own.container.as_ref();
    if own.r#type() != executor_info::Type::Default
        && container.is_some_and(|container| container.r#type() == container_info::Type::Docker)
    {
        let message = "the executor of a task group must not have a container of type DOCKER";
        report.add(
            &INVALID_EXECUTOR,
            "container.type",
            message,
            "set type to MESOS",
        );
    }
    container::no_shared_cgroups(report, own);
    let no_disk = || {
        let disk = resources::sum(&own.resources).disk();
        disk.is_none()
            .then(|| "the executor has no disk".to_owned())
    };
    if let Some(message) = executor::below_minimum(own).or_else(no_disk) {
        let remedy = "give the executor at least cpus:0.01, mem:32 and disk:1";
        report.add_as(
            Severity::Error,
            &EXECUTOR_RESOURCES,
            "resources",
            message,
            remedy,
        );
    }
}

/// `validateShareCgroups`.
fn cgroups(report: &mut Report<'_>, group: &TaskGroupInfo) {
    let shared = |one: &TaskInfo| container::share_cgroups(one.container.as_ref()).unwrap_or(true);
    let first = group.tasks.first().map(shared);
    let other = group
        .tasks
        .iter()
        .position(|one| Some(shared(one)) != first);
    if let Some(place) = other {
        let message = "all tasks of a group must have the same value, and this task has another \
                       one than the first task";
        let field = format!("task_group.tasks[{place}].container.linux_info.share_cgroups");
        report.add(
            &SHARE_CGROUPS,
            field,
            message,
            "set the same value for all tasks",
        );
    }
}
