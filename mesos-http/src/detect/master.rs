//! The address of a Mesos in every form that Mesos knows, and its parser.
//!
//! Nothing is connected to or read here. Errors never quote what may be a
//! password: nothing that stands before an `@`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use super::settings::Settings;
use crate::endpoint::{Endpoint, EndpointError, Scheme, syntax, unsupported};

/// Where the masters of a cluster are, or where that is written.
///
/// | written | means |
/// |---|---|
/// | `http://10.0.0.1:5050`, `https://example.com/mesos`, `10.0.0.1:5050`, `[::1]:5050` | a master, as in [`Endpoint`] |
/// | `master@10.0.0.1:5050` | the same, as Mesos writes it in its logs; paths under `/master` |
/// | several of these with commas between them | masters of one cluster; whichever can be reached tells who leads |
/// | `zk://10.0.0.1:2181,10.0.0.2:2181/mesos` | what the masters have as `--zk`: they elect their leader there |
/// | `zk://USER:PASSWORD@10.0.0.1:2181/mesos` | the same, if reading needs authentication |
/// | `file:///etc/mesos/master` | a file with one of these in it |
///
/// # ZooKeeper
/// Needs the feature `zookeeper`; `mesos_http::detect::zookeeper` says how it
/// is read. All that stands before the last `@` are credentials, for ZooKeeper's scheme
/// `digest`. Masters with credentials let everybody read (`EVERYONE_READ_CREATOR_ALL`
/// in src/zookeeper/authentication.cpp), so they are rarely needed. Each server
/// needs its port, as in Mesos; a `/` at the end means nothing, and the path
/// `/` alone is refused.
///
/// What stands in ZooKeeper is an address without scheme and path. They are
/// settings: [`scheme`](Self::scheme) and [`prefix`](Self::prefix).
///
/// # TLS
/// Masters are talked to by HTTPS if the address says so, or if it says nothing
/// and the backend is given a
#[cfg_attr(feature = "tls", doc = "[`TlsConfig`](crate::TlsConfig).")]
#[cfg_attr(not(feature = "tls"), doc = "`TlsConfig`.")]
/// It says nothing where it is written without scheme, and where it comes out of
/// ZooKeeper.
///
/// # Files
/// The content is trimmed, and may name another file. It is read for each
/// subscription, so what is written to it later counts from the next one on. If
/// it can no longer be read or understood then, what it said before stays valid.
/// The point of it is an address with a password that is on no command line.
///
/// ```
/// use mesos_http::Master;
///
/// let master: Master = "zk://me:secret@zk1:2181,zk2:2181/mesos/".parse()?;
/// assert_eq!(master.to_string(), "zk://zk1:2181,zk2:2181/mesos");
///
/// let error = "zk://me:secret@zk1:2181".parse::<Master>().unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "the address zk://zk1:2181 has no path; write that of the masters' --zk, like \
///      zk://zk1:2181/mesos"
/// );
/// # Ok::<(), mesos_http::EndpointError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Master {
    pub(super) address: Address,
    pub(super) settings: Settings,
}

#[derive(Clone, PartialEq, Eq)]
pub(super) enum Address {
    Candidates(Vec<Candidate>),
    File(PathBuf),
    #[cfg(feature = "zookeeper")]
    ZooKeeper(mesos_zookeeper::Ensemble),
}

/// A master that the address names.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Candidate {
    endpoint: Endpoint,
    /// Whether it is written without scheme.
    bare: bool,
}

impl Master {
    /// How to talk to a leader that was found in ZooKeeper, and to masters that
    /// are written without scheme (default: HTTPS if the backend is given a
    /// `TlsConfig`, else HTTP). Masters that are written with one have that.
    #[must_use]
    pub fn scheme(mut self, scheme: Scheme) -> Self {
        self.settings.scheme = Some(scheme);
        self
    }

    /// As [`scheme`](Self::scheme), unless that was said already.
    #[cfg(feature = "tls")]
    pub(crate) fn default_scheme(&self, scheme: Scheme) -> Self {
        let mut master = self.clone();
        master.settings.scheme.get_or_insert(scheme);
        master
    }

    /// What stands before the paths at a leader that was found in ZooKeeper
    /// (default: `/master`, the name of a master's process, as Mesos' own
    /// library has it; empty works as well with a master that is a process of
    /// its own). Masters that the address itself names have their own prefix.
    #[must_use]
    pub fn prefix(mut self, prefix: &str) -> Self {
        let prefix = prefix.trim_matches('/');
        self.settings.prefix = match prefix {
            "" => String::new(),
            _ => format!("/{prefix}"),
        };
        self
    }

