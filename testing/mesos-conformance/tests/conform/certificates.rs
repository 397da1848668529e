//! Certificates for clusters with TLS, created on demand.

use std::io;
use std::path::PathBuf;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;

/// RSA, because both Mesos's OpenSSL and rustls accept it here. The key protects nothing.
const RSA_KEY: &str = include_str!("../../../../mesos-http/tests/real/rsa.key");

/// A certificate authority and its certificate for 127.0.0.1, as PEM files.
#[derive(Debug)]
pub(crate) struct Certificates {
    directory: TempDir,
}

impl Certificates {
    pub(crate) fn make() -> io::Result<Self> {
        let directory = tempfile::tempdir()?;
        let key = || KeyPair::from_pem(RSA_KEY).map_err(io::Error::other);
        let mut parameters = CertificateParams::default();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(parameters, key()?).map_err(io::Error::other)?;
        let parameters = CertificateParams::new(["127.0.0.1".to_owned()]);
        let signed = parameters.and_then(|parameters| {
            let key = KeyPair::from_pem(RSA_KEY)?;
            parameters.signed_by(&key, &issuer)
        });
        let certificates = Self { directory };
        std::fs::write(certificates.authority(), issuer.pem())?;
        std::fs::write(certificates.key(), RSA_KEY)?;
        let signed = signed.map_err(io::Error::other)?;
        std::fs::write(certificates.certificate(), signed.pem())?;
        Ok(certificates)
    }

    pub(crate) fn authority(&self) -> PathBuf {
        self.directory.path().join("ca.pem")
    }

    pub(crate) fn key(&self) -> PathBuf {
        self.directory.path().join("rsa.key")
    }

    pub(crate) fn certificate(&self) -> PathBuf {
        self.directory.path().join("127.0.0.1.pem")
    }
}
