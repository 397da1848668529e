//! The journal's file, and the thread that writes it. Entries are written in
//! order, and synced before their receipts complete. One sync serves all entries
//! that are queued.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc;

use tempfile::NamedTempFile;
use tokio::sync::{oneshot, watch};

use super::record::{MARK_LENGTH, Record, Tail, mark, parse};
use crate::error::{Error, ErrorKind, Result};
use crate::executor::calls::Caller;

/// A file below this size in bytes is not rewritten.
pub(super) const COMPACT_AT: u64 = 64 << 10;

/// The queue of the thread.
#[derive(Debug)]
pub(super) struct Log {
    jobs: mpsc::Sender<Job>,
    /// The size of the file in bytes, after all queued jobs.
    size: u64,
    /// The size of the file in bytes after the last rewrite.
    kept: u64,
}

enum Job {
    /// Append these bytes, and report when they are synced.
    Append(Vec<u8>, Option<oneshot::Sender<()>>),
    /// Replace the content of the file.
    Rewrite(Vec<u8>),
}

/// Completes when the entry is on disk, or when writing has failed. Completes
/// immediately without a file.
#[derive(Debug, Default)]
#[must_use = "the entry is on disk only after `arrived`"]
pub(in crate::executor) struct Receipt(Option<oneshot::Receiver<()>>);

impl Receipt {
    pub(in crate::executor) async fn arrived(self) {
        if let Some(receipt) = self.0 {
            // `Failure` reports the error.
            let _ = receipt.await;
        }
    }
}

/// The failure of the journal's file, if there is one.
#[derive(Clone, Debug)]
pub(in crate::executor) struct Failure(watch::Receiver<Option<Error>>);

impl Failure {
    /// Completes when writing to the file has failed. Cancel safe.
    pub(in crate::executor) async fn occurred(&mut self) -> Error {
        let occurred = self.0.wait_for(Option::is_some).await;
        match occurred.ok().and_then(|error| error.clone()) {
            Some(error) => error,
            // The thread ended without a failure.
            None => std::future::pending().await,
        }
    }
}

impl Log {
    /// Opens or creates the file, reads its entries, and starts the thread.
    pub(super) fn open(path: &Path, owner: &Caller) -> Result<(Self, Vec<Record>, Failure)> {
        let directory = open_directory(path)?;
        let (mut file, content) = open(path)?;
        let (records, tail) = parse(&content);
        let mut size = content.len();
        match tail {
            Tail::Whole => {}
            Tail::Torn(at) => {
                let lost = content.len() - at;
                tracing::warn!(path = %path.display(), at, lost, "truncating the journal at an incomplete entry; no entry after it was confirmed");
                file.set_len(at as u64)
                    .and_then(|()| file.seek(SeekFrom::Start(at as u64)))
                    .map_err(failed("truncate", path))?;
                size = at;
            }
            Tail::Damaged(at) => {
                return Err(Error::new(
                    ErrorKind::Store,
                    format!(
                        "the executor's journal {} is damaged at byte {at}; restore it, or remove \
                         it to continue without its updates",
                        path.display()
                    ),
                ));
            }
        }
        match records.first() {
            Some(Record::Owner(found)) if found == owner => {}
            Some(Record::Owner(found)) => {
                return Err(Error::new(
                    ErrorKind::Store,
                    format!(
                        "the journal {} belongs to executor {} of framework {}; use a separate \
                         file for each executor",
                        path.display(),
                        found.executor_id,
                        found.framework_id
                    ),
                ));
            }
            Some(_) => {
                let text = format!("{} is not an executor's journal", path.display());
                return Err(Error::new(ErrorKind::Store, text));
            }
            None => {}
        }
        let mut writer = Writer {
            file,
            path: path.to_owned(),
            directory,
            at: size as u64,
        };
        if records.is_empty() {
            let first = Record::Owner(owner.clone()).frame();
            size += first.len() + MARK_LENGTH;
            writer.append(&first).and_then(|()| writer.sync())?;
            writer.sync_directory()?;
        }
        let (log, failure) = Self::start(writer, size as u64);
        Ok((log, records, failure))
    }

    fn start(writer: Writer, size: u64) -> (Self, Failure) {
        let (jobs, received) = mpsc::channel();
        let (failed, failure) = watch::channel(None);
        // The thread ends when the journal is closed. Later entries are not
        // written, as if the process had ended before them.
        let thread = std::thread::Builder::new().name("executor-journal".to_owned());
        let path = writer.path.clone();
        let error = failed.clone();
        if let Err(source) = thread.spawn(move || writer.work(&received, &failed)) {
            error.send_replace(Some(self::failed("start the thread of", &path)(source)));
        }
        let log = Self {
            jobs,
            size,
            kept: 0,
        };
        (log, Failure(failure))
    }

