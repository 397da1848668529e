//! Fills the cache: downloads a package, checks the archive, and unpacks it. A lock lets one process
//! at a time do that.
//!
//! A file gets its final name only when it is complete, checked and on the disk. The package's
//! marker is the last file.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufReader, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use tempfile::NamedTempFile;

use super::cache::{Cache, VARIABLE};
use super::download::download;
use super::index::Index;
use crate::error::{Error, ErrorKind};
use crate::release::{MEMBER, Package, Release};

/// How the names of unfinished files begin; the holder of the lock may delete them.
const UNFINISHED: &str = "unfinished-";

impl Cache {
    /// The release's library. `index` is called only if the library has to be downloaded.
    pub(crate) fn library(
        &self,
        release: &Release,
        index: impl FnOnce() -> Result<Index, Error>,
    ) -> Result<PathBuf, Error> {
        self.marker(&release.package(), index, |archive, directory| {
            let mut unpacked = unfinished(directory)?;
            unpack(archive, &mut unpacked)?;
            unpacked.persist(directory.join(MEMBER))?;
            Ok(())
        })
    }

    /// The package's marker. If it does not exist, `unpack` receives the archive and has to write the
    /// package's files into the directory, the marker last.
    pub(crate) fn marker(
        &self,
        package: &Package,
        index: impl FnOnce() -> Result<Index, Error>,
        unpack: impl FnOnce(&NamedTempFile, &Path) -> io::Result<()>,
    ) -> Result<PathBuf, Error> {
        if let Some(marker) = self.complete(&package.directory, package.marker) {
            return Ok(marker);
        }
        let directory = self.directory.join(&package.directory);
        let marker = directory.join(package.marker);
        let failed = |doing: &str, cause: io::Error| {
            Error::because(
                ErrorKind::Cache,
                format!(
                    "cannot {doing} in the cache {}: make the directory writable, with 200 MB of free \
                     space, or set {VARIABLE} to another directory",
                    directory.display()
                ),
                cause,
            )
        };
        fs::create_dir_all(&directory).map_err(|cause| failed("create a directory", cause))?;
        let _lock = self.lock(package).map_err(|cause| failed("lock", cause))?;
        if marker.is_file() {
            return Ok(marker);
        }
        remove_unfinished(&directory).map_err(|cause| failed("clean up", cause))?;

        let index = index()?;
        let (http, url) = index.locate(package)?;
        let mut archive = unfinished(&directory).map_err(|cause| failed("create a file", cause))?;
        download(http, &url, package, archive.as_file_mut())?;
        unpack(&archive, &directory)
            .and_then(|()| File::open(&directory)?.sync_all())
            .map_err(|cause| failed(&format!("unpack {}", package.what), cause))?;
        Ok(marker)
    }

    /// Waits for the lock of this package. Closing the file releases the lock, also when the process
    /// is killed.
    fn lock(&self, package: &Package) -> io::Result<File> {
        let path = self.directory.join(format!("{}.lock", package.directory));
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                file.read_to_string(&mut holder)?;
                eprintln!(
                    "waiting for process {}, which is downloading {} ({} is its lock)",
                    holder.trim(),
                    package.what,
                    path.display()
                );
                file.lock()?;
            }
            Err(TryLockError::Error(error)) => return Err(error),
        }
        file.set_len(0)?;
        file.rewind()?;
        writeln!(file, "{}", std::process::id())?;
        Ok(file)
    }
}

/// Deletes the files that a killed process left behind.
fn remove_unfinished(directory: &Path) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// A file with a temporary name in this directory.
pub(crate) fn unfinished(directory: &Path) -> io::Result<NamedTempFile> {
    tempfile::Builder::new()
        .prefix(UNFINISHED)
        .tempfile_in(directory)
}

/// Writes the library in the archive into `into`, and flushes it to the disk.
fn unpack(archive: &NamedTempFile, into: &mut NamedTempFile) -> io::Result<()> {
    let mut archive = tar::Archive::new(GzDecoder::new(BufReader::new(archive.reopen()?)));
    for entry in archive.entries()? {
        let mut entry = entry?;
        if entry.path()?.file_name().is_some_and(|name| name == MEMBER) {
            io::copy(&mut entry, into.as_file_mut())?;
            readable_by_all(into.as_file())?;
            return into.as_file().sync_all();
        }
    }
    Err(io::Error::new(
        io::ErrorKind::InvalidData,
        format!("the archive has no member {MEMBER}"),
    ))
}

/// Makes a temporary file readable by other users, because a cache may be shared.
pub(crate) fn readable_by_all(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    file.set_permissions(fs::Permissions::from_mode(0o644))
}

#[cfg(test)]
mod tests;
