//! Rows about reservations: `Resources::validate` in src/common/resources.cpp.

use serde_json::{Value, json};

use super::resources::row;
use super::row::{NOT_OFFERED, Row, merged, scalar};

pub(super) fn rows() -> Vec<Row> {
    let mut rows = reservations();
    rows.extend(old_format());
    rows
}

fn reservations() -> Vec<Row> {
    let reserved =
        |reservations: Value| merged(scalar("disk", 8.0), json!({"reservations": reservations}));
    let dynamic = |role: &str| json!({"type": "DYNAMIC", "role": role});
    let reserve = |role: &str| [reserved(json!([dynamic(role)]))];
    let refined = |outer: &str, inner: Value| [reserved(json!([dynamic(outer), inner]))];
    let text = |text: &str| format!("Invalid reservation: {text}");
    let role = |name, bad: &str, text: &str, good: &str| {
        row(name, &reserve(bad), text, &reserve(good)).later(NOT_OFFERED)
    };
    vec![
        row(
            "a reservation without a type",
            &[reserved(json!([{"role": "team"}]))],
            &text("'Resource.ReservationInfo.type' field must be set."),
            &reserve("team"),
        )
        .later(NOT_OFFERED),
        row(
            "a reservation without a role",
            &[reserved(json!([{"type": "STATIC"}]))],
            &text("'Resource.ReservationInfo.role' field must be set."),
            &[reserved(json!([{"type": "STATIC", "role": "team"}]))],
        )
        .later(NOT_OFFERED),
        role(
            "a reservation for *",
            "*",
            &text("role \"*\" cannot be reserved"),
            "star",
        ),
        role(
            "a role that starts with a slash",
            "/a",
            "Role '/a' cannot start with a slash",
            "a",
        ),
        role(
            "a role that ends with a slash",
            "a/",
            "Role 'a/' cannot end with a slash",
            "a",
        ),
        role(
            "a role with an empty component",
            "a//b",
            "Role 'a//b' cannot contain two adjacent slashes",
            "a/b",
        ),
        role(
            "a role without a name",
            "",
            "Role names cannot be the empty string",
            "a",
        ),
        role(
            "a role with the component .",
            "a/.",
            "Role 'a/.' cannot include '.' as a component",
            "a/.b",
        ),
        role(
            "a role with the component ..",
            "../a",
            "Role '../a' cannot include '..' as a component",
            "..b/a",
        ),
        role(
            "a role with the component *",
            "a/*",
            "Role 'a/*' cannot include '*' as a component",
            "a/*b",
        ),
        role(
            "a role that starts with a dash",
            "a/-b",
            "Role component '-b' is invalid because it starts with a dash",
            "a/b-",
        ),
        role(
            "a role with a space",
            "a b",
            "Role component 'a b' is invalid because it contains backspace or whitespace",
            "a_b",
        ),
        row(
            "a refinement that is static",
            &refined("team", json!({"type": "STATIC", "role": "team/a"})),
            "Invalid refined reservation: A refined reservation cannot be STATIC",
            &refined("team", dynamic("team/a")),
        )
        .later(NOT_OFFERED),
        row(
            "a refinement for a role that is not below",
            &refined("team", dynamic("teams/a")),
            "Invalid refined reservation: role 'teams/a' is not a refinement of 'team'",
            &refined("team", dynamic("team/a/b")),
        )
        .later(NOT_OFFERED),
    ]
}

/// The fields `role` and `reservation`, which came before `reservations`.
fn old_format() -> Vec<Row> {
    let with = |fields: Value| [merged(scalar("disk", 8.0), fields)];
    let team = json!([{"type": "DYNAMIC", "role": "team", "principal": "p"}]);
    let stack = json!([{"type": "STATIC", "role": "team"}, {"type": "DYNAMIC", "role": "team/a"}]);
    vec![
        row(
            "an old role that is invalid",
            &with(json!({"role": "a//b"})),
            "Role 'a//b' cannot contain two adjacent slashes",
            &with(json!({"role": "*"})),
        ),
        row(
            "an old reservation with a type",
            &with(json!({"role": "team", "reservation": {"type": "DYNAMIC"}})),
            "'Resource.ReservationInfo.type' must not be set for the 'Resource.reservation' field",
            &with(json!({"role": "team", "reservation": {}})),
        )
        .later(NOT_OFFERED),
        row(
            "an old reservation with a role",
            &with(json!({"role": "team", "reservation": {"role": "team"}})),
            "'Resource.ReservationInfo.role' must not be set for the 'Resource.reservation' field",
            &with(json!({"role": "team"})),
        )
        .later(NOT_OFFERED),
        row(
            "an old reservation for *",
            &with(json!({"role": "*", "reservation": {}})),
            "Invalid reservation: role \"*\" cannot be dynamically reserved",
            &with(json!({"role": "team", "reservation": {"principal": "p"}})),
        )
        .later(NOT_OFFERED),
        row(
            "an old role that differs from the reservation",
            &with(json!({"role": "b", "reservations": [{"type": "STATIC", "role": "team"}]})),
            "Invalid resource format: 'Resource.role' field with 'b' does not match the role \
             'team' in 'Resource.reservations'",
            &with(json!({"role": "team", "reservations": [{"type": "STATIC", "role": "team"}]})),
        )
        .later(NOT_OFFERED),
        row(
            "an old reservation beside a static one",
            &with(json!({"reservation": {}, "reservations": [{"type": "STATIC", "role": "team"}]})),
            "Invalid resource format: 'Resource.reservation' must not be set if the single \
             reservation in 'Resource.reservations' is STATIC",
            &with(json!({"reservations": [{"type": "STATIC", "role": "team"}]})),
        )
        .later(NOT_OFFERED),
        row(
            "an old role without an old reservation",
            &with(json!({"role": "team", "reservations": team})),
            "Invalid resource format: 'Resource.role' and 'Resource.reservation' must either be \
             both set or both not set if the single reservation in 'Resource.reservations' is \
             DYNAMIC",
            &with(json!({
                "role": "team", "reservation": {"principal": "p"}, "reservations": team,
            })),
        )
        .later(NOT_OFFERED),
        row(
            "an old principal that differs from the reservation",
            &with(json!({
                "role": "team", "reservation": {"principal": "q"}, "reservations": team,
            })),
            "Invalid resource format: 'Resource.reservation.principal' field with 'q' does not \
             match the principal 'p' in 'Resource.reservations'",
            &with(json!({"reservations": team})),
        )
        .later(NOT_OFFERED),
        row(
            "a reservation of unknown type",
            &with(json!({"reservations": [{"type": "UNKNOWN", "role": "team"}]})),
            "Unsupported 'Resource.ReservationInfo.Type'",
            &with(json!({"reservations": [{"type": "DYNAMIC", "role": "team"}]})),
        )
        .later(NOT_OFFERED),
        row(
            "an old role beside a refinement",
            &with(json!({"role": "team", "reservations": stack})),
            "Invalid resource format: 'Resource.role' must not be set if there is more than one \
             reservation in 'Resource.reservations'",
            &with(json!({"reservations": stack})),
        )
        .later(NOT_OFFERED),
        row(
            "an old reservation beside a refinement",
            &with(json!({"reservation": {}, "reservations": stack})),
            "Invalid resource format: 'Resource.reservation' must not be set if there is more \
             than one reservation in 'Resource.reservations'",
            &with(json!({"reservations": stack})),
        )
        .later(NOT_OFFERED),
    ]
}