    /// A log whose thread hangs in its first write.
    #[cfg(test)]
    pub(super) fn hung() -> (Self, Failure) {
        let (jobs, received) = mpsc::channel();
        std::mem::forget(received);
        let (failed, failure) = watch::channel(None);
        std::mem::forget(failed);
        let log = Self {
            jobs,
            size: 0,
            kept: 0,
        };
        (log, Failure(failure))
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    pub(super) fn kept(&self) -> u64 {
        self.kept
    }

    pub(super) fn append(&mut self, frame: Vec<u8>, sync: bool) -> Receipt {
        self.size += frame.len() as u64;
        if sync {
            // An upper bound: one sync can serve several entries.
            self.size += MARK_LENGTH as u64;
        }
        let (sender, receipt) = oneshot::channel();
        let job = Job::Append(frame, sync.then_some(sender));
        // After a failure, the thread has ended and the receipt completes.
        let _ = self.jobs.send(job);
        Receipt(sync.then_some(receipt))
    }

    pub(super) fn rewrite(&mut self, content: Vec<u8>) {
        self.size = (content.len() + MARK_LENGTH) as u64;
        self.kept = self.size;
        let _ = self.jobs.send(Job::Rewrite(content));
    }
}

#[derive(Debug)]
struct Writer {
    file: File,
    path: PathBuf,
    /// The directory of the file, open from the start: a compaction that has replaced
    /// the file must not fail because the directory cannot be opened. `None` on a
    /// system that cannot sync a directory.
    directory: Option<File>,
    /// The length of the file in bytes.
    at: u64,
}

impl Writer {
    /// Does jobs until the queue is closed, or a job fails.
    fn work(mut self, jobs: &mpsc::Receiver<Job>, failed: &watch::Sender<Option<Error>>) {
        while let Ok(first) = jobs.recv() {
            if let Err(error) = self.batch(first, jobs) {
                tracing::error!(error = %crate::error_chain(&error), "the journal cannot be kept");
                failed.send_replace(Some(error));
                // Keeps the lock of the file until the driver has ended.
                while jobs.recv().is_ok() {}
                return;
            }
        }
    }

    /// Does `first` and all queued jobs, and syncs once.
    fn batch(&mut self, first: Job, jobs: &mpsc::Receiver<Job>) -> Result<()> {
        let mut receipts = Vec::new();
        let mut bytes = Vec::new();
        for job in std::iter::once(first).chain(jobs.try_iter()) {
            match job {
                Job::Append(frame, receipt) => {
                    bytes.extend(frame);
                    receipts.extend(receipt);
                }
                Job::Rewrite(content) => {
                    self.append(&bytes)?;
                    bytes.clear();
                    self.rewrite(content)?;
                }
            }
        }
        self.append(&bytes)?;
        if !receipts.is_empty() {
            self.sync()?;
        }
        for receipt in receipts {
            let _ = receipt.send(());
        }
        Ok(())
    }

    fn append(&mut self, bytes: &[u8]) -> Result<()> {
        self.at += bytes.len() as u64;
        let written = self.file.write_all(bytes);
        written.map_err(failed("write to", &self.path))
    }

    /// Syncs the file, and marks what is on disk.
    fn sync(&mut self) -> Result<()> {
        let synced = self.file.sync_data();
        synced.map_err(failed("sync", &self.path))?;
        self.append(&mark(self.at))
    }

    /// Makes a new or renamed file survive a power failure.
    fn sync_directory(&self) -> Result<()> {
        let synced = self.directory.as_ref().map_or(Ok(()), File::sync_all);
        synced.map_err(failed("sync the directory of", &self.path))
    }

    /// Replaces the file by a shorter one. If that fails before the file is replaced,
    /// the old file is used further, so that is not an error. Afterwards only the new
    /// file counts, and a failure is an error.
    fn rewrite(&mut self, mut content: Vec<u8>) -> Result<()> {
        content.extend(mark(content.len() as u64));
        let replaced = self.new_file(&content).and_then(|new| {
            let renamed = new.persist(&self.path);
            renamed.map_err(|error| failed("replace", &self.path)(error.error))
        });
        match replaced {
            Ok(file) => {
                self.file = file;
                self.at = content.len() as u64;
                self.sync_directory()
            }
            Err(error) => {
                tracing::warn!(error = %crate::error_chain(&error), "cannot compact the journal; its file is still valid");
                Ok(())
            }
        }
    }

