//! Commands and their environments.

use super::Row;

pub(super) fn rows() -> Vec<Row> {
    let row = |rule, path, bad: &str, good: &str| {
        let of = |command: &str| format!(r#"{{"command": {command}}}"#);
        Row::task(rule, path, &of(bad), &of(good))
    };
    let variables =
        |variables: &str| format!(r#"{{"environment": {{"variables": [{variables}]}}}}"#);
    let a = r#"{"name": "A", "value": "1"}"#;
    let b = r#"{"name": "B", "value": "1"}"#;
    let secret =
        |secret: &str| variables(&format!(r#"{{"name": "A", "type": "SECRET", {secret}}}"#));
    let value = |data: &str| {
        secret(&format!(
            r#""secret": {{"type": "VALUE", "value": {{"data": "{data}"}}}}"#
        ))
    };
    vec![
        row(
            "argument-zero",
            "command.arguments[0]",
            r#"{"shell": false, "value": "/bin/ls", "arguments": ["-l"]}"#,
            r#"{"shell": false, "value": "/bin/ls", "arguments": ["ls", "-l"]}"#,
        ),
        row(
            "argument-zero",
            "command.arguments[0]",
            r#"{"shell": false, "value": "/bin/bash", "arguments": ["-sh"]}"#,
            r#"{"shell": false, "value": "/bin/bash", "arguments": ["-bash"]}"#,
        ),
        row(
            "ignored-field",
            "command.arguments",
            r#"{"value": "ls", "arguments": ["ls", "-l"]}"#,
            r#"{"value": "ls -l"}"#,
        ),
        row(
            "ignored-field",
            "command.uris[0].extract",
            r#"{"uris": [{"value": "http://h/a.tgz", "executable": true, "extract": true}]}"#,
            r#"{"uris": [{"value": "http://h/a", "executable": true}]}"#,
        ),
        row(
            "command-without-value",
            "command.value",
            r#"{"value": null}"#,
            r#"{"value": "a"}"#,
        ),
        row(
            "command-without-value",
            "command.value",
            r#"{"shell": false, "value": null}"#,
            r#"{"shell": false, "value": "/bin/a"}"#,
        ),
        row(
            "duplicate-variable",
            "command.environment.variables[1]",
            &variables(&format!("{a}, {a}")),
            &variables(&format!("{a}, {b}")),
        ),
        row(
            "invalid-variable",
            "command.environment.variables[0]",
            &variables(r#"{"name": "A"}"#),
            &variables(a),
        ),
        row(
            "invalid-variable",
            "command.environment.variables[0]",
            &secret(r#""value": "1""#),
            &value("YQ=="),
        ),
        // A null byte.
        row(
            "invalid-variable",
            "command.environment.variables[0]",
            &value("AA=="),
            &value("YQ=="),
        ),
        row(
            "invalid-variable",
            "command.environment.variables[0]",
            &secret(r#""secret": {"type": "REFERENCE"}"#),
            &secret(r#""secret": {"type": "REFERENCE", "reference": {"name": "n"}}"#),
        ),
    ]
}
