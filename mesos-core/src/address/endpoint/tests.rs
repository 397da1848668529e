//! Which addresses are accepted, and the errors for others.

use proptest::prelude::*;

use super::*;
use crate::address::AddressErrorKind;

fn shown(text: &str) -> String {
    match text.parse::<Endpoint>() {
        Ok(endpoint) => endpoint.to_string(),
        Err(error) => panic!("{text}: {error}"),
    }
}

#[test]
fn addresses_are_parsed_as_documented() {
    for (text, expected) in [
        ("http://10.0.0.1:5050", "http://10.0.0.1:5050"),
        ("http://10.0.0.1:5050/", "http://10.0.0.1:5050"),
        ("HTTP://Example.COM:5050", "http://example.com:5050"),
        ("http://example.com", "http://example.com:80"),
        ("https://example.com/mesos", "https://example.com:443/mesos"),
        (
            "https://example.com:8443/mesos//",
            "https://example.com:8443/mesos",
        ),
        ("example.com", "http://example.com:5050"),
        ("example.com/master", "http://example.com:5050/master"),
        ("10.0.0.1:5051", "http://10.0.0.1:5051"),
        ("[::1]:5050", "http://[::1]:5050"),
        ("[::1]", "http://[::1]:5050"),
        (
            "https://[0:0:0:0:0:0:0:1]/master",
            "https://[::1]:443/master",
        ),
        (
            "http://10.0.0.1:5051/slave(1)",
            "http://10.0.0.1:5051/slave(1)",
        ),
        (
            "http://host_with-odd.chars:1",
            "http://host_with-odd.chars:1",
        ),
    ] {
        assert_eq!(shown(text), expected, "{text}");
        assert_eq!(shown(&shown(text)), expected, "{text} is not stable");
    }
}

#[test]
fn a_path_follows_the_prefix() {
    let at = |text: &str| {
        let endpoint: Endpoint = text.parse().expect("an address");
        endpoint.join("/api/v1")
    };
    assert_eq!(at("http://h:1"), "/api/v1");
    assert_eq!(at("http://h:1/master/"), "/master/api/v1");
    assert_eq!(at("http://h:1/slave(1)"), "/slave(1)/api/v1");
}

#[test]
fn an_invalid_address_is_an_error_that_says_what_to_write_instead() {
    for (text, message) in [
        ("", "the address is empty; write one like http://HOST:5050"),
        (
            " \n",
            "the address is empty; write one like http://HOST:5050",
        ),
        (
            "ftp://host",
            "the address \"ftp://host\" has the unknown scheme \"ftp\"; write http://HOST:5050 or \
             https://HOST:5050",
        ),
        (
            "http://",
            "the address \"http://\" has no host; write one like http://HOST:5050",
        ),
        (
            "http://:5050/master",
            "the address \"http://:5050/master\" has no host; write one like http://HOST:5050",
        ),
        (
            "http://host:",
            "\"\" in the address \"http://host:\" is not a port; write a number from 1 to 65535 \
             (a master usually listens on 5050)",
        ),
        (
            "host:65536",
            "\"65536\" in the address \"host:65536\" is not a port; write a number from 1 to \
             65535 (a master usually listens on 5050)",
        ),
        (
            "host:+80",
            "\"+80\" in the address \"host:+80\" is not a port; write a number from 1 to 65535 (a \
             master usually listens on 5050)",
        ),
        (
            "host:0",
            "\"0\" in the address \"host:0\" is not a port; write a number from 1 to 65535 (a \
             master usually listens on 5050)",
        ),
        (
            "::1:5050",
            "\"::1:5050\" has more than one colon; write an IPv6 address in brackets, like \
             http://[::1]:5050",
        ),
        (
            "http://[::1:5050",
            "the address \"http://[::1:5050\" lacks the \"]\" after the IPv6 address; write it \
             like http://[::1]:5050",
        ),
        (
            "[fe80::1%eth0]:5050",
            "\"fe80::1%eth0\" in the address \"[fe80::1%eth0]:5050\" is not an IPv6 address; \
             write one like http://[::1]:5050",
        ),
        (
            "[::1]5050",
            "the address \"[::1]5050\" has \"5050\" after the IPv6 address; only a port may \
             follow it, like http://[::1]:5050",
        ),
        (
            "http://10.0.1:5050",
            "\"10.0.1\" in the address \"http://10.0.1:5050\" is neither an IPv4 address nor a \
             host name; write one like http://10.0.0.1:5050",
        ),
        (
            "5050",
            "\"5050\" in the address \"5050\" is neither an IPv4 address nor a host name; write \
             one like http://10.0.0.1:5050",
        ),
        (
            "the master",
            "\"the master\" in the address \"the master\" is not a host name; write one like \
             http://HOST:5050",
        ),
        (
            "http://host:5050/a?b",
            "the address \"http://host:5050/a?b\" has a query or a fragment; remove the part from \
             the ? on",
        ),
        (
            "http://host:5050#x",
            "the address \"http://host:5050#x\" has a query or a fragment; remove the part from \
             the # on",
        ),
        (
            "http://host:5050/a b",
            "the path \"/a b\" in the address \"http://host:5050/a b\" has characters that a URL \
             may not have; write them as %XX",
        ),
        (
            "host:5050/master/api/v1",
            "the address \"host:5050/master/api/v1\" includes the path of an API; write only the \
             part before \"/api/v1\": http://host:5050/master",
        ),
    ] {
        let error = text.parse::<Endpoint>().expect_err(text);
        assert_eq!(error.to_string(), message);
        assert_eq!(error.kind(), AddressErrorKind::Syntax, "{text}");
    }
}