    /// A locked and synced file beside the journal. Dropping the value removes the file.
    fn new_file(&self, content: &[u8]) -> Result<NamedTempFile> {
        let mut name = self.path.file_name().unwrap_or_default().to_owned();
        name.push(".new");
        let path = self.path.with_file_name(&name);
        // A file of a process that was killed during a compaction. The lock of the journal
        // excludes that another process writes the file now.
        let _ = fs::remove_file(&path);
        let mut new = tempfile::Builder::new()
            .prefix(&name)
            .rand_bytes(0)
            .tempfile_in(directory_of(&self.path))
            .map_err(failed("create", &path))?;
        lock(new.as_file(), &path)?;
        new.write_all(content).map_err(failed("write to", &path))?;
        let synced = new.as_file().sync_all();
        synced.map_err(failed("sync", &path))?;
        Ok(new)
    }
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true);
    // Tasks can contain secrets of the scheduler.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn open(path: &Path) -> Result<(File, Vec<u8>)> {
    let mut file = loop {
        let file = options().open(path).map_err(failed("open", path))?;
        let metadata = file.metadata().map_err(failed("stat", path))?;
        if !metadata.is_file() {
            let text = format!(
                "cannot use {} as an executor's journal: not a regular file",
                path.display()
            );
            return Err(Error::new(ErrorKind::Store, text));
        }
        lock(&file, path)?;
        // An earlier owner may have replaced the file between opening and locking.
        if is_at(&metadata, path) {
            break file;
        }
    };
    let mut content = Vec::new();
    // Moves the position to the end of the file, where entries are appended.
    file.read_to_end(&mut content)
        .map_err(failed("read", path))?;
    Ok((file, content))
}

/// Whether the path still names the file with this metadata.
#[cfg(unix)]
fn is_at(file: &fs::Metadata, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let id = |metadata: &fs::Metadata| (metadata.dev(), metadata.ino());
    fs::metadata(path).is_ok_and(|there| id(&there) == id(file))
}

#[cfg(not(unix))]
fn is_at(_: &fs::Metadata, _: &Path) -> bool {
    true
}

/// Locks the file for this process. The lock ends with the process.
fn lock(file: &File, path: &Path) -> Result<()> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => {
            let path = path.display();
            let text = format!("the journal {path} is in use by another process or driver");
            Err(Error::new(ErrorKind::Store, text))
        }
        Err(TryLockError::Error(source)) => Err(failed("lock", path)(source)),
    }
}

/// Opens the directory of the file, to sync the directory later.
fn open_directory(path: &Path) -> Result<Option<File>> {
    if !cfg!(unix) {
        return Ok(None);
    }
    let directory = File::open(directory_of(path));
    directory
        .map(Some)
        .map_err(failed("open the directory of", path))
}

fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let text = format!("cannot {action} the executor's journal {}", path.display());
    move |source| Error::new(ErrorKind::Store, text).with_source(source)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_full_disk_is_reported_and_completes_all_receipts() {
        let path = PathBuf::from("/dev/full");
        let file = OpenOptions::new().write(true).open(&path).unwrap();
        let writer = Writer {
            file,
            path,
            directory: None,
            at: 0,
        };
        let (mut log, mut failure) = Log::start(writer, 0);
        let receipt = log.append(b"entry".to_vec(), true);
        receipt.arrived().await;
        let error = failure.occurred().await;
        assert_eq!(error.kind(), ErrorKind::Store);
        assert_eq!(
            crate::error_chain(&error),
            "cannot write to the executor's journal /dev/full: No space left on device (os \
             error 28)"
        );
        log.append(b"entry".to_vec(), true).arrived().await;
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_directory_that_cannot_be_synced_after_a_compaction_is_reported() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("journal");
        let file = options().open(&path).unwrap();
        // fsync of a device is EINVAL.
        let directory = Some(File::open("/dev/null").unwrap());
        let writer = Writer {
            file,
            path: path.clone(),
            directory,
            at: 0,
        };
        let (mut log, mut failure) = Log::start(writer, 0);
        log.rewrite(b"content".to_vec());
        let error = failure.occurred().await;
        assert_eq!(error.kind(), ErrorKind::Store);
        let text = crate::error_chain(&error);
        let expected = format!(
            "cannot sync the directory of the executor's journal {}",
            path.display()
        );
        assert!(text.starts_with(&expected), "{text}");
        // Nothing goes into the replaced file, and no other process gets the new one.
        log.append(b"entry".to_vec(), true).arrived().await;
        assert_eq!(
            fs::read(&path).unwrap(),
            [b"content".to_vec(), mark(7)].concat()
        );
        let other = options().open(&path).unwrap();
        assert!(other.try_lock().is_err(), "the journal stays locked");
    }
}
