//! The address of the masters, in the form that libmesos accepts.

use std::fmt;
use std::sync::{Arc, Mutex};

#[cfg(feature = "zookeeper")]
use mesos_core::address::Ensemble;
use mesos_core::address::{Location, read_file};
use mesos_core::{Endpoint, Error, ErrorKind, Master, Result, Scheme, error_chain};
use zeroize::Zeroizing;

#[cfg(feature = "zookeeper")]
use super::zookeeper;
use crate::lock::lock;

/// The configured address, and the address that it resolved to.
#[derive(Clone)]
pub(super) struct Target {
    master: Master,
    resolved: Arc<Mutex<Option<Address>>>,
}

impl Target {
    /// # Errors
    /// [`ErrorKind::Config`]: libmesos cannot use the address. The content of a file is not
    /// checked here.
    pub(super) fn new(master: Master) -> Result<Self> {
        if !matches!(master.location(), Location::File(_)) {
            Address::new(&master, tls_enabled())?;
        }
        Ok(Self {
            master,
            resolved: Arc::default(),
        })
    }

    /// The current address. Reads the file of a `file://` address; if that fails, the previous
    /// content stays in effect.
    ///
    /// # Errors
    /// [`ErrorKind::Config`]: the file cannot be read, or libmesos cannot use its content.
    pub(super) fn resolve(&self) -> Result<Address> {
        let mut resolved = lock(&self.resolved);
        match (Address::new(&self.master, tls_enabled()), &*resolved) {
            (Ok(address), _) => {
                *resolved = Some(address.clone());
                Ok(address)
            }
            (Err(error), Some(previous)) => {
                tracing::warn!(error = %error_chain(&error), "the previous address stays in effect");
                Ok(previous.clone())
            }
            (Err(error), None) => Err(error),
        }
    }
}

/// Without credentials.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.master.fmt(f)
    }
}

/// An address that libmesos can use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Address {
    /// `host:port` of one master.
    Master(String),
    /// The path where the masters elect their leader.
    #[cfg(feature = "zookeeper")]
    ZooKeeper(Ensemble),
}

impl Address {
    /// `tls`: whether libmesos uses TLS.
    fn new(master: &Master, tls: bool) -> Result<Self> {
        let unusable = |reason: &str| {
            let text = format!("libmesos cannot use the address {master}: {reason}");
            Error::new(ErrorKind::Config, text)
        };
        if master.scheme() == Some(Scheme::Https) && !tls {
            return Err(unusable(NO_TLS));
        }
        match master.location() {
            Location::Masters(masters) => match masters.as_slice() {
                [one] => host_and_port(one, tls).map_err(unusable),
                _ => Err(unusable(
                    "it accepts only one master; write the address of the leader, like \
                     10.0.0.1:5050, or the value of the masters' --zk",
                )),
            },
            Location::File(path) => {
                let content = read_file(path)?.with_settings_of(master);
                Self::new(&content, tls)
            }
            #[cfg(feature = "zookeeper")]
            Location::ZooKeeper(ensemble) => match zookeeper::usable(ensemble) {
                Ok(()) => Ok(Self::ZooKeeper(ensemble.clone())),
                Err(reason) => Err(unusable(reason)),
            },
            #[cfg(not(feature = "zookeeper"))]
            Location::ZooKeeper(_) => Err(unusable(
                "zk:// needs the feature \"zookeeper\", because libmesos would end the process for \
                 data that it cannot use; enable that feature of the crate mesos (or \
                 mesos-native), or write the address of the leader, like 10.0.0.1:5050",
            )),
        }
    }

    /// The address of the master, if it does not change.
    pub(super) fn fixed(&self) -> Option<&str> {
        match self {
            Self::Master(address) => Some(address),
            #[cfg(feature = "zookeeper")]
            Self::ZooKeeper(_) => None,
        }
    }

    /// The text for libmesos. It may contain a password.
    pub(super) fn for_libmesos(&self) -> Zeroizing<String> {
        match self {
            Self::Master(address) => Zeroizing::new(address.clone()),
            #[cfg(feature = "zookeeper")]
            Self::ZooKeeper(ensemble) => zookeeper::url(ensemble),
        }
    }
}

const NO_TLS: &str = "it uses TLS only if LIBPROCESS_SSL_ENABLED is 1; set that variable and the \
                      other LIBPROCESS_SSL_ variables, or write http:// in place of https://";

fn host_and_port(endpoint: &Endpoint, tls: bool) -> Result<Address, &'static str> {
    if endpoint.scheme() == Scheme::Https && !tls {
        return Err(NO_TLS);
    }
    match endpoint.prefix() {
        "" | "/master" => Ok(Address::Master(endpoint.authority())),
        _ => Err(
            "it connects to host and port without a path; write an address like \
                  10.0.0.1:5050",
        ),
    }
}

