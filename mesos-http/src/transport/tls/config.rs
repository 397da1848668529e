//! TLS settings: trusted CAs, and a client certificate.

use std::path::PathBuf;

use mesos_core::Endpoint;

/// Trusted CAs and a client certificate for `https://` endpoints.
///
/// By default the CAs of the system are trusted (`SSL_CERT_FILE` and `SSL_CERT_DIR`, or else the
/// system's store), and no client certificate is sent. The certificate of the peer is always
/// verified, and has to be for the host in the endpoint.
///
/// Files are read again for each connection, so a certificate that is renewed on disk takes effect
/// without a restart. If a file cannot be read, or a key does not belong to its certificate, connecting
/// fails with [`ErrorKind::Config`](mesos_core::ErrorKind::Config). After the first successful
/// handshake of a backend, the backend logs a warning instead and uses the certificates that worked
/// last: a file may be half written. If a certificate is refused, connecting
/// fails with [`ErrorKind::Tls`](mesos_core::ErrorKind::Tls).
///
/// ```
/// use mesos::http::{HttpBackend, TlsConfig};
///
/// let tls = TlsConfig::new()
///     .ca_file("/etc/mesos/ca.pem")
///     .client_certificate("/etc/mesos/cert.pem", "/etc/mesos/key.pem");
/// let backend = HttpBackend::new("https://10.0.0.1:5050".parse()?).tls(tls);
/// # let _ = backend;
/// # Ok::<(), mesos::AddressError>(())
/// ```
///
/// # A refused certificate, or no common cipher suite
/// Both are errors of the kind [`ErrorKind::Tls`](mesos_core::ErrorKind::Tls), whose message names the
/// setting to change. So are a client certificate that the peer refuses, and a peer that does not
/// answer with TLS. A driver reacts as follows:
///
/// * A scheduler driver that was never subscribed ends with this error at once, whatever
///   [`Framework::subscribe_timeout`](mesos_core::Framework::subscribe_timeout) is. With a list of
///   masters it ends if all of them fail like this. If other masters are unreachable, or if the
///   connection breaks during the handshake, it retries until that timeout has passed. Set the timeout
///   for a framework with an id: by default such a framework retries indefinitely.
/// * A scheduler driver that was subscribed once retries indefinitely, because a certificate may be in
///   the middle of its renewal. The handler `disconnected` receives each error, and ends the driver
///   with `abort` if a person has to act.
/// * An executor driver retries until its registration or recovery timeout has passed.
///
/// ```
/// use mesos::{Disconnected, ErrorKind, HandlerResult, Scheduler, SchedulerDriver};
///
/// /// Ends after the tenth TLS error in a row.
/// struct Strict {
///     errors: u32,
/// }
///
/// #[mesos::async_trait]
/// impl Scheduler for Strict {
///     async fn disconnected(&mut self, driver: &SchedulerDriver, lost: Disconnected) -> HandlerResult {
///         match lost.error.kind() {
///             ErrorKind::Tls => self.errors += 1,
///             _ => self.errors = 0,
///         }
///         if self.errors == 10 {
///             eprintln!("{:#}", lost.error);
///             driver.abort();
///         }
///         Ok(())
///     }
/// }
/// ```
///
/// # Mesos with default settings
/// Up to 1.11, Mesos by default offers only cipher suites without forward secrecy (`AES128-SHA` and
/// the like), which rustls does not support. Either set
/// `LIBPROCESS_SSL_CIPHERS=ECDHE-RSA-AES128-GCM-SHA256` for masters and agents, or enable the feature
/// `tls-openssl` and call `TlsConfig::openssl`. With the feature, executors and
/// `TlsConfig::from_libprocess_env` use OpenSSL by themselves where it is necessary.
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

    /// Trusts the CAs in this PEM file instead of the system's. May be called several times.
    #[must_use]
    pub fn ca_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.ca_files.push(path.into());
        self
    }

    /// Trusts the CAs in the PEM files of this directory instead of the system's. Files without a
    /// certificate are skipped.
    #[must_use]
    pub fn ca_dir(mut self, path: impl Into<PathBuf>) -> Self {
        self.ca_dirs.push(path.into());
        self
    }

    /// Sends this certificate to a peer that requests one. The arguments are PEM files: the
    /// certificate followed by its issuers, and the unencrypted private key.
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

    /// The name or IP address that the peer's certificate has to be for, instead of the endpoint's
    /// host. Executors need this if certificates do not contain IP addresses, because Mesos passes
    /// only IP addresses to them.
    #[must_use]
    pub fn server_name(mut self, name: impl Into<String>) -> Self {
        self.server_name = Some(name.into());
        self
    }

    /// **Dangerous**: accepts any certificate. Anyone between the two sides can then read and change
    /// everything, including credentials. Each connection logs a warning.
    #[must_use]
    pub fn danger_accept_any_certificate(mut self) -> Self {
        self.unverified = true;
        self
    }

    /// Uses the system's OpenSSL instead of rustls, with the cipher suites and the security level of
    /// the system's configuration.
    #[cfg(feature = "tls-openssl")]
    #[must_use]
    pub fn openssl(mut self) -> Self {
        self.openssl = true;
        self
    }

    /// The name that the peer's certificate has to be for.
    pub(super) fn name(&self, endpoint: &Endpoint) -> String {
        self.server_name.clone().unwrap_or_else(|| endpoint.host())
    }

    /// Whether the system's CAs are replaced.
    pub(super) fn has_own_authorities(&self) -> bool {
        !self.ca_files.is_empty() || !self.ca_dirs.is_empty()
    }
}
