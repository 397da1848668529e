//! The journal's file, and the thread that writes it: entries in their order,
//! synced before their receipts are given, several at once under load.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc;

use tokio::sync::{oneshot, watch};

use super::record::{Record, Tail, parse};
use crate::error::{Error, ErrorKind, Result};
use crate::executor::calls::Caller;

/// A file below this size is not worth being written anew.
pub(super) const COMPACT_AT: u64 = 64 << 10;

/// The way to the thread.
#[derive(Debug)]
pub(super) struct Log {
    jobs: mpsc::Sender<Job>,
    /// Bytes in the file, once all jobs are done.
    size: u64,
    /// Bytes in it when it was written anew.
    kept: u64,
}

enum Job {
    /// Write this, and tell when it is synced.
    Append(Vec<u8>, Option<oneshot::Sender<()>>),
    /// Put this in the place of all that was written.
    Rewrite(Vec<u8>),
}

/// Tells when what was written is on disk, or never will be; at once where
/// there is no disk.
#[derive(Debug, Default)]
#[must_use = "it is not on disk before"]
pub(in crate::executor) struct Receipt(Option<oneshot::Receiver<()>>);

impl Receipt {
    pub(in crate::executor) async fn arrived(self) {
        if let Some(receipt) = self.0 {
            // A failure is told by `Failure`, once and for all.
            let _ = receipt.await;
        }
    }
}

/// Why the journal is no longer kept on disk, when that happens.
#[derive(Clone, Debug)]
pub(in crate::executor) struct Failure(watch::Receiver<Option<Error>>);

impl Failure {
    /// Completes when the disk failed. Cancel safe.
    pub(in crate::executor) async fn occurred(&mut self) -> Error {
        let occurred = self.0.wait_for(Option::is_some).await;
        match occurred.ok().and_then(|error| error.clone()) {
            Some(error) => error,
            // The thread has ended in order.
            None => std::future::pending().await,
        }
    }
}

impl Log {
    /// Opens or makes the file, reads what is in it, and starts the thread.
    pub(super) fn open(path: &Path, owner: &Caller) -> Result<(Self, Vec<Record>, Failure)> {
        let (mut file, content) = open(path)?;
        let (records, tail) = parse(&content);
        let mut size = content.len();
        match tail {
            Tail::Whole => {}
            Tail::Torn(at) => {
                tracing::warn!(path = %path.display(), at, "the journal's last entry is torn");
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
                         it and lose the updates in it",
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
                        "the journal {} is that of executor {} of framework {}; each executor \
                         needs its own",
                        path.display(),
                        found.executor_id,
                        found.framework_id
                    ),
                ));
            }
            Some(_) => {
                let text = format!("{} is no journal of an executor", path.display());
                return Err(Error::new(ErrorKind::Store, text));
            }
            None => {}
        }
        let mut writer = Writer {
            file,
            path: path.to_owned(),
        };
        if records.is_empty() {
            let first = Record::Owner(owner.clone()).frame();
            size += first.len();
            writer.append(&first).and_then(|()| writer.sync())?;
            sync_directory(path)?;
        }
        let (log, failure) = Self::start(writer, size as u64);
        Ok((log, records, failure))
    }

    fn start(writer: Writer, size: u64) -> (Self, Failure) {
        let (jobs, received) = mpsc::channel();
        let (failed, failure) = watch::channel(None);
        // Ends when the journal is closed. What it could not be given any more
        // is then in no file, as if the process had ended a moment before.
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

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    pub(super) fn kept(&self) -> u64 {
        self.kept
    }

    pub(super) fn append(&mut self, frame: Vec<u8>, sync: bool) -> Receipt {
        self.size += frame.len() as u64;
        let (sender, receipt) = oneshot::channel();
        let job = Job::Append(frame, sync.then_some(sender));
        // The thread is gone after a failure, and the receipt with it.
        let _ = self.jobs.send(job);
        Receipt(sync.then_some(receipt))
    }

    pub(super) fn rewrite(&mut self, content: Vec<u8>) {
        self.size = content.len() as u64;
        self.kept = self.size;
        let _ = self.jobs.send(Job::Rewrite(content));
    }
}

