//! Rows about RESERVE, UNRESERVE, CREATE and DESTROY: `operation` in src/master/validation.cpp.

use serde_json::{Value, json};

use super::offers::operation_error;
use super::resources::{disk, team, volume};
use super::row::{Row, accept, launch, merged, scalar, task};

/// An operation with an id and this body.
pub(super) fn operation(kind: &str, id: &str, body: Value) -> Value {
    json!({"type": kind, "id": {"value": id}, kind.to_lowercase(): body})
}

pub(super) fn reserve(resources: &[Value]) -> Value {
    operation("RESERVE", "$task-reserve", json!({"resources": resources}))
}

pub(super) fn create(volumes: &[Value]) -> Value {
    operation("CREATE", "$task-create", json!({"volumes": volumes}))
}

/// Disk of the role of the framework.
pub(super) fn reserved() -> Value {
    merged(scalar("disk", 8.0), json!({"reservations": team()}))
}

/// [`reserved`] with a volume.
pub(super) fn with_volume(difference: Value) -> Value {
    disk(team(), volume(difference))
}

pub(super) fn rows() -> Vec<Row> {
    let mut rows = reservations();
    rows.extend(principals());
    rows.extend(unreservations());
    rows.extend(creations());
    rows.extend(destructions());
    rows
}

/// The text is followed by the agent.
pub(super) fn row(
    name: &'static str,
    rule: &'static str,
    bad: &[Value],
    text: &str,
    good: &[Value],
) -> Row {
    let text = format!("{text}; on agent *");
    Row::of(name, rule, accept(bad), operation_error(&text)).but(accept(good))
}

fn reservations() -> Vec<Row> {
    const RULE: &str = "operation::validate(Reserve)";
    let reserve_row = |name, bad: &[Value], text: &str, good: &[Value]| {
        row(name, RULE, &[reserve(bad)], text, &[reserve(good)])
    };
    let of = |provider: &str| json!({"provider_id": {"value": provider}});
    let role = |role: &str| json!({"reservations": [{"type": "DYNAMIC", "role": role}]});
    let allocated =
        |resource: Value, role: &str| merged(resource, json!({"allocation_info": {"role": role}}));
    let update = json!({"source": [reserved()], "resources": [reserved()]});
    vec![
        Row::of(
            "a change of a reservation",
            "Master::accept",
            accept(&[operation("RESERVE", "$task", update)]),
            operation_error(
                "Operation attempted with invalid resources: Reservation updates are not yet \
                 implemented for the scheduler API.",
            ),
        )
        .but(accept(&[reserve(&[reserved()])])),
        reserve_row(
            "RESERVE of nothing",
            &[],
            "Invalid resources: The resources have multiple resource providers: ",
            &[reserved()],
        ),
        reserve_row(
            "RESERVE of an invalid volume",
            &[with_volume(json!({"volume": null}))],
            "Invalid resources: Invalid DiskInfo: Expecting 'volume' to be set for persistent volume",
            &[reserved()],
        ),
        reserve_row(
            "RESERVE of resources of an agent and a provider",
            &[merged(reserved(), of("p")), reserved()],
            "Invalid resources: Some resources have a resource provider and some do not",
            &[reserved(), reserved()],
        ),
        reserve_row(
            "RESERVE without a reservation",
            &[scalar("disk", 8.0)],
            "Resource * is not dynamically reserved",
            &[reserved()],
        ),
        reserve_row(
            "RESERVE of a static reservation",
            &[merged(
                scalar("disk", 8.0),
                json!({"reservations": [{"type": "STATIC", "role": "team"}]}),
            )],
            "Resource * is not dynamically reserved",
            &[reserved()],
        ),
        reserve_row(
            "RESERVE for another role than that of the offer",
            &[merged(scalar("disk", 8.0), role("other"))],
            "A reserve operation was attempted for a resource with role 'other', but the resource \
             was allocated to role 'team'",
            &[allocated(reserved(), "team")],
        ),
        reserve_row(
            "RESERVE for a role that the framework does not have",
            &[allocated(
                merged(scalar("disk", 8.0), role("other")),
                "other",
            )],
            "A reserve operation was attempted for a resource allocated to role 'other', but the \
             framework only has roles '{ team }'",
            &[reserved()],
        ),
        Row::of(
            "RESERVE of more than the offer has",
            "Resources::apply",
            accept(&[reserve(&[merged(scalar("disk", 1e9), role("team"))])]),
            operation_error("* does not contain *"),
        )
        .but(accept(&[reserve(&[merged(
            scalar("disk", 9.0),
            role("team"),
        )])])),
    ]
}

