//! Rows about the resources of a task: `Resources::validate` in src/common/resources.cpp and
//! `resource` in src/master/validation.cpp.

use serde_json::{Value, json};

use super::row::{NOT_OFFERED, Row, about_task, merged, scalar};

/// Resources beside the usual ones.
fn with(resources: &[Value]) -> Value {
    let mut all = vec![scalar("cpus", 0.1), scalar("mem", 32.0)];
    all.extend(resources.iter().cloned());
    json!({"resources": all})
}

fn ports(ranges: &[(u32, u32)]) -> Value {
    let ranges: Vec<Value> = ranges
        .iter()
        .map(|(begin, end)| json!({"begin": begin, "end": end}))
        .collect();
    json!({"name": "ports", "type": "RANGES", "ranges": {"range": ranges}})
}

fn things(items: &[&str]) -> Value {
    json!({"name": "things", "type": "SET", "set": {"item": items}})
}

pub(super) fn disk(reservations: Value, info: Value) -> Value {
    merged(
        scalar("disk", 8.0),
        json!({"reservations": reservations, "disk": info}),
    )
}

pub(super) fn team() -> Value {
    json!([{"type": "DYNAMIC", "role": "team"}])
}

/// The disk info of a persistent volume, with a difference.
pub(super) fn volume(difference: Value) -> Value {
    let usual = json!({
        "persistence": {"id": "$volume"},
        "volume": {"mode": "RW", "container_path": "p"},
    });
    merged(usual, difference)
}

pub(super) fn rows() -> Vec<Row> {
    let mut rows = values();
    rows.extend(disks());
    rows.extend(more());
    rows
}

const RULE: &str = "Resources::validate";

/// The check comes before the others, and refuses all tasks of the launch.
pub(super) fn row(name: &'static str, bad: &[Value], text: &str, good: &[Value]) -> Row {
    let text = format!("Resource '*' is invalid: {text}");
    about_task(name, RULE, with(bad), &text, with(good))
}

fn values() -> Vec<Row> {
    let one = json!({"value": 1});
    vec![
        row(
            "a resource without a name",
            &[scalar("", 1.0)],
            "Empty resource name",
            &[scalar("disk", 1.0)],
        ),
        row(
            "a negative amount",
            &[scalar("disk", -1.0)],
            "Invalid scalar resource: value <= 0",
            &[scalar("disk", 0.0)],
        ),
        row(
            "an amount that is rounded to zero",
            &[scalar("disk", 0.0001)],
            "Invalid scalar resource: value <= 0",
            &[scalar("disk", 0.001)],
        ),
        row(
            "a scalar with ranges",
            &[merged(
                ports(&[(31000, 31000)]),
                json!({"type": "SCALAR", "scalar": one}),
            )],
            "Invalid scalar resource",
            &[ports(&[(31000, 31000)])],
        ),
        row(
            "ranges with a scalar",
            &[merged(ports(&[(31000, 31000)]), json!({"scalar": one}))],
            "Invalid ranges resource",
            &[ports(&[(31000, 31001)])],
        ),
        row(
            "a range that ends before it begins",
            &[ports(&[(31001, 31000)])],
            "Invalid ranges resource: begin > end",
            &[ports(&[(31001, 31001)])],
        ),
        row(
            "ranges that overlap",
            &[ports(&[(31000, 31002), (31002, 31003)])],
            "Invalid ranges resource: overlapping ranges",
            &[ports(&[(31000, 31002), (31003, 31003)])],
        ),
        row(
            "a set with a scalar",
            &[merged(things(&["a"]), json!({"scalar": one}))],
            "Invalid set resource",
            &[things(&["a"])],
        ),
        row(
            "a set with an item twice",
            &[things(&["a", "a"])],
            "Invalid set resource: duplicated elements",
            &[things(&["a", "b"])],
        ),
    ]
}

fn disks() -> Vec<Row> {
    let source = |source: Value| disk(json!([]), json!({"source": source}));
    vec![
        row(
            "memory with a disk",
            &[merged(scalar("mem", 1.0), json!({"disk": {}}))],
            "DiskInfo should not be set for mem resource",
            &[scalar("mem", 1.0)],
        ),
        row(
            "a RAW disk with a mount",
            &[source(json!({"type": "RAW", "mount": {"root": "/x"}}))],
            "Mount should not be set for RAW disk source",
            &[source(json!({"type": "RAW"}))],
        )
        .later(NOT_OFFERED),
        row(
            "a BLOCK disk with a path",
            &[source(json!({"type": "BLOCK", "path": {"root": "/x"}}))],
            "Path should not be set for BLOCK disk source",
            &[source(json!({"type": "PATH", "path": {"root": "/x"}}))],
        )
        .later(NOT_OFFERED),
        row(
            "a disk of unknown type",
            &[source(json!({"type": "UNKNOWN"}))],
            "Unsupported 'DiskInfo.Source.Type' in '*'",
            &[source(json!({"type": "MOUNT", "mount": {"root": "/x"}}))],
        )
        .later(NOT_OFFERED),
        row(
            "cpus that are shared",
            &[merged(scalar("cpus", 1.0), json!({"shared": {}}))],
            "Resource cpus cannot be shared",
            &[scalar("cpus", 1.0)],
        ),
        row(
            "a disk without persistence that is shared",
            &[merged(scalar("disk", 1.0), json!({"shared": {}}))],
            "Only persistent volumes can be shared",
            &[merged(
                disk(team(), volume(json!({}))),
                json!({"shared": {}}),
            )],
        )
        .later(NOT_OFFERED),
    ]
}

