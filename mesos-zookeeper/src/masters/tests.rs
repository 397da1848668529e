//! Which node leads, and the data of all versions of Mesos.

use super::*;

fn leading(nodes: &[&str]) -> Option<(String, Format)> {
    let nodes: Vec<String> = nodes.iter().map(|&node| node.to_owned()).collect();
    super::leading(&nodes).map(|member| (member.node.to_owned(), member.format))
}

#[test]
fn the_smallest_number_leads_whatever_the_label() {
    for (nodes, leader, format) in [
        (
            &[
                "json.info_0000000010",
                "log_replicas",
                "info_0000000011",
                "json.info_0000000009",
            ][..],
            "json.info_0000000009",
            Format::Json,
        ),
        (
            &["json.info_0000000002", "info_0000000001"],
            "info_0000000001",
            Format::Protobuf,
        ),
        (
            &["0000000003", "info_0000000004"],
            "0000000003",
            Format::Pid,
        ),
        // As text, 10 would come before 9.
        (
            &["json.info_10", "json.info_9"],
            "json.info_9",
            Format::Json,
        ),
        (
            &["json.info_-2147483648", "json.info_2147483647"],
            "json.info_-2147483648",
            Format::Json,
        ),
    ] {
        assert_eq!(leading(nodes), Some((leader.to_owned(), format)));
    }
}

#[test]
fn nodes_without_a_valid_number_are_ignored() {
    for nodes in [
        &[][..],
        &["log_replicas", "info_", "_", "json.info", ""],
        &["json.info_2147483648", "json.info_12a", "json.info_ 1"],
    ] {
        assert_eq!(leading(nodes), None);
    }
}

#[test]
fn a_foreign_node_with_the_smallest_number_is_not_ignored() {
    assert_eq!(
        leading(&["lock_0000000001", "json.info_0000000002"]),
        Some(("lock_0000000001".to_owned(), Format::Foreign))
    );
}

fn read(format: Format, data: &[u8]) -> Result<String> {
    let node = "node";
    Member { node, format }.address(data)
}

fn json(data: &str) -> String {
    read(Format::Json, data.as_bytes()).expect(data)
}

#[test]
fn the_address_is_preferred_to_the_pid_and_the_pid_to_the_ip() {
    for (data, endpoint) in [
        (
            r#"{"id":"m","ip":1,"port":1,"pid":"master@10.0.0.2:2","hostname":"h",
                "address":{"hostname":"m1.example","ip":"10.0.0.3","port":3}}"#,
            "10.0.0.3:3",
        ),
        (
            r#"{"id":"m","ip":1,"port":1,"address":{"hostname":"m1.example","port":3}}"#,
            "m1.example:3",
        ),
        (
            r#"{"id":"m","ip":1,"port":1,"address":{"ip":"fd00::1","port":3}}"#,
            "[fd00::1]:3",
        ),
        (
            r#"{"id":"m","ip":1,"port":1,"pid":"master@10.0.0.2:2","hostname":"h"}"#,
            "10.0.0.2:2",
        ),
        (r#"{"id":"m","ip":16777343,"port":5050}"#, "127.0.0.1:5050"),
        (
            r#"{"id":"m","ip":67305985,"port":5051,"of_a_newer_mesos":{}}"#,
            "1.2.3.4:5051",
        ),
    ] {
        assert_eq!(json(data), endpoint, "{data}");
    }
}

#[test]
fn all_three_formats_are_parsed() {
    let info = MasterInfo {
        id: "m".to_owned(),
        ip: 16_777_343,
        port: 5050,
        ..Default::default()
    };
    let data = info.encode_to_vec();
    assert_eq!(
        read(Format::Protobuf, &data).expect("protobuf"),
        "127.0.0.1:5050"
    );
    assert_eq!(
        read(Format::Pid, b"master@10.0.0.1:5050\n").expect("a pid"),
        "10.0.0.1:5050"
    );
}

#[test]
fn invalid_data_is_an_error_that_names_the_node_and_the_reason() {
    for (format, data, what) in [
        (Format::Json, "", "does not contain a MasterInfo in JSON"),
        (
            Format::Json,
            r#"{"ip":1,"port":1}"#,
            "does not contain a MasterInfo in JSON",
        ),
        (Format::Json, r#"{"id":"m","ip":1,"port":0}"#, "has no port"),
        (
            Format::Json,
            r#"{"id":"m","ip":1,"port":1,"address":{"ip":"1.2.3.4","port":-1}}"#,
            "has no port",
        ),
        (
            Format::Json,
            r#"{"id":"m","ip":1,"port":1,"address":{"ip":"1.2.3","port":1}}"#,
            "has an invalid IP address",
        ),
        (
            Format::Json,
            r#"{"id":"m","ip":1,"port":1,"address":{"port":1}}"#,
            "has neither an IP address nor a host name",
        ),
        (
            Format::Json,
            r#"{"id":"m","ip":1,"port":1,"pid":"10.0.0.1:1"}"#,
            "has an invalid pid",
        ),
        (
            Format::Json,
            r#"{"id":"m","ip":0,"port":1}"#,
            "has no IP address",
        ),
        (
            Format::Protobuf,
            "\u{1}",
            "does not contain a MasterInfo in protobuf",
        ),
        (
            Format::Pid,
            "10.0.0.1:5050",
            "is not like master@10.0.0.1:5050",
        ),
        (Format::Pid, "", "is not like master@10.0.0.1:5050"),
    ] {
        let error = read(format, data.as_bytes()).expect_err(data);
        assert_eq!(error.kind(), ErrorKind::Decode, "{data}");
        assert_eq!(
            error.to_string(),
            format!("the leading master's node node in ZooKeeper {what}"),
            "{data}"
        );
    }
    let error = read(Format::Pid, b"master@\xff:1").expect_err("no text");
    assert_eq!(error.kind(), ErrorKind::Decode);
}
