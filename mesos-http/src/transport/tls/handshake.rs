//! The handshake by rustls.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mesos_core::backend::blocking;
use mesos_core::{Error, ErrorKind, Result};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::client::{ResolvesClientCert, WebPkiServerVerifier};
use tokio_rustls::rustls::crypto::{self, CryptoProvider};
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{
    ClientConfig, DigitallySignedStruct, Error as TlsError, RootCertStore, SignatureScheme,
};

use super::super::io::Transport;
use super::config::{Identity, TlsConfig};
use super::last::Last;
use super::{diagnose, files};
use mesos_core::Endpoint;

/// The settings for rustls, and a flag that says whether the peer requested a client certificate that
/// is not set.
pub(super) type Loaded = (Arc<ClientConfig>, Arc<Asked>);

pub(super) async fn connect(
    tls: &TlsConfig,
    last: &Last<Loaded>,
    endpoint: &Endpoint,
    stream: TcpStream,
) -> Result<Box<dyn Transport>> {
    let (stream, _) = handshake(tls, last, endpoint, stream).await?;
    Ok(Box::new(stream))
}

/// Also returns whether the peer requested a client certificate that is not set.
pub(super) async fn handshake(
    tls: &TlsConfig,
    last: &Last<Loaded>,
    endpoint: &Endpoint,
    stream: TcpStream,
) -> Result<(TlsStream<TcpStream>, Arc<Asked>)> {
    let name = tls.name(endpoint);
    let server_name = ServerName::try_from(name.clone()).map_err(|source| {
        let message = format!("{name:?} is not a valid name for a certificate");
        Error::new(ErrorKind::Config, message).with_source(source)
    })?;
    let settings = tls.clone();
    // Reading and parsing all CAs of a system takes milliseconds.
    let loading = blocking(move || load(&settings)).await;
    let loaded = loading.map_err(|source| {
        Error::new(ErrorKind::Backend, "cannot read certificates").with_source(source)
    });
    let loaded = loaded.flatten();
    let (config, asked) = last.or(loaded)?;
    match TlsConnector::from(Arc::clone(&config))
        .connect(server_name, stream)
        .await
    {
        Ok(stream) => {
            last.set((config, Arc::clone(&asked)));
            Ok((stream, asked))
        }
        Err(source) => {
            let asked = asked.is_set();
            Err(diagnose::rustls(tls, endpoint, &name, asked, source))
        }
    }
}

fn load(tls: &TlsConfig) -> Result<Loaded> {
    // Explicit, because rustls has no default if a program contains several providers.
    let provider = Arc::new(crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|source| refused("no TLS version can be used", source))?;
    let verifier: Arc<dyn ServerCertVerifier> = if tls.unverified {
        Arc::new(AcceptAny(Arc::clone(&provider)))
    } else {
        let roots = Arc::new(authorities(tls)?);
        WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&provider))
            .build()
            .map_err(|source| {
                let message = "no CA is trusted; install the system's CAs (Debian: \
                               ca-certificates), or set a file with TlsConfig::ca_file";
                Error::new(ErrorKind::Config, message).with_source(source)
            })?
    };
    let builder = builder
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let asked = Arc::new(Asked::default());
    let config = match &tls.identity {
        None => builder.with_client_cert_resolver(Arc::clone(&asked) as _),
        Some(identity) => {
            let (chain, key) = identity.read()?;
            builder
                .with_client_auth_cert(chain, key)
                .map_err(|source| {
                    let message = format!(
                        "the client certificate {} and the key {} do not belong together",
                        identity.certificate.display(),
                        identity.key.display()
                    );
                    refused(message, source)
                })?
        }
    };
    Ok((Arc::new(config), asked))
}

fn refused(message: impl Into<String>, source: TlsError) -> Error {
    Error::new(ErrorKind::Config, message).with_source(source)
}

fn authorities(tls: &TlsConfig) -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    if !tls.has_own_authorities() {
        // CAs that cannot be read do not affect the others.
        let found = rustls_native_certs::load_native_certs();
        let (added, _) = roots.add_parsable_certificates(found.certs);
        match found.errors.into_iter().next() {
            Some(error) if added == 0 => {
                let message = "cannot read the CAs that the system trusts";
                return Err(Error::new(ErrorKind::Config, message).with_source(error));
            }
            Some(error) => tracing::debug!(%error, "cannot read some of the system's CAs"),
            None => {}
        }
        return Ok(roots);
    }
    for path in &tls.ca_files {
        for certificate in certificates(path)? {
            roots.add(certificate).map_err(|source| {
                refused(
                    format!("a certificate in {} is invalid", path.display()),
                    source,
                )
            })?;
        }
    }
    for directory in &tls.ca_dirs {
        for path in files::entries(directory)? {
            if let Ok(found) = CertificateDer::pem_file_iter(path) {
                roots.add_parsable_certificates(found.flatten());
            }
        }
    }
    Ok(roots)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    files::certificates(path, |pem| CertificateDer::pem_slice_iter(pem).collect())
}

impl Identity {
    fn read(&self) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)> {
        use tokio_rustls::rustls::pki_types::pem;
        let key = PrivateKeyDer::from_pem_file(&self.key).map_err(|cause| {
            let path = self.key.display();
            match cause {
                pem::Error::Io(source) => {
                    Error::new(ErrorKind::Config, format!("cannot read the key {path}"))
                        .with_source(source)
                }
                // The text of the source may quote the key.
                _ => Error::new(
                    ErrorKind::Config,
                    format!("{path} does not contain an unencrypted private key in PEM format"),
                ),
            }
        })?;
        Ok((certificates(&self.certificate)?, key))
    }
}

/// Has no client certificate, and records that the peer requested one.
#[derive(Debug, Default)]
pub(super) struct Asked(AtomicBool);

impl Asked {
    pub(super) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl ResolvesClientCert for Asked {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.0.store(true, Ordering::Relaxed);
        None
    }

    fn has_certs(&self) -> bool {
        false
    }
}

/// Accepts any certificate whose key signed the handshake.
#[derive(Debug)]
struct AcceptAny(Arc<CryptoProvider>);

impl ServerCertVerifier for AcceptAny {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        let algorithms = &self.0.signature_verification_algorithms;
        crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        let algorithms = &self.0.signature_verification_algorithms;
        crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
