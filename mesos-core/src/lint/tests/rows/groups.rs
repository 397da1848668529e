//! Task groups.

use super::Row;

pub(super) fn rows() -> Vec<Row> {
    let row = Row::group;
    let health = |networks: &str| {
        format!(
            r#"{{"first": {{"container": {{"type": "MESOS", "network_infos": [{networks}]}},
                "resources": [$cpus, $mem, $ports],
                "health_check": {{"type": "TCP", "tcp": {{"port": 31000}}}}}}}}"#
        )
    };
    let limit = |shared: bool| {
        format!(
            r#"{{"first": {{"limits": {{"mem": {{"value": 64}}}}, "container": {{"type": "MESOS",
                "linux_info": {{"share_cgroups": {shared}}}}}}}, "second": {{"container":
                {{"type": "MESOS", "linux_info": {{"share_cgroups": {shared}}}}}}}}}"#
        )
    };
    vec![
        row(
            "duplicate-task-id",
            "task_group.tasks[1].task_id",
            r#"{"second": {"task_id": {"value": "t"}}}"#,
            "{}",
        ),
        row(
            "command-without-value",
            "task_group.tasks[1].command",
            r#"{"second": {"command": null}}"#,
            "{}",
        ),
        row(
            "executor-resources",
            "executor.resources",
            r#"{"executor": {"resources": [$cpus, $mem]}}"#,
            "{}",
        ),
        row(
            "invalid-executor",
            "executor.framework_id",
            r#"{"executor": {"framework_id": null}}"#,
            "{}",
        ),
        row(
            "invalid-executor",
            "executor.type",
            r#"{"executor": {"type": null}}"#,
            r#"{"executor": {"type": "CUSTOM", "command": {"value": "run"}}}"#,
        ),
        row(
            "invalid-group",
            "task_group.tasks[0].health_check",
            &health(r#"{"name": "n"}"#),
            &health(""),
        ),
        row(
            "invalid-group",
            "task_group.tasks[0].limits",
            &limit(true),
            &limit(false),
        ),
        row(
            "invalid-group",
            "task_group.tasks[0].container.type",
            r#"{"first": {"container": {"type": "DOCKER", "docker": {"image": "i"}}}}"#,
            r#"{"first": {"container": {"type": "MESOS"}}}"#,
        ),
        row(
            "invalid-group",
            "task_group.tasks[0].executor",
            r#"{"first": {"executor": {"executor_id": {"value": "f"}}}}"#,
            "{}",
        ),
        row(
            "invalid-group",
            "task_group.tasks[0].health_check.type",
            r#"{"first": {"health_check": {"command": {"value": "true"}}}}"#,
            r#"{"first": {"health_check": {"type": "COMMAND", "command": {"value": "true"}}}}"#,
        ),
        row(
            "share-cgroups",
            "task_group.tasks[1].container.linux_info.share_cgroups",
            r#"{"second": {"container": {"type": "MESOS", "linux_info": {"share_cgroups": false}}}}"#,
            r#"{"second": {"container": {"type": "MESOS", "linux_info": {"share_cgroups": true}}}}"#,
        ),
        row(
            "mixed-resources",
            "task_group",
            r#"{"first": {"resources": [$cpus, $mem, $ports]}, "second": {"resources": [$cpus, $ports]}}"#,
            r#"{"first": {"resources": [$cpus, $mem, $ports]}}"#,
        ),
    ]
}
