//! Checks, health checks and ports.

use super::Row;

pub(super) fn rows() -> Vec<Row> {
    let row = Row::task;
    let ports = r#""resources": [$cpus, $mem, $ports]"#;
    let health = |body: &str| format!(r#"{{{ports}, "health_check": {{{body}}}}}"#);
    let tcp = |port: u32| health(&format!(r#""type": "TCP", "tcp": {{"port": {port}}}"#));
    let http = |field: &str| {
        health(&format!(
            r#""type": "HTTP", "http": {{"port": 31000, {field}}}"#
        ))
    };
    let check = |body: &str| format!(r#"{{{ports}, "check": {{{body}}}}}"#);
    let discovery = |port: u32, more: &str| {
        format!(
            r#"{{{ports}, "discovery": {{"visibility": "CLUSTER", "ports": {{"ports": [{{"number":
                {port}}}]}}}} {more}}}"#
        )
    };
    let bridge = r#", "container": {"type": "DOCKER", "docker": {"image": "i", "network": "BRIDGE",
        "port_mappings": [{"host_port": 31000, "container_port": 80}]}}"#;
    vec![
        row("check-port", "health_check.tcp.port", &tcp(80), &tcp(31000)),
        row(
            "invalid-port",
            "health_check.tcp.port",
            &tcp(0),
            &tcp(31001),
        ),
        row(
            "check-port",
            "check.http.port",
            &check(r#""type": "HTTP", "http": {"port": 80}"#),
            &check(r#""type": "HTTP", "http": {"port": 31000}"#),
        ),
        row(
            "discovery-port",
            "discovery.ports.ports[0].number",
            &discovery(80, ""),
            &discovery(31001, ""),
        ),
        // In a network of its own, a task can announce the port of the container, too.
        row(
            "discovery-port",
            "discovery.ports.ports[0].number",
            &discovery(81, bridge),
            &discovery(80, bridge),
        ),
        row(
            "invalid-check",
            "health_check.http.path",
            &http(r#""path": "a""#),
            &http(r#""path": "/a""#),
        ),
        row(
            "invalid-check",
            "health_check.http.scheme",
            &http(r#""scheme": "ftp""#),
            &http(r#""scheme": "https""#),
        ),
        row(
            "invalid-check",
            "health_check.type",
            &health(""),
            &tcp(31000),
        ),
        row(
            "invalid-check",
            "health_check.tcp",
            &health(r#""type": "TCP""#),
            &tcp(31000),
        ),
        row(
            "invalid-check",
            "health_check.command.value",
            &health(r#""type": "COMMAND", "command": {}"#),
            &health(r#""type": "COMMAND", "command": {"value": "true"}"#),
        ),
        row(
            "invalid-check",
            "check.command.command.value",
            &check(r#""type": "COMMAND", "command": {"command": {}}"#),
            &check(r#""type": "COMMAND", "command": {"command": {"value": "true"}}"#),
        ),
        row(
            "invalid-check",
            "check.delay_seconds",
            &check(r#""type": "TCP", "tcp": {"port": 31000}, "delay_seconds": -1"#),
            &check(r#""type": "TCP", "tcp": {"port": 31000}, "delay_seconds": 0"#),
        ),
        row(
            "ignored-field",
            "health_check.http.statuses",
            &http(r#""statuses": [200]"#),
            &http(r#""statuses": []"#),
        ),
        row(
            "ignored-field",
            "health_check.command",
            &health(r#""type": "TCP", "tcp": {"port": 31000}, "command": {"value": "true"}"#),
            &tcp(31000),
        ),
    ]
}
