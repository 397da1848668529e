//! Where a master or an agent is: parsing what users write, with messages that
//! say what to write instead.
//!
//! One address at a time. Addresses behind which the leader has yet to be found
//! are recognised and refused as [`EndpointErrorKind::Unsupported`]; they are for
//! [`crate::detect`].

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use http::uri::{Authority, PathAndQuery};
use mesos_proto::v1::Url;

/// The port of a master, assumed where an address without scheme has none.
const MASTER_PORT: u16 = 5050;

/// How to talk to an [`Endpoint`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// HTTP in the clear.
    Http,
    /// HTTP over TLS.
    Https,
}

impl Scheme {
    /// `http` or `https`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// Where a master or an agent answers: scheme, host, port, and the prefix of
/// its paths.
///
/// | written | means |
/// |---|---|
/// | `http://10.0.0.1:5050` | itself |
/// | `https://example.com/mesos` | port 443, as in every URL; paths under `/mesos` |
/// | `10.0.0.1:5051`, `[::1]:5050` | `http://` before it |
/// | `example.com` | `http://example.com:5050`: without scheme the port is a master's |
///
/// A slash at the end means nothing. The API's own path (`/api/v1/scheduler`)
/// is added by this crate, after the prefix.
///
/// ```
/// use mesos_http::Endpoint;
///
/// let master: Endpoint = "http://10.0.0.1:5050/master/".parse()?;
/// assert_eq!(master.to_string(), "http://10.0.0.1:5050/master");
/// assert_eq!(master.join("/api/v1/scheduler"), "/master/api/v1/scheduler");
///
/// let error = "http://10.0.0.1:5050/api/v1/scheduler".parse::<Endpoint>().unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "the address \"http://10.0.0.1:5050/api/v1/scheduler\" names an API; write what is before \
///      \"/api/v1\": http://10.0.0.1:5050"
/// );
/// # Ok::<(), mesos_http::EndpointError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint {
    scheme: Scheme,
    host: Host,
    port: u16,
    /// Nothing, or `/` and more without `/` at the end.
    prefix: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Host {
    Name(String),
    V6(Ipv6Addr),
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::V6(ip) => write!(f, "[{ip}]"),
        }
    }
}

/// Why text is no [`Endpoint`] or no [`Master`](crate::Master). The message
/// quotes the text, unless there may be a password in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointError {
    kind: EndpointErrorKind,
    message: String,
}

/// What is wrong with an address, coarse enough to match on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EndpointErrorKind {
    /// It is no address.
    Syntax,
    /// It is an address that Mesos or HTTP knows, but not for this purpose or
    /// in this build: `zk://…`, `file://…` or several masters as an
    /// [`Endpoint`], `zk://…` without the feature, credentials in a URL.
    Unsupported,
}

impl EndpointError {
    /// What is wrong.
    pub fn kind(&self) -> EndpointErrorKind {
        self.kind
    }
}

impl fmt::Display for EndpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for EndpointError {}

impl From<EndpointError> for mesos_core::Error {
    fn from(error: EndpointError) -> Self {
        Self::new(mesos_core::ErrorKind::Config, error.message)
    }
}

pub(crate) fn syntax<T>(message: impl Into<String>) -> Result<T, EndpointError> {
    Err(EndpointError {
        kind: EndpointErrorKind::Syntax,
        message: message.into(),
    })
}

pub(crate) fn unsupported<T>(message: impl Into<String>) -> Result<T, EndpointError> {
    Err(EndpointError {
        kind: EndpointErrorKind::Unsupported,
        message: message.into(),
    })
}

impl Endpoint {
    /// HTTP or HTTPS.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host: a name or an IP address, IPv6 without brackets.
    pub fn host(&self) -> String {
        match &self.host {
            Host::Name(name) => name.clone(),
            Host::V6(ip) => ip.to_string(),
        }
    }

    /// The TCP port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What stands before every path: empty, or like `/master`.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// `path`, which begins with `/`, behind the prefix.
    pub fn join(&self, path: &str) -> String {
        format!("{}{path}", self.prefix)
    }

