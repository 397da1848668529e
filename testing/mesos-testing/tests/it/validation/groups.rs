//! Rows about task groups: `task::group` in src/master/validation.cpp.

use serde_json::{Value, json};

use super::resources::{disk, team, volume};
use super::row::{Answer, Row, accept, executor, merged, scalar, task};

const NOT_OFFERED: &str =
    "Total resources * required by task group and its executor are more than available *";

pub(super) fn rows() -> Vec<Row> {
    let mut rows = of_tasks();
    rows.extend(of_the_executor());
    rows.extend(of_all());
    rows
}

/// Adds `difference` to the default executor.
fn default_executor(difference: Value) -> Value {
    let usual = json!({
        "type": "DEFAULT", "command": null, "framework_id": {"value": "$framework"},
        "resources": [scalar("cpus", 0.1), scalar("mem", 32.0), scalar("disk", 1.0)],
    });
    executor(merged(usual, difference))
}

fn group(executor: &Value, tasks: &[Value]) -> Value {
    json!({"type": "LAUNCH_GROUP", "launch_group": {
        "executor": executor, "task_group": {"tasks": tasks},
    }})
}

fn error(text: &str) -> Answer {
    Answer::Task(
        "TASK_ERROR".to_owned(),
        "REASON_TASK_GROUP_INVALID".to_owned(),
        text.to_owned(),
    )
}

/// A row about the executor and the tasks of one group.
fn row(
    name: &'static str,
    rule: &'static str,
    (executor, tasks): (Value, &[Value]),
    text: &str,
    (good, good_tasks): (Value, &[Value]),
) -> Row {
    let attempt = |executor: Value, tasks: &[Value]| {
        let tasks: Vec<Value> = tasks.iter().cloned().map(task).collect();
        accept(&[group(&default_executor(executor), &tasks)])
    };
    Row::of(name, rule, attempt(executor, tasks), error(text)).but(attempt(good, good_tasks))
}

fn of_tasks() -> Vec<Row> {
    let task_row = |name, rule, bad: Value, text: &str, good: Value| {
        let text = format!("Task '*' is invalid: {text}");
        row(name, rule, (json!({}), &[bad]), &text, (json!({}), &[good]))
    };
    const RULE: &str = "task::group::internal::validateTask";
    let networked = |check: Value| {
        json!({
            "container": {"type": "MESOS", "network_infos": [{}]}, "health_check": check,
        })
    };
    let command = json!({"type": "COMMAND", "command": {"value": "true"}});
    let own = json!({"type": "MESOS", "linux_info": {"share_cgroups": false}});
    vec![
        task_row(
            "a task of a group that is invalid by itself",
            "task::internal::validateTask",
            json!({"resources": []}),
            "Task uses no resources",
            json!({}),
        ),
        task_row(
            "a task of a group with a network and an HTTP health check",
            RULE,
            networked(json!({"type": "HTTP", "http": {"port": 1}})),
            "HTTP and TCP health checks are not supported for nested containers not joining \
             parent's network",
            networked(command.clone()),
        ),
        task_row(
            "a task of a group with a network and a TCP health check",
            RULE,
            networked(json!({"type": "TCP", "tcp": {"port": 1}})),
            "HTTP and TCP health checks are not supported for nested containers not joining \
             parent's network",
            json!({"container": {"type": "MESOS"}, "health_check": command}),
        ),
        task_row(
            "a task of a group in a DOCKER container",
            RULE,
            json!({"container": {"type": "DOCKER", "docker": {"image": "i"}}}),
            "Docker ContainerInfo is not supported on the task",
            json!({"container": {"type": "MESOS"}}),
        ),
        task_row(
            "a task of a group with limits in shared cgroups",
            RULE,
            json!({"limits": {"cpus": {"value": 1}}}),
            "Resource limits may only be set for tasks within a task group when the \
             'share_cgroups' field is set to 'false'.",
            json!({"limits": {"cpus": {"value": 1}}, "container": own}),
        ),
    ]
}

