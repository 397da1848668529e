//! `task::internal` in src/master/validation.cpp, and surprises of src/slave/slave.cpp.

use std::collections::BTreeMap;
use std::time::Duration;

use mesos_proto::v1::{CommandInfo, DurationInfo, ExecutorInfo, TaskInfo};

use super::report::Report;
use super::rules::{
    COMMAND_OR_EXECUTOR, DUPLICATE_TASK_ID, EXECUTOR_RESOURCES, IGNORED_FIELD, INVALID_EXECUTOR,
    INVALID_ID, INVALID_LIMIT, KILL_GRACE_TOO_LONG, KILL_POLICY_WITHOUT_EFFECT, MISSING_AMOUNT,
    NEGATIVE_DURATION, NO_RESOURCES,
};
use super::{check, command, container, executor, ports, resources};
use crate::resources::Resources;

/// The longest id in bytes: agents create directories with the names of ids.
const MAX_ID: usize = 255;

/// The time that an agent gives an executor without `shutdown_grace_period`, by default
/// (`EXECUTOR_SHUTDOWN_GRACE_PERIOD` in src/slave/constants.hpp).
const SHUTDOWN_GRACE: Duration = Duration::from_secs(5);

/// A task of LAUNCH.
pub(super) fn task(report: &mut Report<'_>, task: &TaskInfo) {
    alone(report, task);
    let remedy = "set exactly one of command and executor";
    match (&task.command, &task.executor) {
        (None, None) => {
            let message = "the task has neither a command nor an executor";
            report.add(&COMMAND_OR_EXECUTOR, "command", message, remedy);
        }
        (Some(_), Some(_)) => {
            let message = "the task has both a command and an executor";
            report.add(&COMMAND_OR_EXECUTOR, "command", message, remedy);
        }
        (Some(_), None) => of_command(report, task),
        (None, Some(own)) => with_executor(report, task, own),
    }
    container::shared_cgroups_outside_of_groups(report, task);
    ports::task(report, task, task.executor.as_ref());
}

/// `validateTask`: what holds for each task, also in a group.
pub(super) fn alone(report: &mut Report<'_>, task: &TaskInfo) {
    id(report, "task_id", task.task_id.as_str());
    if task.resources.is_empty() {
        let message = "the task has no resources";
        report.add(
            &NO_RESOURCES,
            "resources",
            message,
            "add at least cpus and mem",
        );
    }
    resources::list(report, &task.resources);
    resources::together(report, "resources", &[&task.resources]);
    limits(report, task);
    if let Some(info) = &task.command {
        command::command(report, "command", info);
    }
    if let Some(info) = &task.container {
        container::container(report, info);
    }
    if let Some(info) = &task.check {
        check::check(report, info);
    }
    if let Some(info) = &task.health_check {
        check::health_check(report, info, task.executor.is_none());
    }
    match task.kill_policy.as_ref().map(|policy| &policy.grace_period) {
        Some(None) => report.add(
            &KILL_POLICY_WITHOUT_EFFECT,
            "kill_policy",
            "the kill policy has no grace period, so it has no effect",
            "set kill_policy.grace_period, or remove the kill policy",
        ),
        Some(Some(grace)) => duration(report, "kill_policy.grace_period", grace),
        None => {}
    }
    if let Some(time) = &task.max_completion_time {
        duration(report, "max_completion_time", time);
        if time.nanoseconds == 0 {
            // src/launcher/executor.cpp and src/launcher/default_executor.cpp
            let message = "executors of Mesos ignore a completion time of 0";
            let remedy = "set a longer time, or remove the field";
            report.add(&IGNORED_FIELD, "max_completion_time", message, remedy);
        }
    }
}

