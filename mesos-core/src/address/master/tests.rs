//! Which addresses are accepted, the errors for others, and that no output contains a password.

use proptest::prelude::*;

use super::*;
use crate::address::AddressErrorKind;

fn parse(text: &str) -> Result<String, AddressError> {
    text.parse().map(|master: Master| master.to_string())
}

#[test]
fn every_form_of_a_masters_address_is_parsed() {
    for (text, master) in [
        ("http://10.0.0.1:5050", "http://10.0.0.1:5050"),
        (
            "https://example.com/mesos/",
            "https://example.com:443/mesos",
        ),
        ("10.0.0.1:5050", "http://10.0.0.1:5050"),
        ("[::1]:5050", "http://[::1]:5050"),
        ("http://[fd00::1]:5050/x", "http://[fd00::1]:5050/x"),
        ("master@10.0.0.1:5050", "http://10.0.0.1:5050/master"),
        ("master@[::1]:5050", "http://[::1]:5050/master"),
        (" http://m1:5050\n", "http://m1:5050"),
        (
            "http://m1:5050, m2:5051,master@m3:5052,https://m4/x",
            "http://m1:5050,http://m2:5051,http://m3:5052/master,https://m4:443/x",
        ),
        ("zk://me:secret@h:2181/mesos/", "zk://h:2181/mesos"),
        ("ZK://h:2181/a", "zk://h:2181/a"),
        ("file:///etc/mesos/master", "file:///etc/mesos/master"),
        ("FILE:///a b", "file:///a b"),
    ] {
        assert_eq!(parse(text).expect(text), master, "{text}");
    }
}

#[test]
fn an_invalid_address_is_an_error_that_says_what_to_write() {
    use AddressErrorKind::{Syntax, Unsupported};
    for (text, kind, message) in [
        (
            "",
            Syntax,
            "the address is empty; write one like http://HOST:5050",
        ),
        (
            "m1:5050,,m2:5050",
            Syntax,
            "the list of masters has an empty item; write one like \
             http://HOST1:5050,http://HOST2:5050",
        ),
        (
            "m1:5050,zk://h:2181/m",
            Syntax,
            "\"zk://h:2181/m\" cannot be in a list of masters; write it alone, or write only \
             masters like http://HOST1:5050,http://HOST2:5050",
        ),
        (
            "local",
            Unsupported,
            "\"local\" starts a cluster inside libmesos, which this library does not support; \
             start a cluster with mesos-local, and write its address",
        ),
        (
            "http://user:word@m1:5050",
            Unsupported,
            "a master's address cannot contain credentials; remove the part before the @, and \
             pass the credentials to the backend",
        ),
        (
            "file://etc/mesos",
            Syntax,
            "the file:// address does not have an absolute path; write it with three slashes, \
             like file:///etc/mesos/master",
        ),
        (
            "zk://h:2181",
            Syntax,
            "the address zk://h:2181 has no path; write the path of the masters' --zk, like \
             zk://h:2181/mesos",
        ),
    ] {
        let error = parse(text).expect_err(text);
        assert_eq!(error.to_string(), message, "{text}");
        assert_eq!(error.kind(), kind, "{text}");
    }
    for text in [
        "ftp://m1:5050",
        "master@",
        "master@m1",
        "master@m1:5050/x",
        "http://m1:5050/api/v1/scheduler",
        "m1:5050,m2:x",
        "zk://:p@h:2181/m",
        "localquiet",
    ] {
        parse(text).expect_err(text);
    }
}

#[test]
fn a_password_is_in_no_error_and_no_output() {
    for text in [
        "zk://user:secret@h:2181",
        "zk://user:secret@h:2181/",
        "zk://user:secret@h/m",
        "zk://user:secret@",
        "zk://secret@h:2181/m",
        "zk://user:se@cret:secret@h:2181//",
        "http://user:secret@m1:5050",
        "http://user:secret,@m1:5050",
        "http://user:,secret@m1:5050",
        "m1:5050,http://user:secret,secret@m2:5050",
        "user:secret@m1:5050",
        "master@user:secret@m1:5050",
        "master@m1:5050,secret@m1:5050",
        "http://user:secret,master@m1:5050",
        "zk2://user:secret,master@m1:5050",
        "http://user:secret,,master@m1:5050",
        "zk2://user:secret@h:2181/m",
    ] {
        let error = parse(text).expect_err(text);
        assert!(!error.to_string().contains("secret"), "{error}");
        assert!(!format!("{error:?}").contains("secret"), "{error:?}");
    }
}

#[test]
fn no_output_of_an_address_contains_its_password() {
    let master: Master = "zk://user:secret@h:2181/m".parse().expect("an address");
    for output in [
        master.to_string(),
        format!("{master:?}"),
        format!("{:?}", master.location()),
    ] {
        assert!(
            !output.contains("secret") && !output.contains("user"),
            "{output}"
        );
    }
}

#[test]
fn a_prefix_starts_with_one_slash_and_ends_without() {
    for (prefix, expected) in [
        ("/master", "/master"),
        ("master/", "/master"),
        ("/", ""),
        ("", ""),
        ("/a/b/", "/a/b"),
    ] {
        let master = Master::from(Address::File("/f".into())).with_prefix(prefix);
        assert_eq!(master.prefix(), expected);
    }
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic_or_print_a_secret(
        text in r"(zk://|file://|http://|master@|)[a-z0-9@:/,\[\]. %]{0,20}",
        behind in r"[a-z0-9@:/,\[\]]{0,20}",
    ) {
        let _ = parse(&text);
        if let Err(error) = parse(&format!("{text}SECRET@{behind}")) {
            prop_assert!(!error.to_string().contains("SECRET"), "{error}");
        }
    }

    #[test]
    fn a_printed_address_is_parsed_as_the_same_address(text in r"(http://)?[a-z]{1,5}(:[1-9][0-9]{0,3})?(/[a-z]{1,3})?(,[a-z]{1,5}:[1-9])?") {
        if let Ok(written) = parse(&text) {
            prop_assert_eq!(parse(&written).expect("written by us"), written);
        }
    }
}
