//! Connections: TCP, TLS or a unix socket, HTTP/1.1 over them, and the settings that they share.
//! What is sent over a connection is in `wire` and `pipeline`.

pub(crate) mod connection;
pub(crate) mod dial;
pub(crate) mod exchange;
pub(crate) mod io;
pub(crate) mod patience;
pub(crate) mod resolve;
pub(crate) mod settings;
#[cfg(feature = "tls")]
pub(crate) mod tls;
mod unanswered;
