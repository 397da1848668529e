//! Certificates for a cluster with TLS, made when a test runs.

use std::path::PathBuf;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tempfile::TempDir;

/// RSA, which Mesos' default cipher suites want of a server. It protects nothing.
const RSA_KEY: &str = include_str!("rsa.key");

/// An authority, and the directory with its file and those that it signed.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    directory: TempDir,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let mut parameters = CertificateParams::new([]).unwrap();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::from_pem(RSA_KEY).unwrap();
        let issuer = CertifiedIssuer::self_signed(parameters, key).unwrap();
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("ca.pem"), issuer.pem()).unwrap();
        std::fs::write(directory.path().join("rsa.key"), RSA_KEY).unwrap();
        Self { issuer, directory }
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.directory.path().join("ca.pem")
    }

    /// The file of the key of all that is signed.
    pub(crate) fn key(&self) -> PathBuf {
        self.directory.path().join("rsa.key")
    }

    /// Signs a certificate for `name`: its file.
    pub(crate) fn sign(&self, name: &str) -> PathBuf {
        let key = KeyPair::from_pem(RSA_KEY).unwrap();
        let mut parameters = CertificateParams::new([name.to_owned()]).unwrap();
        parameters.distinguished_name.push(DnType::CommonName, name);
        let certificate = parameters.signed_by(&key, &self.issuer).unwrap();
        let path = self.directory.path().join(format!("{name}.pem"));
        std::fs::write(&path, certificate.pem()).unwrap();
        path
    }
}
