//! Rows about commands and containers: `validateEnvironment`, `validateSecret`, `validateVolume`
//! and `validateContainerInfo` in src/common/validation.cpp.

use serde_json::{Value, json};

use super::row::{Row, about_task};

pub(super) fn rows() -> Vec<Row> {
    let mut rows = variables();
    rows.extend(secrets());
    rows.extend(volumes());
    rows.extend(docker());
    rows
}

fn variable(name: &'static str, rule: &'static str, bad: Value, text: &str, good: Value) -> Row {
    let command = |variable: Value| json!({"command": {"environment": {"variables": [variable]}}});
    let text = format!("Task's `CommandInfo` is invalid: Environment variable {text}");
    about_task(name, rule, command(bad), &text, command(good))
}

fn secret(secret: Value) -> Value {
    json!({"name": "A", "type": "SECRET", "secret": secret})
}

fn value(base64: &str) -> Value {
    json!({"type": "VALUE", "value": {"data": base64}})
}

fn variables() -> Vec<Row> {
    const RULE: &str = "common::validation::validateEnvironment";
    vec![
        variable(
            "a variable without a value",
            RULE,
            json!({"name": "A"}),
            "'A' of type 'VALUE' must have a value set",
            json!({"name": "A", "value": ""}),
        ),
        variable(
            "a variable with a value and a secret",
            RULE,
            json!({"name": "A", "value": "x", "secret": value("eA==")}),
            "'A' of type 'VALUE' must not have a secret set",
            json!({"name": "A", "value": "x"}),
        ),
        variable(
            "a variable of unknown type",
            RULE,
            json!({"name": "A", "type": "UNKNOWN", "value": "x"}),
            "of type 'UNKNOWN' is not allowed",
            json!({"name": "A", "type": "VALUE", "value": "x"}),
        ),
        variable(
            "a secret variable without a secret",
            RULE,
            json!({"name": "A", "type": "SECRET"}),
            "'A' of type 'SECRET' must have a secret set",
            secret(value("eA==")),
        ),
        variable(
            "a secret variable with a value",
            RULE,
            json!({"name": "A", "type": "SECRET", "secret": value("eA=="), "value": "x"}),
            "'A' of type 'SECRET' must not have a value set",
            secret(value("eA==")),
        ),
        variable(
            "a secret variable with a null byte",
            RULE,
            secret(value("AA==")),
            "'A' specifies a secret containing null bytes, which is not allowed in the environment",
            secret(value("AQ==")),
        ),
    ]
}

fn secrets() -> Vec<Row> {
    const RULE: &str = "common::validation::validateSecret";
    let reference = json!({"name": "r"});
    vec![
        variable(
            "a reference to a secret without the reference",
            RULE,
            secret(json!({"type": "REFERENCE"})),
            "'A' specifies an invalid secret: Secret of type REFERENCE must have the 'reference' \
             field set",
            secret(json!({"type": "REFERENCE", "reference": reference})),
        ),
        variable(
            "a reference to a secret with the value",
            RULE,
            secret(json!({"type": "REFERENCE", "reference": reference, "value": {"data": "eA=="}})),
            "'A' specifies an invalid secret: Secret 'r' of type REFERENCE must not have the \
             'value' field set",
            secret(json!({"type": "REFERENCE", "reference": reference})),
        ),
        variable(
            "the value of a secret without the value",
            RULE,
            secret(json!({"type": "VALUE"})),
            "'A' specifies an invalid secret: Secret of type VALUE must have the 'value' field set",
            secret(value("eA==")),
        ),
        variable(
            "the value of a secret with a reference",
            RULE,
            secret(json!({"type": "VALUE", "reference": reference, "value": {"data": "eA=="}})),
            "'A' specifies an invalid secret: Secret of type VALUE must not have the 'reference' \
             field set",
            secret(value("eA==")),
        ),
    ]
}