    /// Whether nobody need have written this port: it is the scheme's own.
    pub(crate) fn has_default_port(&self) -> bool {
        self.port == self.scheme.default_port()
    }

    /// `host:port`, as the Host header has it.
    pub(crate) fn authority(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    pub(crate) fn with_prefix(mut self, prefix: &str) -> Self {
        self.prefix = prefix.trim_end_matches('/').to_owned();
        self
    }

    /// The same place, asked over `scheme`.
    pub(crate) fn with_scheme(mut self, scheme: Scheme) -> Self {
        self.scheme = scheme;
        self
    }

    /// The endpoint behind a libprocess id such as `slave(1)@10.0.0.1:5051`,
    /// as agents put it into `MESOS_SLAVE_PID`: the name before the `@` is the
    /// prefix of the paths.
    ///
    /// ```
    /// let agent = mesos_http::Endpoint::from_pid("slave(1)@10.0.0.1:5051")?;
    /// assert_eq!(agent.to_string(), "http://10.0.0.1:5051/slave(1)");
    /// # Ok::<(), mesos_http::EndpointError>(())
    /// ```
    ///
    /// # Errors
    /// [`EndpointErrorKind::Syntax`] if it is not `NAME@HOST:PORT`.
    pub fn from_pid(pid: &str) -> Result<Self, EndpointError> {
        match pid.split_once('@') {
            Some((name, address))
                if !name.is_empty()
                    && is_path(&format!("/{name}"))
                    && !address.contains(['/', '@'])
                    && address.rsplit_once(':').is_some() =>
            {
                let endpoint: Self = address.parse()?;
                Ok(endpoint.with_prefix(&format!("/{name}")))
            }
            _ => syntax(format!(
                "{pid:?} is no libprocess id; one looks like slave(1)@10.0.0.1:5051"
            )),
        }
    }
}

/// The address of an agent in its offers (`Offer.url`). The IP address is used
/// where there is one: not every name in a cluster can be resolved outside.
impl TryFrom<&Url> for Endpoint {
    type Error = EndpointError;

    fn try_from(url: &Url) -> Result<Self, EndpointError> {
        let address = &url.address;
        let host = match (&address.ip, &address.hostname) {
            (Some(ip), _) if ip.contains(':') => format!("[{ip}]"),
            (Some(host), _) | (None, Some(host)) => host.clone(),
            (None, None) => return syntax("the address has neither an IP address nor a host name"),
        };
        let (scheme, port) = (&url.scheme, address.port);
        let path = url.path.as_deref().unwrap_or_default();
        format!("{scheme}://{host}:{port}{path}").parse()
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = self.scheme.as_str();
        write!(f, "{scheme}://{}:{}{}", self.host, self.port, self.prefix)
    }
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        if text.trim().is_empty() {
            return syntax("the address is empty; write one like http://HOST:5050");
        }
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme, rest)) => (Some(parse_scheme(scheme, text)?), rest),
            None => (None, text),
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        // A password may contain a slash, so look for the @ everywhere; and
        // nothing that comes before one is ever quoted.
        if let Some((_, behind)) = rest.rsplit_once('@') {
            let scheme = scheme.unwrap_or(Scheme::Http).as_str();
            return unsupported(format!(
                "credentials in an address are not supported; write {scheme}://{behind}, and give \
                 the credentials apart from it"
            ));
        }
        if authority.contains(',') {
            return unsupported(format!(
                "{text:?} names several masters where one address is expected; name one of them, \
                 or read it as mesos_http::Master"
            ));
        }
        if path.contains(['?', '#']) {
            return syntax(format!(
                "the address {text:?} has a query or a fragment, which Mesos has no use for; end \
                 it before the {}",
                if path.contains('?') { "?" } else { "#" },
            ));
        }
        let (host, port) = parse_authority(authority, text)?;
        let endpoint = Self {
            scheme: scheme.unwrap_or(Scheme::Http),
            host,
            port: port.unwrap_or_else(|| scheme.map_or(MASTER_PORT, Scheme::default_port)),
            prefix: path.trim_end_matches('/').to_owned(),
        };
        if !path.is_empty() && !is_path(path) {
            return syntax(format!(
                "the path {path:?} in the address {text:?} has characters that a URL may not \
                 have; write them as %XX"
            ));
        }
        if let Some(at) = path.find("/api/v1") {
            let instead = endpoint.with_prefix(&path[..at]);
            return syntax(format!(
                "the address {text:?} names an API; write what is before \"/api/v1\": {instead}"
            ));
        }
        Ok(endpoint)
    }
}

