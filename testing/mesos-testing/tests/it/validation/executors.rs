//! Rows about the executor of a task: `executor` and `task::internal::validateExecutor` in
//! src/master/validation.cpp.

use serde_json::{Value, json};

use super::resources::{disk, team, volume};
use super::row::{
    NOT_OFFERED, Row, about_task, accept, error, executor, launch, merged, scalar, task,
};

pub(super) fn rows() -> Vec<Row> {
    let mut rows = fields();
    rows.extend(of_resources());
    rows.extend(of_both());
    rows.push(compatible());
    rows.push(mixed_with_running());
    rows
}

fn with(difference: Value) -> Value {
    json!({"command": null, "executor": executor(difference)})
}

fn row(name: &'static str, rule: &'static str, bad: Value, text: &str, good: Value) -> Row {
    about_task(name, rule, with(bad), text, with(good))
}

fn fields() -> Vec<Row> {
    const TYPE: &str = "executor::internal::validateType";
    let container = |container: Value| json!({"container": container});
    let default =
        |container: Value| json!({"type": "DEFAULT", "command": null, "container": container});
    let custom = "'ExecutorInfo.type' must be 'CUSTOM'";
    let variable = |value: Value| json!({"command": {"environment": {"variables": [value]}}});
    let shared =
        |value: bool| container(json!({"type": "MESOS", "linux_info": {"share_cgroups": value}}));
    let grace = |nanoseconds: i64| json!({"shutdown_grace_period": {"nanoseconds": nanoseconds}});
    vec![
        row(
            "an executor id that is invalid",
            "executor::internal::validateExecutorID",
            json!({"executor_id": {"value": "."}}),
            "'.' is disallowed",
            json!({"executor_id": {"value": "$executor."}}),
        ),
        row(
            "a DEFAULT executor with a command",
            TYPE,
            json!({"type": "DEFAULT"}),
            "'ExecutorInfo.command' must not be set for 'DEFAULT' executor",
            json!({"type": "CUSTOM"}),
        ),
        row(
            "a DEFAULT executor in a DOCKER container",
            TYPE,
            default(json!({"type": "DOCKER", "docker": {"image": "i"}})),
            "'ExecutorInfo.container.type' must be 'MESOS' for 'DEFAULT' executor",
            default(json!({"type": "MESOS"})),
        )
        .later(custom),
        row(
            "a DEFAULT executor with an image",
            TYPE,
            default(json!({"type": "MESOS", "mesos": {"image": {"type": "DOCKER", "docker": {"name": "i"}}}})),
            "'ExecutorInfo.container.mesos.image' must not be set for 'DEFAULT' executor",
            default(json!({"type": "MESOS", "mesos": {}})),
        )
        .later(custom),
        row(
            "a CUSTOM executor without a command",
            TYPE,
            json!({"type": "CUSTOM", "command": null}),
            "'ExecutorInfo.command' must be set for 'CUSTOM' executor",
            json!({"type": "CUSTOM"}),
        ),
        row(
            "an executor of unknown type",
            "task::internal::validateExecutor",
            json!({"type": "UNKNOWN"}),
            custom,
            json!({}),
        ),
        row(
            "an executor without a type and a command",
            "task::internal::validateExecutor",
            json!({"command": null}),
            "'ExecutorInfo.command' must be set",
            json!({}),
        ),
        row(
            "an executor of another framework",
            "executor::internal::validateFrameworkID",
            json!({"framework_id": {"value": "other"}}),
            "ExecutorInfo has an invalid FrameworkID (Actual: other vs Expected: *)",
            json!({"framework_id": {"value": "$framework"}}),
        ),
        row(
            "a negative shutdown_grace_period",
            "executor::internal::validateShutdownGracePeriod",
            grace(-1),
            "ExecutorInfo's 'shutdown_grace_period' must be non-negative",
            grace(0),
        ),
        row(
            "an executor with an invalid environment",
            "executor::internal::validateCommandInfo",
            variable(json!({"name": "A"})),
            "Executor's `CommandInfo` is invalid: Environment variable 'A' of type 'VALUE' must \
             have a value set",
            variable(json!({"name": "A", "value": "x"})),
        ),
        row(
            "an executor in an invalid container",
            "executor::internal::validateContainerInfo",
            container(json!({"type": "DOCKER"})),
            "Executor's `ContainerInfo` is invalid: DockerInfo 'docker' is not set for DOCKER \
             typed ContainerInfo",
            container(json!({"type": "DOCKER", "docker": {"image": "i"}})),
        ),
        row(
            "an executor that shares the cgroups of its parent",
            "task::internal::validateExecutor",
            shared(true),
            "The 'share_cgroups' field cannot be set to 'true' on executor containers",
            shared(false),
        ),
    ]
}