/// The checks of a master beyond those of the resources themselves.
fn more() -> Vec<Row> {
    let row = |name, rule, bad: &[Value], text: &str, good: &[Value]| {
        about_task(name, rule, with(bad), text, with(good)).later(NOT_OFFERED)
    };
    let invalid = |text: &str| format!("Task uses invalid resources: Invalid DiskInfo: {text}");
    let revocable = |resource: Value| merged(resource, json!({"revocable": {}}));
    let disk_row = |name, bad: Value, text: &str, good: Value| {
        row(
            name,
            "resource::validateDiskInfo",
            &[bad],
            &invalid(text),
            &[good],
        )
    };
    let reserved = |info: Value| disk(team(), info);
    let fine = || reserved(volume(json!({})));
    let larger = |id: &str| {
        let info = volume(json!({"persistence": {"id": id}}));
        merged(reserved(info), json!({"scalar": {"value": 9}}))
    };
    let allocated = |role: &str| {
        merged(
            scalar("disk", 1.0),
            json!({"allocation_info": {"role": role}}),
        )
    };
    vec![
        row(
            "a fraction of a GPU",
            "common::validation::validateGpus",
            &[scalar("gpus", 0.5)],
            "Task uses invalid resources: Invalid 'gpus' resource: The 'gpus' resource must be an \
             unsigned integer",
            &[scalar("gpus", 1.0)],
        ),
        disk_row(
            "a volume of revocable resources",
            revocable(fine()),
            "Persistent volumes cannot be created from revocable resources",
            fine(),
        ),
        disk_row(
            "a volume of unreserved resources",
            disk(json!([]), volume(json!({}))),
            "Persistent volumes cannot be created from unreserved resources",
            fine(),
        ),
        disk_row(
            "a persistent volume without a volume",
            reserved(volume(json!({"volume": null}))),
            "Expecting 'volume' to be set for persistent volume",
            fine(),
        ),
        disk_row(
            "a persistent volume with a path of the host",
            reserved(volume(json!({"volume": {"host_path": "/x"}}))),
            "Expecting 'host_path' to be unset for persistent volume",
            fine(),
        ),
        disk_row(
            "a persistence id with a slash",
            reserved(volume(json!({"persistence": {"id": "a/b"}}))),
            "Invalid persistence ID for persistent volume: 'a/b' contains invalid characters",
            reserved(volume(json!({"persistence": {"id": "a b"}}))),
        ),
        disk_row(
            "a volume without persistence",
            reserved(volume(json!({"persistence": null}))),
            "Non-persistent volume not supported",
            fine(),
        ),
        disk_row(
            "an empty disk",
            reserved(json!({})),
            "DiskInfo is set but empty",
            fine(),
        ),
        row(
            "a dynamic reservation of revocable resources",
            "resource::validateDynamicReservationInfo",
            &[revocable(merged(
                scalar("disk", 8.0),
                json!({"reservations": team()}),
            ))],
            "Task uses invalid resources: Invalid ReservationInfo: Dynamically reserved resource \
             * cannot be created from revocable resources",
            &[merged(scalar("disk", 8.0), json!({"reservations": team()}))],
        ),
        row(
            "two volumes with one id",
            "resource::validateUniquePersistenceID",
            &[fine(), larger("$volume")],
            "Task uses duplicate persistence ID: Persistence ID '*' is not unique",
            &[fine(), larger("$volume-2")],
        ),
        row(
            "resources of two roles",
            "resource::validateAllocatedToSingleRole",
            &[allocated("b")],
            "Invalid task resources: The resources have multiple allocation roles ('b' and \
             'team') but only one allocation role is allowed",
            &[allocated("team"), scalar("mem", 8192.0)],
        ),
        row(
            "a resource that is revocable and is not",
            "resource::validateRevocableAndNonRevocableResources",
            &[revocable(scalar("mem", 1.0))],
            "Task mixes revocable and non-revocable resources: Cannot use both revocable and \
             non-revocable 'mem' at the same time",
            &[revocable(scalar("disk", 1.0))],
        ),
    ]
}