/// Whether `path` can stand in a request as it is, and is nothing but a path.
pub(crate) fn is_path(path: &str) -> bool {
    let whole = |read: PathAndQuery| read.path() == path;
    // Of what is beyond ASCII, a server would have to guess the encoding.
    path.is_ascii() && PathAndQuery::try_from(path).is_ok_and(whole)
}

fn parse_scheme(scheme: &str, text: &str) -> Result<Scheme, EndpointError> {
    match scheme.to_ascii_lowercase().as_str() {
        "http" => Ok(Scheme::Http),
        "https" => Ok(Scheme::Https),
        found @ ("zk" | "file") => unsupported(format!(
            "{found}:// is not the address of one master; write that as http://HOST:5050, or read \
             it as mesos_http::Master"
        )),
        _ if text.contains('@') => syntax(
            "the scheme of the address is not known; write http://HOST:5050 or https://HOST:5050",
        ),
        _ => syntax(format!(
            "the address {text:?} has the scheme {scheme:?}, which is not known; write \
             http://HOST:5050 or https://HOST:5050"
        )),
    }
}

fn parse_authority(authority: &str, text: &str) -> Result<(Host, Option<u16>), EndpointError> {
    if let Some(inner) = authority.strip_prefix('[') {
        let Some((ip, port)) = inner.split_once(']') else {
            return syntax(format!(
                "the address {text:?} lacks the \"]\" after the IPv6 address; write it like \
                 http://[::1]:5050"
            ));
        };
        let Ok(ip) = ip.parse() else {
            return syntax(format!(
                "{ip:?} in the address {text:?} is no IPv6 address; write one like \
                 http://[::1]:5050"
            ));
        };
        let port = match port.strip_prefix(':') {
            Some(port) => Some(parse_port(port, text)?),
            None if port.is_empty() => None,
            None => {
                return syntax(format!(
                    "the address {text:?} has {port:?} after the IPv6 address, where only a port \
                     may be; write it like http://[::1]:5050"
                ));
            }
        };
        return Ok((Host::V6(ip), port));
    }
    let (host, port) = match authority.split_once(':') {
        Some((_, port)) if port.contains(':') => {
            return syntax(format!(
                "{authority:?} has more than one colon; if it is an IPv6 address, write it in \
                 brackets, like http://[::1]:5050"
            ));
        }
        Some((host, port)) => (host, Some(parse_port(port, text)?)),
        None => (authority, None),
    };
    if host.is_empty() {
        return syntax(format!(
            "the address {text:?} has no host; write one like http://HOST:5050"
        ));
    }
    // All digits and dots is meant as an IPv4 address; as a name it would go to
    // the resolver, which reads 10.1 as 10.0.0.1.
    let numeric = host
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.');
    if numeric && host.parse::<Ipv4Addr>().is_err() {
        return syntax(format!(
            "{host:?} in the address {text:?} is neither an IPv4 address nor a host name; write \
             one like http://10.0.0.1:5050"
        ));
    }
    if Authority::try_from(host).is_err() || host.contains('%') {
        return syntax(format!(
            "{host:?} in the address {text:?} is no host name; write one like http://HOST:5050"
        ));
    }
    Ok((Host::Name(host.to_ascii_lowercase()), port))
}

fn parse_port(port: &str, text: &str) -> Result<u16, EndpointError> {
    let digits = port.bytes().all(|byte| byte.is_ascii_digit());
    match port.parse() {
        Ok(number) if digits && number != 0 => Ok(number),
        _ => syntax(format!(
            "{port:?} in the address {text:?} is no port; write a number from 1 to 65535, such as \
             the 5050 of a master"
        )),
    }
}

#[cfg(test)]
mod tests;
