//! The other fields of a task.

use super::Row;

pub(super) fn rows() -> Vec<Row> {
    let row = Row::task;
    let grace = |nanoseconds: i64| {
        format!(r#"{{"kill_policy": {{"grace_period": {{"nanoseconds": {nanoseconds}}}}}}}"#)
    };
    let time = |nanoseconds: i64| {
        format!(r#"{{"max_completion_time": {{"nanoseconds": {nanoseconds}}}}}"#)
    };
    vec![
        row(
            "command-or-executor",
            "command",
            r#"{"command": null}"#,
            "{}",
        ),
        row(
            "command-or-executor",
            "command",
            r#"{"executor": {"executor_id": {"value": "e"}, "command": {"value": "run"}}}"#,
            "{}",
        ),
        Row::tasks(
            "duplicate-task-id",
            "tasks[1].task_id",
            r#"{"task_id": {"value": "t"}}"#,
            r#"{"task_id": {"value": "u"}}"#,
        ),
        row(
            "ignored-field",
            "data",
            r#"{"data": "YQ=="}"#,
            r#"{"data": ""}"#,
        ),
        row("ignored-field", "max_completion_time", &time(0), &time(1)),
        row(
            "invalid-id",
            "task_id",
            r#"{"task_id": {"value": ".."}}"#,
            r#"{"task_id": {"value": "..."}}"#,
        ),
        row(
            "invalid-id",
            "task_id",
            r#"{"task_id": {"value": ""}}"#,
            r#"{"task_id": {"value": " "}}"#,
        ),
        row(
            "invalid-limit",
            "limits[\"disk\"]",
            r#"{"limits": {"disk": {"value": 1}}}"#,
            "{}",
        ),
        row(
            "invalid-limit",
            "limits[\"mem\"]",
            r#"{"limits": {"mem": {"value": 31}}}"#,
            r#"{"limits": {"mem": {"value": 32}}}"#,
        ),
        row(
            "kill-policy-without-effect",
            "kill_policy",
            r#"{"kill_policy": {}}"#,
            &grace(0),
        ),
        row(
            "negative-duration",
            "kill_policy.grace_period",
            &grace(-1),
            &grace(1),
        ),
        row(
            "negative-duration",
            "max_completion_time",
            &time(-1),
            &time(1),
        ),
    ]
}
