//! What libmesos takes for a master's address, and what is refused before it does.

use mesos_core::{Error, ErrorKind, Result};

/// The address as libmesos wants it.
pub(super) fn checked(text: &str) -> Result<String> {
    let text = text.trim();
    let wrong = |reason: &str| {
        Error::new(
            ErrorKind::Config,
            format!(
                "{:?} is no address of a master for libmesos: {reason}",
                without_password(text)
            ),
        )
    };
    if text.contains('\0') {
        return Err(wrong("it has a NUL in it"));
    }
    if text.starts_with("zk://") {
        return zookeeper(text);
    }
    if let Some(path) = text.strip_prefix("file://") {
        return match path.is_empty() {
            true => Err(wrong("no path of a file")),
            false => Ok(text.to_owned()),
        };
    }
    let plain = match text.split_once("://") {
        None => text,
        Some(("http" | "https", rest)) => {
            let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
            match path.trim_end_matches('/') {
                "" | "master" => host,
                _ => return Err(wrong("libmesos takes no path but /master")),
            }
        }
        Some(_) => return Err(wrong("use host:port, zk://, file:// or http://")),
    };
    match plain.rsplit_once(':') {
        Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok_and(|p| p != 0) => {
            Ok(plain.to_owned())
        }
        // "local" would start a cluster in this process.
        _ => Err(wrong("host:port was expected")),
    }
}

#[cfg(feature = "zookeeper")]
fn zookeeper(text: &str) -> Result<String> {
    super::zookeeper::checked(text)
}

#[cfg(not(feature = "zookeeper"))]
fn zookeeper(_: &str) -> Result<String> {
    Err(Error::new(
        ErrorKind::Config,
        "zk:// addresses need the feature \"zookeeper\", which this program was built without, \
         because libmesos ends the process over what it may find there; build it with that \
         feature of the crate mesos (or mesos-native), or write the master itself, like HOST:5050",
    ))
}

/// What a `file://` holds, which libmesos would read as well; else the address itself.
pub(super) fn resolved(address: &str) -> Result<String> {
    let Some(path) = address.strip_prefix("file://") else {
        return Ok(address.to_owned());
    };
    let text = std::fs::read_to_string(path).map_err(|cause| {
        let text = format!("the master's address cannot be read from {path}");
        Error::new(ErrorKind::Config, text).with_source(cause)
    })?;
    match text.trim() {
        inner if inner.starts_with("file://") => {
            let text = format!("{path} names another file, {inner}; write the address there");
            Err(Error::new(ErrorKind::Config, text))
        }
        inner => checked(inner),
    }
}

/// For messages: the address without what is secret in it.
pub(super) fn without_password(text: &str) -> String {
    let Some(rest) = text.strip_prefix("zk://") else {
        return text.to_owned();
    };
    match rest.split_once('/').unwrap_or((rest, "")) {
        (authority, path) if authority.contains('@') => {
            let hosts = authority.rsplit_once('@').map_or("", |(_, hosts)| hosts);
            format!("zk://***@{hosts}/{path}")
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_libmesos_takes_are_handed_on() {
        for address in [
            "10.0.0.1:5050",
            "master.example:5050",
            "zk://a:2181,b:2181/mesos",
            "zk://user:secret@a:2181/mesos",
            "zk://user:sec@ret@a:2181/mesos",
            "file:///etc/mesos/zk",
        ] {
            assert_eq!(checked(address).expect(address), address);
        }
    }

    #[test]
    fn what_libmesos_reads_otherwise_is_written_as_it_reads_it() {
        assert_eq!(
            checked(" zk://a:1, b:2/mesos// ").expect("an address"),
            "zk://a:1,b:2/mesos"
        );
    }

    #[test]
    fn an_address_of_the_http_api_is_understood() {
        for address in ["http://h:5050", "http://h:5050/", "https://h:5050/master"] {
            assert_eq!(checked(address).expect(address), "h:5050");
        }
    }

    #[test]
    fn what_is_no_address_is_refused_with_the_reason_and_without_the_password() {
        for address in [
            "",
            "local",
            "localquiet",
            "h",
            "h:",
            "h:0",
            "h:99999",
            ":5050",
            "zk://a:2181",
            "zk://a:2181/",
            "zk://a/mesos",
            "zk://[::1]:2181/mesos",
            "zk://user:se/cret@a:2181/mesos",
            "file://",
            "ftp://h:1",
            "http://h:5050/api",
            "h:\x0050",
        ] {
            assert_eq!(
                checked(address).expect_err(address).kind(),
                ErrorKind::Config
            );
        }
        for (address, what) in [
            (
                "zk://user:secret@a:2181",
                "the address zk://a:2181 has no path",
            ),
            ("zk://user:secret@a/mesos", "\"a\" is no ZooKeeper server"),
            ("zk://user:sec/ret@a:2181/mesos", "has a / in it"),
        ] {
            let error = checked(address).expect_err(address).to_string();
            assert!(!error.contains("sec"), "{error}");
            assert!(error.contains(what), "{error}");
        }
    }
}
