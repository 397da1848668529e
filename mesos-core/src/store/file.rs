//! A store in a file. A crash cannot leave an incomplete file.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use mesos_proto::v1::FrameworkId;
use thiserror::Error;

use super::{Store, check_id};
use crate::blocking::blocking;
use crate::error::BoxError;

/// The number of bytes to read, which is more than an id and its line feed can have.
const LIMIT: u64 = 1024;

/// Stores the id in a file with one line.
///
/// `save` writes and syncs a new file in the same directory, renames it to the
/// name of the old file, and syncs the directory. A crash leaves either the old
/// id or the new id. It can also leave a file `<name>.<random>.new`, which the
/// store does not read. The directory has to exist and to be writable.
///
/// Use one file for each framework. The store does not prevent that two
/// schedulers use the same file, but Mesos accepts only one subscription for an
/// id.
///
/// ```
/// use std::time::Duration;
/// use mesos::{Framework, store::FileStore};
///
/// let framework = Framework::with_failover_timeout("web shop", Duration::from_secs(604_800))
///     .store(FileStore::new("/var/lib/web-shop/framework-id"));
/// # let _ = framework;
/// ```
#[derive(Clone, Debug)]
pub struct FileStore {
    path: PathBuf,
}

/// An error of a [`FileStore`], with the path of the file.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FileStoreError {
    /// The operating system reported an error.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// The failed operation: `read`, `write`, …
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The error of the operating system.
        #[source]
        source: io::Error,
    },
    /// The file exists, but this store did not write its content.
    #[error(
        "{} does not contain a framework id: it {wrong}; restore it, or remove it to start as a new framework",
        path.display()
    )]
    Garbage {
        /// The file.
        path: PathBuf,
        /// What is wrong with its content.
        wrong: String,
    },
}

impl FileStore {
    /// Creates a store in the file at `path`. This does not read the file.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Runs `work` on another thread.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Path) -> Result<T, FileStoreError> + Send + 'static,
    ) -> Result<T, BoxError> {
        let path = self.path.clone();
        let done = blocking(move || work(&path)).await;
        Ok(done.map_err(failed("access", &self.path))??)
    }
}

#[async_trait]
impl Store for FileStore {
    async fn load(&self) -> Result<Option<FrameworkId>, BoxError> {
        self.blocking(load).await
    }

    async fn save(&self, id: &FrameworkId) -> Result<(), BoxError> {
        let id = id.clone();
        self.blocking(move |path| save(path, &id)).await
    }

    async fn clear(&self) -> Result<(), BoxError> {
        self.blocking(clear).await
    }
}

fn load(path: &Path) -> Result<Option<FrameworkId>, FileStoreError> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file.map_err(failed("open", path))?,
    };
    let mut bytes = Vec::new();
    let mut file = file.take(LIMIT);
    file.read_to_end(&mut bytes).map_err(failed("read", path))?;
    match parse(bytes) {
        Ok(id) => Ok(Some(id)),
        Err(wrong) => Err(FileStoreError::Garbage {
            path: path.to_owned(),
            wrong,
        }),
    }
}

fn parse(bytes: Vec<u8>) -> Result<FrameworkId, String> {
    if bytes.is_empty() {
        return Err("is empty".to_owned());
    }
    let text = String::from_utf8(bytes).map_err(|_| "is not UTF-8".to_owned())?;
    let Some(line) = text.strip_suffix('\n') else {
        return Err("does not end with a line feed".to_owned());
    };
    check_id(line).map_err(|error| format!("is not a valid id ({error})"))?;
    Ok(line.into())
}

fn save(path: &Path, id: &FrameworkId) -> Result<(), FileStoreError> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", uuid::Uuid::new_v4().simple()));
    let new = path.with_file_name(name);
    let saved = write(&new, id).and_then(|()| {
        let renamed = fs::rename(&new, path);
        renamed.map_err(failed("replace", path))
    });
    if saved.is_err() {
        // A leftover file is harmless, and the error is already known.
        let _ = fs::remove_file(&new);
    }
    saved?;
    sync_directory(path)
}

fn write(new: &Path, id: &FrameworkId) -> Result<(), FileStoreError> {
    let mut options = OpenOptions::new();
    let file = options.write(true).create_new(true).open(new);
    let mut file = file.map_err(failed("create", new))?;
    let line = format!("{id}\n");
    file.write_all(line.as_bytes())
        .map_err(failed("write", new))?;
    file.sync_all().map_err(failed("sync", new))
}

fn clear(path: &Path) -> Result<(), FileStoreError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => {
            removed.map_err(failed("remove", path))?;
            sync_directory(path)
        }
    }
}