/// A framework with a principal.
fn principals() -> Vec<Row> {
    let by = |principal: &str| {
        let reservation = json!([{"type": "DYNAMIC", "role": "team", "principal": principal}]);
        merged(scalar("disk", 8.0), json!({"reservations": reservation}))
    };
    let volume_by = |difference: Value| {
        let volume = volume(json!({"persistence": difference}));
        merged(by("me"), json!({"disk": volume}))
    };
    let of_me = |row: Row| row.framework(json!({"principal": "me"}));
    vec![
        of_me(row(
            "RESERVE without the principal of the framework",
            "operation::validate(Reserve)",
            &[reserve(&[reserved()])],
            "A reserve operation was attempted by principal 'me', but there is a reserved \
             resource in the request with no principal set",
            &[reserve(&[by("me")])],
        )),
        of_me(row(
            "RESERVE with another principal",
            "operation::validate(Reserve)",
            &[reserve(&[by("you")])],
            "A reserve operation was attempted by authenticated principal 'me', which does not \
             match a reserved resource in the request with principal 'you'",
            &[reserve(&[by("me")])],
        )),
        of_me(row(
            "CREATE without the principal of the framework",
            "operation::validate(Create)",
            &[reserve(&[by("me")]), create(&[volume_by(json!({}))])],
            "Create volume operation attempted by principal 'me', but there is a volume in the \
             operation with no principal set in 'disk.persistence'",
            &[
                reserve(&[by("me")]),
                create(&[volume_by(json!({"principal": "me"}))]),
            ],
        )),
        of_me(row(
            "CREATE with another principal",
            "operation::validate(Create)",
            &[
                reserve(&[by("me")]),
                create(&[volume_by(json!({"principal": "you"}))]),
            ],
            "Create volume operation attempted by authenticated principal 'me', which does not \
             match a volume in the operation with principal 'you' set in 'disk.persistence'",
            &[
                reserve(&[by("me")]),
                create(&[volume_by(json!({"principal": "me"}))]),
            ],
        )),
    ]
}

fn unreservations() -> Vec<Row> {
    const RULE: &str = "operation::validate(Unreserve)";
    let unreserve =
        |resource: Value| operation("UNRESERVE", "$task", json!({"resources": [resource]}));
    vec![
        row(
            "UNRESERVE without a reservation",
            RULE,
            &[unreserve(scalar("disk", 8.0))],
            "Resource * is not dynamically reserved",
            &[reserve(&[reserved()]), unreserve(reserved())],
        ),
        row(
            "UNRESERVE of a volume",
            RULE,
            &[
                reserve(&[reserved()]),
                create(&[with_volume(json!({}))]),
                unreserve(with_volume(json!({}))),
            ],
            "A dynamically reserved persistent volume * cannot be unreserved directly. Please \
             destroy the persistent volume first then unreserve the resource",
            &[reserve(&[reserved()]), unreserve(reserved())],
        ),
        Row::of(
            "UNRESERVE of resources that the offer does not have",
            "Resources::apply",
            accept(&[unreserve(merged(
                reserved(),
                json!({"scalar": {"value": 1e9}}),
            ))]),
            operation_error("* does not contain *"),
        )
        .but(accept(&[reserve(&[reserved()]), unreserve(reserved())])),
    ]
}

