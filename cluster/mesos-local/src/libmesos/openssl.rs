//! A real OpenSSL 1.0.2, which libmesos needs for TLS and for executors' tokens, and which no
//! current system has any more: out of the archive of a Python package that brings its own.

use std::io;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::cache::{Cache, readable_by_all, unfinished};
use super::index::Index;
use crate::error::Error;
use crate::release::Package;

/// The files wanted from the archive, without those of the package's own; the marker is the last.
const LIBRARIES: [&str; 11] = [
    "libcom_err-beb60336.so.2.1",
    "libcrypto-c1fa9491.so.1.0.2q",
    "libgssapi_krb5-174f8956.so.2.2",
    "libk5crypto-622ef25b.so.3.1",
    "libkeyutils-1-ff31573b.2.so",
    "libkrb5-fb0d2caa.so.3.3",
    "libkrb5support-d7ce89d4.so.0.1",
    "libselinux-cf8f9094.so.1",
    "libsepol-b4f5b513.so.1",
    "libz-a147dcb0.so.1.2.3",
    "libssl-c0c2ede4.so.1.0.2q",
];

/// The libraries, downloaded (2.7 MB) if they are not in the cache yet.
pub(crate) fn openssl() -> Result<Vec<PathBuf>, Error> {
    let [.., marker] = LIBRARIES;
    let package = Package {
        what: "OpenSSL 1.0.2q".into(),
        project: "psycopg2-binary",
        file: "psycopg2_binary-2.7.7-cp37-cp37m-manylinux1_x86_64.whl".into(),
        sha256: "3d72a5fdc5f00ca85160915eb9a973cf9a0ab8148f6eda40708bf672c55ac1d1".into(),
        directory: "openssl-1.0.2q".into(),
        marker,
        instead: "do without TLS and without executor authentication in the local cluster",
    };
    let marker = Cache::from_environment()?.marker(&package, Index::from_environment, unpack)?;
    Ok(LIBRARIES
        .iter()
        .map(|name| marker.with_file_name(name))
        .collect())
}

fn unpack(archive: &NamedTempFile, directory: &Path) -> io::Result<()> {
    let mut archive = zip::ZipArchive::new(archive.reopen()?)?;
    for name in LIBRARIES {
        let mut member = archive.by_name(&format!("psycopg2/.libs/{name}"))?;
        let mut file = unfinished(directory)?;
        io::copy(&mut member, file.as_file_mut())?;
        readable_by_all(file.as_file())?;
        file.as_file().sync_all()?;
        file.persist(directory.join(name))?;
    }
    Ok(())
}
