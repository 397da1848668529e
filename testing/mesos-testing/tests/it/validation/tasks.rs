//! Rows about a task by itself: `task::internal` in src/master/validation.cpp.

use serde_json::json;

use super::row::{
    Answer, NOT_OFFERED, Row, about_task, accept, error, executor, launch, scalar, task,
};

pub(super) fn rows() -> Vec<Row> {
    let mut rows = ids();
    rows.extend(times());
    rows.extend(limits());
    rows.extend(kinds());
    rows
}

fn ids() -> Vec<Row> {
    const RULE: &str = "common::validation::validateID";
    let long = "x".repeat(255);
    let twice = |second: &str| {
        let again = task(json!({"task_id": {"value": second}}));
        accept(&[launch(&[task(json!({})), again])])
    };
    vec![
        about_task(
            "a task id that is empty",
            RULE,
            json!({"task_id": {"value": ""}}),
            "ID must not be empty",
            json!({"task_id": {"value": "$task "}}),
        ),
        about_task(
            "a task id that is a relative path",
            RULE,
            json!({"task_id": {"value": ".."}}),
            "'..' is disallowed",
            json!({"task_id": {"value": "..."}}),
        ),
        about_task(
            "a task id with a slash",
            RULE,
            json!({"task_id": {"value": "$task/a"}}),
            "'*/a' contains invalid characters",
            json!({"task_id": {"value": "$task|a"}}),
        ),
        about_task(
            "a task id with a control character",
            RULE,
            json!({"task_id": {"value": "$task\t"}}),
            "'*\t' contains invalid characters",
            json!({"task_id": {"value": "$task\u{e4}"}}),
        ),
        about_task(
            "a task id of 256 characters",
            RULE,
            json!({"task_id": {"value": format!("{long}y")}}),
            "ID must not be greater than 255 characters",
            json!({"task_id": {"value": long}}),
        ),
        Row::of(
            "a task id of a running task",
            "task::internal::validateUniqueTaskID",
            twice("$task"),
            error("Task has duplicate ID: *"),
        )
        .but(twice("$task-2")),
        about_task(
            "an agent that did not make the offer",
            "task::internal::validateSlaveID",
            json!({"agent_id": {"value": "$other_agent"}}),
            "Task uses invalid agent * while agent * is expected",
            json!({}),
        ),
    ]
}

fn times() -> Vec<Row> {
    let grace =
        |nanoseconds: i64| json!({"kill_policy": {"grace_period": {"nanoseconds": nanoseconds}}});
    let time = |nanoseconds: i64| json!({"max_completion_time": {"nanoseconds": nanoseconds}});
    vec![
        about_task(
            "a negative grace period of a kill policy",
            "task::internal::validateKillPolicy",
            grace(-1),
            "Task's 'kill_policy.grace_period' must be non-negative",
            grace(0),
        ),
        about_task(
            "a negative max_completion_time",
            "task::internal::validateMaxCompletionTime",
            time(-1),
            "Task's `max_completion_time` must be non-negative",
            time(0),
        ),
    ]
}

fn limits() -> Vec<Row> {
    const RULE: &str = "task::internal::validateResourceLimits";
    let only = |name: &str| json!([scalar(name, 33.0), scalar("disk", 1.0)]);
    vec![
        about_task(
            "a limit of disk",
            RULE,
            json!({"limits": {"disk": {"value": 10}}}),
            "Only cpus and mem may be included in a task's resource limits",
            json!({"limits": {"cpus": {"value": 0.1}, "mem": {"value": 32}}}),
        ),
        about_task(
            "a limit of cpus without a request",
            RULE,
            json!({"resources": only("mem"), "limits": {"cpus": {"value": 1}}}),
            "When a CPU limit is specified, a CPU request must also be specified",
            json!({"limits": {"cpus": {"value": 1}}}),
        ),
        about_task(
            "a limit of cpus below the request",
            RULE,
            json!({"limits": {"cpus": {"value": 0.09}}}),
            "The cpu limit must be greater than or equal to the cpu request",
            json!({"limits": {"cpus": {"value": 0.11}}}),
        ),
        about_task(
            "a limit of memory without a request",
            RULE,
            json!({"resources": [scalar("cpus", 0.1)], "limits": {"mem": {"value": 64}}}),
            "When a memory limit is specified, a memory request must also be specified",
            json!({"limits": {"mem": {"value": 64}}}),
        ),
        about_task(
            "a limit of memory below the request",
            RULE,
            json!({"limits": {"mem": {"value": 31}}}),
            "The memory limit must be greater than or equal to the memory request",
            json!({"limits": {"mem": {"value": 33}}}),
        ),
    ]
}

fn kinds() -> Vec<Row> {
    const BOTH: &str =
        "Task should have at least one (but not both) of CommandInfo or ExecutorInfo present";
    let shared = |value: bool| json!({"type": "MESOS", "linux_info": {"share_cgroups": value}});
    let much = scalar("cpus", 4.001);
    vec![
        about_task(
            "neither a command nor an executor",
            "task::internal::validateExecutor",
            json!({"command": null}),
            BOTH,
            json!({}),
        ),
        about_task(
            "a command and an executor",
            "task::internal::validateExecutor",
            json!({"executor": executor(json!({}))}),
            BOTH,
            json!({"command": null, "executor": executor(json!({}))}),
        ),
        about_task(
            "no resources",
            "task::internal::validateResources",
            json!({"resources": []}),
            "Task uses no resources",
            json!({"resources": [scalar("cpus", 0.001)]}),
        ),
        about_task(
            "more than the offer has",
            "task::internal::validateExecutor",
            json!({"resources": [much]}),
            NOT_OFFERED,
            json!({"resources": [scalar("cpus", 4.0)]}),
        ),
        about_task(
            "a container of its own cgroups outside of a group",
            "task::internal::validateShareCgroups",
            json!({"container": shared(false)}),
            "Only tasks in a task group may have 'share_cgroups' set to 'false'",
            json!({"container": shared(true)}),
        ),
        old_framework(),
    ]
}

/// A framework that is not partition aware receives TASK_LOST for a task that never started.
fn old_framework() -> Row {
    let offer = |id: &str| {
        super::row::Attempt::Accept(json!({
            "offer_ids": [{"value": id}], "operations": [launch(&[task(json!({}))])],
        }))
    };
    let lost = Answer::Task(
        "TASK_LOST".to_owned(),
        "REASON_INVALID_OFFERS".to_owned(),
        "Task launched with invalid offers: Offer nobody's is no longer valid".to_owned(),
    );
    Row::of(
        "an unknown offer of a framework that is not partition aware",
        "offer::validateOfferIds",
        offer("nobody's"),
        lost,
    )
    .framework(
        json!({"capabilities": [{"type": "MULTI_ROLE"}, {"type": "RESERVATION_REFINEMENT"}]}),
    )
    .but(offer("$offer"))
}
