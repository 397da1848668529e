//! TLS: whom we believe, and who we are.
//!
//! `environment` reads libprocess' variables, `handshake` does the handshake by
//! rustls, `openssl` by OpenSSL where that is chosen, `trouble` says what a
//! failed one means. HTTP above it is `connection`'s.

mod environment;
mod handshake;
#[cfg(feature = "tls-openssl")]
mod openssl;
mod trouble;

use std::path::PathBuf;

use mesos_core::Result;
use tokio::net::TcpStream;

use crate::dial::Transport;
use crate::endpoint::Endpoint;

/// Whom to believe at an `https://` endpoint, and who we are there.
///
/// The default believes the authorities that the system believes
/// (`SSL_CERT_FILE` and `SSL_CERT_DIR`, else the system's own store), and shows
/// no certificate. The certificate of the peer is always verified, and has to
/// be for the host in the endpoint.
///
/// Files are read anew for each connection, so a certificate that is renewed on
/// disk is taken up without a restart. One that cannot be read makes connecting
/// fail with [`ErrorKind::Config`](mesos_core::ErrorKind).
///
/// ```
/// use mesos_http::{HttpBackend, TlsConfig};
///
/// let tls = TlsConfig::new()
///     .ca_file("/etc/mesos/ca.pem")
///     .client_certificate("/etc/mesos/cert.pem", "/etc/mesos/key.pem");
/// let backend = HttpBackend::new("https://10.0.0.1:5050".parse()?).tls(tls);
/// # let _ = backend;
/// # Ok::<(), mesos_http::EndpointError>(())
/// ```
///
/// # A Mesos with its default settings
/// Up to 1.11 it offers only cipher suites without forward secrecy
/// (`AES128-SHA` and the like), which rustls does not have. Either set
/// `LIBPROCESS_SSL_CIPHERS=ECDHE-RSA-AES128-GCM-SHA256` for masters and agents,
/// or build with the feature `tls-openssl` and choose `TlsConfig::openssl`.
#[derive(Clone, Debug, Default)]
pub struct TlsConfig {
    ca_files: Vec<PathBuf>,
    ca_dirs: Vec<PathBuf>,
    identity: Option<Identity>,
    server_name: Option<String>,
    unverified: bool,
    #[cfg(feature = "tls-openssl")]
    openssl: bool,
}

/// The files of a client certificate.
#[derive(Clone, Debug)]
struct Identity {
    certificate: PathBuf,
    key: PathBuf,
}

impl TlsConfig {
    /// The default settings.
    pub fn new() -> Self {
        Self::default()
    }

    /// Believes the authorities in this PEM file, and no longer the system's.
    /// May be called several times.
    #[must_use]
    pub fn ca_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.ca_files.push(path.into());
        self
    }

    /// Believes the authorities in the PEM files of this directory, and no
    /// longer the system's. Files without a certificate are passed over.
    #[must_use]
    pub fn ca_dir(mut self, path: impl Into<PathBuf>) -> Self {
        self.ca_dirs.push(path.into());
        self
    }

    /// Shows this certificate to a peer that asks for one: PEM files with the
    /// certificate, followed by those that signed it, and with its private key,
    /// not encrypted.
    #[must_use]
    pub fn client_certificate(
        mut self,
        certificate: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
    ) -> Self {
        self.identity = Some(Identity {
            certificate: certificate.into(),
            key: key.into(),
        });
        self
    }

    /// The name, or IP address, that the peer's certificate has to be for,
    /// whatever the endpoint says. Mesos' executors are told IP addresses only,
    /// which not every certificate has.
    #[must_use]
    pub fn server_name(mut self, name: impl Into<String>) -> Self {
        self.server_name = Some(name.into());
        self
    }

    /// **Dangerous**: takes any certificate of anybody, so that whoever is in
    /// between can read and change everything, credentials included. Each
    /// connection logs a warning.
    #[must_use]
    pub fn danger_accept_any_certificate(mut self) -> Self {
        self.unverified = true;
        self
    }

    /// Uses the system's OpenSSL in place of rustls, with the cipher suites and
    /// the security level that the system is configured for.
    #[cfg(feature = "tls-openssl")]
    #[must_use]
    pub fn openssl(mut self) -> Self {
        self.openssl = true;
        self
    }

    /// The settings in this process' `LIBPROCESS_SSL_…` variables; `None` if
    /// `LIBPROCESS_SSL_ENABLED` is not on.
    ///
    /// | variable | here |
    /// |---|---|
    /// | `KEY_FILE`, `CERT_FILE` | the client certificate |
    /// | `CA_FILE`, `CA_DIR` | the authorities to believe, in place of the system's |
    /// | `VERIFY_SERVER_CERT`, `VERIFY_CERT` | always on, whatever they say; where it is off, that is logged |
    /// | `VERIFY_IPADD`, `HOSTNAME_VALIDATION_SCHEME` | always `1` and `openssl`: the certificate has to be for the name or the IP address that is connected to, and no name server is asked |
    /// | `SUPPORT_DOWNGRADE` | always off |
    /// | `VERIFICATION_DEPTH`, `CIPHERS`, `ECDH_CURVES`, `ENABLE_SSL_V3`, `ENABLE_TLS_V1_…` | left to the TLS library |
    /// | `REQUIRE_CLIENT_CERT`, `REQUIRE_CERT` | for servers only |
    ///
    /// What is set and has another effect than in Mesos is logged. The old
    /// prefix `SSL_` is not read: `SSL_CERT_FILE` is where the system's
    /// authorities are. Mesos' source: 3rdparty/libprocess/src/openssl.cpp.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](mesos_core::ErrorKind) for a switch that is none of
    /// `0`, `1`, `false` and `true`, or one of key and certificate without the
    /// other.
    pub fn from_libprocess_env() -> Result<Option<Self>> {
        environment::read(|name| std::env::var(name).ok())
    }

    /// Does the handshake over `stream`.
    pub(crate) async fn connect(
        &self,
        endpoint: &Endpoint,
        stream: TcpStream,
    ) -> Result<Box<dyn Transport>> {
        if self.unverified {
            tracing::warn!(%endpoint, "the certificate is not verified, as it was asked for");
        }
        #[cfg(feature = "tls-openssl")]
        if self.openssl {
            return openssl::connect(self, endpoint, stream).await;
        }
        handshake::connect(self, endpoint, stream).await
    }

    /// The name that the certificate has to be for.
    fn name(&self, endpoint: &Endpoint) -> String {
        self.server_name.clone().unwrap_or_else(|| endpoint.host())
    }

    /// Whether only authorities of our own are believed.
    fn has_own_authorities(&self) -> bool {
        !self.ca_files.is_empty() || !self.ca_dirs.is_empty()
    }
}