/// A task that the command executor of Mesos runs.
fn of_command(report: &mut Report<'_>, task: &TaskInfo) {
    let has_image = container::has_image(task.container.as_ref());
    if let Some(info) = &task.command {
        value(report, info, has_image);
        if has_image {
            report.within("command", |report| command::files_in_image(report, info));
        }
    }
    if task.data.as_ref().is_some_and(|data| !data.is_empty()) {
        let message = "the command executor does not pass data to the command";
        let remedy = "use an environment variable or a URI, or a custom executor";
        report.add(&IGNORED_FIELD, "data", message, remedy);
    }
    let sum = resources::sum(&task.resources);
    // DEFAULT_EXECUTOR_CPUS and DEFAULT_EXECUTOR_MEM in src/slave/constants.hpp
    for (name, has, added) in [
        ("cpus", sum.cpus(), "0.1 cpus"),
        ("mem", sum.mem(), "32 MB"),
    ] {
        if has.is_none() && !task.resources.is_empty() {
            let message = format!(
                "the task has no {name}, so its container gets only the {added} that an agent \
                 adds for the command executor"
            );
            let remedy = format!("add {name} to the resources");
            report.add(&MISSING_AMOUNT, "resources", message, remedy);
        }
    }
}

fn value(report: &mut Report<'_>, info: &CommandInfo, has_image: bool) {
    report.within("command", |report| command::value(report, info, has_image));
}

/// A task with an executor of the framework.
fn with_executor(report: &mut Report<'_>, task: &TaskInfo, own: &ExecutorInfo) {
    report.within("executor", |report| {
        executor::executor(report, own);
        let kind = own.r#type();
        if own.r#type.is_some() && kind != mesos_proto::v1::executor_info::Type::Custom {
            let message = "the executor of a LAUNCH must be of type CUSTOM";
            let remedy = "set type to CUSTOM, or launch a task group";
            report.add(&INVALID_EXECUTOR, "type", message, remedy);
        } else if own.command.is_none() {
            let message = "the executor has no command";
            report.add(&INVALID_EXECUTOR, "command", message, "set command");
        }
        let shared = own.resources.iter().position(|one| one.shared.is_some());
        if let Some(place) = shared {
            let message = "an executor must not have shared resources";
            let remedy = "move the volume to the resources of the task";
            report.add(
                &INVALID_EXECUTOR,
                format!("resources[{place}]"),
                message,
                remedy,
            );
        }
        container::no_shared_cgroups(report, own);
        if let Some(message) = executor::below_minimum(own) {
            // A master logs a warning and accepts the executor.
            let remedy = "give the executor at least cpus:0.01 and mem:32";
            report.add(&EXECUTOR_RESOURCES, "resources", message, remedy);
        }
    });
    kill_grace(report, task, own);
    resources::together(
        report,
        "executor.resources",
        &[&task.resources, &own.resources],
    );
}

/// A task that may end later than its executor.
pub(super) fn kill_grace(report: &mut Report<'_>, task: &TaskInfo, own: &ExecutorInfo) {
    let policy = task.kill_policy.as_ref();
    let grace = policy.and_then(|policy| policy.grace_period.as_ref());
    let Some(grace) = grace.map(to_duration) else {
        return;
    };
    let shutdown = own.shutdown_grace_period.as_ref().map(to_duration);
    if grace > shutdown.unwrap_or(SHUTDOWN_GRACE) {
        let has = match shutdown {
            Some(shutdown) => format!("{shutdown:?} of its shutdown_grace_period"),
            None => format!("{SHUTDOWN_GRACE:?} (the default of an agent)"),
        };
        report.add(
            &KILL_GRACE_TOO_LONG,
            "kill_policy.grace_period",
            format!(
                "the task has {grace:?} to end, but an agent that shuts the executor down ends it \
                 after {has}"
            ),
            "set shutdown_grace_period of the executor to more than the grace period of its tasks",
        );
    }
}

fn to_duration(info: &DurationInfo) -> Duration {
    Duration::from_nanos(u64::try_from(info.nanoseconds).unwrap_or(0))
}

pub(super) fn duration(report: &mut Report<'_>, field: &str, info: &DurationInfo) {
    if info.nanoseconds < 0 {
        let message = format!("the duration is {} ns", info.nanoseconds);
        report.add(&NEGATIVE_DURATION, field, message, "use 0 or more");
    }
}