fn of_resources() -> Vec<Row> {
    const RULE: &str = "executor::internal::validateResources";
    let resources = |resources: &[Value]| json!({"resources": resources});
    let revocable = merged(scalar("cpus", 0.1), json!({"revocable": {}}));
    let fine = || disk(team(), volume(json!({})));
    let larger = |id: &str| {
        let info = volume(json!({"persistence": {"id": id}}));
        merged(disk(team(), info), json!({"scalar": {"value": 9}}))
    };
    let allocated = |role: &str| {
        merged(
            scalar("disk", 1.0),
            json!({"allocation_info": {"role": role}}),
        )
    };
    vec![
        row(
            "a fraction of a GPU for the executor",
            RULE,
            resources(&[scalar("gpus", 1.5)]),
            "Executor uses invalid resources: Invalid 'gpus' resource: The 'gpus' resource must \
             be an unsigned integer",
            resources(&[scalar("gpus", 2.0)]),
        )
        .later(NOT_OFFERED),
        row(
            "two volumes of the executor with one id",
            RULE,
            resources(&[fine(), larger("$volume")]),
            "Executor uses duplicate persistence ID: Persistence ID '*' is not unique",
            resources(&[fine(), larger("$volume-2")]),
        )
        .later(NOT_OFFERED),
        row(
            "resources of the executor of two roles",
            RULE,
            resources(&[scalar("cpus", 0.1), allocated("b")]),
            "Invalid executor resources: The resources have multiple allocation roles ('b' and \
             'team') but only one allocation role is allowed",
            resources(&[scalar("cpus", 0.1), allocated("team")]),
        ),
        row(
            "a resource of the executor that is revocable and is not",
            RULE,
            resources(&[scalar("cpus", 0.1), revocable.clone()]),
            "Executor mixes revocable and non-revocable resources: Cannot use both revocable and \
             non-revocable 'cpus' at the same time",
            resources(&[scalar("cpus", 0.1)]),
        ),
        row(
            "an executor with a shared volume",
            "task::internal::validateExecutor",
            resources(&[merged(fine(), json!({"shared": {}}))]),
            "Executor resources * should not contain any shared resources",
            resources(&[fine()]),
        )
        .later(NOT_OFFERED),
        row(
            "an executor without resources",
            "a real master only warns",
            resources(&[scalar("cpus", 100.0)]),
            NOT_OFFERED,
            resources(&[]),
        ),
    ]
}

fn of_both() -> Vec<Row> {
    const RULE: &str = "task::internal::validateTaskAndExecutorResources";
    let row = |name, of_task: &[Value], bad: Value, text: &str, good: Value| {
        let all = |of_executor: Value| {
            let mut own = vec![scalar("cpus", 0.1), scalar("mem", 32.0)];
            own.extend(of_task.iter().cloned());
            let executor = executor(json!({"resources": [scalar("mem", 32.0), of_executor]}));
            json!({"command": null, "executor": executor, "resources": own})
        };
        about_task(name, RULE, all(bad), text, all(good))
    };
    let ports = |begin: u32| {
        json!({"name": "ports", "type": "RANGES", "ranges": {"range": [
            {"begin": begin, "end": 31010},
        ]}})
    };
    let fine = || disk(team(), volume(json!({})));
    let larger = |id: &str| {
        let info = volume(json!({"persistence": {"id": id}}));
        merged(disk(team(), info), json!({"scalar": {"value": 9}}))
    };
    let revocable = |name: &str| merged(scalar(name, 0.1), json!({"revocable": {}}));
    vec![
        row(
            "a port of the task that the executor has, too",
            &[ports(31010)],
            ports(31009),
            "There are overlapping resources in the task resources * and executor resources *",
            json!({"name": "things", "type": "SET", "set": {"item": ["a"]}}),
        ),
        row(
            "a volume of the task with the id of one of the executor",
            &[fine()],
            larger("$volume"),
            "Task and its executor use duplicate persistence ID: Persistence ID '*' is not unique",
            larger("$volume-2"),
        )
        .later(NOT_OFFERED),
        row(
            "a resource that is revocable for the executor alone",
            &[],
            revocable("cpus"),
            "Task and its executor mix revocable and non-revocable resources: Cannot use both \
             revocable and non-revocable 'cpus' at the same time",
            revocable("disk"),
        )
        .later(NOT_OFFERED),
    ]
}

/// An upgrade of a framework that keeps the executor id.
fn compatible() -> Row {
    let two = |command: &str| {
        let of = |id: &str, command: &str| {
            let executor = executor(json!({"command": {"value": command}}));
            task(json!({"task_id": {"value": id}, "command": null, "executor": executor}))
        };
        accept(&[launch(&[of("$task", "sleep 1"), of("$task-2", command)])])
    };
    Row::of(
        "an executor that differs from the running one with its id",
        "executor::internal::validateCompatibleExecutorInfo",
        two("sleep 2"),
        error("ExecutorInfo is not compatible with existing ExecutorInfo with same ExecutorID.\n*"),
    )
    .but(two("sleep 1"))
}

/// The resources of an executor that runs already count, too.
fn mixed_with_running() -> Row {
    let two = |second: Value| {
        let of = |id: &str, resources: Value| {
            let difference = json!({"task_id": {"value": id}, "command": null,
                "executor": executor(json!({})), "resources": resources});
            task(difference)
        };
        let first = json!([scalar("cpus", 0.1), scalar("mem", 32.0)]);
        accept(&[launch(&[of("$task", first), of("$task-2", second)])])
    };
    let revocable = |name: &str| merged(scalar(name, 0.1), json!({"revocable": {}}));
    Row::of(
        "a revocable resource of a task whose executor runs without it",
        "task::internal::validateTaskAndExecutorResources",
        two(json!([revocable("cpus"), scalar("mem", 32.0)])),
        error(
            "Task and its executor mix revocable and non-revocable resources: Cannot use both \
             revocable and non-revocable 'cpus' at the same time",
        ),
    )
    .but(two(json!([scalar("cpus", 0.1), scalar("mem", 32.0)])))
}
