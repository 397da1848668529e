//! Resources and offers.

use super::Row;

pub(super) fn rows() -> Vec<Row> {
    let row = |rule, path, bad: &str, good: &str| {
        let of = |resource: &str| format!(r#"{{"resources": [$cpus, $mem, {resource}]}}"#);
        Row::task(rule, path, &of(bad), &of(good))
    };
    let scalar = |name: &str, value: &str| {
        format!(r#"{{"name": "{name}", "type": "SCALAR", "scalar": {{"value": {value}}}}}"#)
    };
    let disk = |fields: &str| {
        format!(r#"{{"name": "disk", "type": "SCALAR", "scalar": {{"value": 1}}, {fields}}}"#)
    };
    let reserved = |role: &str| {
        disk(&format!(
            r#""reservations": [{{"type": "STATIC", "role": "{role}"}}]"#
        ))
    };
    let allocated = |role: &str| disk(&format!(r#""allocation_info": {{"role": "{role}"}}"#));
    let volume = |reservation: &str, path: &str| {
        disk(&format!(
            r#""reservations": [{reservation}], "disk": {{"persistence": {{"id": "v"}}, "volume":
                {{"mode": "RW", "container_path": "p" {path}}}}}"#
        ))
    };
    let team = r#"{"type": "STATIC", "role": "team"}"#;
    vec![
        row(
            "zero-amount",
            "resources[2]",
            &scalar("disk", "0"),
            &scalar("disk", "1"),
        ),
        row(
            "invalid-resource",
            "resources[2]",
            &scalar("disk", "-1"),
            &scalar("disk", "1"),
        ),
        row(
            "invalid-resource",
            "resources[2].disk",
            &volume("", ""),
            &volume(team, ""),
        ),
        row(
            "invalid-resource",
            "resources[2].disk",
            &volume(team, r#", "host_path": "/h""#),
            &volume(team, ""),
        ),
        row(
            "fractional-gpus",
            "resources",
            &scalar("gpus", "1.5"),
            &scalar("gpus", "2"),
        ),
        row(
            "missing-capability",
            "resources[2]",
            &scalar("gpus", "1"),
            &scalar("disk", "1"),
        )
        .of("{}"),
        row(
            "missing-capability",
            "resources[2]",
            &disk(r#""revocable": {}"#),
            &scalar("gpus", "1"),
        )
        .of(r#"{"capabilities": [{"type": "MULTI_ROLE"}, {"type": "GPU_RESOURCES"}]}"#),
        row(
            "role-not-subscribed",
            "resources[2].reservations",
            &reserved("b"),
            &reserved("a"),
        )
        .of(r#"{"roles": ["a/c"]}"#),
        row(
            "role-not-subscribed",
            "resources[2].allocation_info.role",
            &allocated("b"),
            &allocated("a"),
        )
        .of(r#"{"roles": ["a"]}"#),
        row(
            "mixed-resources",
            "resources",
            &format!("{}, {}", disk(r#""revocable": {}"#), scalar("disk", "1")),
            &disk(r#""revocable": {}"#),
        ),
        row(
            "mixed-resources",
            "resources",
            &format!("{}, {}", allocated("a"), allocated("b")),
            &allocated("a"),
        ),
        row(
            "mixed-resources",
            "resources",
            &format!("{0}, {0}", volume(team, "")),
            &volume(team, ""),
        ),
        Row::task("no-resources", "resources", r#"{"resources": []}"#, "{}"),
        Row::task(
            "missing-amount",
            "resources",
            r#"{"resources": [$mem]}"#,
            "{}",
        ),
        Row::task(
            "missing-amount",
            "resources",
            r#"{"resources": [$cpus]}"#,
            "{}",
        ),
        row(
            "more-than-offered",
            "resources",
            &scalar("disk", "11"),
            &scalar("disk", "10"),
        )
        .on("cpus:1;mem:32;disk:10"),
        Row::task(
            "port-outside-offer",
            "resources",
            r#"{"resources": [$cpus, $mem, $ports]}"#,
            "{}",
        )
        .on("cpus:1;mem:32;ports:[31001-31002]"),
    ]
}
