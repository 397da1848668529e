//! The target of a redirect: the Location header of a 307 from a master.
//!
//! A master that is not the leader answers with a scheme-relative URL: `//HOST:PORT` and the path of
//! the request, whatever its prefix (`Http::redirect` in src/master/http.cpp). The scheme does not
//! change. The caller follows the redirect, with the same body and without a stream id.

use http::{HeaderMap, header};
use mesos_core::{Endpoint, Error, ErrorKind, Result, Scheme};

/// The number of redirects that one attempt follows. One redirect leads to an elected leader; more
/// mean that the masters do not agree yet.
pub(crate) const REDIRECTS: usize = 5;

/// The target of a redirect by `from`, for a request to `path`.
///
/// # Errors
/// [`ErrorKind::NotLeader`] if there is no new target, which happens during an election; the errors
/// of [`resolve`].
pub(crate) fn target(from: &Endpoint, headers: &HeaderMap, path: &str) -> Result<Endpoint> {
    let Some(location) = headers.get(header::LOCATION) else {
        return Err(Error::new(
            ErrorKind::NotLeader,
            format!("{from} redirects without a Location header"),
        ));
    };
    let to = resolve(from, &String::from_utf8_lossy(location.as_bytes()), path)?;
    if to == *from {
        return Err(Error::new(
            ErrorKind::NotLeader,
            format!("{from} redirects to itself; no leader is elected yet"),
        ));
    }
    Ok(to)
}

/// The error after the last redirect that is followed.
pub(crate) fn undecided(first: &Endpoint, last: &Endpoint) -> Error {
    Error::new(
        ErrorKind::NotLeader,
        format!(
            "redirected more than {REDIRECTS} times, from {first} to {last}; the masters do not \
             agree on a leader yet"
        ),
    )
}

/// The endpoint in `location`, the answer of `from` to a request to `path` (the path of an API
/// without prefix).
///
/// # Errors
/// [`ErrorKind::Protocol`] if the target is not the same API at another place: the peer is a login
/// page, or not Mesos.
pub(crate) fn resolve(from: &Endpoint, location: &str, path: &str) -> Result<Endpoint> {
    let elsewhere = |why: &str| {
        Error::new(
            ErrorKind::Protocol,
            format!(
                "{from} redirects to {location:?}, {why}; is the peer Mesos, and is there a proxy in \
                 front of it that requires a login?"
            ),
        )
    };
    // The part before the API's path is used as it is, so it has to be a path.
    let checked = |to: Endpoint, prefix: &str| {
        to.with_prefix(prefix)
            .map_err(|_| elsewhere("whose path has invalid characters"))
    };
    let (scheme, rest) = if let Some(rest) = location.strip_prefix("//") {
        (from.scheme(), rest)
    } else if location.starts_with('/') {
        let Some(prefix) = location.trim_end_matches('/').strip_suffix(path) else {
            return Err(elsewhere("which is not the requested API"));
        };
        return checked(from.clone(), prefix);
    } else if let Some(rest) = location.strip_prefix("http://") {
        (Scheme::Http, rest)
    } else if let Some(rest) = location.strip_prefix("https://") {
        (Scheme::Https, rest)
    } else {
        return Err(elsewhere("which is not a URL"));
    };
    if from.scheme() == Scheme::Https && scheme == Scheme::Http {
        return Err(elsewhere("which does not use TLS"));
    }
    let (authority, found) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let found = found.trim_end_matches('/');
    let prefix = match found.strip_suffix(path) {
        Some(prefix) => prefix,
        // The master's own /redirect sends no path.
        None if found.is_empty() => from.prefix(),
        None => return Err(elsewhere("which is not the requested API")),
    };
    let endpoint: Endpoint = authority
        .parse()
        .map_err(|error| elsewhere("which cannot be parsed").with_source(error))?;
    checked(endpoint.with_scheme(scheme), prefix)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: &str = "/api/v1/scheduler";

    fn follow(from: &str, location: &str) -> Result<String> {
        let from = from.parse().expect("an address");
        resolve(&from, location, PATH).map(|endpoint| endpoint.to_string())
    }

    #[test]
    fn a_location_without_a_scheme_keeps_the_scheme() {
        for (from, location, to) in [
            (
                "https://m1:5050/master",
                "//m2:5051/master/api/v1/scheduler",
                "https://m2:5051/master",
            ),
            (
                "http://m1:5050",
                "//m2:5051/api/v1/scheduler",
                "http://m2:5051",
            ),
            (
                "http://m1:5050",
                "//[::1]:5051/api/v1/scheduler/",
                "http://[::1]:5051",
            ),
            (
                "http://m1:5050",
                "http://m2:5051/api/v1/scheduler",
                "http://m2:5051",
            ),
            (
                "http://m1:5050",
                "https://m2:5051/api/v1/scheduler",
                "https://m2:5051",
            ),
            (
                "http://m1:5050/master",
                "//m2:5051",
                "http://m2:5051/master",
            ),
            (
                "http://m1:5050",
                "/mesos/api/v1/scheduler",
                "http://m1:5050/mesos",
            ),
        ] {
            let found = follow(from, location).expect(location);
            assert_eq!(found, to, "{location}");
        }
    }

    #[test]
    fn a_location_that_is_not_the_same_api_is_an_error_that_quotes_it() {
        for (from, location, why) in [
            (
                "http://m1:5050",
                "//sso/login?next=/",
                "not the requested API",
            ),
            ("http://m1:5050", "/login", "not the requested API"),
            ("http://m1:5050", "", "not a URL"),
            ("http://m1:5050", "m2:5050", "not a URL"),
            (
                "http://m1:5050",
                "//m2:x/api/v1/scheduler",
                "cannot be parsed",
            ),
            (
                "https://m1:5050",
                "http://m2:5050/api/v1/scheduler",
                "does not use TLS",
            ),
            // No request can be sent to these.
            (
                "http://m1:5050",
                "/a b/api/v1/scheduler",
                "invalid characters",
            ),
            (
                "http://m1:5050",
                "//m2:5050/login?next=/api/v1/scheduler",
                "invalid characters",
            ),
        ] {
            let error = follow(from, location).expect_err(location);
            assert_eq!(error.kind(), ErrorKind::Protocol);
            let message = error.to_string();
            assert!(message.contains(why), "{location}: {message}");
            assert!(message.contains(&format!("{location:?}")), "{message}");
        }
    }
}
