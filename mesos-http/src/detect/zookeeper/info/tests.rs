//! What masters of all ages write, and what none does.

use super::*;
use crate::endpoint::Scheme;

fn read(format: Format, data: &[u8]) -> Result<String> {
    endpoint("node", format, data, &Settings::default()).map(|endpoint| endpoint.to_string())
}

fn json(data: &str) -> String {
    read(Format::Json, data.as_bytes()).expect(data)
}

#[test]
fn the_address_is_preferred_to_the_pid_and_that_to_the_ip() {
    for (data, endpoint) in [
        (
            r#"{"id":"m","ip":1,"port":1,"pid":"master@10.0.0.2:2","hostname":"h",
                "address":{"hostname":"m1.example","ip":"10.0.0.3","port":3}}"#,
            "http://10.0.0.3:3/master",
        ),
        (
            r#"{"id":"m","ip":1,"port":1,"address":{"hostname":"m1.example","port":3}}"#,
            "http://m1.example:3/master",
        ),
        (
            r#"{"id":"m","ip":1,"port":1,"address":{"ip":"fd00::1","port":3}}"#,
            "http://[fd00::1]:3/master",
        ),
        (
            r#"{"id":"m","ip":1,"port":1,"pid":"master@10.0.0.2:2","hostname":"h"}"#,
            "http://10.0.0.2:2/master",
        ),
        (
            r#"{"id":"m","ip":16777343,"port":5050}"#,
            "http://127.0.0.1:5050/master",
        ),
        (
            r#"{"id":"m","ip":67305985,"port":5051,"of_a_newer_mesos":{}}"#,
            "http://1.2.3.4:5051/master",
        ),
    ] {
        assert_eq!(json(data), endpoint, "{data}");
    }
}

#[test]
fn all_three_formats_are_read() {
    let info = MasterInfo {
        id: "m".to_owned(),
        ip: 16_777_343,
        port: 5050,
        ..Default::default()
    };
    let data = info.encode_to_vec();
    assert_eq!(
        read(Format::Protobuf, &data).expect("protobuf"),
        "http://127.0.0.1:5050/master"
    );
    assert_eq!(
        read(Format::Pid, b"master@10.0.0.1:5050\n").expect("a pid"),
        "http://10.0.0.1:5050/master"
    );
}

#[test]
fn scheme_and_prefix_are_those_of_the_settings() {
    let settings = Settings {
        scheme: Some(Scheme::Https),
        prefix: "/mesos".to_owned(),
        ..Default::default()
    };
    let found = endpoint("node", Format::Pid, b"master@10.0.0.1:5050", &settings);
    assert_eq!(
        found.expect("a pid").to_string(),
        "https://10.0.0.1:5050/mesos"
    );
}

#[test]
fn data_that_cannot_be_read_is_an_error_that_names_the_node_and_what_is_wrong() {
    for (format, data, what) in [
        (Format::Json, "", "has no MasterInfo in JSON"),
        (
            Format::Json,
            r#"{"ip":1,"port":1}"#,
            "has no MasterInfo in JSON",
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
            "has an IP address that is none",
        ),
        (
            Format::Json,
            r#"{"id":"m","ip":1,"port":1,"address":{"port":1}}"#,
            "has neither an IP address nor a host name",
        ),
        (
            Format::Json,
            r#"{"id":"m","ip":1,"port":1,"address":{"hostname":"a b","port":1}}"#,
            "has a host name that is none",
        ),
        (
            Format::Json,
            r#"{"id":"m","ip":1,"port":1,"pid":"10.0.0.1:1"}"#,
            "has a pid that is none",
        ),
        (
            Format::Json,
            r#"{"id":"m","ip":0,"port":1}"#,
            "has no IP address",
        ),
        (Format::Protobuf, "\u{1}", "has no MasterInfo in protobuf"),
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
