//! The certificate for `--tls`: an authority of its own, which signs one certificate for 127.0.0.1 and
//! localhost.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tempfile::TempDir;

use crate::error::{Error, ErrorKind};

/// A certificate for 127.0.0.1 and localhost, in PEM files. Files in a temporary directory are removed
/// with the value, which must live as long as the cluster.
#[derive(Debug)]
pub struct Certificate {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
    pub(super) authority: PathBuf,
    /// Removed with the value.
    _temporary: Option<TempDir>,
}

impl Certificate {
    /// The file of the certificate that clients have to trust.
    pub fn authority(&self) -> &Path {
        &self.authority
    }

    /// Makes the files in the directory `tls` of a work directory, else in a temporary directory.
    pub(super) fn make(work_dir: Option<&Path>) -> Result<Self, Error> {
        let signed = sign().map_err(|error| {
            Error::because(ErrorKind::Start, "cannot make a certificate", error)
        })?;
        write_all(work_dir, &signed)
            .map_err(|error| Error::because(ErrorKind::Start, "cannot write a certificate", error))
    }
}

fn write_all(work_dir: Option<&Path>, signed: &Signed) -> io::Result<Certificate> {
    let (directory, temporary) = match work_dir {
        Some(work_dir) => (work_dir.join("tls"), None),
        None => {
            let temporary = TempDir::with_prefix("mesos-local-tls-")?;
            (temporary.path().to_owned(), Some(temporary))
        }
    };
    fs::create_dir_all(&directory)?;
    // Mesos opens them from another directory.
    let directory = directory.canonicalize()?;
    let files = Certificate {
        certificate: directory.join("cert.pem"),
        key: directory.join("key.pem"),
        authority: directory.join("ca.pem"),
        _temporary: temporary,
    };
    write(&files.authority, &signed.authority, 0o644)?;
    write(&files.certificate, &signed.certificate, 0o644)?;
    write(&files.key, &signed.key, 0o600)?;
    Ok(files)
}

/// The content of the files.
struct Signed {
    authority: String,
    certificate: String,
    key: String,
}

fn sign() -> Result<Signed, rcgen::Error> {
    let mut parameters = CertificateParams::new([])?;
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let name = "mesos-local";
    parameters.distinguished_name.push(DnType::CommonName, name);
    let authority = CertifiedIssuer::self_signed(parameters, KeyPair::generate()?)?;

    let names = ["127.0.0.1", "localhost"].map(str::to_owned);
    let mut parameters = CertificateParams::new(names)?;
    let name = "127.0.0.1";
    parameters.distinguished_name.push(DnType::CommonName, name);
    let key = KeyPair::generate()?;
    let certificate = parameters.signed_by(&key, &authority)?;
    Ok(Signed {
        authority: authority.pem(),
        certificate: certificate.pem(),
        key: key.serialize_pem(),
    })
}

fn write(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    // A file of an earlier cluster may have another mode.
    if path.exists() {
        fs::remove_file(path)?;
    }
    let mut options = fs::OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(mode).open(path)?;
    file.write_all(text.as_bytes())
}
