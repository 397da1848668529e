//! What a handshake that failed means, and what to change.

use std::io;

use mesos_core::{Delivery, Error, ErrorKind};
use tokio_rustls::rustls::{AlertDescription, CertificateError, Error as TlsError};

use super::config::TlsConfig;
use mesos_core::Endpoint;

/// What to do about a peer that has no cipher suite of ours.
const SUITES: &str = "a Mesos with its default settings offers only suites without forward \
                      secrecy, which rustls does not have: set \
                      LIBPROCESS_SSL_CIPHERS=ECDHE-RSA-AES128-GCM-SHA256 for masters and agents, \
                      or build this program with the feature `tls-openssl` and choose \
                      TlsConfig::openssl";

const CLIENT: &str = "give it one with TlsConfig::client_certificate";

/// A failed handshake: nothing was sent, and the peer may be mended.
pub(super) fn failed(
    endpoint: &Endpoint,
    why: &str,
    source: impl Into<mesos_core::BoxError>,
) -> Error {
    Error::new(
        ErrorKind::Transport,
        format!("the TLS handshake with {endpoint} failed: {why}"),
    )
    .with_delivery(Delivery::NotSent)
    .with_source(source)
}

/// A handshake by rustls with a certificate for `name`; whether we were asked
/// for one that we have not.
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
        None if asked => format!("it wants a client certificate; {CLIENT}"),
        None if source.kind() == io::ErrorKind::UnexpectedEof => {
            "it closed the connection; is it a port with TLS?".to_owned()
        }
        None => "the connection broke".to_owned(),
    };
    failed(endpoint, &why, source)
}

fn meaning(tls: &TlsConfig, name: &str, asked: bool, cause: &TlsError) -> String {
    use AlertDescription as Alert;
    match cause {
        TlsError::AlertReceived(Alert::HandshakeFailure | Alert::CertificateRequired) if asked => {
            format!("it wants a client certificate; {CLIENT}")
        }
        TlsError::AlertReceived(Alert::HandshakeFailure) => {
            format!("it has no cipher suite in common with this side; {SUITES}")
        }
        TlsError::AlertReceived(Alert::ProtocolVersion) => {
            "it has no version of TLS in common with this side, which has 1.2 and 1.3".to_owned()
        }
        TlsError::AlertReceived(
            Alert::UnknownCA
            | Alert::BadCertificate
            | Alert::UnsupportedCertificate
            | Alert::CertificateUnknown
            | Alert::CertificateExpired
            | Alert::CertificateRevoked
            | Alert::DecryptError,
        ) => "it does not accept our client certificate".to_owned(),
        TlsError::InvalidCertificate(fault) => certificate(tls, name, fault),
        TlsError::InvalidMessage(_) => {
            "what it answers is no TLS; if it is a port without, write http://".to_owned()
        }
        _ => "see the cause".to_owned(),
    }
}

fn certificate(tls: &TlsConfig, name: &str, fault: &CertificateError) -> String {
    match fault {
        // The latter if an authority of the same name has another key.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => unknown_issuer(tls),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            format!(
                "its certificate is not for {name:?} (which has to be among its alternative \
                 names, the common name does not count); if it is the right one all the same, \
                 say whose it is with TlsConfig::server_name"
            )
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "its certificate has expired; or this machine's clock is wrong".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "its certificate is not valid yet; or this machine's clock is wrong".to_owned()
        }
        // The type behind it is webpki's, of which there may be several.
        CertificateError::Other(other) if other.to_string().contains("CaUsedAsEndEntity") => {
            "its certificate is that of an authority, as `openssl req -x509` makes one that signs \
             itself; rustls wants one with CA:FALSE (-addext basicConstraints=CA:FALSE)"
                .to_owned()
        }
        _ => "its certificate cannot be accepted".to_owned(),
    }
}

/// Nobody whom we believe has signed the peer's certificate.
pub(super) fn unknown_issuer(tls: &TlsConfig) -> String {
    let mut files = tls.ca_files.iter().chain(&tls.ca_dirs);
    match files.next() {
        None => "its certificate is signed by nobody whom this system believes; name its \
                 authority with TlsConfig::ca_file"
            .to_owned(),
        Some(first) => {
            let more = if files.next().is_some() { ", …" } else { "" };
            format!(
                "its certificate is not signed by an authority in {}{more}",
                first.display()
            )
        }
    }
}
