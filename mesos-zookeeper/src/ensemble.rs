//! Addresses of a path in a ZooKeeper: parsing what users write, with messages
//! that say what to write instead.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use thiserror::Error;
use zookeeper_client::{Acl, Acls, Client, Connector, CreateMode, CreateOptions, Permission};

/// The path to write where there is none: what it is, and an example.
pub type Advice = (&'static str, &'static str);

/// All may read, who made it may do all: `EVERYONE_READ_CREATOR_ALL` in
/// src/zookeeper/authentication.cpp.
static READABLE: [Acl; 2] = [
    Acl::new_const(Permission::READ, "world", "anyone"),
    Acl::new_const(Permission::ALL, "auth", ""),
];

/// A path in a ZooKeeper, and who asks there.
///
/// ```
/// use mesos_zookeeper::Ensemble;
/// use mesos_zookeeper::masters::ADVICE;
///
/// let masters = Ensemble::parse("zk://me:s3cret@zk1:2181,zk2:2181/mesos/", ADVICE)?;
/// assert_eq!(masters.to_string(), "zk://zk1:2181,zk2:2181/mesos");
///
/// let error = Ensemble::parse("zk://me:s3cret@zk1:2181", ADVICE).unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "the address zk://zk1:2181 has no path; write that of the masters' --zk, like \
///      zk://zk1:2181/mesos"
/// );
/// # Ok::<(), mesos_zookeeper::AddressError>(())
/// ```
///
/// All that stands before the last `@` are credentials, for ZooKeeper's scheme
/// `digest`. Each server needs its port, as in Mesos; a `/` at the end means
/// nothing, and the path `/` alone is refused. Neither `Display` nor `Debug` show
/// the credentials.
#[derive(Clone, PartialEq, Eq)]
pub struct Ensemble {
    servers: String,
    path: String,
    credentials: Option<String>,
}

/// Why text is no [`Ensemble`]. There is no password in the message.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct AddressError(String);

impl Ensemble {
    /// Reads `zk://[USER:PASSWORD@]HOST:PORT[,HOST:PORT]…/PATH`. With `advice`
    /// an error tells what path to write.
    ///
    /// # Errors
    /// What is wrong, and what to write instead.
    pub fn parse(address: &str, (advice, example): Advice) -> Result<Self, AddressError> {
        let Some((_, rest)) = address
            .trim()
            .split_once("://")
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("zk"))
        else {
            // Not quoted: there may be a password in it.
            return wrong(format!(
                "the address is none of a ZooKeeper; write one like zk://HOST:2181{example}"
            ));
        };
        let (credentials, rest) = match rest.rsplit_once('@') {
            Some((credentials, rest)) => (Some(credentials), rest),
            None => (None, rest),
        };
        let has_user = |pair: &str| {
            pair.split_once(':')
                .is_some_and(|(user, _)| !user.is_empty())
        };
        if credentials.is_some_and(|pair| !has_user(pair)) {
            return wrong(format!(
                "what is before the @ of the ZooKeeper address is not USER:PASSWORD; write it like \
                 zk://USER:PASSWORD@{rest}"
            ));
        }
        let (servers, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        if servers.is_empty() {
            return wrong(format!(
                "the address zk://{rest} has no server; write one like zk://HOST:2181{example}"
            ));
        }
        let servers: Vec<&str> = servers.split(',').map(str::trim).collect();
        if let Some(server) = servers.iter().find(|server| !is_server(server)) {
            return wrong(format!(
                "{server:?} is no ZooKeeper server; write HOST:PORT, like zk1:2181 or [::1]:2181"
            ));
        }
        let servers = servers.join(",");
        let path = path.trim_end_matches('/');
        if path.is_empty() {
            return wrong(format!(
                "the address zk://{servers} has no path; write {advice}, like \
                 zk://{servers}{example}"
            ));
        }
        // What ZooKeeper itself refuses (PathUtils.validatePath), and blanks that are a slip.
        let nameable = |name: &str| !matches!(name, "" | "." | "..") && name.trim() == name;
        if !path[1..].split('/').all(nameable) || path.chars().any(char::is_control) {
            return wrong(format!(
                "{path:?} is no path of a ZooKeeper; write one of names with a / before each, like \
                 zk://{servers}{example}"
            ));
        }
        Ok(Self {
            servers,
            path: path.to_owned(),
            credentials: credentials.map(str::to_owned),
        })
    }

    /// `HOST:PORT` of each server, with commas between them.
    pub fn servers(&self) -> &str {
        &self.servers
    }

    /// Begins with `/`, and goes on; no `/` at the end.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// `USER:PASSWORD`.
    pub fn credentials(&self) -> Option<&str> {
        self.credentials.as_deref()
    }

    /// What connects to it with its credentials. A session lasts as long as the
    /// client, and ZooKeeper has the last word on its timeout.
    pub fn connector(&self, session_timeout: Duration) -> Connector {
        let connector = Client::connector().with_session_timeout(session_timeout);
        match &self.credentials {
            Some(credentials) => connector.with_auth("digest", credentials.as_bytes()),
            None => connector,
        }
    }

    /// How nodes are made here, as Mesos' masters make theirs: with credentials
    /// they can be read by everybody and changed by these alone, without them
    /// everybody can do everything.
    pub fn persistent(&self) -> CreateOptions<'static> {
        CreateMode::Persistent.with_acls(match self.credentials {
            Some(_) => Acls::new(&READABLE),
            None => Acls::anyone_all(),
        })
    }

    /// Why something here `may not be read` or the like, and what to do about it.
    pub fn denied(&self, what: &str) -> String {
        let hint = match self.credentials {
            None => "without credentials; give them as zk://USER:PASSWORD@…",
            Some(_) => "with these credentials",
        };
        format!("{self} {what} {hint}")
    }
}

/// Without credentials.
impl fmt::Display for Ensemble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "zk://{}{}", self.servers, self.path)
    }
}

impl fmt::Debug for Ensemble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn wrong<T>(message: String) -> Result<T, AddressError> {
    Err(AddressError(message))
}

/// Whether it is `HOST:PORT`, with an IPv6 address in brackets.
fn is_server(server: &str) -> bool {
    let Some((host, port)) = server.rsplit_once(':') else {
        return false;
    };
    let v6 = host.strip_prefix('[').and_then(|ip| ip.strip_suffix(']'));
    let named = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    // All digits and dots is meant as an IPv4 address.
    let numeric = host.chars().all(|c| c.is_ascii_digit() || c == '.');
    let host = match v6 {
        Some(ip) => ip.parse::<Ipv6Addr>().is_ok(),
        None if numeric => host.parse::<Ipv4Addr>().is_ok(),
        None => host.chars().all(named),
    };
    let digits = port.bytes().all(|byte| byte.is_ascii_digit());
    host && digits && port.parse::<u16>().is_ok_and(|port| port != 0)
}

#[cfg(test)]
mod tests;