/// Whether libmesos uses TLS, by its environment variables.
pub(super) fn tls_enabled() -> bool {
    ["LIBPROCESS_SSL_ENABLED", "SSL_ENABLED"]
        .iter()
        .filter_map(|name| std::env::var(name).ok())
        .any(|value| value == "1" || value == "true")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parsed(text: &str) -> Master {
        text.parse().expect(text)
    }

    fn for_libmesos(text: &str, tls: bool) -> mesos_core::Result<String> {
        Address::new(&parsed(text), tls).map(|address| address.for_libmesos().to_string())
    }

    fn refusal(text: &str) -> String {
        let error = for_libmesos(text, false).expect_err(text);
        assert_eq!(error.kind(), ErrorKind::Config);
        error.to_string()
    }

    #[test]
    fn every_form_of_one_master_becomes_host_and_port() {
        for address in [
            "10.0.0.1:5050",
            "10.0.0.1",
            "master@10.0.0.1:5050",
            "http://10.0.0.1:5050",
            "http://10.0.0.1:5050/master/",
        ] {
            let text = for_libmesos(address, false).expect(address);
            assert_eq!(text, "10.0.0.1:5050", "{address}");
        }
    }

    #[test]
    fn https_needs_the_tls_settings_of_libmesos() {
        let address = "https://h:5050";
        let error = refusal(address);
        assert!(error.contains("LIBPROCESS_SSL_ENABLED"), "{error}");
        assert_eq!(for_libmesos(address, true).expect(address), "h:5050");
        let bare = parsed("h:5050").with_scheme(Scheme::Https);
        let error = Address::new(&bare, false).expect_err("https");
        assert!(
            error.to_string().contains("LIBPROCESS_SSL_ENABLED"),
            "{error}"
        );
    }

    #[test]
    fn an_address_that_libmesos_cannot_use_is_refused_with_what_to_write() {
        for (address, what) in [
            ("http://a:5050,http://b:5050", "only one master"),
            ("http://h:5050/mesos", "without a path"),
            ("zk://[::1]:2181/mesos", "IPv6"),
            ("zk://user:sec/ret@a:2181/mesos", "contains '/'"),
        ] {
            let error = refusal(address);
            assert!(error.contains(what), "{error}");
            assert!(!error.contains("sec") && !error.contains("ret@"), "{error}");
        }
    }

    #[test]
    fn a_zookeeper_address_is_normalized_for_libmesos() {
        for (address, text) in [
            ("ZK://a:1, b:2/mesos// ", "zk://a:1,b:2/mesos"),
            ("zk://user:sec@ret@a:1/mesos", "zk://user:sec@ret@a:1/mesos"),
        ] {
            assert_eq!(for_libmesos(address, false).expect(address), text);
        }
    }

    #[test]
    fn a_file_is_read_for_each_subscription_and_keeps_its_content_if_that_fails() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("master");
        let target = Target::new(parsed(&format!("file://{}", path.display()))).expect("a file");
        let error = target.resolve().expect_err("no file yet");
        assert_eq!(error.kind(), ErrorKind::Config);
        for (content, address) in [
            ("h:5050\n", "h:5050"),
            ("zk://a:1/mesos", "zk://a:1/mesos"),
            ("not an address", "zk://a:1/mesos"),
            ("h:1,h:2", "zk://a:1/mesos"),
        ] {
            std::fs::write(&path, content).expect("written");
            let resolved = target.resolve().expect(content);
            assert_eq!(*resolved.for_libmesos(), address, "{content}");
        }
    }

    proptest! {
        /// Parsing is tested in mesos-core; this is about the addresses that it accepts.
        #[test]
        fn no_output_contains_the_password_of_an_address(
            scheme in "zk://|ZK://|http://|",
            before in "[a-z:/@,]{0,3}",
            after in "[a-z:/@,]{0,3}",
            hosts in r"[a-z]{1,4}:[1-9]{1,4}(,\[::1\]:2181)?",
            path in "(/[a-z]{1,4}){0,2}",
            tls in any::<bool>(),
        ) {
            let text = format!("{scheme}user:{before}S3CR3T{after}@{hosts}{path}");
            let Ok(master) = text.parse::<Master>() else {
                return Ok(());
            };
            let address = Address::new(&master, tls);
            let shown = match &address {
                Ok(address) => format!("{address:?} {address:#?}"),
                Err(error) => format!("{error:#} {error:?} {error:#?}"),
            };
            let target = Target::new(master).map(|target| target.to_string());
            let shown = format!("{shown} {target:?}");
            prop_assert!(!shown.contains("S3CR3T"), "{text:?} shows {shown}");
        }
    }
}
