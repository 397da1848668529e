//! Getting libmesos: the cache, and behind it the download from a Python package index.
//!
//! `index` finds the archive's address, `download` brings the bytes and checks them, `cache` sees
//! to it that this happens once per machine. What is done with the library is not decided here.

mod cache;
mod digest;
mod download;
mod http;
mod index;
mod openssl;
mod progress;
#[cfg(test)]
mod server;

use std::path::PathBuf;

use crate::error::{Error, ErrorKind};
use crate::platform;
use crate::release::Release;
use cache::Cache;
use index::Index;
pub(crate) use openssl::openssl;

/// The variable that names a libmesos to use instead of downloading one.
pub(crate) const LIBRARY_VARIABLE: &str = "MESOS_NATIVE_LIBRARY";

/// The path of libmesos of this version (one of [`versions`](crate::versions)), downloaded if it
/// is not in the cache yet.
///
/// `MESOS_NATIVE_LIBRARY`, if set, names the library to use instead, whatever the version. The
/// cache is the directory `$MESOS_LOCAL_CACHE`, else `$XDG_CACHE_HOME/mesos-local`, else
/// `~/.cache/mesos-local`. About 27 MB are downloaded from the Python package index that `pip`
/// is configured for, with the progress on stderr; their SHA-256 has to be the one pinned in this
/// crate. Processes that want the same version at the same time wait for the first one of them.
///
/// This call blocks; [`libmesos()`] is for async code.
///
/// # Errors
/// See [`ErrorKind`]: the platform, an unknown version, the index, the download, the cache.
/// After an error nothing half-done is left in the cache.
pub fn libmesos_blocking(version: &str) -> Result<PathBuf, Error> {
    if let Some(path) = std::env::var_os(LIBRARY_VARIABLE).filter(|path| !path.is_empty()) {
        let path = PathBuf::from(path);
        return if path.is_file() {
            Ok(path)
        } else {
            Err(Error::new(
                ErrorKind::Config,
                format!(
                    "{LIBRARY_VARIABLE} names {}, which is not a file: correct it, or unset it to \
                     have libmesos downloaded",
                    path.display()
                ),
            ))
        };
    }
    platform::check(std::env::consts::OS, std::env::consts::ARCH)?;
    let release = Release::named(version)?;
    Cache::from_environment()?.library(&release, Index::from_environment)
}

/// [`libmesos_blocking`] on a thread of its own.
///
/// Dropping the future does not stop a download that is under way; it goes on into the cache.
///
/// # Errors
/// Those of [`libmesos_blocking`].
pub async fn libmesos(version: &str) -> Result<PathBuf, Error> {
    let version = version.to_owned();
    crate::blocking(move || libmesos_blocking(&version)).await
}
