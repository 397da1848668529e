//! Rows about a framework's description: `framework` in src/master/validation.cpp and
//! `validateFramework` in src/master/master.cpp.

use serde_json::{Value, json};

use super::row::{Answer, Attempt, Row, merged};

pub(super) fn rows() -> Vec<Row> {
    let mut rows = calls();
    rows.extend(roles());
    rows.extend(others());
    rows.extend(constraints());
    rows.extend(changes());
    rows
}

fn info(difference: Value) -> Value {
    let usual = json!({
        "user": "root", "name": "table", "roles": ["team"],
        "capabilities": [{"type": "MULTI_ROLE"}, {"type": "PARTITION_AWARE"},
                         {"type": "RESERVATION_REFINEMENT"}],
    });
    merged(usual, difference)
}

fn subscribe(framework: Value, fields: Value) -> Attempt {
    let mut call = json!({"type": "SUBSCRIBE", "subscribe": {"framework_info": framework}});
    if let Some(id) = framework.get("id") {
        call["framework_id"] = id.clone();
    }
    Attempt::Subscribe(merged(call, json!({"subscribe": fields})))
}

fn calls() -> Vec<Row> {
    const RULE: &str = "scheduler::call::validate";
    let refused =
        |text: &str| Answer::Response(400, format!("Failed to validate scheduler::Call: {text}"));
    let two = |id: &str| {
        let mut call = json!({"type": "SUBSCRIBE", "subscribe": {
            "framework_info": info(json!({"id": {"value": "$new"}})),
        }});
        call["framework_id"] = json!({"value": id});
        Attempt::Subscribe(call)
    };
    vec![
        Row::of(
            "SUBSCRIBE without subscribe",
            RULE,
            Attempt::Subscribe(json!({"type": "SUBSCRIBE"})),
            refused("Expecting 'subscribe' to be present"),
        )
        .but(subscribe(info(json!({})), json!({}))),
        Row::of(
            "SUBSCRIBE with two framework ids",
            RULE,
            two("other"),
            refused("'framework_id' differs from 'subscribe.framework_info.id'"),
        )
        .but(two("$new")),
    ]
}

/// A row about the description, answered with ERROR.
fn row(name: &'static str, rule: &'static str, bad: Value, text: &str, good: Value) -> Row {
    let attempt = |difference| subscribe(info(difference), json!({}));
    Row::of(name, rule, attempt(bad), Answer::Error(text.to_owned())).but(attempt(good))
}

fn roles() -> Vec<Row> {
    const RULE: &str = "framework::internal::validateRoles";
    let old = |role: &str| json!({"capabilities": [], "roles": [], "role": role});
    vec![
        row(
            "a role of a framework with MULTI_ROLE",
            RULE,
            json!({"role": "a"}),
            "'FrameworkInfo.role' must not be set when the framework is MULTI_ROLE capable",
            json!({"roles": []}),
        ),
        row(
            "roles of a framework without MULTI_ROLE",
            RULE,
            json!({"capabilities": []}),
            "'FrameworkInfo.roles' must not be set when the framework is not MULTI_ROLE capable",
            old("a"),
        ),
        row(
            "a role twice",
            RULE,
            json!({"roles": ["a", "b", "a"]}),
            "'FrameworkInfo.roles' contains duplicate items: { a }",
            json!({"roles": ["a", "b"]}),
        ),
        row(
            "a role with a space in roles",
            RULE,
            json!({"roles": ["a b"]}),
            "'FrameworkInfo.roles' contains invalid role: Role component 'a b' is invalid because \
             it contains backspace or whitespace",
            json!({"roles": ["a_b"]}),
        ),
        row(
            "an invalid role",
            RULE,
            old("/a"),
            "'FrameworkInfo.role' is not a valid role: Role '/a' cannot start with a slash",
            old("a/b"),
        ),
        Row::of(
            "a suppressed role that is not one of the roles",
            "Master::validateFramework",
            subscribe(info(json!({})), json!({"suppressed_roles": ["b"]})),
            Answer::Error("Suppressed role 'b' is not contained in the list of roles".to_owned()),
        )
        .but(subscribe(
            info(json!({})),
            json!({"suppressed_roles": ["team", "team"]}),
        )),
    ]
}

fn others() -> Vec<Row> {
    let filters = |quantities: Value| {
        json!({"offer_filters": {"team": {"min_allocatable_resources": {"quantities": [
            {"quantities": quantities},
        ]}}}})
    };
    vec![
        row(
            "a framework id with a slash",
            "framework::internal::validateFrameworkId",
            json!({"id": {"value": "$new/a"}}),
            "'*/a' contains invalid characters",
            json!({"id": {"value": "$new.a"}}),
        ),
        row(
            "an offer filter without quantities",
            "common::validation::validateOfferFilters",
            filters(json!({})),
            "Resource quantities must contain at least one quantity",
            filters(json!({"cpus": {"value": 0}})),
        ),
        row(
            "an offer filter with a negative quantity",
            "common::validation::validateOfferFilters",
            filters(json!({"cpus": {"value": -1}})),
            "Invalid resource quantity for 'cpus': Negative values not supported",
            filters(json!({"cpus": {"value": 1}})),
        ),
        row(
            "a failover_timeout of more than 64 bits of nanoseconds",
            "isValidFailoverTimeout",
            json!({"failover_timeout": 1e12}),
            "The framework failover_timeout (1e+12) is invalid",
            json!({"failover_timeout": 0.5}),
        ),
        row(
            "a failover_timeout of less than 64 bits of nanoseconds",
            "isValidFailoverTimeout",
            json!({"failover_timeout": -12_345_678_901.5}),
            "The framework failover_timeout (-1.23457e+10) is invalid",
            json!({"failover_timeout": -1}),
        ),
    ]
}

