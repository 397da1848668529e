//! What an address may look like, and what is said of one that does not.

use proptest::prelude::*;

use super::*;

fn shown(text: &str) -> String {
    match text.parse::<Endpoint>() {
        Ok(endpoint) => endpoint.to_string(),
        Err(error) => panic!("{text}: {error}"),
    }
}

#[test]
fn addresses_are_read_as_the_table_in_the_documentation_says() {
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
fn paths_go_behind_the_prefix() {
    let at = |text: &str| {
        let endpoint: Endpoint = text.parse().expect("an address");
        endpoint.join("/api/v1")
    };
    assert_eq!(at("http://h:1"), "/api/v1");
    assert_eq!(at("http://h:1/master/"), "/master/api/v1");
    assert_eq!(at("http://h:1/slave(1)"), "/slave(1)/api/v1");
}

#[test]
fn what_is_no_address_is_refused_with_what_to_write_instead() {
    for (text, message) in [
        ("", "the address is empty; write one like http://HOST:5050"),
        (
            " \n",
            "the address is empty; write one like http://HOST:5050",
        ),
        (
            "ftp://host",
            "the address \"ftp://host\" has the scheme \"ftp\", which is not known; write \
             http://HOST:5050 or https://HOST:5050",
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
            "\"\" in the address \"http://host:\" is no port; write a number from 1 to 65535, \
             such as the 5050 of a master",
        ),
        (
            "host:65536",
            "\"65536\" in the address \"host:65536\" is no port; write a number from 1 to 65535, \
             such as the 5050 of a master",
        ),
        (
            "host:+80",
            "\"+80\" in the address \"host:+80\" is no port; write a number from 1 to 65535, such \
             as the 5050 of a master",
        ),
        (
            "host:0",
            "\"0\" in the address \"host:0\" is no port; write a number from 1 to 65535, such as \
             the 5050 of a master",
        ),
        (
            "::1:5050",
            "\"::1:5050\" has more than one colon; if it is an IPv6 address, write it in \
             brackets, like http://[::1]:5050",
        ),
        (
            "http://[::1:5050",
            "the address \"http://[::1:5050\" lacks the \"]\" after the IPv6 address; write it \
             like http://[::1]:5050",
        ),
        (
            "[fe80::1%eth0]:5050",
            "\"fe80::1%eth0\" in the address \"[fe80::1%eth0]:5050\" is no IPv6 address; write \
             one like http://[::1]:5050",
        ),
        (
            "[::1]5050",
            "the address \"[::1]5050\" has \"5050\" after the IPv6 address, where only a port may \
             be; write it like http://[::1]:5050",
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
            "\"the master\" in the address \"the master\" is no host name; write one like \
             http://HOST:5050",
        ),
        (
            "http://host:5050/a?b",
            "the address \"http://host:5050/a?b\" has a query or a fragment, which Mesos has no \
             use for; end it before the ?",
        ),
        (
            "http://host:5050#x",
            "the address \"http://host:5050#x\" has a query or a fragment, which Mesos has no use \
             for; end it before the #",
        ),
        (
            "http://host:5050/a b",
            "the path \"/a b\" in the address \"http://host:5050/a b\" has characters that a URL \
             may not have; write them as %XX",
        ),
        (
            "host:5050/master/api/v1",
            "the address \"host:5050/master/api/v1\" names an API; write what is before \
             \"/api/v1\": http://host:5050/master",
        ),
    ] {
        let error = text.parse::<Endpoint>().expect_err(text);
        assert_eq!(error.to_string(), message);
        assert_eq!(error.kind(), EndpointErrorKind::Syntax, "{text}");
    }
}

#[test]
fn addresses_that_mesos_has_and_we_have_not_are_told_apart_from_nonsense() {
    for (text, message) in [
        (
            "zk://h1:2181,h2:2181/mesos",
            "zk:// is not the address of one master; write that as http://HOST:5050, or read it as \
             mesos_http::Master",
        ),
        (
            "file:///etc/mesos/zk",
            "file:// is not the address of one master; write that as http://HOST:5050, or read it \
             as mesos_http::Master",
        ),
        (
            "http://m1:5050,m2:5050",
            "\"http://m1:5050,m2:5050\" names several masters where one address is expected; name \
             one of them, or read it as mesos_http::Master",
        ),
        (
            "https://user:secret@host:5050/master",
            "credentials in an address are not supported; write https://host:5050/master, and \
             give the credentials apart from it",
        ),
    ] {
        let error = text.parse::<Endpoint>().expect_err(text);
        assert_eq!(error.to_string(), message);
        assert_eq!(error.kind(), EndpointErrorKind::Unsupported, "{text}");
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
fn a_wrong_address_is_a_configuration_error() {
    let error = mesos_core::Error::from("ftp://h".parse::<Endpoint>().expect_err("ftp"));
    assert_eq!(error.kind(), mesos_core::ErrorKind::Config);
    assert_eq!(error.delivery(), mesos_core::Delivery::NotSent);
}

#[test]
fn a_libprocess_id_names_the_prefix_before_the_address() {
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
    fn no_text_makes_it_panic(text in "\\PC{0,40}") {
        let _ = text.parse::<Endpoint>();
        let _ = Endpoint::from_pid(&text);
    }

    #[test]
    fn what_is_printed_is_read_back_as_the_same(
        text in "(https?://)?([a-z]{1,8}|\\[[0-9a-f]{0,4}::[0-9a-f]{1,4}\\])(:[0-9]{1,5})?(/[a-z()]{0,5}){0,2}",
    ) {
        if let Ok(endpoint) = text.parse::<Endpoint>() {
            let printed = endpoint.to_string();
            let again: Endpoint = printed.parse().expect("printed by us");
            prop_assert_eq!(again.to_string(), printed);
        }
    }
}
