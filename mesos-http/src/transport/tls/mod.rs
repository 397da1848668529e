//! TLS: settings and handshakes.
//!
//! `config` has the settings and `environment` reads libprocess's variables. `handshake` uses rustls,
//! and `openssl` uses OpenSSL if the settings say so. `files` reads certificates for both, and
//! `last` keeps what worked, and
//! `diagnose` explains a failed handshake. `probe` shows a handshake that succeeded.

mod config;
mod diagnose;
mod environment;
mod files;
mod handshake;
mod last;
#[cfg(feature = "tls-openssl")]
mod openssl;
mod probe;

use mesos_core::Result;
use tokio::net::TcpStream;

pub use self::config::TlsConfig;
pub use self::probe::TlsProbe;
use super::io::Transport;
use mesos_core::Endpoint;

/// What worked last, for each TLS library. Belongs to one [`TlsConfig`].
#[derive(Clone, Debug, Default)]
pub(crate) struct LastGood {
    rustls: last::Last<handshake::Loaded>,
    #[cfg(feature = "tls-openssl")]
    openssl: last::Last<openssl::Loaded>,
}

/// Does the handshake over `stream`.
pub(crate) async fn connect(
    tls: &TlsConfig,
    last: &LastGood,
    endpoint: &Endpoint,
    stream: TcpStream,
) -> Result<Box<dyn Transport>> {
    if tls.unverified {
        tracing::warn!(%endpoint, "the certificate is not verified, as configured");
    }
    #[cfg(feature = "tls-openssl")]
    if tls.openssl {
        return openssl::connect(tls, &last.openssl, endpoint, stream).await;
    }
    handshake::connect(tls, &last.rustls, endpoint, stream).await
}
