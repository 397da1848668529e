//! Rows about the offers and the form of an ACCEPT: `accept` in src/master/master.cpp, `offer` in
//! src/master/validation.cpp, `validateAndUpgradeResources` in src/common/resources_utils.cpp.

use serde_json::{Value, json};

use super::row::{Answer, Attempt, Row, accept, error, executor, launch, merged, scalar, task};

pub(super) fn rows() -> Vec<Row> {
    let mut rows = offers();
    rows.extend(ids());
    rows.extend(bodies());
    rows
}

fn dropped(text: &str) -> Answer {
    Answer::Task(
        "TASK_DROPPED".to_owned(),
        "REASON_INVALID_OFFERS".to_owned(),
        format!("Task launched with invalid offers: {text}"),
    )
}

pub(super) fn operation_error(text: &str) -> Answer {
    Answer::Operation("OPERATION_ERROR".to_owned(), text.to_owned())
}

fn of_offers(ids: &[&str], operation: &Value) -> Attempt {
    let ids: Vec<Value> = ids.iter().map(|id| json!({"value": id})).collect();
    Attempt::Accept(json!({"offer_ids": ids, "operations": [operation]}))
}

fn reserve() -> Value {
    let reserved = json!({"reservations": [{"type": "DYNAMIC", "role": "team"}]});
    json!({"type": "RESERVE", "id": {"value": "$task"}, "reserve": {
        "resources": [merged(scalar("disk", 1.0), reserved)],
    }})
}

fn offers() -> Vec<Row> {
    let row = |name, rule, ids: &[&str], text: &str| {
        let run = launch(&[task(json!({}))]);
        Row::of(name, rule, of_offers(ids, &run), dropped(text)).but(of_offers(&["$offer"], &run))
    };
    vec![
        row("no offers", "Master::accept", &[], "No offers specified"),
        row(
            "an offer twice",
            "offer::validateUniqueOfferID",
            &["$offer", "$offer"],
            "Duplicate offer * in offer list",
        ),
        row(
            "an offer that does not exist",
            "offer::validateOfferIds",
            &["$offer", "nobody's"],
            "Offer nobody's is no longer valid",
        ),
        row(
            "offers of two agents",
            "offer::validateSlave",
            &["$offer", "$other_offer"],
            "Aggregated offers must belong to one single agent. Offer * uses agent * and agent *",
        ),
        Row::of(
            "an operation on an offer that does not exist",
            "offer::validateOfferIds",
            of_offers(&["nobody's"], &reserve()),
            operation_error(
                "Operation attempted with invalid offers: Offer nobody's is no longer valid",
            ),
        )
        .but(of_offers(&["$offer"], &reserve())),
    ]
}

fn ids() -> Vec<Row> {
    let with_id = |operation: Value| merged(operation, json!({"id": {"value": "op"}}));
    let run = launch(&[task(json!({}))]);
    let resources = [
        scalar("cpus", 0.1),
        scalar("mem", 32.0),
        scalar("disk", 1.0),
    ];
    let default = executor(json!({
        "type": "DEFAULT", "command": null, "framework_id": {"value": "$framework"},
        "resources": resources,
    }));
    let group = json!({"type": "LAUNCH_GROUP", "launch_group": {
        "executor": default, "task_group": {"tasks": [task(json!({}))]},
    }});
    let of_group = Answer::Task(
        "TASK_ERROR".to_owned(),
        "REASON_TASK_GROUP_INVALID".to_owned(),
        "The `id` field cannot be set on LAUNCH_GROUP operations".to_owned(),
    );
    vec![
        Row::of(
            "LAUNCH with an id",
            "Master::accept",
            accept(&[with_id(run.clone())]),
            error("The `id` field cannot be set on LAUNCH operations"),
        )
        .but(accept(&[run])),
        Row::of(
            "LAUNCH_GROUP with an id",
            "Master::accept",
            accept(&[with_id(group.clone())]),
            of_group,
        )
        .but(accept(&[group])),
    ]
}

/// Operations without their bodies.
fn bodies() -> Vec<Row> {
    const RULE: &str = "validateAndUpgradeResources";
    let row = |name, kind: &str, text: &str| {
        let bad = json!({"type": kind, "id": {"value": "$task"}});
        let text = format!("Operation attempted with invalid resources: {text}");
        Row::of(name, RULE, accept(&[bad]), operation_error(&text)).but(accept(&[reserve()]))
    };
    vec![
        row(
            "RESERVE without a body",
            "RESERVE",
            "A RESERVE offer operation must have the Offer.Operation.reserve field set.",
        ),
        row(
            "UNRESERVE without a body",
            "UNRESERVE",
            "An UNRESERVE offer operation must have the Offer.Operation.unreserve field set.",
        ),
        row(
            "CREATE without a body",
            "CREATE",
            "A CREATE offer operation must have the Offer.Operation.create field set.",
        ),
        row(
            "DESTROY without a body",
            "DESTROY",
            "A DESTROY offer operation must have the Offer.Operation.destroy field set.",
        ),
        row(
            "GROW_VOLUME without a body",
            "GROW_VOLUME",
            "A GROW_VOLUME operation must have the Offer.Operation.grow_volume field set",
        ),
        row(
            "SHRINK_VOLUME without a body",
            "SHRINK_VOLUME",
            "A SHRINK_VOLUME offer operation must have the Offer.Operation.shrink_volume field set",
        ),
        row(
            "CREATE_DISK without a body",
            "CREATE_DISK",
            "A CREATE_DISK offer operation must have the Offer.Operation.create_disk field set.",
        ),
        row(
            "DESTROY_DISK without a body",
            "DESTROY_DISK",
            "A DESTROY_DISK offer operation must have the Offer.Operation.destroy_disk field set.",
        ),
    ]
}
