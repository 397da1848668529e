//! Rows about checks and health checks: `validateCheckInfo` and `validateHealthCheck` in
//! src/common/validation.cpp.

use serde_json::{Value, json};

use super::row::{Row, about_task};

pub(super) fn rows() -> Vec<Row> {
    let mut rows = checks();
    rows.extend(health_checks());
    rows
}

fn environment(variable: Value) -> Value {
    json!({"value": "true", "environment": {"variables": [variable]}})
}

fn checks() -> Vec<Row> {
    const RULE: &str = "common::validation::validateCheckInfo";
    let row = |name, bad: Value, text: &str, good: Value| {
        let text = format!("Task uses invalid check: {text}");
        about_task(
            name,
            RULE,
            json!({"check": bad}),
            &text,
            json!({"check": good}),
        )
    };
    let command = |command: Value| json!({"type": "COMMAND", "command": {"command": command}});
    let plain = command(json!({"value": "true"}));
    let time = |field: &str, seconds: f64| {
        let mut check = plain.clone();
        check[field] = json!(seconds);
        check
    };
    vec![
        row(
            "a check without a type",
            json!({"command": {"command": {"value": "true"}}}),
            "CheckInfo must specify 'type'",
            plain.clone(),
        ),
        row(
            "a check of unknown type",
            json!({"type": "UNKNOWN"}),
            "'UNKNOWN' is not a valid check type",
            plain.clone(),
        ),
        row(
            "a COMMAND check without a command",
            json!({"type": "COMMAND"}),
            "Expecting 'command' to be set for COMMAND check",
            plain.clone(),
        ),
        row(
            "a COMMAND check without a shell command",
            command(json!({})),
            "Command check must contain 'shell command'",
            command(json!({"value": ""})),
        ),
        row(
            "a COMMAND check without a program",
            command(json!({"shell": false})),
            "Command check must contain 'executable path'",
            command(json!({"shell": false, "value": "/bin/true"})),
        ),
        row(
            "a COMMAND check with an invalid environment",
            command(environment(json!({"name": "A"}))),
            "Check's `CommandInfo` is invalid: Environment variable 'A' of type 'VALUE' must have \
             a value set",
            command(environment(json!({"name": "A", "value": ""}))),
        ),
        row(
            "an HTTP check without http",
            json!({"type": "HTTP"}),
            "Expecting 'http' to be set for HTTP check",
            json!({"type": "HTTP", "http": {"port": 1}}),
        ),
        row(
            "an HTTP check with a relative path",
            json!({"type": "HTTP", "http": {"port": 1, "path": "x"}}),
            "The path 'x' of HTTP check must start with '/'",
            json!({"type": "HTTP", "http": {"port": 1, "path": "/"}}),
        ),
        row(
            "a TCP check without tcp",
            json!({"type": "TCP"}),
            "Expecting 'tcp' to be set for TCP check",
            json!({"type": "TCP", "tcp": {"port": 1}}),
        ),
        row(
            "a check with a negative delay",
            time("delay_seconds", -0.1),
            "Expecting 'delay_seconds' to be non-negative",
            time("delay_seconds", 0.0),
        ),
        row(
            "a check with a negative interval",
            time("interval_seconds", -0.1),
            "Expecting 'interval_seconds' to be non-negative",
            time("interval_seconds", 0.0),
        ),
        row(
            "a check with a negative timeout",
            time("timeout_seconds", -0.1),
            "Expecting 'timeout_seconds' to be non-negative",
            time("timeout_seconds", 0.0),
        ),
    ]
}

fn health_checks() -> Vec<Row> {
    const RULE: &str = "common::validation::validateHealthCheck";
    let row = |name, bad: Value, text: &str, good: Value| {
        let text = format!("Task uses invalid health check: {text}");
        let bad = json!({"health_check": bad});
        about_task(name, RULE, bad, &text, json!({"health_check": good}))
    };
    let command = |command: Value| json!({"type": "COMMAND", "command": command});
    let http = |http: Value| json!({"type": "HTTP", "http": http});
    let time = |field: &str, seconds: f64| {
        let mut check = command(json!({"value": "true"}));
        check[field] = json!(seconds);
        check
    };
    vec![
        row(
            "a health check of which the type cannot be derived",
            json!({"command": {"value": "true"}, "http": {"port": 1}}),
            "HealthCheck must specify 'type'",
            // The master adds the type: `accept` in src/master/master.cpp.
            json!({"command": {"value": "true"}}),
        ),
        row(
            "a health check of unknown type",
            json!({"type": "UNKNOWN"}),
            "'UNKNOWN' is not a valid health check type",
            json!({"http": {"port": 1}}),
        ),
        row(
            "a COMMAND health check without a command",
            json!({"type": "COMMAND"}),
            "Expecting 'command' to be set for COMMAND health check",
            command(json!({"value": "true"})),
        ),
        row(
            "a COMMAND health check without a shell command",
            command(json!({})),
            "Command health check must contain 'shell command'",
            command(json!({"value": ""})),
        ),
        row(
            "a COMMAND health check without a program",
            command(json!({"shell": false})),
            "Command health check must contain 'executable path'",
            command(json!({"shell": false, "value": "/bin/true"})),
        ),
        row(
            "a COMMAND health check with an invalid environment",
            command(environment(json!({"name": "A"}))),
            "Health check's `CommandInfo` is invalid: Environment variable 'A' of type 'VALUE' \
             must have a value set",
            command(environment(json!({"name": "A", "value": ""}))),
        ),
        row(
            "an HTTP health check without http",
            json!({"type": "HTTP"}),
            "Expecting 'http' to be set for HTTP health check",
            http(json!({"port": 1})),
        ),
        row(
            "an HTTP health check with another scheme",
            http(json!({"port": 1, "scheme": "ftp"})),
            "Unsupported HTTP health check scheme: 'ftp'",
            http(json!({"port": 1, "scheme": "https"})),
        ),
        row(
            "an HTTP health check with a relative path",
            http(json!({"port": 1, "path": ""})),
            "The path '' of HTTP health check must start with '/'",
            http(json!({"port": 1, "path": "/"})),
        ),
        row(
            "a TCP health check without tcp",
            json!({"type": "TCP"}),
            "Expecting 'tcp' to be set for TCP health check",
            json!({"type": "TCP", "tcp": {"port": 1}}),
        ),
        row(
            "a health check with a negative delay",
            time("delay_seconds", -0.1),
            "Expecting 'delay_seconds' to be non-negative",
            time("delay_seconds", 0.0),
        ),
        row(
            "a health check with a negative grace period",
            time("grace_period_seconds", -0.1),
            "Expecting 'grace_period_seconds' to be non-negative",
            time("grace_period_seconds", 0.0),
        ),
        row(
            "a health check with a negative interval",
            time("interval_seconds", -0.1),
            "Expecting 'interval_seconds' to be non-negative",
            time("interval_seconds", 0.0),
        ),
        row(
            "a health check with a negative timeout",
            time("timeout_seconds", -0.1),
            "Expecting 'timeout_seconds' to be non-negative",
            time("timeout_seconds", 0.0),
        ),
    ]
}