/// `validateResourceLimits`.
fn limits(report: &mut Report<'_>, task: &TaskInfo) {
    let sum = resources::sum(&task.resources);
    for (name, limit) in &task.limits {
        let field = format!("limits[{name:?}]");
        let request = match name.as_str() {
            "cpus" => sum.cpus(),
            "mem" => sum.mem(),
            _ => {
                let message = format!("a limit of {name} is not possible");
                report.add(
                    &INVALID_LIMIT,
                    field,
                    message,
                    "use cpus or mem, or remove the limit",
                );
                continue;
            }
        };
        match request {
            None => {
                let message = format!("the task has a limit of {name} and no request of {name}");
                let remedy = format!("add {name} to the resources");
                report.add(&INVALID_LIMIT, field, message, remedy);
            }
            Some(request) if limit.value < request => {
                let message = format!(
                    "the limit of {name} ({}) is below the request ({request})",
                    limit.value
                );
                let remedy = "raise the limit to the request, or to more";
                report.add(&INVALID_LIMIT, field, message, remedy);
            }
            Some(_) => {}
        }
    }
}

/// `common::validation::validateID`.
pub(super) fn id(report: &mut Report<'_>, field: &str, id: &str) {
    let invalid = |c: char| c.is_ascii_control() || matches!(c, '/' | '\\');
    let message = match id {
        "" => "the id is empty".to_owned(),
        "." | ".." => format!("{id:?} is not usable as the name of a directory"),
        _ if id.len() > MAX_ID => format!("the id has {} bytes", id.len()),
        _ => match id.find(invalid) {
            Some(place) => format!("the id {id:?} has an invalid character at byte {place}"),
            None => return,
        },
    };
    let remedy = "use 1 to 255 bytes without slashes, backslashes and control characters";
    report.add(&INVALID_ID, field, message, remedy);
}

/// Several tasks of LAUNCH.
pub(super) fn tasks(report: &mut Report<'_>, tasks: &[&TaskInfo]) {
    let mut executors: BTreeMap<&str, &ExecutorInfo> = BTreeMap::new();
    let mut needed = Resources::new();
    for (place, one) in tasks.iter().enumerate() {
        report.within(format!("tasks[{place}]"), |report| task(report, one));
        needed += resources::sum(&one.resources);
        if let Some(own) = &one.executor {
            let first = *executors.entry(own.executor_id.as_str()).or_insert(own);
            if !executor::same(first, own) {
                let message = format!(
                    "an earlier task has another executor with the id {:?}",
                    own.executor_id.as_str()
                );
                let remedy = "use the same executor, or another id";
                let field = format!("tasks[{place}].executor");
                report.add(&INVALID_EXECUTOR, field, message, remedy);
            }
        }
    }
    for own in executors.into_values() {
        needed += resources::sum(&own.resources);
    }
    duplicates(report, "tasks", tasks.iter().copied());
    resources::fit(report, &needed);
}

pub(super) fn duplicates<'a>(
    report: &mut Report<'_>,
    list: &str,
    tasks: impl IntoIterator<Item = &'a TaskInfo>,
) {
    let mut first = BTreeMap::new();
    for (place, task) in tasks.into_iter().enumerate() {
        let earlier = *first.entry(task.task_id.as_str()).or_insert(place);
        if earlier != place {
            let message = format!(
                "the id {:?} is also the id of {list}[{earlier}]",
                task.task_id.as_str()
            );
            let field = format!("{list}[{place}].task_id");
            report.add(
                &DUPLICATE_TASK_ID,
                field,
                message,
                "use a new id for each task",
            );
        }
    }
}

/// The resources that a task needs with its executor.
pub(super) fn needs(task: &TaskInfo) -> Resources {
    let own = task.executor.iter().flat_map(|own| &own.resources);
    let all: Vec<_> = task.resources.iter().chain(own).cloned().collect();
    resources::sum(&all)
}