fn of_the_executor() -> Vec<Row> {
    const RULE: &str = "task::group::internal::validateExecutor";
    let executor_row = |name, bad: Value, text: &str, good: Value| {
        row(name, RULE, (bad, &[json!({})]), text, (good, &[json!({})]))
    };
    let with = |resources: &[Value]| json!({"resources": resources});
    let (cpus, mem, disk) = (
        scalar("cpus", 0.1),
        scalar("mem", 32.0),
        scalar("disk", 1.0),
    );
    let custom = json!({"type": "CUSTOM", "command": {"value": "sleep 1"}});
    let docker = json!({"type": "DOCKER", "docker": {"image": "i"}});
    let shared = |value: bool| json!({"container": {"type": "MESOS", "linux_info": {"share_cgroups": value}}});
    vec![
        executor_row(
            "an executor of a group without a framework",
            json!({"framework_id": null}),
            "'ExecutorInfo.framework_id' must be set",
            json!({}),
        ),
        executor_row(
            "an executor of a group without a type",
            json!({"type": null}),
            "'ExecutorInfo.type' must be set",
            json!({"type": "DEFAULT"}),
        ),
        executor_row(
            "an executor of a group of unknown type",
            json!({"type": "UNKNOWN"}),
            "Unknown executor type",
            custom.clone(),
        ),
        executor_row(
            "an executor of a group in a DOCKER container",
            merged(custom.clone(), json!({"container": docker})),
            "Docker ContainerInfo is not supported on the executor",
            merged(custom, json!({"container": {"type": "MESOS"}})),
        ),
        row(
            "a task of a group with another executor",
            RULE,
            (
                json!({}),
                &[json!({"command": null, "executor": default_executor(json!({"name": "x"}))})],
            ),
            "The `ExecutorInfo` of task '*' is different from executor '*'",
            (
                json!({}),
                &[json!({"executor": default_executor(json!({}))})],
            ),
        ),
        executor_row(
            "an executor of a group without cpus",
            with(&[mem.clone(), disk.clone()]),
            "Executor '*' uses less CPUs (None) than the minimum required (0.01)",
            with(&[scalar("cpus", 0.01), mem.clone(), disk.clone()]),
        ),
        executor_row(
            "an executor of a group with few cpus",
            with(&[scalar("cpus", 0.009), mem.clone(), disk.clone()]),
            "Executor '*' uses less CPUs (0.009) than the minimum required (0.01)",
            with(&[scalar("cpus", 0.011), mem.clone(), disk.clone()]),
        ),
        executor_row(
            "an executor of a group without memory",
            with(&[cpus.clone(), disk.clone()]),
            "Executor '*' uses less memory (None) than the minimum required (32MB)",
            with(&[cpus.clone(), mem.clone(), disk.clone()]),
        ),
        executor_row(
            "an executor of a group with little memory",
            with(&[cpus.clone(), scalar("mem", 31.0), disk.clone()]),
            "Executor '*' uses less memory (31MB) than the minimum required (32MB)",
            with(&[cpus.clone(), scalar("mem", 33.0), disk.clone()]),
        ),
        executor_row(
            "an executor of a group without disk",
            with(&[cpus.clone(), mem.clone()]),
            "Executor '*' uses no disk",
            with(&[cpus, mem, scalar("disk", 0.1)]),
        ),
        executor_row(
            "an executor of a group that shares the cgroups of its parent",
            shared(true),
            "The 'share_cgroups' field cannot be set to 'true' on executor containers",
            shared(false),
        ),
    ]
}

fn of_all() -> Vec<Row> {
    const RULE: &str = "task::group::internal::validateTaskGroupAndExecutorResources";
    let ports = |begin: u32, end: u32| json!({"name": "ports", "type": "RANGES", "ranges": {"range": [{"begin": begin, "end": end}]}});
    let of =
        |id: &str, resources: &[Value]| json!({"task_id": {"value": id}, "resources": resources});
    let two = |first: Value, second: Value| [of("$task", &[first]), of("$task-2", &[second])];
    let fine = || disk(team(), volume(json!({})));
    let larger = |id: &str| {
        let info = volume(json!({"persistence": {"id": id}}));
        merged(disk(team(), info), json!({"scalar": {"value": 9}}))
    };
    let revocable = |name: &str| merged(scalar(name, 0.1), json!({"revocable": {}}));
    let group_row = |name, bad: [Value; 2], text: &str, good: [Value; 2]| {
        row(name, RULE, (json!({}), &bad), text, (json!({}), &good))
    };
    let own = |id: &str, share: bool| {
        let container = json!({"type": "MESOS", "linux_info": {"share_cgroups": share}});
        json!({"task_id": {"value": id}, "container": container})
    };
    vec![
        group_row(
            "a port of two tasks of a group",
            two(ports(31000, 31001), ports(31001, 31002)),
            "There are overlapping resources in the task group's task resources * and/or executor \
             resources *",
            two(ports(31000, 31001), ports(31002, 31003)),
        ),
        group_row(
            "a volume of two tasks of a group",
            two(fine(), larger("$volume")),
            "Task group and executor use duplicate persistence ID: Persistence ID '*' is not unique",
            two(fine(), larger("$volume-2")),
        )
        .later(NOT_OFFERED),
        group_row(
            "a resource that is revocable for one task of a group",
            two(scalar("cpus", 0.1), revocable("cpus")),
            "Task group and executor mix revocable and non-revocable resources: Cannot use both \
             revocable and non-revocable 'cpus' at the same time",
            two(scalar("cpus", 0.1), revocable("gpus")),
        )
        .later("Task '*' is invalid: Task uses invalid resources: Invalid 'gpus' resource: *"),
        group_row(
            "a group that needs more than the offer has",
            two(scalar("cpus", 2.0), scalar("cpus", 2.0)),
            NOT_OFFERED,
            two(scalar("cpus", 2.0), scalar("cpus", 1.9)),
        ),
        row(
            "tasks of a group with shared and with own cgroups",
            "task::group::internal::validateShareCgroups",
            (json!({}), &[own("$task", true), own("$task-2", false)]),
            "If set, the value of 'share_cgroups' must be the same for all tasks in each task \
             group and under a single executor",
            (json!({}), &[own("$task", false), own("$task-2", false)]),
        ),
        later_group(),
    ]
}

/// The tasks of one executor agree, in whichever group they came.
fn later_group() -> Row {
    let attempt = |share: bool| {
        let of = |id: &str, share: bool| {
            let container = json!({"type": "MESOS", "linux_info": {"share_cgroups": share}});
            task(json!({"task_id": {"value": id}, "container": container}))
        };
        let executor = default_executor(json!({}));
        let first = group(&executor, &[of("$task", true)]);
        accept(&[first, group(&executor, &[of("$task-2", share)])])
    };
    let text = "If set, the value of 'share_cgroups' must be the same for all tasks in each task \
                group and under a single executor";
    Row::of(
        "a second group of an executor with other cgroups",
        "task::group::internal::validateShareCgroups",
        attempt(false),
        error(text),
    )
    .but(attempt(true))
}