fn constraints() -> Vec<Row> {
    let constraint_row = |name, bad: Value, text: &str, good: Value| {
        let attempt = |groups: Value| {
            let constraints = json!({"role_constraints": {"team": {"groups": groups}}});
            subscribe(info(json!({})), json!({"offer_constraints": constraints}))
        };
        let rule = "OfferConstraintsFilter::create";
        Row::of(name, rule, attempt(bad), Answer::Error(text.to_owned())).but(attempt(good))
    };
    let group = |selector: Value, predicate: Value| json!([{"attribute_constraints": [{"selector": selector, "predicate": predicate}]}]);
    let fine = || group(json!({"attribute_name": "rack"}), json!({"exists": {}}));
    let invalid = |text: &str| format!("A role team has an invalid 'AttributeConstraint': {text}");
    vec![
        constraint_row(
            "constraints of a role without groups",
            json!([]),
            "'OfferConstraints::role_constraints' has an empty 'RoleConstraints::groups' for role \
             team",
            fine(),
        ),
        constraint_row(
            "a group of constraints that is empty",
            json!([{}]),
            "'OfferConstraints::RoleConstraints::groups' for role teamcontains an empty \
             RoleConstraints::Group",
            fine(),
        ),
        constraint_row(
            "a constraint without a selector",
            group(json!({}), json!({"exists": {}})),
            &invalid(
                "Exactly one of 'AttributeConstraint::Selector::name' or \
                 'AttributeConstraint::Selector::pseudoattribute_type' must be set",
            ),
            group(
                json!({"pseudoattribute_type": "HOSTNAME"}),
                json!({"exists": {}}),
            ),
        ),
        constraint_row(
            "a constraint of an unknown pseudoattribute",
            group(
                json!({"pseudoattribute_type": "UNKNOWN"}),
                json!({"exists": {}}),
            ),
            &invalid("Unknown pseudoattribute type"),
            group(
                json!({"pseudoattribute_type": "ZONE"}),
                json!({"exists": {}}),
            ),
        ),
        constraint_row(
            "a constraint without a predicate",
            group(json!({"attribute_name": "rack"}), json!({})),
            &invalid("Unknown predicate type"),
            group(json!({"attribute_name": "rack"}), json!({"not_exists": {}})),
        ),
    ]
}

/// What a framework may change with a second SUBSCRIBE, and with UPDATE_FRAMEWORK.
fn changes() -> Vec<Row> {
    let id = json!({"id": {"value": "$framework"}});
    let again = |difference: Value| Attempt::Resubscribe(info(merged(id.clone(), difference)));
    let update = |difference: Value| {
        Attempt::Call(json!({"type": "UPDATE_FRAMEWORK", "update_framework": {
            "framework_info": info(merged(id.clone(), difference)),
        }}))
    };
    let refused = |text: &str| Answer::Response(400, text.to_owned());
    let update_row = |name, bad: Value, text: &str, good: Value| {
        let text = format!("FrameworkInfo update is not valid: {text}");
        let rule = "framework::validateUpdate";
        Row::of(name, rule, update(bad), refused(&text)).but(update(good))
    };
    vec![
        Row::of(
            "a subscription with another principal",
            "Master::_subscribe",
            again(json!({"principal": "x"})),
            Answer::Error("Changing framework's principal is not allowed.".to_owned()),
        )
        // The change is ignored: `preserveImmutableFields`.
        .but(again(json!({"user": "nobody", "checkpoint": true}))),
        update_row(
            "an update with another principal",
            json!({"principal": "x"}),
            "Changing framework's principal is not allowed.",
            json!({"name": "x"}),
        ),
        update_row(
            "an update with another user",
            json!({"user": "nobody"}),
            "Updating 'FrameworkInfo.user' is unsupported; attempted to update from 'root' to \
             'nobody'",
            json!({"hostname": "x"}),
        ),
        update_row(
            "an update with checkpointing",
            json!({"checkpoint": true}),
            "Updating 'FrameworkInfo.checkpoint' is unsupported; attempted to update from 'false' \
             to 'true'",
            json!({"checkpoint": false}),
        ),
        Row::of(
            "an update with a role twice",
            "Master::updateFramework",
            update(json!({"roles": ["a", "a"]})),
            refused(
                "Supplied FrameworkInfo is not valid: 'FrameworkInfo.roles' contains duplicate \
                 items: { a }",
            ),
        )
        .but(update(json!({"roles": ["team", "a"]}))),
    ]
}
