//! Local files of a download. Every path is resolved below the target folder.

use std::fs::TryLockError;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use bytes::Bytes;
use cap_std::ambient_authority;
use cap_std::fs::{Dir, MetadataExt as _, OpenOptions};
use mesos_core::backend::blocking;
use mesos_core::{Error, ErrorKind, Result};

use super::SandboxEntry;
use crate::files::{OVERLAP, Position};

/// The permissions that are kept. Set-user-id bits from another machine are not.
const PERMISSIONS: u32 = 0o777;

/// A local folder.
#[derive(Clone, Debug)]
pub(super) struct Folder {
    dir: Arc<Dir>,
    /// The names of the parts that earlier downloads have left.
    parts: Arc<[String]>,
    /// For messages.
    path: String,
}

/// A file that gets its name when it is complete. Until then its name says which version of which
/// file it is the beginning of.
#[derive(Debug)]
pub(super) struct Partial {
    folder: Folder,
    temporary: String,
    file: Arc<std::fs::File>,
    /// Where the download continues.
    position: Position,
    /// Whether dropping the value removes the file.
    discard: bool,
}

impl Folder {
    /// Opens a folder, and creates it if it does not exist.
    pub(super) async fn open_target(path: &Path) -> Result<Self> {
        let shown = path.display().to_string();
        let path = path.to_owned();
        let opened = on_disk(&shown, move || {
            std::fs::create_dir_all(&path)?;
            with_parts(Dir::open_ambient_dir(&path, ambient_authority())?)
        });
        let (dir, parts) = opened.await?;
        Ok(Self {
            dir: Arc::new(dir),
            parts,
            path: shown,
        })
    }

    /// Opens a folder in this folder, and creates it if it does not exist.
    pub(super) async fn folder(&self, name: &str) -> Result<Self> {
        let path = self.path_of(name);
        let (dir, name) = (Arc::clone(&self.dir), name.to_owned());
        let opened = on_disk(&path, move || {
            match dir.create_dir(&name) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => {}
            }
            with_parts(dir.open_dir(&name)?)
        });
        let (dir, parts) = opened.await?;
        Ok(Self {
            dir: Arc::new(dir),
            parts,
            path,
        })
    }

    /// Whether there is a file of the same size and time.
    pub(super) async fn has(&self, entry: &SandboxEntry) -> Result<bool> {
        let Some(modified) = entry.modified else {
            return Ok(false);
        };
        let (dir, name, size) = (Arc::clone(&self.dir), entry.name.clone(), entry.size);
        on_disk(&self.path_of(&entry.name), move || {
            let metadata = match dir.symlink_metadata(&name) {
                Ok(metadata) => metadata,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
                Err(error) => return Err(error),
            };
            let same_time = metadata
                .modified()
                .is_ok_and(|time| time.into_std() == modified);
            Ok(metadata.is_file() && metadata.len() == size && same_time)
        })
        .await
    }

    /// Creates the file for this version of the file at `source`, or opens the part of it that an
    /// earlier download has left. Removes the parts of other versions.
    ///
    /// `source` is the whole path on the agent, so that a file of another task is another file.
    pub(super) async fn create(&self, source: &str, entry: &SandboxEntry) -> Result<Partial> {
        let (dir, parts) = (Arc::clone(&self.dir), Arc::clone(&self.parts));
        let (source, entry) = (source.to_owned(), entry.clone());
        let shown = self.path_of(&entry.name);
        let (temporary, file, position) = on_disk(&shown, move || {
            let wanted = PartName::new(&source, &entry);
            let others = parts.iter().filter(|name| wanted.is_other_version(name));
            for name in others {
                // Another download may have removed it.
                let _ = dir.remove_file(name);
            }
            if let Some(name) = wanted.version
                && let Some((file, position)) = open_part(&dir, &name, entry.size)?
            {
                return Ok((name, file, position));
            }
            // For this download alone.
            let name = format!("{PREFIX}{:016x}", fastrand::u64(..));
            let mut options = OpenOptions::new();
            let file = dir.open_with(&name, options.write(true).create_new(true))?;
            Ok((name, file.into_std(), Position::default()))
        })
        .await?;
        Ok(Partial {
            // Only a name with the version is found again.
            discard: !temporary.ends_with(SUFFIX),
            file: Arc::new(file),
            folder: self.clone(),
            temporary,
            position,
        })
    }

    /// Sets permissions and time, when everything in the folder was written.
    pub(super) async fn finish(&self, entry: &SandboxEntry) -> Result<()> {
        let (dir, entry) = (Arc::clone(&self.dir), entry.clone());
        on_disk(&self.path, move || {
            // The folder itself is open without the right to change it (O_PATH).
            set_metadata(&dir.open(".")?.into_std(), &entry)
        })
        .await
    }

    fn path_of(&self, name: &str) -> String {
        format!("{}/{name}", self.path)
    }
}

impl Partial {
    /// Behind the bytes that the file has.
    pub(super) fn position(&self) -> Position {
        self.position.clone()
    }

    /// Removes the file: its bytes are not those of the file any more.
    pub(super) fn discard(mut self) {
        self.discard = true;
    }

    pub(super) async fn write(&mut self, bytes: Bytes) -> Result<()> {
        let file = Arc::clone(&self.file);
        let path = self.folder.path_of(&self.temporary);
        on_disk(&path, move || (&*file).write_all(&bytes)).await
    }

