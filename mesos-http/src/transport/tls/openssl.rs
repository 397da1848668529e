//! The handshake by the system's OpenSSL, for peers that rustls cannot connect to.

use std::path::Path;
use std::pin::Pin;

use mesos_core::backend::blocking;
use mesos_core::{Error, ErrorKind, Result};
use openssl::error::ErrorStack;
use openssl::pkey::PKey;
use openssl::ssl::{Error as TlsError, SslConnector, SslMethod, SslVerifyMode};
use openssl::x509::store::X509StoreBuilder;
use openssl::x509::{X509, X509VerifyResult};
use tokio::net::TcpStream;
use tokio_openssl::SslStream;

use super::super::io::Transport;
use super::config::TlsConfig;
use super::last::Last;
use super::{diagnose, files};
use mesos_core::Endpoint;

pub(super) type Loaded = SslConnector;

pub(super) async fn connect(
    tls: &TlsConfig,
    last: &Last<Loaded>,
    endpoint: &Endpoint,
    stream: TcpStream,
) -> Result<Box<dyn Transport>> {
    let settings = tls.clone();
    let loading = blocking(move || load(&settings)).await;
    let loaded = loading.map_err(|source| {
        Error::new(ErrorKind::Backend, "cannot read certificates").with_source(source)
    });
    let loaded = loaded.flatten();
    let connector = last.or(loaded)?;
    let name = tls.name(endpoint);
    let config = connector.configure().map_err(unusable)?;
    let config = config.verify_hostname(!tls.unverified);
    let ssl = config.into_ssl(&name).map_err(|source| {
        let message = format!("{name:?} is not a valid name for a certificate");
        Error::new(ErrorKind::Config, message).with_source(source)
    })?;
    let mut stream = SslStream::new(ssl, stream).map_err(unusable)?;
    match Pin::new(&mut stream).connect().await {
        Ok(()) => {
            last.set(connector);
            Ok(Box::new(stream))
        }
        Err(source) => {
            let verified = stream.ssl().verify_result();
            Err(match meaning(tls, &name, verified, &source) {
                Some(why) => diagnose::failed(endpoint, &why, source),
                None => diagnose::broken(endpoint, source),
            })
        }
    }
}

fn load(tls: &TlsConfig) -> Result<Loaded> {
    let mut builder = SslConnector::builder(SslMethod::tls_client()).map_err(unusable)?;
    if tls.has_own_authorities() {
        let mut store = X509StoreBuilder::new().map_err(unusable)?;
        for path in &tls.ca_files {
            for certificate in certificates(path)? {
                store.add_cert(certificate).map_err(unusable)?;
            }
        }
        for directory in &tls.ca_dirs {
            for path in files::entries(directory)? {
                for certificate in certificates(&path).unwrap_or_default() {
                    store.add_cert(certificate).map_err(unusable)?;
                }
            }
        }
        builder.set_cert_store(store.build());
    }
    if let Some(identity) = &tls.identity {
        let refused = |path: &Path, source: ErrorStack| {
            let message = format!("cannot use {} for the client certificate", path.display());
            Error::new(ErrorKind::Config, message).with_source(source)
        };
        builder
            .set_certificate_chain_file(&identity.certificate)
            .map_err(|source| refused(&identity.certificate, source))?;
        let pem = read(&identity.key)?;
        // Without the callback, OpenSSL would read a passphrase from the terminal.
        let key = PKey::private_key_from_pem_callback(&pem, |_| Err(ErrorStack::get()))
            .map_err(|source| refused(&identity.key, source))?;
        builder
            .set_private_key(&key)
            .and_then(|()| builder.check_private_key())
            .map_err(|source| refused(&identity.key, source))?;
    }
    if tls.unverified {
        builder.set_verify(SslVerifyMode::NONE);
    }
    Ok(builder.build())
}

fn unusable(source: ErrorStack) -> Error {
    Error::new(ErrorKind::Config, "cannot set up the system's OpenSSL").with_source(source)
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|source| {
        let message = format!("cannot read {}", path.display());
        Error::new(ErrorKind::Config, message).with_source(source)
    })
}

fn certificates(path: &Path) -> Result<Vec<X509>> {
    files::certificates(path, X509::stack_from_pem)
}

/// Why the handshake was refused; `None` if the connection broke.
fn meaning(
    tls: &TlsConfig,
    name: &str,
    verified: X509VerifyResult,
    cause: &TlsError,
) -> Option<String> {
    // X509_V_ERR_… of openssl/x509_vfy.h.
    const UNKNOWN_ISSUER: [i32; 4] = [18, 19, 20, 21];
    const WRONG_NAME: [i32; 2] = [62, 64];
    match verified.as_raw() {
        0 => {}
        code if UNKNOWN_ISSUER.contains(&code) => {
            return Some(diagnose::unknown_issuer(tls));
        }
        code if WRONG_NAME.contains(&code) => {
            return Some(format!(
                "the certificate is not for {name:?}; to accept a certificate for another name, \
                 set TlsConfig::server_name"
            ));
        }
        _ => {
            let fault = verified.error_string();
            return Some(format!("the certificate is not acceptable ({fault})"));
        }
    }
    let reason = cause
        .ssl_error()
        .and_then(|stack| stack.errors().first()?.reason());
    Some(match reason? {
        "wrong version number" | "http request" => {
            "the peer did not answer with TLS; if the port does not use TLS, write http://"
                .to_owned()
        }
        reason if reason.contains("handshake failure") => {
            "the peer has no cipher suite in common with this system's OpenSSL, or requires a \
             client certificate"
                .to_owned()
        }
        reason => reason.to_owned(),
    })
}
