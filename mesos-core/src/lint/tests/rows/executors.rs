//! Executors, alone and with a task.

use super::Row;

pub(super) fn rows() -> Vec<Row> {
    let row = Row::executor;
    let of_task = |rule, path, bad: &str, good: &str| {
        let of = |executor: &str| {
            format!(
                r#"{{"command": null, "executor": {{"executor_id": {{"value": "e"}},
                    "resources": [$cpus, $mem], "command": {{"value": "run"}}, {executor}}}}}"#
            )
        };
        Row::task(rule, path, &of(bad), &of(good))
    };
    let with_grace = |shutdown: &str| {
        format!(
            r#"{{"command": null, "kill_policy": {{"grace_period": {{"nanoseconds": 6000000000}}}},
                "executor": {{"executor_id": {{"value": "e"}}, "command": {{"value": "run"}},
                "resources": [$cpus, $mem] {shutdown}}}}}"#
        )
    };
    vec![
        row(
            "invalid-executor",
            "command",
            r#"{"type": "CUSTOM", "command": null}"#,
            r#"{"type": "CUSTOM"}"#,
        ),
        row(
            "invalid-executor",
            "command",
            r#"{"type": "DEFAULT"}"#,
            r#"{"type": "DEFAULT", "command": null}"#,
        ),
        row(
            "invalid-executor",
            "container.mesos.image",
            r#"{"type": "DEFAULT", "command": null, "container": {"type": "MESOS", "mesos":
                {"image": {"type": "DOCKER", "docker": {"name": "i"}}}}}"#,
            r#"{"type": "DEFAULT", "command": null, "container": {"type": "MESOS"}}"#,
        ),
        row(
            "invalid-id",
            "executor_id",
            r#"{"executor_id": {"value": "a\\b"}}"#,
            "{}",
        ),
        row(
            "negative-duration",
            "shutdown_grace_period",
            r#"{"shutdown_grace_period": {"nanoseconds": -1}}"#,
            r#"{"shutdown_grace_period": {"nanoseconds": 0}}"#,
        ),
        row(
            "invalid-executor",
            "framework_id",
            r#"{"framework_id": {"value": "g"}}"#,
            r#"{"framework_id": {"value": "f"}}"#,
        )
        .of(r#"{"id": {"value": "f"}}"#),
        of_task(
            "invalid-executor",
            "executor.type",
            r#""type": "UNKNOWN""#,
            r#""type": "CUSTOM""#,
        ),
        of_task(
            "executor-resources",
            "executor.resources",
            r#""resources": []"#,
            r#""name": "n""#,
        ),
        of_task(
            "executor-resources",
            "executor.resources",
            r#""resources": [$cpus, {"name": "mem", "type": "SCALAR", "scalar": {"value": 31}}]"#,
            r#""name": "n""#,
        ),
        of_task(
            "share-cgroups",
            "executor.container.linux_info.share_cgroups",
            r#""container": {"type": "MESOS", "linux_info": {"share_cgroups": true}}"#,
            r#""container": {"type": "MESOS", "linux_info": {"share_cgroups": false}}"#,
        ),
        Row::tasks(
            "invalid-executor",
            "tasks[1].executor",
            r#"{"command": null, "executor": {"executor_id": {"value": "e"},
                "command": {"value": "b"}, "resources": [$cpus, $mem]}}"#,
            r#"{"command": null, "executor": {"executor_id": {"value": "e"},
                "command": {"value": "a"}, "resources": [$mem, $cpus]}}"#,
        )
        .after(
            r#"{"command": null, "executor": {"executor_id": {"value": "e"},
                "command": {"value": "a"}, "resources": [$cpus, $mem]}}"#,
        ),
        Row::task(
            "kill-grace-too-long",
            "kill_policy.grace_period",
            &with_grace(""),
            &with_grace(r#", "shutdown_grace_period": {"nanoseconds": 7000000000}"#),
        ),
        Row::task(
            "mixed-resources",
            "executor.resources",
            r#"{"command": null, "resources": [$cpus, $mem, $ports], "executor":
                {"executor_id": {"value": "e"}, "command": {"value": "run"},
                 "resources": [$cpus, $mem, $ports]}}"#,
            r#"{"command": null, "resources": [$cpus, $mem, $ports], "executor":
                {"executor_id": {"value": "e"}, "command": {"value": "run"},
                 "resources": [$cpus, $mem]}}"#,
        ),
    ]
}
