//! The address of a cluster's masters, in every form that Mesos knows.
//!
//! No error quotes what may be a password: the text before an `@`.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use super::endpoint::{Endpoint, Scheme};
use super::ensemble::Ensemble;
use super::error::{AddressError, syntax, unsupported};

/// The address of the masters of a cluster, for both backends.
///
/// | text | meaning |
/// |---|---|
/// | `http://10.0.0.1:5050`, `https://example.com/mesos`, `10.0.0.1:5050`, `[::1]:5050` | one master, as an [`Endpoint`] |
/// | `master@10.0.0.1:5050` | the same, as Mesos writes it in its logs; paths begin with `/master` |
/// | several of these, separated by commas | masters of one cluster; any master that answers names the leader |
/// | `zk://10.0.0.1:2181,10.0.0.2:2181/mesos` | the value of the masters' `--zk`: the masters elect their leader there |
/// | `zk://USER:PASSWORD@10.0.0.1:2181/mesos` | the same, if reading requires authentication |
/// | `file:///etc/mesos/master` | a file that contains one of these |
///
/// The docs of a backend say which forms it accepts.
///
/// # ZooKeeper
/// The feature `zookeeper` is required: without it, a backend refuses the address. All text before
/// the last `@` is credentials, for ZooKeeper's scheme `digest`. They are rarely needed: masters
/// with credentials let everybody read (`EVERYONE_READ_CREATOR_ALL` in
/// src/zookeeper/authentication.cpp). Each server needs its port, as in Mesos. A `/` at the end is
/// ignored, and the path `/` alone is refused.
///
/// Masters publish only host and port in ZooKeeper. Scheme and path are settings:
/// [`with_scheme`](Self::with_scheme) and [`with_prefix`](Self::with_prefix).
///
/// # TLS
/// The HTTP backend uses HTTPS if the address has the scheme `https`, or if it has no scheme and
/// the backend has a `TlsConfig`. An address without a scheme is one that was written without, or
/// one from ZooKeeper.
///
/// # Files
/// The content is trimmed, and may be the address of another file. The backend reads the file for
/// each subscription, so a change takes effect at the next one. If the file can no longer be read
/// or parsed, the previous content stays in effect. A file keeps a password off the command line.
///
/// ```
/// use mesos::Master;
///
/// let master: Master = "zk://me:secret@zk1:2181,zk2:2181/mesos/".parse()?;
/// assert_eq!(master.to_string(), "zk://zk1:2181,zk2:2181/mesos");
///
/// let error = "zk://me:secret@zk1:2181".parse::<Master>().unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "the address zk://zk1:2181 has no path; write the path of the masters' --zk, like \
///      zk://zk1:2181/mesos"
/// );
/// # Ok::<(), mesos::AddressError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Master {
    address: Address,
    scheme: Option<Scheme>,
    prefix: String,
    session_timeout: Duration,
}

/// What a [`Master`] names: the input of a backend that searches for the leader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location<'a> {
    /// The endpoints of one or more masters, in the order in which they were written. At least
    /// one.
    Masters(Vec<Endpoint>),
    /// A file that contains an address. The path is absolute.
    File(&'a Path),
    /// The path where the masters elect their leader.
    ZooKeeper(&'a Ensemble),
}

#[derive(Clone, PartialEq, Eq)]
enum Address {
    Masters(Vec<Candidate>),
    File(PathBuf),
    ZooKeeper(Ensemble),
}

/// A master that the address names.
#[derive(Clone, PartialEq, Eq)]
struct Candidate {
    endpoint: Endpoint,
    /// Whether it was written without a scheme.
    bare: bool,
}

impl Master {
    /// The scheme for a leader from ZooKeeper, and for masters that were written without one.
    /// Masters that were written with a scheme keep it.
    ///
    /// By default the backend decides: the HTTP backend uses HTTPS if it has a `TlsConfig`, and
    /// HTTP otherwise.
    #[must_use]
    pub fn with_scheme(mut self, scheme: Scheme) -> Self {
        self.scheme = Some(scheme);
        self
    }

    /// The start of every path at a leader from ZooKeeper (default: `/master`, the name of a
    /// master's process, which Mesos' own library uses; the empty prefix also works unless the
    /// master shares a process with others). Masters that the address names have their own
    /// prefix.
    #[must_use]
    pub fn with_prefix(mut self, prefix: &str) -> Self {
        let prefix = prefix.trim_matches('/');
        self.prefix = match prefix {
            "" => String::new(),
            _ => format!("/{prefix}"),
        };
        self
    }

    /// The session timeout to request from ZooKeeper (default: 10 s,
    /// `MASTER_DETECTOR_ZK_SESSION_TIMEOUT` in src/master/detector/zookeeper.cpp). ZooKeeper limits
    /// the value, usually to the range from 4 s to 40 s. After this long without ZooKeeper, the
    /// leader counts as unknown.
    #[must_use]
    pub fn with_session_timeout(mut self, timeout: Duration) -> Self {
        self.session_timeout = timeout;
        self
    }

    /// The same address with the settings of `other`: scheme, prefix and session timeout.
    #[must_use]
    pub fn with_settings_of(self, other: &Self) -> Self {
        Self {
            address: self.address,
            ..other.clone()
        }
    }

    /// The scheme that was set, if any.
    pub fn scheme(&self) -> Option<Scheme> {
        self.scheme
    }

    /// The prefix for a leader from ZooKeeper: empty, or like `/master`.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The session timeout to request from ZooKeeper.
    pub fn session_timeout(&self) -> Duration {
        self.session_timeout
    }

    /// What the address names. Masters without a scheme get [`scheme`](Self::scheme), or HTTP.
    pub fn location(&self) -> Location<'_> {
        match &self.address {
            Address::Masters(masters) => {
                let endpoints = masters.iter().map(|master| self.endpoint(master));
                Location::Masters(endpoints.collect())
            }
            Address::File(path) => Location::File(path),
            Address::ZooKeeper(ensemble) => Location::ZooKeeper(ensemble),
        }
    }

    fn endpoint(&self, candidate: &Candidate) -> Endpoint {
        let endpoint = candidate.endpoint.clone();
        if candidate.bare {
            endpoint.with_scheme(self.scheme.unwrap_or(Scheme::Http))
        } else {
            endpoint
        }
    }
}

