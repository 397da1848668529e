//! The addresses of masters that libmesos accepts, and the checks of other addresses.

use mesos_core::{Error, ErrorKind, Result};

/// The address in the form that libmesos accepts.
///
/// # Errors
/// [`ErrorKind::Config`]: libmesos cannot use the address.
pub(super) fn checked(text: &str) -> Result<String> {
    let text = text.trim();
    let wrong = |reason: &str| {
        Error::new(
            ErrorKind::Config,
            format!(
                "libmesos cannot use {:?} as the address of a master: {reason}",
                without_password(text)
            ),
        )
    };
    if text.contains('\0') {
        return Err(wrong("it contains a NUL character"));
    }
    if text.starts_with("zk://") {
        return zookeeper(text);
    }
    if let Some(path) = text.strip_prefix("file://") {
        return match path.is_empty() {
            true => Err(wrong("the path of the file is missing")),
            false => Ok(text.to_owned()),
        };
    }
    let plain = match text.split_once("://") {
        None => text,
        Some(("http" | "https", rest)) => {
            let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
            match path.trim_end_matches('/') {
                "" | "master" => host,
                _ => return Err(wrong("write host:port without a path other than /master")),
            }
        }
        Some(_) => return Err(wrong("write host:port, zk://…, file://… or http://…")),
    };
    match plain.rsplit_once(':') {
        Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok_and(|p| p != 0) => {
            Ok(plain.to_owned())
        }
        // libmesos would start a cluster in this process for "local".
        _ => Err(wrong("write host:port")),
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
        "a zk:// address needs the feature \"zookeeper\", because libmesos would end the process for \
         data that it cannot use; enable that feature of the crate mesos (or mesos-native), or write \
         the address of the master, like HOST:5050",
    ))
}

/// The address in the file of a `file://` address, which libmesos would read as well. Other addresses
/// are returned unchanged.
///
/// # Errors
/// [`ErrorKind::Config`]: the file cannot be read, or its address cannot be used.
pub(super) fn resolved(address: &str) -> Result<String> {
    let Some(path) = address.strip_prefix("file://") else {
        return Ok(address.to_owned());
    };
    let text = std::fs::read_to_string(path).map_err(|cause| {
        let text = format!("cannot read the address of the master from {path}");
        Error::new(ErrorKind::Config, text).with_source(cause)
    })?;
    match text.trim() {
        inner if inner.starts_with("file://") => {
            let text = format!(
                "{path} contains the name of another file, {inner}; write the address of the \
                 master in {path}"
            );
            Err(Error::new(ErrorKind::Config, text))
        }
        inner => checked(inner),
    }
}

/// The address without its password, for messages.
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
    fn addresses_that_libmesos_accepts_are_unchanged() {
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
    fn an_address_is_normalized_for_libmesos() {
        assert_eq!(
            checked(" zk://a:1, b:2/mesos// ").expect("an address"),
            "zk://a:1,b:2/mesos"
        );
    }

    #[test]
    fn an_address_of_the_http_api_becomes_host_and_port() {
        for address in ["http://h:5050", "http://h:5050/", "https://h:5050/master"] {
            assert_eq!(checked(address).expect(address), "h:5050");
        }
    }

    #[test]
    fn invalid_addresses_are_refused_with_a_reason_and_without_the_password() {
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
            ("zk://user:secret@a/mesos", "\"a\""),
            ("zk://user:sec/ret@a:2181/mesos", "contains '/'"),
        ] {
            let error = checked(address).expect_err(address).to_string();
            assert!(!error.contains("sec") && !error.contains("cret"), "{error}");
            assert!(error.contains(what), "{error}");
        }
    }
}
