//! Which addresses are accepted, the errors for others, and that no output contains a password.

use super::*;

fn parse(text: &str) -> Result<Ensemble, AddressError> {
    text.parse()
}

#[test]
fn every_form_is_parsed() {
    for (text, servers, path, credentials) in [
        ("zk://h:2181/mesos", "h:2181", "/mesos", None),
        ("ZK://h:2181/mesos/", "h:2181", "/mesos", None),
        (
            "zk://h1:2181,10.0.0.1:2182, [::1]:2183/a/b//",
            "h1:2181,10.0.0.1:2182,[::1]:2183",
            "/a/b",
            None,
        ),
        ("zk://u:p@h:2181/m", "h:2181", "/m", Some("u:p")),
        (
            "zk://u:a@b:c/d,@h:2181/m",
            "h:2181",
            "/m",
            Some("u:a@b:c/d,"),
        ),
        ("zk://u:@h:2181/m", "h:2181", "/m", Some("u:")),
        (" zk://h.x-y_z:2181/m\n", "h.x-y_z:2181", "/m", None),
        (
            "zk://h:2181/log_replicas.é",
            "h:2181",
            "/log_replicas.é",
            None,
        ),
    ] {
        let expected = Ensemble {
            servers: servers.to_owned(),
            path: path.to_owned(),
            credentials: credentials.map(|pair: &str| pair.to_owned().into()),
        };
        assert!(parse(text) == Ok(expected), "{text}");
    }
}

#[test]
fn an_invalid_address_is_an_error_that_says_what_to_write() {
    for (text, message) in [
        (
            "zk://",
            "the address zk:// has no server; write one like zk://HOST:2181/mesos",
        ),
        (
            "zk:///mesos",
            "the address zk:///mesos has no server; write one like zk://HOST:2181/mesos",
        ),
        (
            "zk://h:2181",
            "the address zk://h:2181 has no path; write the path of the masters' --zk, like \
             zk://h:2181/mesos",
        ),
        (
            "zk://u:p@h:2181//",
            "the address zk://h:2181 has no path; write the path of the masters' --zk, like \
             zk://h:2181/mesos",
        ),
        (
            "zk://h1,h2:2181/mesos",
            "\"h1\" is not a ZooKeeper server; write HOST:PORT, like zk1:2181 or [::1]:2181",
        ),
        (
            "zk://u:p@h:2181/a//b",
            "\"/a//b\" is not a ZooKeeper path; write names with a / before each, like \
             zk://h:2181/mesos",
        ),
        (
            "zk://word@h:2181/m",
            "the part before the @ of the ZooKeeper address is not USER:PASSWORD; write one like \
             zk://USER:PASSWORD@HOST:2181/mesos",
        ),
        (
            "http://u:p@h:2181/mesos",
            "the address is not a ZooKeeper address; write one like zk://HOST:2181/mesos",
        ),
    ] {
        assert_eq!(parse(text).expect_err(text).to_string(), message, "{text}");
    }
    for text in [
        "",
        "zk",
        "zk://h:2181,/m",
        "zk://h:/m",
        "zk://h:0/m",
        "zk://h:+1/m",
        "zk://h:65536/m",
        "zk://10.0.1:2181/m",
        "zk://a b:2181/m",
        "zk://[::1]/m",
        "zk://[::g]:1/m",
        "zk://::1:2181/m",
        "zk://http://h:2181/m",
        "zk://h:2181/./m",
        "zk://h:2181/m/..",
        "zk://h:2181/m/ /",
        "zk://h:2181/ m",
        "zk://h:2181/m\0",
        "zk://@h:2181/m",
        "zk://:p@h:2181/m",
    ] {
        parse(text).expect_err(text);
    }
}

#[test]
fn a_comma_before_the_path_is_reported_as_a_comma_too_many() {
    for (text, message) in [
        (
            "zk://a:2181,b:2181,c:2181,/mesos",
            "the list of ZooKeeper servers has a comma too many; write \
             zk://a:2181,b:2181,c:2181/mesos",
        ),
        (
            "zk://u:p@,a:2181,,b:2181/mesos",
            "the list of ZooKeeper servers has a comma too many; write it like \
             zk://HOST1:2181,HOST2:2181/mesos",
        ),
    ] {
        assert_eq!(parse(text).expect_err(text).to_string(), message, "{text}");
    }
}

#[test]
fn a_path_after_each_server_is_refused_with_what_to_write() {
    for text in [
        "zk://h1:2181/mesos,h2:2181/mesos",
        "zk://h1:2181/mesos,zk://h2:2181/mesos",
        "zk://h1:2181/mesos,[::1]:2181",
        "zk://h1:2181/a/b, h2:2181/a/b,h3:2181/a/b",
    ] {
        assert_eq!(
            parse(text).expect_err(text).to_string(),
            "the path of a ZooKeeper address follows the last server, and is written once, like \
             zk://HOST1:2181,HOST2:2181/mesos",
            "{text}"
        );
    }
    // ZooKeeper accepts a comma in the name of a node.
    for text in ["zk://h:2181/a,b", "zk://h:2181/a,b:c"] {
        parse(text).expect(text);
    }
}

#[test]
fn a_password_is_in_no_error_and_no_output() {
    for text in [
        "zk://user@secret:h:2181/m",
        "zk://user@secret:h:2181",
        "zk://user:a@secret:h:2181/m",
        "zk://user:secret:h:2181/m",
        "zk://user:secret/m",
        "zk://user:secret,h:2181/m",
        "zk://user:a@secret,h:2181/m",
        "zk://user:secret@h:2181",
        "zk://user:secret@h:2181/",
        "zk://user:secret@h/m",
        "zk://user:secret@",
        "zk://secret@h:2181/m",
        "zk://user:se@cret:secret@h:2181//",
        "zk2://user:secret@h:2181/m",
    ] {
        let error = parse(text).expect_err(text);
        assert!(!format!("{error} {error:?}").contains("secret"), "{error}");
    }
    let ensemble = parse("zk://user:secret@h:2181/m").expect("an address");
    let shown = format!("{ensemble} {ensemble:?}");
    assert!(
        !shown.contains("secret") && !shown.contains("user"),
        "{shown}"
    );
}
