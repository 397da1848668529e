//! TLS: whom we believe, and who we are.
//!
//! `config` holds the settings, `environment` reads libprocess' variables,
//! `handshake` does the handshake by rustls, `openssl` by OpenSSL where that is
//! chosen, `files` reads certificates for both, `diagnose` says what a failed one
//! means. HTTP above it is `connection`'s.

mod config;
mod diagnose;
mod environment;
mod files;
mod handshake;
#[cfg(feature = "tls-openssl")]
mod openssl;

use mesos_core::Result;
use tokio::net::TcpStream;

pub use self::config::TlsConfig;
use super::io::Transport;
use mesos_core::Endpoint;

/// Does the handshake over `stream`.
pub(crate) async fn connect(
    tls: &TlsConfig,
    endpoint: &Endpoint,
    stream: TcpStream,
) -> Result<Box<dyn Transport>> {
    if tls.unverified {
        tracing::warn!(%endpoint, "the certificate is not verified, as it was asked for");
    }
    #[cfg(feature = "tls-openssl")]
    if tls.openssl {
        return openssl::connect(tls, endpoint, stream).await;
    }
    handshake::connect(tls, endpoint, stream).await
}