#[derive(Debug)]
struct Writer {
    file: File,
    path: PathBuf,
}

impl Writer {
    /// Does jobs until there will be no more, or one failed.
    fn work(mut self, jobs: &mpsc::Receiver<Job>, failed: &watch::Sender<Option<Error>>) {
        while let Ok(first) = jobs.recv() {
            if let Err(error) = self.batch(first, jobs) {
                tracing::error!(error = %crate::error_chain(&error), "the journal cannot be kept");
                failed.send_replace(Some(error));
                return;
            }
        }
    }

    /// Does `first` and what has come meanwhile, and syncs once.
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
                    self.rewrite(&content);
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
        let written = self.file.write_all(bytes);
        written.map_err(failed("write to", &self.path))
    }

    fn sync(&self) -> Result<()> {
        let synced = self.file.sync_data();
        synced.map_err(failed("sync", &self.path))
    }

    /// The old file is as good as the new one, only longer; so a failure is
    /// none yet.
    fn rewrite(&mut self, content: &[u8]) {
        let mut name = self.path.file_name().unwrap_or_default().to_owned();
        name.push(".new");
        let new = self.path.with_file_name(name);
        let replace = || -> Result<File> {
            let mut file = options()
                .truncate(true)
                .open(&new)
                .map_err(failed("create", &new))?;
            lock(&file, &new)?;
            file.write_all(content).map_err(failed("write to", &new))?;
            file.sync_all().map_err(failed("sync", &new))?;
            fs::rename(&new, &self.path).map_err(failed("replace", &self.path))?;
            sync_directory(&self.path)?;
            Ok(file)
        };
        match replace() {
            Ok(file) => self.file = file,
            Err(error) => {
                let _ = fs::remove_file(&new);
                tracing::warn!(error = %crate::error_chain(&error), "the journal stays as long as it is");
            }
        }
    }
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true);
    // What schedulers put into their tasks is not for everybody.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn open(path: &Path) -> Result<(File, Vec<u8>)> {
    let mut file = options().open(path).map_err(failed("open", path))?;
    let metadata = file.metadata().map_err(failed("look at", path))?;
    if !metadata.is_file() {
        let text = format!("{} is no file for a journal", path.display());
        return Err(Error::new(ErrorKind::Store, text));
    }
    lock(&file, path)?;
    let mut content = Vec::new();
    // What is written later goes behind what was read.
    file.read_to_end(&mut content)
        .map_err(failed("read", path))?;
    Ok((file, content))
}

/// One file belongs to one process; the lock ends with it.
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

/// Makes the name of the file itself survive a power failure.
fn sync_directory(path: &Path) -> Result<()> {
    if !cfg!(unix) {
        return Ok(());
    }
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let synced = File::open(directory).and_then(|directory| directory.sync_all());
    synced.map_err(failed("sync the directory", directory))
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let text = format!("cannot {action} {}, the executor's journal", path.display());
    move |source| Error::new(ErrorKind::Store, text).with_source(source)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_full_disk_is_told_with_its_reason_and_leaves_nobody_waiting() {
        let path = PathBuf::from("/dev/full");
        let file = OpenOptions::new().write(true).open(&path).unwrap();
        let (mut log, mut failure) = Log::start(Writer { file, path }, 0);
        let receipt = log.append(b"entry".to_vec(), true);
        receipt.arrived().await;
        let error = failure.occurred().await;
        assert_eq!(error.kind(), ErrorKind::Store);
        assert_eq!(
            crate::error_chain(&error),
            "cannot write to /dev/full, the executor's journal: No space left on device (os \
             error 28)"
        );
        log.append(b"entry".to_vec(), true).arrived().await;
    }
}
