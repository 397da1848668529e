//! The cause of a failed handshake, and what to change.

use std::io;

use mesos_core::{Delivery, Error, ErrorKind};
use tokio_rustls::rustls::{AlertDescription, CertificateError, Error as TlsError};

use super::config::TlsConfig;
use mesos_core::Endpoint;

/// The advice for a peer without a cipher suite in common.
const SUITES: &str = "Mesos by default offers only cipher suites without forward secrecy, \
                      which rustls does not support: set \
                      LIBPROCESS_SSL_CIPHERS=ECDHE-RSA-AES128-GCM-SHA256 for masters and agents, \
                      or build this program with the feature `tls-openssl` (a scheduler also calls \
                      TlsConfig::openssl)";

const CLIENT: &str = "set one with TlsConfig::client_certificate";

/// A handshake that one side refused.
pub(super) fn failed(
    endpoint: &Endpoint,
    why: &str,
    source: impl Into<mesos_core::BoxError>,
) -> Error {
    error(ErrorKind::Tls, endpoint, why, source)
}

/// A handshake during which the connection broke. The usual cause is a port without TLS, but the
/// peer may also have stopped.
pub(super) fn broken(endpoint: &Endpoint, source: impl Into<mesos_core::BoxError>) -> Error {
    let why = "the connection broke; does the port expect TLS?";
    error(ErrorKind::Transport, endpoint, why, source).with_configuration()
}

fn error(
    kind: ErrorKind,
    endpoint: &Endpoint,
    why: &str,
    source: impl Into<mesos_core::BoxError>,
) -> Error {
    let message = format!("the TLS handshake with {endpoint} failed: {why}");
    Error::new(kind, message)
        .with_delivery(Delivery::NotSent)
        .with_source(source)
}

/// The error for a handshake by rustls. `name` is the name that the peer's certificate has to be
/// for; `asked` says whether the peer requested a client certificate that is not set.
pub(super) fn rustls(
    tls: &TlsConfig,
    endpoint: &Endpoint,
    name: &str,
    asked: bool,
    source: io::Error,
) -> Error {
    let cause = source.get_ref().and_then(|cause| cause.downcast_ref());
    let why = match cause {
        Some(cause) => meaning(tls, name, asked, cause),
        None if asked => format!("the peer requires a client certificate; {CLIENT}"),
        None => return broken(endpoint, source),
    };
    failed(endpoint, &why, source)
}

fn meaning(tls: &TlsConfig, name: &str, asked: bool, cause: &TlsError) -> String {
    use AlertDescription as Alert;
    match cause {
        TlsError::AlertReceived(Alert::HandshakeFailure | Alert::CertificateRequired) if asked => {
            format!("the peer requires a client certificate; {CLIENT}")
        }
        TlsError::AlertReceived(Alert::HandshakeFailure) => {
            format!("the peer has no cipher suite in common with this program; {SUITES}")
        }
        TlsError::AlertReceived(Alert::ProtocolVersion) => {
            "the peer supports neither TLS 1.2 nor TLS 1.3".to_owned()
        }
        TlsError::AlertReceived(
            Alert::UnknownCA
            | Alert::BadCertificate
            | Alert::UnsupportedCertificate
            | Alert::CertificateUnknown
            | Alert::CertificateExpired
            | Alert::CertificateRevoked
            | Alert::DecryptError,
        ) => "the peer does not accept the client certificate".to_owned(),
        TlsError::InvalidCertificate(fault) => certificate(tls, name, fault),
        TlsError::InvalidMessage(_) => {
            "the peer did not answer with TLS; if the port does not use TLS, write http://"
                .to_owned()
        }
        _ => "see the source of this error".to_owned(),
    }
}

fn certificate(tls: &TlsConfig, name: &str, fault: &CertificateError) -> String {
    match fault {
        // BadSignature: a CA of the same name has another key.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => unknown_issuer(tls),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            format!(
                "the certificate is not for {name:?} (only alternative names count, not the common \
                 name); to accept a certificate for another name, set TlsConfig::server_name"
            )
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "the certificate has expired, or the clock of this machine is wrong".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "the certificate is not valid yet, or the clock of this machine is wrong".to_owned()
        }
        // The inner type belongs to webpki, of which a program may contain several versions.
        CertificateError::Other(other) if other.to_string().contains("CaUsedAsEndEntity") => {
            "the certificate is a CA certificate, as `openssl req -x509` creates by default; rustls \
             requires CA:FALSE (-addext basicConstraints=CA:FALSE)"
                .to_owned()
        }
        _ => "the certificate is not acceptable".to_owned(),
    }
}

/// No trusted CA has signed the peer's certificate.
pub(super) fn unknown_issuer(tls: &TlsConfig) -> String {
    let mut files = tls.ca_files.iter().chain(&tls.ca_dirs);
    match files.next() {
        None => "the certificate is not signed by a CA that this system trusts; set its CA with \
                 TlsConfig::ca_file"
            .to_owned(),
        Some(first) => {
            let more = if files.next().is_some() { ", …" } else { "" };
            format!(
                "the certificate is not signed by a CA in {}{more}",
                first.display()
            )
        }
    }
}
