//! Hosts, ports and paths, as a URL may contain them.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::error::{AddressError, syntax};

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Host {
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

/// Whether `path` can be sent in a request as it is, and consists of a path only: no query, no
/// fragment, no text beyond ASCII (a server would have to guess its encoding).
pub(super) fn is_path(path: &str) -> bool {
    // RFC 3986, 3.3; `%` introduces an escape.
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~!$&'()*+,;=:@%".contains(&byte);
    path.starts_with('/') && path.bytes().all(allowed)
}

/// Whether `host` is a name or an IPv4 address.
pub(super) fn is_host(host: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    if is_numeric(host) {
        host.parse::<Ipv4Addr>().is_ok()
    } else {
        host.bytes().all(allowed)
    }
}

/// Whether `host` consists of digits and dots. Such a host is meant as an IPv4 address. As a name
/// it would reach the resolver, which reads `10.1` as `10.0.0.1`.
fn is_numeric(host: &str) -> bool {
    host.bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.')
}

/// A port from 1 to 65535, in digits.
pub(super) fn port(text: &str) -> Option<u16> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|number| digits && *number != 0)
}

/// Parses `HOST[:PORT]`, a part of `text`.
pub(super) fn parse_authority(
    authority: &str,
    text: &str,
) -> Result<(Host, Option<u16>), AddressError> {
    if let Some(inner) = authority.strip_prefix('[') {
        return parse_v6(inner, text);
    }
    let (host, port) = match authority.split_once(':') {
        Some((_, port)) if port.contains(':') => {
            return syntax(format!(
                "{authority:?} has more than one colon; write an IPv6 address in brackets, like \
                 http://[::1]:5050"
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
    if !is_host(host) {
        return syntax(match is_numeric(host) {
            true => format!(
                "{host:?} in the address {text:?} is neither an IPv4 address nor a host name; \
                 write one like http://10.0.0.1:5050"
            ),
            false => format!(
                "{host:?} in the address {text:?} is not a host name; write one like \
                 http://HOST:5050"
            ),
        });
    }
    Ok((Host::Name(host.to_ascii_lowercase()), port))
}

/// Parses what follows a `[`.
fn parse_v6(inner: &str, text: &str) -> Result<(Host, Option<u16>), AddressError> {
    let Some((ip, port)) = inner.split_once(']') else {
        return syntax(format!(
            "the address {text:?} lacks the \"]\" after the IPv6 address; write it like \
             http://[::1]:5050"
        ));
    };
    let Ok(ip) = ip.parse() else {
        return syntax(format!(
            "{ip:?} in the address {text:?} is not an IPv6 address; write one like \
             http://[::1]:5050"
        ));
    };
    let port = match port.strip_prefix(':') {
        Some(port) => Some(parse_port(port, text)?),
        None if port.is_empty() => None,
        None => {
            return syntax(format!(
                "the address {text:?} has {port:?} after the IPv6 address; only a port may follow \
                 it, like http://[::1]:5050"
            ));
        }
    };
    Ok((Host::V6(ip), port))
}

fn parse_port(text: &str, address: &str) -> Result<u16, AddressError> {
    match port(text) {
        Some(port) => Ok(port),
        None => syntax(format!(
            "{text:?} in the address {address:?} is not a port; write a number from 1 to 65535 \
             (a master usually listens on 5050)"
        )),
    }
}
