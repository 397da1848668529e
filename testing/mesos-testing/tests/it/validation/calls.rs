//! Rows about calls by themselves: `scheduler::call::validate` in src/master/validation.cpp.

use serde_json::{Value, json};

use super::row::{Answer, Attempt, Row};

fn refused(text: &str) -> Answer {
    Answer::Response(400, format!("Failed to validate scheduler::Call: {text}"))
}

fn row(name: &'static str, bad: Value, text: &str, good: Value) -> Row {
    const RULE: &str = "scheduler::call::validate";
    Row::of(name, RULE, Attempt::Call(bad), refused(text)).but(Attempt::Call(good))
}

/// A call without its body, and with an empty body or the least that JSON allows.
fn body(name: &'static str, kind: &str, least: Value) -> Row {
    let field = kind.to_lowercase();
    let text = format!("Expecting '{field}' to be present");
    row(
        name,
        json!({"type": kind}),
        &text,
        json!({"type": kind, field: least}),
    )
}

pub(super) fn rows() -> Vec<Row> {
    let mut rows = bodies();
    rows.extend(uuids());
    rows
}

fn bodies() -> Vec<Row> {
    let named = |field: &str| json!({field: {"value": "x"}});
    let ids = |field: &str| json!({field: [{"value": "x"}]});
    let executor = json!({"executor_id": {"value": "x"}, "agent_id": {"value": "x"}});
    let message = json!({"executor_id": {"value": "x"}, "agent_id": {"value": "x"}, "data": ""});
    vec![
        body("ACCEPT without accept", "ACCEPT", json!({})),
        body("DECLINE without decline", "DECLINE", json!({})),
        body(
            "ACCEPT_INVERSE_OFFERS without accept_inverse_offers",
            "ACCEPT_INVERSE_OFFERS",
            ids("inverse_offer_ids"),
        ),
        body(
            "DECLINE_INVERSE_OFFERS without decline_inverse_offers",
            "DECLINE_INVERSE_OFFERS",
            ids("inverse_offer_ids"),
        ),
        body("KILL without kill", "KILL", named("task_id")),
        body("SHUTDOWN without shutdown", "SHUTDOWN", executor),
        body("RECONCILE without reconcile", "RECONCILE", json!({})),
        body("MESSAGE without message", "MESSAGE", message),
        body("REQUEST without request", "REQUEST", json!({})),
        body(
            "ACKNOWLEDGE without acknowledge",
            "ACKNOWLEDGE",
            acknowledgement("AQIDBAUGRwiJCgsMDQ4PEA=="),
        ),
        row(
            "UPDATE_FRAMEWORK without update_framework",
            json!({"type": "UPDATE_FRAMEWORK"}),
            "Expecting 'update_framework' to be present",
            update("$framework"),
        ),
        row(
            "UPDATE_FRAMEWORK of another framework",
            update("other"),
            "'framework_id' differs from 'update_framework.framework_info.id'",
            update("$framework"),
        ),
        row(
            "a call without a type",
            json!({}),
            "Expecting 'type' to be present",
            json!({"type": "REVIVE"}),
        ),
        row(
            "ACKNOWLEDGE_OPERATION_STATUS without acknowledge_operation_status",
            json!({"type": "ACKNOWLEDGE_OPERATION_STATUS"}),
            "Expecting 'acknowledge_operation_status' to be present",
            operation_acknowledgement(json!({"agent_id": {"value": "x"}})),
        ),
        row(
            "ACKNOWLEDGE_OPERATION_STATUS without an agent",
            operation_acknowledgement(json!({})),
            "Expecting 'agent_id' to be present",
            operation_acknowledgement(json!({"agent_id": {"value": "x"}})),
        ),
    ]
}

fn update(id: &str) -> Value {
    json!({"type": "UPDATE_FRAMEWORK", "update_framework": {"framework_info": {
        "id": {"value": id}, "user": "root", "name": "table", "roles": ["team"],
        "capabilities": [{"type": "MULTI_ROLE"}],
    }}})
}

fn acknowledgement(uuid: &str) -> Value {
    json!({"agent_id": {"value": "x"}, "task_id": {"value": "x"}, "uuid": uuid})
}

fn operation_acknowledgement(fields: Value) -> Value {
    let usual = json!({"operation_id": {"value": "x"}, "uuid": "AQIDBAUGRwiJCgsMDQ4PEA=="});
    let body = super::row::merged(usual, fields);
    json!({"type": "ACKNOWLEDGE_OPERATION_STATUS", "acknowledge_operation_status": body})
}

/// `UUID::fromBytes` in 3rdparty/stout/include/stout/uuid.hpp. The seventh byte has the version.
fn uuids() -> Vec<Row> {
    let uuid_row = |name, bad: &str, good: &str| {
        let call =
            |uuid: &str| json!({"type": "ACKNOWLEDGE", "acknowledge": acknowledgement(uuid)});
        row(name, call(bad), "Not a valid UUID", call(good))
    };
    vec![
        uuid_row(
            "a uuid of 15 bytes",
            "AQIDBAUGRwiJCgsMDQ4P",
            "AQIDBAUGRwiJCgsMDQ4PEA==",
        ),
        uuid_row(
            "a uuid of version 0",
            "AQIDBAUGBwiJCgsMDQ4PEA==",
            "AQIDBAUGFwiJCgsMDQ4PEA==",
        ),
        uuid_row(
            "a uuid of version 6",
            "AQIDBAUGZwiJCgsMDQ4PEA==",
            "AQIDBAUGVwiJCgsMDQ4PEA==",
        ),
        uuid_row(
            "a uuid of zeros",
            "AAAAAAAAAAAAAAAAAAAAAA==",
            "AAAAAAAAQAAAAAAAAAAAAA==",
        ),
        row(
            "a uuid of an operation of version 0",
            operation_acknowledgement(json!({
                "agent_id": {"value": "x"}, "uuid": "AQIDBAUGBwiJCgsMDQ4PEA==",
            })),
            "Not a valid UUID",
            operation_acknowledgement(json!({"agent_id": {"value": "y"}})),
        ),
    ]
}
