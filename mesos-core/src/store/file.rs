//! A store in a file that is whole or absent, whatever happens.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use mesos_proto::v1::FrameworkId;
use thiserror::Error;

use super::{Store, check_id};
use crate::error::BoxError;

/// More than an id and its line feed can be: enough to see that it is too much.
const LIMIT: u64 = 1024;

/// Keeps the id in a file: one line, the id.
///
/// A save writes a new file beside it, syncs that, and renames it over the old
/// one, then syncs the directory; a crash at any moment leaves the old id or
/// the new one. It may also leave a file `<name>.<random>.new` behind, which
/// nobody reads. The directory has to exist and to be writable.
///
/// One file belongs to one framework: nothing keeps two schedulers from using
/// the same one, but Mesos lets only one of them subscribe.
///
/// ```
/// use std::time::Duration;
/// use mesos_core::{Framework, store::FileStore};
///
/// let framework = Framework::surviving("web shop", Duration::from_secs(604_800))
///     .store(FileStore::new("/var/lib/web-shop/framework-id"));
/// # let _ = framework;
/// ```
#[derive(Clone, Debug)]
pub struct FileStore {
    path: PathBuf,
}

/// What went wrong with a [`FileStore`], and with which file.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FileStoreError {
    /// The system said no.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried: `read`, `write`, …
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The file is there and is not one that was saved.
    #[error(
        "{} holds no framework id: it {wrong}; restore it, or remove it to start as a new framework",
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
    /// The id is, or will be, in the file at `path`. Nothing is read yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Runs `work` where blocking is allowed.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Path) -> Result<T, FileStoreError> + Send + 'static,
    ) -> Result<T, BoxError> {
        let path = self.path.clone();
        Ok(tokio::task::spawn_blocking(move || work(&path)).await??)
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
    check_id(line).map_err(|error| format!("is no id ({error})"))?;
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
        // Nobody reads it; all that counts has been said.
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

/// Makes the rename or the removal itself survive a power failure.
fn sync_directory(path: &Path) -> Result<(), FileStoreError> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    // Elsewhere a directory cannot be opened for that.
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
    async fn what_was_saved_is_loaded_until_it_is_cleared() {
        let directory = tempfile::tempdir().unwrap();
        let store = FileStore::new(file_in(&directory));
        assert_eq!(store.load().await.unwrap(), None);
        store.clear().await.unwrap();
        store.save(&"f-0001".into()).await.unwrap();
        store.save(&"f-0002".into()).await.unwrap();
        let again = FileStore::new(file_in(&directory));
        assert_eq!(again.load().await.unwrap(), Some("f-0002".into()));
        assert_eq!(
            names(&directory),
            ["framework-id"],
            "nothing is left behind"
        );
        again.clear().await.unwrap();
        assert_eq!(store.load().await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_save_that_a_crash_cut_short_changes_nothing() {
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
    async fn garbage_is_refused_with_its_path_and_what_is_wrong() {
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
    async fn a_directory_that_cannot_be_written_is_named_with_the_reason() {
        // Root may write anywhere, so the directory is one that is none.
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
    async fn a_read_only_directory_keeps_the_old_id() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let store = FileStore::new(file_in(&directory));
        store.save(&"f-0001".into()).await.unwrap();
        let mode = |mode| fs::set_permissions(directory.path(), fs::Permissions::from_mode(mode));
        mode(0o555).unwrap();
        // For root it is none, and the save has to work then.
        let writable = fs::write(directory.path().join("probe"), "").is_ok();
        let saved = store.save(&"f-0002".into()).await;
        let kept = store.load().await.unwrap();
        mode(0o755).unwrap();
        let expected = if writable { "f-0002" } else { "f-0001" };
        assert_eq!(saved.is_ok(), writable);
        assert_eq!(kept, Some(expected.into()));
    }
}