#[test]
fn an_address_of_another_form_is_an_unsupported_one() {
    for (text, message) in [
        (
            "zk://h1:2181,h2:2181/mesos",
            "a zk:// address does not name one master; write http://HOST:5050, or parse the text \
             as mesos::Master",
        ),
        (
            "file:///etc/mesos/zk",
            "a file:// address does not name one master; write http://HOST:5050, or parse the \
             text as mesos::Master",
        ),
        (
            "http://m1:5050,m2:5050",
            "\"http://m1:5050,m2:5050\" names several masters, but one address is expected; write \
             one of them, or parse the text as mesos::Master",
        ),
        (
            "https://user:secret@host:5050/master",
            "an address cannot contain credentials; write https://host:5050/master, and pass the \
             credentials to the backend",
        ),
    ] {
        let error = text.parse::<Endpoint>().expect_err(text);
        assert_eq!(error.to_string(), message);
        assert_eq!(error.kind(), AddressErrorKind::Unsupported, "{text}");
    }
}

#[test]
fn a_password_is_never_quoted() {
    for text in [
        "http://user:secret@host:5050",
        "user:secret@host",
        "http://user:se/secret@host:port",
        "http://user:secret?#@host",
        "zk://user:secret@host:2181/mesos",
        "ftp://user:secret@host",
        "http://user:secret@",
        "http://user:a@secret@host",
    ] {
        let error = text.parse::<Endpoint>().expect_err(text);
        assert!(!error.to_string().contains("secret"), "{error}");
        assert!(!format!("{error:?}").contains("secret"), "{error:?}");
    }
}

#[test]
fn an_address_error_is_a_configuration_error() {
    let error = crate::Error::from("ftp://h".parse::<Endpoint>().expect_err("ftp"));
    assert_eq!(error.kind(), crate::ErrorKind::Config);
    assert_eq!(error.delivery(), crate::Delivery::NotSent);
}

#[test]
fn the_name_in_a_libprocess_id_becomes_the_prefix() {
    for (pid, endpoint) in [
        ("slave(1)@10.0.0.1:5051", "http://10.0.0.1:5051/slave(1)"),
        ("slave(12)@[::1]:5051", "http://[::1]:5051/slave(12)"),
        ("master@host:5050", "http://host:5050/master"),
    ] {
        let found = Endpoint::from_pid(pid).expect(pid);
        assert_eq!(found.to_string(), endpoint);
    }
    for pid in [
        "",
        "@",
        "slave(1)",
        "slave(1)@",
        "@10.0.0.1:5051",
        "slave(1)@10.0.0.1",
        "a@b@c:1",
        "a?@b:1",
        "a@b:x",
    ] {
        Endpoint::from_pid(pid).expect_err(pid);
    }
}

#[test]
fn an_agents_address_in_an_offer_prefers_the_ip_address() {
    use mesos_proto::v1::{Address, Url};
    let url = |ip: Option<&str>, hostname: Option<&str>| Url {
        scheme: "http".to_owned(),
        address: Address {
            ip: ip.map(str::to_owned),
            hostname: hostname.map(str::to_owned),
            port: 5051,
        },
        path: Some("/slave(1)".to_owned()),
        ..Default::default()
    };
    for (ip, hostname, expected) in [
        (
            Some("10.0.0.2"),
            Some("agent"),
            "http://10.0.0.2:5051/slave(1)",
        ),
        (Some("fd00::2"), None, "http://[fd00::2]:5051/slave(1)"),
        (None, Some("agent"), "http://agent:5051/slave(1)"),
    ] {
        let endpoint = Endpoint::try_from(&url(ip, hostname)).expect(expected);
        assert_eq!(endpoint.to_string(), expected);
    }
    Endpoint::try_from(&url(None, None)).expect_err("no host");
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC{0,40}") {
        let _ = text.parse::<Endpoint>();
        let _ = Endpoint::from_pid(&text);
    }

    #[test]
    fn a_printed_endpoint_is_parsed_as_the_same_endpoint(
        text in "(https?://)?([a-z]{1,8}|\\[[0-9a-f]{0,4}::[0-9a-f]{1,4}\\])(:[0-9]{1,5})?(/[a-z()]{0,5}){0,2}",
    ) {
        if let Ok(endpoint) = text.parse::<Endpoint>() {
            let printed = endpoint.to_string();
            let again: Endpoint = printed.parse().expect("printed by us");
            prop_assert_eq!(again.to_string(), printed);
        }
    }
}
