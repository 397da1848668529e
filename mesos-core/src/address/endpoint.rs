//! The HTTP address of one master or agent.
//!
//! Addresses that name several masters, or a place where the leader has to be found first, are
//! refused as [`AddressErrorKind::Unsupported`](super::AddressErrorKind); [`Master`](super::Master)
//! accepts them.

use std::fmt;
use std::str::FromStr;

use mesos_proto::v1::Url;

use super::error::{AddressError, syntax, unsupported};
use super::host::{Host, is_path, parse_authority};

/// The port of a master, used for an address that has neither scheme nor port.
const MASTER_PORT: u16 = 5050;

/// The protocol for requests to an [`Endpoint`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Scheme {
    /// HTTP without encryption.
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

    /// The port of a URL without one: 80 or 443.
    pub fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// The HTTP address of a master or an agent: scheme, host, port, and a prefix for all paths.
///
/// | text | meaning |
/// |---|---|
/// | `http://10.0.0.1:5050` | as written |
/// | `https://example.com/mesos` | port 443, as in every URL; paths begin with `/mesos` |
/// | `10.0.0.1:5051`, `[::1]:5050` | `http://` is added |
/// | `example.com` | `http://example.com:5050`: without a scheme, the default port is a master's |
///
/// A slash at the end is ignored. The backend adds the path of the API, such as
/// `/api/v1/scheduler`, after the prefix.
///
/// ```
/// use mesos::Endpoint;
///
/// let master: Endpoint = "http://10.0.0.1:5050/master/".parse()?;
/// assert_eq!(master.to_string(), "http://10.0.0.1:5050/master");
/// assert_eq!(master.join("/api/v1/scheduler"), "/master/api/v1/scheduler");
///
/// let error = "http://10.0.0.1:5050/api/v1/scheduler".parse::<Endpoint>().unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "the address \"http://10.0.0.1:5050/api/v1/scheduler\" includes the path of an API; write \
///      only the part before \"/api/v1\": http://10.0.0.1:5050"
/// );
/// # Ok::<(), mesos::AddressError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint {
    scheme: Scheme,
    host: Host,
    port: u16,
    /// Empty, or a path with `/` at its start and not at its end.
    prefix: String,
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

    /// The start of every path: empty, or like `/master`.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The prefix followed by `path`, which begins with `/`.
    pub fn join(&self, path: &str) -> String {
        format!("{}{path}", self.prefix)
    }

    /// `host:port`, the value of a `Host` header.
    pub fn authority(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// The same host and port with another prefix. Slashes at the end of `prefix` are ignored.
    ///
    /// # Errors
    /// [`AddressErrorKind::Syntax`](super::AddressErrorKind::Syntax) if `prefix` is neither empty
    /// nor the path of a URL.
    pub fn with_prefix(mut self, prefix: &str) -> Result<Self, AddressError> {
        let prefix = prefix.trim_end_matches('/');
        if !prefix.is_empty() && !is_path(prefix) {
            return syntax(format!(
                "the path {prefix:?} has characters that a URL may not have; write them as %XX"
            ));
        }
        self.prefix = prefix.to_owned();
        Ok(self)
    }

    /// The same address with another scheme. The port does not change.
    #[must_use]
    pub fn with_scheme(mut self, scheme: Scheme) -> Self {
        self.scheme = scheme;
        self
    }

    /// The endpoint of a libprocess id such as `slave(1)@10.0.0.1:5051`, which an agent passes to
    /// its executors as `MESOS_SLAVE_PID`. The name before the `@` becomes the prefix.
    ///
    /// ```
    /// let agent = mesos::Endpoint::from_pid("slave(1)@10.0.0.1:5051")?;
    /// assert_eq!(agent.to_string(), "http://10.0.0.1:5051/slave(1)");
    /// # Ok::<(), mesos::AddressError>(())
    /// ```
    ///
    /// # Errors
    /// [`AddressErrorKind::Syntax`](super::AddressErrorKind::Syntax) if `pid` does not have the
    /// form `NAME@HOST:PORT`.
    pub fn from_pid(pid: &str) -> Result<Self, AddressError> {
        match pid.split_once('@') {
            Some((name, address))
                if !name.is_empty()
                    && is_path(&format!("/{name}"))
                    && !address.contains(['/', '@'])
                    && address.rsplit_once(':').is_some() =>
            {
                let endpoint: Self = address.parse()?;
                endpoint.with_prefix(&format!("/{name}"))
            }
            _ => syntax(format!(
                "{pid:?} is not a libprocess id; write one like slave(1)@10.0.0.1:5051"
            )),
        }
    }
}

/// The address of an agent in its offers (`Offer.url`). The IP address is preferred to the host
/// name: not every name in a cluster can be resolved outside.
impl TryFrom<&Url> for Endpoint {
    type Error = AddressError;

    fn try_from(url: &Url) -> Result<Self, AddressError> {
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
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if text.trim().is_empty() {
            return syntax("the address is empty; write one like http://HOST:5050");
        }
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme, rest)) => (Some(parse_scheme(scheme, text)?), rest),
            None => (None, text),
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        // A password may contain a slash, so an @ anywhere counts. No message quotes the text
        // before it.
        if let Some((_, behind)) = rest.rsplit_once('@') {
            let scheme = scheme.unwrap_or(Scheme::Http).as_str();
            return unsupported(format!(
                "an address cannot contain credentials; write {scheme}://{behind}, and pass the \
                 credentials to the backend"
            ));
        }
        if authority.contains(',') {
            return unsupported(format!(
                "{text:?} names several masters, but one address is expected; write one of them, \
                 or parse the text as mesos::Master"
            ));
        }
        if path.contains(['?', '#']) {
            return syntax(format!(
                "the address {text:?} has a query or a fragment; remove the part from the {} on",
                if path.contains('?') { "?" } else { "#" },
            ));
        }
        let (host, port) = parse_authority(authority, text)?;
        if !path.is_empty() && !is_path(path) {
            return syntax(format!(
                "the path {path:?} in the address {text:?} has characters that a URL may not \
                 have; write them as %XX"
            ));
        }
        let api = path.find("/api/v1");
        let endpoint = Self {
            scheme: scheme.unwrap_or(Scheme::Http),
            host,
            port: port.unwrap_or_else(|| scheme.map_or(MASTER_PORT, Scheme::default_port)),
            prefix: path[..api.unwrap_or(path.len())]
                .trim_end_matches('/')
                .to_owned(),
        };
        if api.is_some() {
            return syntax(format!(
                "the address {text:?} includes the path of an API; write only the part before \
                 \"/api/v1\": {endpoint}"
            ));
        }
        Ok(endpoint)
    }
}

fn parse_scheme(scheme: &str, text: &str) -> Result<Scheme, AddressError> {
    match scheme.to_ascii_lowercase().as_str() {
        "http" => Ok(Scheme::Http),
        "https" => Ok(Scheme::Https),
        found @ ("zk" | "file") => unsupported(format!(
            "a {found}:// address does not name one master; write http://HOST:5050, or parse the \
             text as mesos::Master"
        )),
        _ if text.contains('@') => syntax(
            "the scheme of the address is unknown; write http://HOST:5050 or https://HOST:5050",
        ),
        _ => syntax(format!(
            "the address {text:?} has the unknown scheme {scheme:?}; write http://HOST:5050 or \
             https://HOST:5050"
        )),
    }
}

#[cfg(test)]
mod tests;
