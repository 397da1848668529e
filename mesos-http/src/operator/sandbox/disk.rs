//! Local files of a download. Every path is resolved below the target folder.

use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions};
use mesos_core::backend::blocking;
use mesos_core::{Error, ErrorKind, Result};

use super::SandboxEntry;

/// The permissions that are kept. Set-user-id bits from another machine are not.
const PERMISSIONS: u32 = 0o777;

/// A local folder.
#[derive(Clone, Debug)]
pub(super) struct Folder {
    dir: Arc<Dir>,
    /// For messages.
    path: String,
}

/// A file that gets its name when it is complete. Dropping it earlier removes it.
#[derive(Debug)]
pub(super) struct Partial {
    folder: Folder,
    temporary: String,
    file: Arc<std::fs::File>,
}

impl Folder {
    /// Opens a folder, and creates it if it does not exist.
    pub(super) async fn open_target(path: &Path) -> Result<Self> {
        let shown = path.display().to_string();
        let path = path.to_owned();
        let opened = on_disk(&shown, move || {
            std::fs::create_dir_all(&path)?;
            Dir::open_ambient_dir(&path, ambient_authority())
        });
        Ok(Self {
            dir: Arc::new(opened.await?),
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
            dir.open_dir(&name)
        });
        Ok(Self {
            dir: Arc::new(opened.await?),
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

    pub(super) async fn create(&self, name: &str) -> Result<Partial> {
        let temporary = format!(".mesos-{:016x}", fastrand::u64(..));
        let (dir, created) = (Arc::clone(&self.dir), temporary.clone());
        let file = on_disk(&self.path_of(name), move || {
            let mut options = OpenOptions::new();
            dir.open_with(created, options.write(true).create_new(true))
        })
        .await?;
        Ok(Partial {
            file: Arc::new(file.into_std()),
            folder: self.clone(),
            temporary,
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
        // After `finish` there is nothing to remove.
        let _ = self.folder.dir.remove_file(&self.temporary);
    }
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