fn volumes() -> Vec<Row> {
    const RULE: &str = "common::validation::validateVolume";
    let row = |name, bad: Value, text: &str, good: Value| {
        let container = |mut volume: Value| {
            volume["mode"] = json!("RO");
            volume["container_path"] = json!("p");
            json!({"container": {"type": "MESOS", "volumes": [volume]}})
        };
        let text = format!("Task's `ContainerInfo` is invalid: Invalid volume: {text}");
        about_task(name, RULE, container(bad), &text, container(good))
    };
    let source = |source: Value| json!({"source": source});
    let one = "Only one of them should be set: 'host_path', 'image' and 'source'";
    let provisioning = json!({
        "volume_id": "v", "volume_capability": {"access_mode": {"mode": "SINGLE_NODE_WRITER"}, "mount": {}},
    });
    vec![
        row(
            "a volume without a source",
            json!({}),
            one,
            json!({"host_path": "/tmp"}),
        ),
        row(
            "a volume with two sources",
            json!({"host_path": "/tmp", "source": {"type": "HOST_PATH", "host_path": {"path": "/tmp"}}}),
            one,
            source(json!({"type": "HOST_PATH", "host_path": {"path": "/tmp"}})),
        ),
        row(
            "a volume of unknown type",
            source(json!({"type": "UNKNOWN"})),
            "'source.type' is unknown",
            source(json!({"type": "HOST_PATH", "host_path": {"path": "/"}})),
        ),
        row(
            "a DOCKER_VOLUME without docker_volume",
            source(json!({"type": "DOCKER_VOLUME"})),
            "'source.docker_volume' is not set for DOCKER_VOLUME volume",
            source(json!({"type": "DOCKER_VOLUME", "docker_volume": {"name": "v"}})),
        ),
        row(
            "a HOST_PATH without host_path",
            source(json!({"type": "HOST_PATH"})),
            "'source.host_path' is not set for HOST_PATH volume",
            source(json!({"type": "HOST_PATH", "host_path": {"path": "/usr"}})),
        ),
        row(
            "a SANDBOX_PATH without sandbox_path",
            source(json!({"type": "SANDBOX_PATH"})),
            "'source.sandbox_path' is not set for SANDBOX_PATH volume",
            source(json!({"type": "SANDBOX_PATH", "sandbox_path": {"type": "SELF", "path": "x"}})),
        ),
        row(
            "a SECRET without secret",
            source(json!({"type": "SECRET"})),
            "'source.secret' is not set for SECRET volume",
            source(json!({"type": "SECRET", "secret": value("eA==")})),
        ),
        row(
            "a CSI_VOLUME without csi_volume",
            source(json!({"type": "CSI_VOLUME"})),
            "'source.csi_volume' is not set for CSI volume",
            source(json!({"type": "CSI_VOLUME", "csi_volume": {
                "plugin_name": "p", "static_provisioning": provisioning,
            }})),
        ),
        row(
            "a CSI_VOLUME without static provisioning",
            source(json!({"type": "CSI_VOLUME", "csi_volume": {"plugin_name": "p"}})),
            "'source.csi_volume.static_provisioning' is not set for CSI volume",
            source(json!({"type": "CSI_VOLUME", "csi_volume": {
                "plugin_name": "q", "static_provisioning": provisioning,
            }})),
        ),
    ]
}

fn docker() -> Vec<Row> {
    const RULE: &str = "common::validation::validateContainerInfo";
    let row = |name, bad: Value, text: &str, good: Value| {
        let text = format!("Task's `ContainerInfo` is invalid: {text}");
        about_task(
            name,
            RULE,
            json!({"container": bad}),
            &text,
            json!({"container": good}),
        )
    };
    let parameter = |key: &str| {
        json!({"type": "DOCKER", "docker": {
            "image": "i", "parameters": [{"key": key, "value": "v"}],
        }})
    };
    vec![
        row(
            "a DOCKER container without docker",
            json!({"type": "DOCKER"}),
            "DockerInfo 'docker' is not set for DOCKER typed ContainerInfo",
            json!({"type": "DOCKER", "docker": {"image": "i"}}),
        ),
        row(
            "a parameter of docker that sets the container's name",
            parameter("name"),
            "Parameter in DockerInfo must not be 'name'",
            parameter("label"),
        ),
    ]
}
