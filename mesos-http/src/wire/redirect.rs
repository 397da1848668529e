//! Where a redirect leads: the Location header of a 307, read as Mesos means it.
//!
//! A master that is not the leader answers with a scheme-relative URL,
//! `//HOST:PORT` and the path that was asked for, whatever prefix it had
//! (`Http::redirect` in src/master/http.cpp). The scheme stays ours. Following
//! it, with the same body and no stream id, is for the caller.

use http::{HeaderMap, header};
use mesos_core::{Endpoint, Error, ErrorKind, Result, Scheme};

/// How often a redirect is followed within one attempt. One is what an elected
/// leader needs; more means that the masters do not agree yet.
pub(crate) const REDIRECTS: usize = 5;

/// Where a redirect by `from` leads, when asked for `path`.
///
/// # Errors
/// [`ErrorKind::NotLeader`] if it leads nowhere new, as it may during an
/// election; what [`resolve`] has.
pub(crate) fn target(from: &Endpoint, headers: &HeaderMap, path: &str) -> Result<Endpoint> {
    let Some(location) = headers.get(header::LOCATION) else {
        return Err(Error::new(
            ErrorKind::NotLeader,
            format!("{from} redirects without saying where to"),
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
            "redirected more than {REDIRECTS} times, from {first} at last to {last}; the masters \
             do not agree on a leader yet"
        ),
    )
}

/// The endpoint that `from` names with `location`, when asked for `path` (an
/// API's path without prefix).
///
/// # Errors
/// [`ErrorKind::Protocol`] if it leads anywhere but to the same API elsewhere:
/// the peer is a login page, or no Mesos at all.
pub(crate) fn resolve(from: &Endpoint, location: &str, path: &str) -> Result<Endpoint> {
    let elsewhere = |why: &str| {
        Error::new(
            ErrorKind::Protocol,
            format!(
                "{from} redirects to {location:?}, {why}; is it a Mesos, and is nothing in front \
                 of it that wants a login?"
            ),
        )
    };
    // The part before the API's path is used as it is, so it has to be a path.
    let checked = |to: Endpoint, prefix: &str| {
        to.with_prefix(prefix)
            .map_err(|_| elsewhere("in which a path has what no path may have"))
    };
    let (scheme, rest) = if let Some(rest) = location.strip_prefix("//") {
        (from.scheme(), rest)
    } else if location.starts_with('/') {
        let Some(prefix) = location.trim_end_matches('/').strip_suffix(path) else {
            return Err(elsewhere("which is not the API that was asked for"));
        };
        return checked(from.clone(), prefix);
    } else if let Some(rest) = location.strip_prefix("http://") {
        (Scheme::Http, rest)
    } else if let Some(rest) = location.strip_prefix("https://") {
        (Scheme::Https, rest)
    } else {
        return Err(elsewhere("which is no URL"));
    };
    if from.scheme() == Scheme::Https && scheme == Scheme::Http {
        return Err(elsewhere("which is without TLS"));
    }
    let (authority, found) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let found = found.trim_end_matches('/');
    let prefix = match found.strip_suffix(path) {
        Some(prefix) => prefix,
        // The master's own /redirect gives no path at all.
        None if found.is_empty() => from.prefix(),
        None => return Err(elsewhere("which is not the API that was asked for")),
    };
    let endpoint: Endpoint = authority
        .parse()
        .map_err(|error| elsewhere("which cannot be read").with_source(error))?;
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
    fn a_location_without_scheme_keeps_ours() {
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
    fn a_location_that_is_not_the_same_api_elsewhere_is_refused_by_name() {
        for (from, location, why) in [
            (
                "http://m1:5050",
                "//sso/login?next=/",
                "not the API that was asked for",
            ),
            ("http://m1:5050", "/login", "not the API that was asked for"),
            ("http://m1:5050", "", "no URL"),
            ("http://m1:5050", "m2:5050", "no URL"),
            (
                "http://m1:5050",
                "//m2:x/api/v1/scheduler",
                "cannot be read",
            ),
            (
                "https://m1:5050",
                "http://m2:5050/api/v1/scheduler",
                "without TLS",
            ),
            // A request to these could not even be made.
            (
                "http://m1:5050",
                "/a b/api/v1/scheduler",
                "what no path may have",
            ),
            (
                "http://m1:5050",
                "//m2:5050/login?next=/api/v1/scheduler",
                "what no path may have",
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
