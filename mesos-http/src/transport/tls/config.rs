//! TLS settings: trusted authorities, and a client certificate.

use std::path::PathBuf;

use mesos_core::Endpoint;

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
/// # Ok::<(), mesos_http::AddressError>(())
/// ```
///
/// # A Mesos with its default settings
/// Up to 1.11 it offers only cipher suites without forward secrecy
/// (`AES128-SHA` and the like), which rustls does not have. Either set
/// `LIBPROCESS_SSL_CIPHERS=ECDHE-RSA-AES128-GCM-SHA256` for masters and agents,
/// or build with the feature `tls-openssl` and choose `TlsConfig::openssl`.
#[derive(Clone, Debug, Default)]
pub struct TlsConfig {
    pub(super) ca_files: Vec<PathBuf>,
    pub(super) ca_dirs: Vec<PathBuf>,
    pub(super) identity: Option<Identity>,
    pub(super) server_name: Option<String>,
    pub(super) unverified: bool,
    #[cfg(feature = "tls-openssl")]
    pub(super) openssl: bool,
}

/// The files of a client certificate.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
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

    /// The name that the certificate has to be for.
    pub(super) fn name(&self, endpoint: &Endpoint) -> String {
        self.server_name.clone().unwrap_or_else(|| endpoint.host())
    }

    /// Whether only authorities of our own are believed.
    pub(super) fn has_own_authorities(&self) -> bool {
        !self.ca_files.is_empty() || !self.ca_dirs.is_empty()
    }
}
