//! Certificates for a cluster with TLS, created when a test runs.

use std::path::PathBuf;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tempfile::TempDir;

/// An RSA key, which Mesos' default cipher suites require of a server. It protects nothing.
const RSA_KEY: &str = include_str!("rsa.key");

/// A CA, with a directory for its files.
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

    /// The file with the key of all certificates.
    pub(crate) fn key(&self) -> PathBuf {
        self.directory.path().join("rsa.key")
    }

    /// Signs a certificate for `name`. Returns its file.
    pub(crate) fn sign(&self, name: &str) -> PathBuf {
        self.sign_for(&[name])
    }

    /// Signs a certificate for all `names`. Returns its file.
    pub(crate) fn sign_for(&self, names: &[&str]) -> PathBuf {
        let name = names[0];
        let key = KeyPair::from_pem(RSA_KEY).unwrap();
        let mut parameters = CertificateParams::new(
            names
                .iter()
                .map(|name| (*name).to_owned())
                .collect::<Vec<_>>(),
        )
        .unwrap();
        parameters.distinguished_name.push(DnType::CommonName, name);
        let certificate = parameters.signed_by(&key, &self.issuer).unwrap();
        let path = self.directory.path().join(format!("{name}.pem"));
        std::fs::write(&path, certificate.pem()).unwrap();
        path
    }
}
