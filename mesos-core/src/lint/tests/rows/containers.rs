//! Containers.

use super::Row;

pub(super) fn rows() -> Vec<Row> {
    let row = |rule, path, bad: &str, good: &str| {
        let of = |container: &str| {
            format!(r#"{{"container": {container}, "resources": [$cpus, $mem, $ports]}}"#)
        };
        Row::task(rule, path, &of(bad), &of(good))
    };
    let docker =
        |fields: &str| format!(r#"{{"type": "DOCKER", "docker": {{"image": "i" {fields}}}}}"#);
    let mapping = |network: &str, port: u32| {
        docker(&format!(
            r#", "network": "{network}", "port_mappings": [{{"host_port": {port}, "container_port": 80}}]"#
        ))
    };
    let volume = |fields: &str| {
        format!(
            r#"{{"type": "MESOS", "volumes": [{{"mode": "RW", "container_path": "p" {fields}}}]}}"#
        )
    };
    let image = |value: &str| {
        format!(
            r#"{{"container": {{"type": "MESOS", "mesos": {{"image": {{"type": "DOCKER",
                "docker": {{"name": "i"}}}}}}}},
                "command": {{"value": "{value}", "uris": [{{"value": "http://h/dir/run.sh"}}]}}}}"#
        )
    };
    let shared =
        |value: bool| format!(r#"{{"type": "MESOS", "linux_info": {{"share_cgroups": {value}}}}}"#);
    vec![
        row(
            "invalid-container",
            "container.docker",
            r#"{"type": "DOCKER"}"#,
            &docker(""),
        ),
        row(
            "invalid-container",
            "container.docker.parameters[0]",
            &docker(r#", "parameters": [{"key": "name", "value": "n"}]"#),
            &docker(r#", "parameters": [{"key": "label", "value": "n"}]"#),
        ),
        row(
            "invalid-container",
            "container.docker.port_mappings",
            &mapping("HOST", 31000),
            &mapping("BRIDGE", 31000),
        ),
        row(
            "invalid-container",
            "container.docker.port_mappings[0].host_port",
            &mapping("BRIDGE", 31002),
            &mapping("BRIDGE", 31001),
        ),
        row(
            "invalid-container",
            "container.hostname",
            r#"{"type": "DOCKER", "hostname": "h", "docker": {"image": "i"}}"#,
            r#"{"type": "DOCKER", "hostname": "h", "docker": {"image": "i", "network": "BRIDGE"}}"#,
        ),
        row(
            "invalid-container",
            "container.network_infos",
            &docker(r#", "network": "USER""#),
            r#"{"type": "DOCKER", "network_infos": [{"name": "n"}],
                "docker": {"image": "i", "network": "USER"}}"#,
        ),
        row(
            "invalid-container",
            "container.volumes[0]",
            &volume(""),
            &volume(r#", "host_path": "/h""#),
        ),
        row(
            "invalid-container",
            "container.volumes[0].source.secret",
            &volume(r#", "source": {"type": "SECRET"}"#),
            &volume(r#", "source": {"type": "HOST_PATH", "host_path": {"path": "/h"}}"#),
        ),
        row(
            "ignored-field",
            "container.docker",
            r#"{"type": "MESOS", "docker": {"image": "i"}}"#,
            r#"{"type": "MESOS"}"#,
        ),
        row(
            "share-cgroups",
            "container.linux_info.share_cgroups",
            &shared(false),
            &shared(true),
        ),
        Row::task(
            "relative-file-in-image",
            "command.value",
            &image("sh ./run.sh"),
            &image("sh $MESOS_SANDBOX/run.sh"),
        ),
    ]
}
