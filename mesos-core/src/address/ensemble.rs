//! The address of a path in a ZooKeeper.

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

use zeroize::Zeroizing;

use super::error::{AddressError, syntax};
use super::host::{is_host, port};

/// A path in a ZooKeeper, and the credentials to use there.
///
/// The text form is `zk://[USER:PASSWORD@]HOST:PORT[,HOST:PORT]…/PATH`:
///
/// ```
/// use mesos::address::Ensemble;
///
/// let masters: Ensemble = "zk://me:s3cret@zk1:2181,zk2:2181/mesos/".parse()?;
/// assert_eq!(masters.to_string(), "zk://zk1:2181,zk2:2181/mesos");
///
/// let error = "zk://me:s3cret@zk1:2181".parse::<Ensemble>().unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "the address zk://zk1:2181 has no path; write the path of the masters' --zk, like \
///      zk://zk1:2181/mesos"
/// );
/// # Ok::<(), mesos::AddressError>(())
/// ```
///
/// All text before the last `@` is credentials, for ZooKeeper's scheme `digest`. Each server needs
/// its port, as in Mesos. A `/` at the end is ignored, and the path `/` alone is refused. Neither
/// `Display` nor `Debug` shows the credentials. Dropping the value overwrites them in memory.
#[derive(Clone, PartialEq, Eq)]
pub struct Ensemble {
    servers: String,
    path: String,
    credentials: Option<Zeroizing<String>>,
}

impl Ensemble {
    /// Parses an address whose path is not that of the masters. An error suggests a path: `what`
    /// says which one is expected, such as `a path for the id`, and `example` is like
    /// `/web-shop/id`.
    ///
    /// # Errors
    /// [`AddressErrorKind::Syntax`](super::AddressErrorKind::Syntax), with what to write instead.
    pub fn parse(address: &str, what: &str, example: &str) -> Result<Self, AddressError> {
        let Some((_, rest)) = address
            .trim()
            .split_once("://")
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("zk"))
        else {
            // Not quoted: the text may contain a password.
            return syntax(format!(
                "the address is not a ZooKeeper address; write one like zk://HOST:2181{example}"
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
            // The rest is not quoted: in USER@PASSWORD:HOST it contains the password.
            return syntax(format!(
                "the part before the @ of the ZooKeeper address is not USER:PASSWORD; write one \
                 like zk://USER:PASSWORD@HOST:2181{example}"
            ));
        }
        let (servers, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        if servers.is_empty() {
            return syntax(format!(
                "the address zk://{rest} has no server; write one like zk://HOST:2181{example}"
            ));
        }
        let servers: Vec<&str> = servers.split(',').map(str::trim).collect();
        check_servers(&servers, path, credentials.is_some(), example)?;
        let another = |part: &str| {
            let part = part.trim_start().trim_start_matches("zk://");
            is_server(part.split('/').next().unwrap_or_default().trim_end())
        };
        if path.split(',').skip(1).any(another) {
            return syntax(format!(
                "the path of a ZooKeeper address follows the last server, and is written once, \
                 like zk://HOST1:2181,HOST2:2181{example}"
            ));
        }
        let servers = servers.join(",");
        let path = path.trim_end_matches('/');
        if path.is_empty() {
            return syntax(format!(
                "the address zk://{servers} has no path; write {what}, like \
                 zk://{servers}{example}"
            ));
        }
        // What ZooKeeper itself refuses (PathUtils.validatePath), and spaces, which are typos.
        let nameable = |name: &str| !matches!(name, "" | "." | "..") && name.trim() == name;
        if !path[1..].split('/').all(nameable) || path.chars().any(char::is_control) {
            return syntax(format!(
                "{path:?} is not a ZooKeeper path; write names with a / before each, like \
                 zk://{servers}{example}"
            ));
        }
        Ok(Self {
            servers,
            path: path.to_owned(),
            credentials: credentials.map(|pair| Zeroizing::new(pair.to_owned())),
        })
    }

    /// `HOST:PORT` of each server, separated by commas.
    pub fn servers(&self) -> &str {
        &self.servers
    }

    /// The path. It begins with `/`, does not end with `/`, and is longer than `/`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// `USER:PASSWORD`, if the address has them.
    pub fn credentials(&self) -> Option<&str> {
        self.credentials.as_ref().map(|pair| pair.as_str())
    }
}

/// The path where masters elect their leader.
impl FromStr for Ensemble {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        Self::parse(text, "the path of the masters' --zk", "/mesos")
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

/// # Errors
/// One of `servers` is not `HOST:PORT`. A text that may be a part of a password is not quoted.
fn check_servers(
    servers: &[&str],
    path: &str,
    credentials: bool,
    example: &str,
) -> Result<(), AddressError> {
    if servers.contains(&"") {
        let named: Vec<&str> = servers
            .iter()
            .copied()
            .filter(|one| !one.is_empty())
            .collect();
        let valid = !credentials && !named.is_empty() && named.iter().all(|one| is_server(one));
        let instead = match valid {
            true => format!("zk://{}{path}", named.join(",")),
            false => format!("it like zk://HOST1:2181,HOST2:2181{example}"),
        };
        return syntax(format!(
            "the list of ZooKeeper servers has a comma too many; write {instead}"
        ));
    }
    let Some(index) = servers.iter().position(|server| !is_server(server)) else {
        return Ok(());
    };
    let server = servers[index];
    // With a colon before other text than digits, it may be a user with a password.
    let quotable = !credentials
        && server.split_once(':').is_none_or(|(_, port)| {
            port.bytes()
                .all(|byte| byte.is_ascii_digit() || byte == b'+')
        });
    let what = match quotable {
        true => format!("{server:?}"),
        false => format!("item {} of the ZooKeeper servers", index + 1),
    };
    syntax(format!(
        "{what} is not a ZooKeeper server; write HOST:PORT, like zk1:2181 or [::1]:2181"
    ))
}

/// Whether it is `HOST:PORT`, with an IPv6 address in brackets.
fn is_server(server: &str) -> bool {
    let Some((host, number)) = server.rsplit_once(':') else {
        return false;
    };
    let v6 = host.strip_prefix('[').and_then(|ip| ip.strip_suffix(']'));
    let valid = match v6 {
        Some(ip) => ip.parse::<Ipv6Addr>().is_ok(),
        None => is_host(host),
    };
    valid && port(number).is_some()
}

#[cfg(test)]
mod tests;