impl From<Endpoint> for Master {
    fn from(endpoint: Endpoint) -> Self {
        Address::Masters(vec![Candidate {
            endpoint,
            bare: false,
        }])
        .into()
    }
}

impl From<Address> for Master {
    fn from(address: Address) -> Self {
        Self {
            address,
            scheme: None,
            prefix: "/master".to_owned(),
            session_timeout: Duration::from_secs(10),
        }
    }
}

/// Without credentials.
impl fmt::Display for Master {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.location() {
            Location::Masters(masters) => {
                for (index, master) in masters.iter().enumerate() {
                    let comma = if index == 0 { "" } else { "," };
                    write!(f, "{comma}{master}")?;
                }
                Ok(())
            }
            Location::File(path) => write!(f, "file://{}", path.display()),
            Location::ZooKeeper(ensemble) => ensemble.fmt(f),
        }
    }
}

impl fmt::Debug for Master {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Master")
            .field("address", &format_args!("{self}"))
            .field("scheme", &self.scheme)
            .field("prefix", &self.prefix)
            .field("session_timeout", &self.session_timeout)
            .finish()
    }
}

impl FromStr for Master {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let text = text.trim();
        let scheme = text.split_once("://").map(|(scheme, rest)| {
            let scheme = scheme.to_ascii_lowercase();
            (scheme, rest)
        });
        let address = match scheme {
            Some((scheme, _)) if scheme == "zk" => Address::ZooKeeper(text.parse()?),
            Some((scheme, rest)) if scheme == "file" => Address::File(file(rest)?),
            _ => Address::Masters(masters(text)?),
        };
        Ok(address.into())
    }
}

fn file(path: &str) -> Result<PathBuf, AddressError> {
    if !path.starts_with('/') {
        // Not quoted: the text may contain a password.
        return syntax(
            "the file:// address does not have an absolute path; write it with three slashes, \
             like file:///etc/mesos/master",
        );
    }
    Ok(path.into())
}

fn masters(text: &str) -> Result<Vec<Candidate>, AddressError> {
    if text == "local" || text == "localquiet" {
        return unsupported(format!(
            "{text:?} starts a cluster inside libmesos, which this library does not support; \
             start a cluster with mesos-local, and write its address"
        ));
    }
    let masters: Vec<&str> = text.split(',').map(str::trim).collect();
    // This check comes first, because no later message may quote a password, and a password may
    // contain a comma.
    let secret = |master: &&str| is_pid(master).is_none() && master.contains('@');
    if masters.iter().any(secret) {
        return unsupported(
            "a master's address cannot contain credentials; remove the part before the @, and \
             pass the credentials to the backend",
        );
    }
    let several = masters.len() > 1;
    // What looks like master@host:port may also be the end of a password.
    let quotable = masters.iter().rposition(|master| is_pid(master).is_some());
    let quotable = quotable.unwrap_or(0);
    let mut found = Vec::with_capacity(masters.len());
    for (index, master) in masters.into_iter().enumerate() {
        if several && master.is_empty() {
            return syntax(
                "the list of masters has an empty item; write one like \
                 http://HOST1:5050,http://HOST2:5050",
            );
        }
        let lower = master.to_ascii_lowercase();
        let one = match is_pid(master) {
            Some(_) => Endpoint::from_pid(master),
            None => master.parse(),
        };
        if index < quotable && one.is_err() {
            let number = index + 1;
            return syntax(format!(
                "item {number} in the list of masters is not an address; write a list like \
                 http://HOST1:5050,http://HOST2:5050"
            ));
        }
        if several && (lower.starts_with("zk://") || lower.starts_with("file://")) {
            return syntax(format!(
                "{master:?} cannot be in a list of masters; write it alone, or write only masters \
                 like http://HOST1:5050,http://HOST2:5050"
            ));
        }
        found.push(Candidate {
            endpoint: one?,
            bare: !master.contains("://"),
        });
    }
    Ok(found)
}

/// The address in `master@host:port`.
fn is_pid(master: &str) -> Option<&str> {
    let address = master.strip_prefix("master@")?;
    (!address.contains('@')).then_some(address)
}

#[cfg(test)]
mod tests;
