//! Frameworks and credentials.

use super::Row;

pub(super) fn rows() -> Vec<Row> {
    let row = Row::framework;
    let filter = |value: &str| {
        format!(
            r#"{{"offer_filters": {{"*": {{"min_allocatable_resources": {{"quantities":
                [{{"quantities": {{"cpus": {{"value": {value}}}}}}}]}}}}}}}}"#
        )
    };
    vec![
        row(
            "failover-without-checkpoint",
            "checkpoint",
            r#"{"failover_timeout": 60}"#,
            r#"{"failover_timeout": 60, "checkpoint": true}"#,
        ),
        row(
            "no-failover-timeout",
            "failover_timeout",
            r#"{"checkpoint": true}"#,
            r#"{"checkpoint": false}"#,
        ),
        row(
            "no-failover-timeout",
            "failover_timeout",
            r#"{"checkpoint": true, "failover_timeout": -1}"#,
            r#"{"checkpoint": true, "failover_timeout": 1}"#,
        ),
        row(
            "invalid-failover-timeout",
            "failover_timeout",
            r#"{"checkpoint": true, "failover_timeout": 1e10}"#,
            r#"{"checkpoint": true, "failover_timeout": 1e9}"#,
        ),
        row(
            "invalid-filter",
            "offer_filters[\"*\"].min_allocatable_resources.quantities[0]",
            &filter("-1"),
            &filter("1"),
        ),
        row(
            "role-not-subscribed",
            "offer_filters[\"a\"]",
            r#"{"offer_filters": {"a": {}}}"#,
            r#"{"offer_filters": {"*": {}}}"#,
        ),
        row(
            "invalid-roles",
            "roles[1]",
            r#"{"roles": ["a", "a"]}"#,
            r#"{"roles": ["a", "b"]}"#,
        ),
        row(
            "invalid-roles",
            "roles[0]",
            r#"{"roles": ["/a"]}"#,
            r#"{"roles": ["a/b"]}"#,
        ),
        row("invalid-roles", "role", r#"{"role": "a"}"#, "{}"),
        row(
            "invalid-roles",
            "roles",
            r#"{"capabilities": [{"type": "PARTITION_AWARE"}]}"#,
            r#"{"capabilities": [{"type": "PARTITION_AWARE"}], "roles": [], "role": "a"}"#,
        ),
        row(
            "no-roles",
            "roles",
            r#"{"roles": []}"#,
            r#"{"roles": ["a"]}"#,
        ),
        row(
            "not-partition-aware",
            "capabilities",
            r#"{"capabilities": [{"type": "MULTI_ROLE"}]}"#,
            "{}",
        ),
        row(
            "invalid-id",
            "id",
            r#"{"id": {"value": "a/b"}}"#,
            r#"{"id": {"value": "a-b"}}"#,
        ),
        Row::credential(
            "secret-without-principal",
            "principal",
            r#"{"principal": ""}"#,
            "{}",
        ),
        Row::credential(
            "principal-differs",
            "principal",
            r#"{"principal": "q"}"#,
            "{}",
        )
        .of(r#"{"principal": "p"}"#),
    ]
}
