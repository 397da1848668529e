//! A real OpenSSL 1.0.2, which libmesos needs for TLS and for executors' tokens. Current systems do
//! not have that version; a Python package that contains OpenSSL does.

use std::path::PathBuf;

use super::cache::Cache;
use crate::error::Error;

/// The directory in the cache.
const DIRECTORY: &str = "openssl-1.0.2q";
/// The files to take from the archive; the last one is the marker.
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

/// The libraries, downloaded (2.7 MB) if they are not in the cache. This call blocks.
///
/// # Errors
/// The index, the download, the cache.
#[doc(hidden)]
pub fn openssl() -> Result<Vec<PathBuf>, Error> {
    let cache = Cache::from_environment()?;
    let [.., marker] = LIBRARIES;
    let marker = match cache.complete(DIRECTORY, marker) {
        Some(marker) => marker,
        None => download(&cache, marker)?,
    };
    let path = |name| marker.with_file_name(name);
    Ok(LIBRARIES.iter().map(path).collect())
}

#[cfg(not(feature = "cli"))]
fn download(_: &Cache, _: &'static str) -> Result<PathBuf, Error> {
    super::by_program::provide(&["openssl"])
}

#[cfg(feature = "cli")]
fn download(cache: &Cache, marker: &'static str) -> Result<PathBuf, Error> {
    use super::index::Index;
    use crate::release::Package;

    let package = Package {
        what: "OpenSSL 1.0.2q".into(),
        project: "psycopg2-binary",
        file: "psycopg2_binary-2.7.7-cp37-cp37m-manylinux1_x86_64.whl".into(),
        sha256: "3d72a5fdc5f00ca85160915eb9a973cf9a0ab8148f6eda40708bf672c55ac1d1".into(),
        directory: DIRECTORY.into(),
        marker,
        instead: "use a local cluster without TLS and without executor authentication",
    };
    cache.marker(&package, Index::from_environment, unpack)
}

#[cfg(feature = "cli")]
fn unpack(archive: &tempfile::NamedTempFile, directory: &std::path::Path) -> std::io::Result<()> {
    use super::fill::{readable_by_all, unfinished};

    let mut archive = zip::ZipArchive::new(archive.reopen()?)?;
    for name in LIBRARIES {
        let mut member = archive.by_name(&format!("psycopg2/.libs/{name}"))?;
        let mut file = unfinished(directory)?;
        std::io::copy(&mut member, file.as_file_mut())?;
        readable_by_all(file.as_file())?;
        file.as_file().sync_all()?;
        file.persist(directory.join(name))?;
    }
    Ok(())
}