fn creations() -> Vec<Row> {
    const RULE: &str = "operation::validate(Create)";
    let create_row = |name, bad: &[Value], text: &str, good: &[Value]| {
        let attempt = |volumes: &[Value]| [reserve(&[reserved()]), create(volumes)];
        row(name, RULE, &attempt(bad), text, &attempt(good))
    };
    let fine = || with_volume(json!({}));
    let shared = merged(fine(), json!({"shared": {}}));
    let again = merged(fine(), json!({"scalar": {"value": 9}}));
    let more = merged(reserved(), json!({"scalar": {"value": 20}}));
    let second = |id: &str| {
        let volume = volume(json!({"persistence": {"id": id}}));
        merged(again.clone(), json!({"disk": volume}))
    };
    let both = |id: &str| {
        [
            reserve(std::slice::from_ref(&more)),
            create(&[fine()]),
            operation("CREATE", "$task", json!({"volumes": [second(id)]})),
        ]
    };
    let mut capabilities = vec![
        json!({"type": "MULTI_ROLE"}),
        json!({"type": "RESERVATION_REFINEMENT"}),
    ];
    let without = json!({"capabilities": capabilities});
    capabilities.push(json!({"type": "SHARED_RESOURCES"}));
    vec![
        create_row(
            "CREATE of cpus",
            &[merged(scalar("cpus", 0.1), json!({"reservations": team()}))],
            "Not a persistent volume: Resource * does not have DiskInfo",
            &[fine()],
        ),
        create_row(
            "CREATE of a disk without persistence",
            &[disk(
                team(),
                json!({"source": {"type": "PATH", "path": {"root": "/x"}}}),
            )],
            "Not a persistent volume: 'persistence' is not set in DiskInfo",
            &[fine()],
        ),
        create_row(
            "CREATE of a read-only volume",
            &[with_volume(json!({"volume": {"mode": "RO"}}))],
            "Not a persistent volume: Read-only persistent volume not supported",
            &[fine()],
        ),
        create_row(
            "CREATE of an unreserved volume",
            &[disk(json!([]), volume(json!({})))],
            "Invalid resources: Invalid DiskInfo: Persistent volumes cannot be created from \
             unreserved resources",
            &[fine()],
        ),
        row(
            "CREATE of a volume with the id of another volume",
            RULE,
            &both("$volume"),
            "Persistence ID '*' is not unique",
            &both("$volume-2"),
        ),
        create_row(
            "CREATE of a shared volume without the capability",
            std::slice::from_ref(&shared),
            "Create volume operation for '*' has been attempted by framework '*' with no \
             SHARED_RESOURCES capability",
            &[fine()],
        )
        .framework(without),
        create_row(
            "CREATE of a shared volume that is not valid",
            &[merged(
                with_volume(json!({"volume": {"mode": "RO"}})),
                json!({"shared": {}}),
            )],
            "Not a persistent volume: Read-only persistent volume not supported",
            &[shared],
        )
        .framework(json!({"capabilities": capabilities})),
        Row::of(
            "CREATE on disk that is not reserved",
            "Resources::apply",
            accept(&[create(&[merged(fine(), json!({"scalar": {"value": 1e9}}))])]),
            operation_error("* does not contain *"),
        )
        .but(accept(&[reserve(&[reserved()]), create(&[fine()])])),
    ]
}

fn destructions() -> Vec<Row> {
    const RULE: &str = "operation::validate(Destroy)";
    let destroy =
        |volume: Value| operation("DESTROY", "$task-destroy", json!({"volumes": [volume]}));
    let fine = || with_volume(json!({}));
    let made = |last: &[Value]| {
        let mut all = vec![reserve(&[reserved()]), create(&[fine()])];
        all.extend(last.iter().cloned());
        all
    };
    let user = launch(&[task(
        json!({"command": {"value": "sleep 100"}, "resources": [
            scalar("cpus", 0.1), scalar("mem", 32.0), fine(),
        ]}),
    )]);
    vec![
        row(
            "DESTROY of a disk without a volume",
            RULE,
            &made(&[destroy(reserved())]),
            "Not a persistent volume: Resource * does not have DiskInfo",
            &made(&[destroy(fine())]),
        ),
        row(
            "DESTROY of a volume that does not exist",
            RULE,
            &made(&[destroy(with_volume(
                json!({"persistence": {"id": "$volume-2"}}),
            ))]),
            "Persistent volumes not found",
            &made(&[destroy(fine())]),
        ),
        row(
            "DESTROY of a volume in use",
            RULE,
            &made(&[user, destroy(fine())]),
            "Persistent volumes in use",
            &made(&[destroy(fine())]),
        ),
    ]
}