/// Makes a rename or a removal survive a power failure.
fn sync_directory(path: &Path) -> Result<(), FileStoreError> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    // Other systems cannot open a directory to sync it.
    if cfg!(unix) {
        let synced = File::open(directory).and_then(|directory| directory.sync_all());
        synced.map_err(failed("sync the directory", directory))?;
    }
    Ok(())
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> FileStoreError {
    let path = path.to_owned();
    move |source| FileStoreError::Io {
        action,
        path,
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::error_chain;

    fn file_in(directory: &tempfile::TempDir) -> PathBuf {
        directory.path().join("framework-id")
    }

    fn names(directory: &tempfile::TempDir) -> Vec<String> {
        let entries = fs::read_dir(directory.path()).unwrap();
        let name = |entry: io::Result<fs::DirEntry>| entry.unwrap().file_name();
        entries
            .map(|entry| name(entry).into_string().unwrap())
            .collect()
    }

    #[tokio::test]
    async fn a_saved_id_is_loaded_until_it_is_cleared() {
        let directory = tempfile::tempdir().unwrap();
        let store = FileStore::new(file_in(&directory));
        assert_eq!(store.load().await.unwrap(), None);
        store.clear().await.unwrap();
        store.save(&"f-0001".into()).await.unwrap();
        store.save(&"f-0002".into()).await.unwrap();
        let again = FileStore::new(file_in(&directory));
        assert_eq!(again.load().await.unwrap(), Some("f-0002".into()));
        assert_eq!(names(&directory), ["framework-id"], "no other file is left");
        again.clear().await.unwrap();
        assert_eq!(store.load().await.unwrap(), None);
    }

    #[tokio::test]
    async fn an_interrupted_save_changes_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let path = file_in(&directory);
        let store = FileStore::new(&path);
        fs::write(directory.path().join("framework-id.1f.new"), "f-9").unwrap();
        assert_eq!(store.load().await.unwrap(), None);
        store.save(&"f-0001".into()).await.unwrap();
        fs::write(directory.path().join("framework-id.2f.new"), "").unwrap();
        assert_eq!(store.load().await.unwrap(), Some("f-0001".into()));
        assert_eq!(fs::read_to_string(path).unwrap(), "f-0001\n");
    }

    #[tokio::test]
    async fn invalid_content_is_an_error_with_the_path_and_the_reason() {
        let long = format!("{}\n", "x".repeat(256));
        let cases: [(&[u8], &str); 7] = [
            (b"", "is empty"),
            (b"f-0001", "does not end with a line feed"),
            (b"\n", "is empty"),
            (b"f-0001\nf-0002\n", "contains a control character"),
            (b"a/b\n", "contains a slash"),
            (b"\xff\xfe\n", "is not UTF-8"),
            (long.as_bytes(), "longer than 255 bytes"),
        ];
        let directory = tempfile::tempdir().unwrap();
        let path = file_in(&directory);
        for (content, wrong) in cases {
            fs::write(&path, content).unwrap();
            let error = FileStore::new(&path).load().await.unwrap_err().to_string();
            assert!(error.contains(wrong), "{error}");
            assert!(error.contains(path.to_str().unwrap()), "{error}");
        }
        fs::write(&path, vec![b'x'; 1 << 20]).unwrap();
        FileStore::new(&path).load().await.unwrap_err();
    }

    #[tokio::test]
    async fn an_unwritable_directory_is_an_error_with_the_path_and_the_reason() {
        // Root can write to every directory, so the test uses a file instead.
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        fs::write(&file, "").unwrap();
        let store = FileStore::new(file.join("framework-id"));
        let error = store.save(&"f-0001".into()).await.unwrap_err();
        let text = error_chain(error.as_ref());
        assert!(text.starts_with("cannot create "), "{text}");
        assert!(text.contains("file/framework-id."), "{text}");
        assert!(text.ends_with(")"), "the system's reason: {text}");
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_failed_save_keeps_the_old_id() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let store = FileStore::new(file_in(&directory));
        store.save(&"f-0001".into()).await.unwrap();
        let mode = |mode| fs::set_permissions(directory.path(), fs::Permissions::from_mode(mode));
        mode(0o555).unwrap();
        // For root the directory is writable, and the save succeeds.
        let writable = fs::write(directory.path().join("probe"), "").is_ok();
        let saved = store.save(&"f-0002".into()).await;
        let kept = store.load().await.unwrap();
        mode(0o755).unwrap();
        let expected = if writable { "f-0002" } else { "f-0001" };
        assert_eq!(saved.is_ok(), writable);
        assert_eq!(kept, Some(expected.into()));
    }
}
