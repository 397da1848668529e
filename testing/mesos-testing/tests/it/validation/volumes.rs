//! Rows about GROW_VOLUME, SHRINK_VOLUME, CREATE_DISK and DESTROY_DISK: `operation` in
//! src/master/validation.cpp.

use serde_json::{Value, json};

use super::offers::operation_error;
use super::operations::{create, operation, reserve, reserved, row, with_volume};
use super::row::{Answer, Row, accept, merged, scalar};

pub(super) fn rows() -> Vec<Row> {
    let mut rows = growth();
    rows.extend(shrinking());
    rows.extend(disks());
    rows
}

/// Reserves twice the disk of the volume, and creates the volume.
fn made(last: Value) -> Vec<Value> {
    let twice = merged(reserved(), json!({"scalar": {"value": 16}}));
    vec![reserve(&[twice]), create(&[with_volume(json!({}))]), last]
}

fn shared() -> Value {
    merged(with_volume(json!({})), json!({"shared": {}}))
}

fn provided(resource: Value) -> Value {
    merged(resource, json!({"provider_id": {"value": "p"}}))
}

fn growth() -> Vec<Row> {
    const RULE: &str = "operation::validate(GrowVolume)";
    let grow = |volume: Value, addition: Value| {
        let body = json!({"volume": volume, "addition": addition});
        made(operation("GROW_VOLUME", "$task", body))
    };
    let fine = || grow(with_volume(json!({})), reserved());
    let grow_row = |name, volume: Value, addition: Value, text: &str| {
        row(name, RULE, &grow(volume, addition), text, &fine())
    };
    let usual = || with_volume(json!({}));
    vec![
        grow_row(
            "GROW_VOLUME by nothing",
            usual(),
            merged(reserved(), json!({"scalar": {"value": 0}})),
            "The size of 'GrowVolume.addition' field must be greater than zero",
        ),
        grow_row(
            "GROW_VOLUME of a provider's volume",
            provided(usual()),
            reserved(),
            "Growing a volume from a resource provider is not supported",
        ),
        grow_row(
            "GROW_VOLUME of a disk without a volume",
            reserved(),
            reserved(),
            "Invalid persistent volume in the 'GrowVolume.volume' field: Resource * does not have \
             DiskInfo",
        ),
        grow_row(
            "GROW_VOLUME of a shared volume",
            shared(),
            reserved(),
            "Growing a shared persistent volume is not supported",
        ),
        grow_row(
            "GROW_VOLUME by disk of nobody",
            usual(),
            scalar("disk", 8.0),
            "Incompatible resources in the 'GrowVolume.volume' and 'GrowVolume.addition' fields",
        ),
        Row::of(
            "GROW_VOLUME of a volume that the offer does not have",
            "Master::_accept",
            accept(&grow(
                with_volume(json!({"persistence": {"id": "$volume-2"}})),
                reserved(),
            )),
            operation_error("Invalid GROW_VOLUME operation: * does not contain *"),
        )
        .but(accept(&fine())),
        Row::of(
            "GROW_VOLUME of an invalid resource",
            "validateAndUpgradeResources",
            accept(&grow(scalar("disk", -1.0), reserved())),
            operation_error(
                "Operation attempted with invalid resources: Invalid scalar resource: value <= 0",
            ),
        )
        .but(accept(&fine())),
    ]
}

fn shrinking() -> Vec<Row> {
    const RULE: &str = "operation::validate(ShrinkVolume)";
    let shrink = |volume: Value, subtract: f64| {
        let body = json!({"volume": volume, "subtract": {"value": subtract}});
        made(operation("SHRINK_VOLUME", "$task", body))
    };
    let fine = || shrink(with_volume(json!({})), 4.0);
    let shrink_row = |name, volume: Value, subtract: f64, text: &str| {
        row(name, RULE, &shrink(volume, subtract), text, &fine())
    };
    let usual = || with_volume(json!({}));
    let mount = json!({"disk": {"source": {"type": "MOUNT", "mount": {"root": "/x"}}}});
    vec![
        shrink_row(
            "SHRINK_VOLUME by nothing",
            usual(),
            0.0,
            "Value of 'ShrinkVolume.subtract' must be greater than zero",
        ),
        shrink_row(
            "SHRINK_VOLUME by all of the volume",
            usual(),
            8.0,
            "Value of 'ShrinkVolume.subtract' must be smaller than the size of \
             'ShrinkVolume.volume'",
        ),
        shrink_row(
            "SHRINK_VOLUME of a provider's volume",
            provided(usual()),
            4.0,
            "Shrinking a volume from a resource provider is not supported",
        ),
        shrink_row(
            "SHRINK_VOLUME of a MOUNT disk",
            merged(usual(), mount),
            4.0,
            "Shrinking a volume on a MOUNT disk is not supported",
        ),
        shrink_row(
            "SHRINK_VOLUME of a disk without a volume",
            reserved(),
            4.0,
            "Invalid persistent volume in the 'ShrinkVolume.volume' field: Resource * does not \
             have DiskInfo",
        ),
        shrink_row(
            "SHRINK_VOLUME of a shared volume",
            shared(),
            4.0,
            "Shrinking a shared persistent volume is not supported",
        ),
        Row::of(
            "SHRINK_VOLUME of a volume that the offer does not have",
            "Master::_accept",
            accept(&shrink(
                with_volume(json!({"persistence": {"id": "$volume-2"}})),
                4.0,
            )),
            operation_error("Invalid SHRINK_VOLUME operation: * does not contain *"),
        )
        .but(accept(&fine())),
    ]
}

