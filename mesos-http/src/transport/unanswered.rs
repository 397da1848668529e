//! The errors of a request that has no response.

use std::error::Error as StdError;
use std::time::Duration;

use mesos_core::{Delivery, Endpoint, Error, ErrorKind, Scheme};

use super::dial::expects_tls;
use super::settings::Settings;

/// Why a connection did not return a response.
pub(super) struct Cause {
    pub(super) source: Box<dyn StdError + Send + Sync>,
    /// Whether the peer sent something that is not HTTP.
    pub(super) garbage: bool,
    /// Whether the connection has not returned any response yet.
    pub(super) fresh: bool,
    pub(super) delivery: Delivery,
}

/// The error of a POST to `path` whose connection ended before the response.
pub(super) async fn unanswered(
    endpoint: &Endpoint,
    settings: &Settings,
    path: &str,
    cause: Cause,
) -> Error {
    // Mesos with TLS resets a connection that begins without TLS.
    let plain = endpoint.scheme() == Scheme::Http && settings.unix_socket.is_none();
    let (kind, message) = if plain && cause.fresh && expects_tls(endpoint, settings).await {
        let message = format!("{endpoint} expects TLS; write https://");
        (ErrorKind::Tls, message)
    } else if cause.garbage {
        let message = format!("{endpoint} does not speak HTTP; is the port right?");
        (ErrorKind::Protocol, message)
    } else {
        let message = format!("the connection to {endpoint} broke before POST {path} was answered");
        (ErrorKind::Transport, message)
    };
    Error::new(kind, message)
        .with_delivery(cause.delivery)
        .with_source(cause.source)
}

/// The error of a POST to `path` without a response within `limit`.
pub(super) fn late(endpoint: &Endpoint, path: &str, limit: Duration) -> Error {
    Error::new(
        ErrorKind::Timeout,
        format!("{endpoint} did not answer POST {path} within {limit:?}"),
    )
}