    /// The session timeout to ask ZooKeeper for (default: 10 s,
    /// `MASTER_DETECTOR_ZK_SESSION_TIMEOUT` in src/master/detector/zookeeper.cpp). It has
    /// limits of its own (as a rule 4 s and 40 s). After this long without
    /// ZooKeeper the leader counts as unknown.
    #[must_use]
    pub fn session_timeout(mut self, timeout: Duration) -> Self {
        self.settings.session_timeout = timeout;
        self
    }

    pub(super) fn with_settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }
}

impl From<Endpoint> for Master {
    fn from(master: Endpoint) -> Self {
        let candidate = Candidate {
            endpoint: master,
            bare: false,
        };
        Address::Candidates(vec![candidate]).into()
    }
}

impl Candidate {
    pub(super) fn endpoint(&self, settings: &Settings) -> Endpoint {
        let endpoint = self.endpoint.clone();
        if self.bare {
            endpoint.with_scheme(settings.scheme())
        } else {
            endpoint
        }
    }
}

impl From<Address> for Master {
    fn from(address: Address) -> Self {
        Self {
            address,
            settings: Settings::default(),
        }
    }
}

/// Without credentials.
impl fmt::Display for Master {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.address {
            Address::Candidates(masters) => {
                for (index, master) in masters.iter().enumerate() {
                    let comma = if index == 0 { "" } else { "," };
                    let master = master.endpoint(&self.settings);
                    write!(f, "{comma}{master}")?;
                }
                Ok(())
            }
            Address::File(path) => write!(f, "file://{}", path.display()),
            #[cfg(feature = "zookeeper")]
            Address::ZooKeeper(ensemble) => ensemble.fmt(f),
        }
    }
}

impl fmt::Debug for Master {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Master")
            .field("address", &format_args!("{self}"))
            .field("settings", &self.settings)
            .finish()
    }
}

impl FromStr for Master {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        let text = text.trim();
        let scheme = text.split_once("://").map(|(scheme, rest)| {
            let scheme = scheme.to_ascii_lowercase();
            (scheme, rest)
        });
        let address = match scheme {
            Some((scheme, _)) if scheme == "zk" => ensemble(text)?,
            Some((scheme, rest)) if scheme == "file" => Address::File(file(rest)?),
            _ => Address::Candidates(candidates(text)?),
        };
        Ok(address.into())
    }
}

fn file(path: &str) -> Result<PathBuf, EndpointError> {
    if !path.starts_with('/') {
        // Not quoted: who knows what somebody thought would go there.
        return syntax(
            "the file:// address names no absolute path; write it with three slashes, like \
             file:///etc/mesos/master",
        );
    }
    Ok(path.into())
}

fn candidates(text: &str) -> Result<Vec<Candidate>, EndpointError> {
    if text == "local" || text == "localquiet" {
        return unsupported(format!(
            "{text:?} stands for a cluster inside of libmesos, which cannot be reached over HTTP; \
             start one with mesos-local, and write its address"
        ));
    }
    let masters: Vec<&str> = text.split(',').map(str::trim).collect();
    // First of all: no other message may quote what could be a password, and
    // one may have a comma in it.
    let secret = |master: &&str| is_pid(master).is_none() && master.contains('@');
    if masters.iter().any(secret) {
        return unsupported(
            "credentials in the address of a master are not supported; write it without what is \
             before the @, and give the credentials apart from it",
        );
    }
    let several = masters.len() > 1;
    // What looks like a master@host:port could be the end of a password, too.
    let quotable = masters.iter().rposition(|master| is_pid(master).is_some());
    let quotable = quotable.unwrap_or(0);
    let mut found = Vec::with_capacity(masters.len());
    for (index, master) in masters.into_iter().enumerate() {
        if several && master.is_empty() {
            return syntax(
                "the list of masters has a comma too many; write one like \
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
                "number {number} in the list of masters is no address; write one like \
                 http://HOST1:5050,http://HOST2:5050"
            ));
        }
        if several && (lower.starts_with("zk://") || lower.starts_with("file://")) {
            return syntax(format!(
                "{master:?} cannot be in a list of masters; write it alone, or only masters like \
                 http://HOST1:5050,http://HOST2:5050"
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

#[cfg(feature = "zookeeper")]
fn ensemble(address: &str) -> Result<Address, EndpointError> {
    match mesos_zookeeper::Ensemble::parse(address, mesos_zookeeper::masters::ADVICE) {
        Ok(ensemble) => Ok(Address::ZooKeeper(ensemble)),
        Err(error) => syntax(error.to_string()),
    }
}

#[cfg(not(feature = "zookeeper"))]
fn ensemble(_: &str) -> Result<Address, EndpointError> {
    unsupported(
        "zk:// addresses need the feature \"zookeeper\", which this program was built \
         without; build it with that feature of the crate mesos (or mesos-http), or write the \
         masters themselves, like http://HOST1:5050,http://HOST2:5050",
    )
}

#[cfg(test)]
mod tests;