/// The agents have no resource provider, so the last check is the one of the offer.
fn disks() -> Vec<Row> {
    let source = |source: Value| {
        let disk = json!({"disk": {"source": source}});
        provided(merged(scalar("disk", 8.0), disk))
    };
    let raw = || source(json!({"type": "RAW", "profile": "fast"}));
    let disk_row = |kind: &'static str, name, bad: Value, text: &str, good: Value| {
        let rule = match kind {
            "CREATE_DISK" => "operation::validate(CreateDisk)",
            _ => "operation::validate(DestroyDisk)",
        };
        let attempt = |body: Value| [operation(kind, "$task", body)];
        row(name, rule, &attempt(bad), text, &attempt(good))
            .later(&format!("Invalid {kind} Operation: * does not contain *"))
    };
    let create_row = |name, bad, text, good| disk_row("CREATE_DISK", name, bad, text, good);
    let destroy_row = |name, bad: Value, text, good: Value| {
        let body = |source: Value| json!({"source": source});
        disk_row("DESTROY_DISK", name, body(bad), text, body(good))
    };
    let to = |source: Value, target: &str| json!({"source": source, "target_type": target});
    let named = |kind: &str| source(json!({"type": kind, "id": "volume"}));
    let volume = json!({"reservations": [{"type": "DYNAMIC", "role": "team"}], "disk": {
        "persistence": {"id": "v"}, "volume": {"mode": "RW", "container_path": "p"},
    }});
    vec![
        create_row(
            "CREATE_DISK of an agent's disk",
            to(scalar("disk", 8.0), "MOUNT"),
            "'source' is not managed by a resource provider",
            to(raw(), "MOUNT"),
        ),
        create_row(
            "CREATE_DISK of a disk that is not RAW",
            to(source(json!({"type": "MOUNT", "profile": "fast"})), "MOUNT"),
            "'source' is not a RAW disk resource",
            to(raw(), "BLOCK"),
        ),
        create_row(
            "CREATE_DISK of a PATH disk",
            to(raw(), "PATH"),
            "'target_type' is neither MOUNT or BLOCK",
            to(raw(), "MOUNT"),
        ),
        create_row(
            "CREATE_DISK with two profiles",
            merged(to(raw(), "MOUNT"), json!({"target_profile": "slow"})),
            "'target_profile' must not be set when 'source' has a profile",
            to(raw(), "MOUNT"),
        ),
        create_row(
            "CREATE_DISK without a profile",
            to(source(json!({"type": "RAW", "id": "volume"})), "MOUNT"),
            "'target_profile' must be set when 'source' has no profile",
            merged(
                to(source(json!({"type": "RAW", "id": "volume"})), "MOUNT"),
                json!({"target_profile": "slow"}),
            ),
        ),
        destroy_row(
            "DESTROY_DISK of an agent's disk",
            scalar("disk", 8.0),
            "'source' is not managed by a resource provider",
            named("MOUNT"),
        ),
        destroy_row(
            "DESTROY_DISK of a PATH disk",
            source(json!({"type": "PATH", "id": "volume"})),
            "'source' is neither a MOUNT, BLOCK or RAW disk resource",
            named("BLOCK"),
        ),
        destroy_row(
            "DESTROY_DISK of a disk without a CSI volume",
            raw(),
            "'source' is not backed by a CSI volume",
            named("RAW"),
        ),
        destroy_row(
            "DESTROY_DISK of a persistent volume",
            merged(named("MOUNT"), volume),
            "A disk resource containing a persistent volume * cannot be destroyed directly. \
             Please destroy the persistent volume first then destroy the disk resource",
            named("MOUNT"),
        ),
        Row::of(
            "CREATE_DISK of an invalid resource",
            "validateAndUpgradeResources",
            accept(&[operation(
                "CREATE_DISK",
                "$task",
                to(scalar("disk", -1.0), "MOUNT"),
            )]),
            Answer::Operation(
                "OPERATION_ERROR".to_owned(),
                "Operation attempted with invalid resources: Invalid scalar resource: value <= 0"
                    .to_owned(),
            ),
        )
        .but(accept(&[operation(
            "CREATE_DISK",
            "$task",
            to(raw(), "MOUNT"),
        )]))
        .later("Invalid CREATE_DISK Operation: * does not contain *"),
    ]
}