    /// Gives the file its name, in place of a file that has it.
    pub(super) async fn finish(self, entry: &SandboxEntry) -> Result<()> {
        let (file, dir) = (Arc::clone(&self.file), Arc::clone(&self.folder.dir));
        let (temporary, entry) = (self.temporary.clone(), entry.clone());
        let path = self.folder.path_of(&entry.name);
        on_disk(&path, move || {
            set_metadata(&file, &entry)?;
            dir.rename(&temporary, &dir, &entry.name)
        })
        .await
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        // After `finish` the name does not exist.
        if self.discard {
            let _ = self.folder.dir.remove_file(&self.temporary);
        }
    }
}

/// The beginning of the names of files that are not complete.
const PREFIX: &str = ".mesos-";
/// The end of the names of parts that a later download continues.
const SUFFIX: &str = ".part";

/// The name of the part of a file.
struct PartName {
    /// What the parts of all versions of the file begin with.
    file: String,
    /// `None` if the agent does not report a time, which identifies the version.
    version: Option<String>,
}

impl PartName {
    fn new(source: &str, entry: &SandboxEntry) -> Self {
        // Stable as long as the same program is used. Another hash only means a new download.
        let mut hasher = DefaultHasher::new();
        source.hash(&mut hasher);
        let file = format!("{PREFIX}{:016x}-", hasher.finish());
        let seconds = entry.modified.and_then(|time| {
            let since = time.duration_since(UNIX_EPOCH).ok()?;
            Some(since.as_secs())
        });
        let version = seconds.map(|seconds| format!("{file}{}-{seconds}{SUFFIX}", entry.size));
        Self { file, version }
    }

    fn is_other_version(&self, name: &str) -> bool {
        name.starts_with(&self.file) && self.version.as_deref() != Some(name)
    }
}

/// The folder, and the names of the parts in it.
fn with_parts(dir: Dir) -> io::Result<(Dir, Arc<[String]>)> {
    let mut parts = Vec::new();
    for entry in dir.entries()? {
        let name = entry?.file_name().into_string().unwrap_or_default();
        if name.starts_with(PREFIX) && name.ends_with(SUFFIX) {
            parts.push(name);
        }
    }
    Ok((dir, parts.into()))
}

/// Opens or creates a part of a file of this size; `None` if another download writes it.
fn open_part(dir: &Dir, name: &str, size: u64) -> io::Result<Option<(std::fs::File, Position)>> {
    let mut options = OpenOptions::new();
    let file = match dir.open_with(name, options.read(true).append(true).create(true)) {
        Ok(file) => file.into_std(),
        // It belongs to another user.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Ok(None),
        Err(error) => return Err(error),
    };
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(None),
        Err(TryLockError::Error(error)) => return Err(error),
    }
    // Another download may have given the file its name since it was opened.
    let (opened, found) = (file.metadata()?, dir.symlink_metadata(name)?);
    let is_same = (opened.dev(), opened.ino()) == (found.dev(), found.ino());
    if !is_same || !opened.is_file() {
        return Ok(None);
    }
    let mut offset = opened.len();
    if offset >= size {
        file.set_len(0)?;
        offset = 0;
    }
    let length = (OVERLAP as u64).min(offset);
    let mut before = vec![0; length as usize];
    file.read_exact_at(&mut before, offset - length)?;
    Ok(Some((file, Position::after(offset, before.into()))))
}

fn set_metadata(file: &std::fs::File, entry: &SandboxEntry) -> io::Result<()> {
    let mode = entry.mode & PERMISSIONS;
    file.set_permissions(std::fs::Permissions::from_mode(mode))?;
    match entry.modified {
        Some(modified) => file.set_modified(modified),
        None => Ok(()),
    }
}

async fn on_disk<T: Send + 'static>(
    path: &str,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T> {
    let done = blocking(work).await.flatten();
    done.map_err(|source| {
        Error::new(ErrorKind::Store, format!("cannot write {path}")).with_source(source)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operator::sandbox::EntryKind;

    #[tokio::test]
    async fn two_downloads_of_one_file_do_not_write_the_same_part() {
        let target = tempfile::tempdir().unwrap();
        let folder = Folder::open_target(target.path()).await.unwrap();
        let entry = SandboxEntry {
            name: "file".to_owned(),
            kind: EntryKind::File,
            size: 4,
            mode: 0o644,
            modified: Some(UNIX_EPOCH),
            links: 1,
            owner: String::new(),
            group: String::new(),
        };
        let mut first = folder.create("/s/file", &entry).await.unwrap();
        first.write(Bytes::from_static(b"ab")).await.unwrap();
        let mut second = folder.create("/s/file", &entry).await.unwrap();
        assert_eq!(second.position().offset(), 0);
        second.write(Bytes::from_static(b"abcd")).await.unwrap();
        second.finish(&entry).await.unwrap();
        first.write(Bytes::from_static(b"cd")).await.unwrap();
        first.finish(&entry).await.unwrap();
        assert_eq!(std::fs::read(target.path().join("file")).unwrap(), b"abcd");
        assert_eq!(std::fs::read_dir(target.path()).unwrap().count(), 1);
    }
}
