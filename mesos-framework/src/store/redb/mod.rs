//! A state in one file, in the embedded database redb.

mod error;
mod file;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};

use async_trait::async_trait;
use bytes::Bytes;
use mesos_core::BoxError;
use mesos_core::store::{Change, StateStore};
use tokio::sync::oneshot;

pub use self::error::RedbStateError;
use self::file::StateFile;

/// Keeps the state in one file, in the embedded database [redb](https://www.redb.org). Clones share
/// the file.
///
/// A commit that was reported as successful survives SIGKILL and a power failure: the file is
/// synchronized (`fsync`) before that. A commit takes effect as a whole, or not at all.
///
/// ```no_run
/// use mesos::framework::store::RedbState;
///
/// let state = RedbState::open("/var/lib/batch/state.redb")?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # One process
/// The file is locked while it is open. Opening the file a second time is
/// [`RedbStateError::InUse`], also in the same process. The system removes the lock when the process
/// ends.
///
/// # Errors of the disk
/// If the disk is full or fails, a commit returns an error, and the file keeps the state of an
/// earlier commit. The failed commit is stored completely or not at all; repeat it to be sure. Each
/// later call opens the file again, so the state continues to work when there is room.
///
/// # Threads
/// All work is done on one thread of this value, so the runtime does not block. Dropping the last
/// clone waits until that thread has closed the file; [`close`](Self::close) does the same without
/// blocking.
#[derive(Clone)]
pub struct RedbState {
    worker: Arc<Worker>,
}

type Work = Box<dyn FnOnce(&mut StateFile) + Send>;

struct Worker {
    path: PathBuf,
    /// `None` while the value is dropped.
    work: Option<mpsc::Sender<Work>>,
    thread: Option<JoinHandle<()>>,
}

impl RedbState {
    /// Opens the file, and creates it if it does not exist. The directory must exist.
    ///
    /// This blocks the thread until the file is open. After a crash the file is checked first,
    /// which reads all of it.
    ///
    /// # Errors
    /// [`RedbStateError`] if the file is in use, is not a database, or cannot be created or read.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, RedbStateError> {
        let path = path.into();
        let (opened, result) = mpsc::channel();
        let (work, queue) = mpsc::channel::<Work>();
        let at = path.clone();
        let thread = thread::Builder::new()
            .name("mesos-state".to_owned())
            .spawn(move || match StateFile::open(at) {
                Ok(mut file) => {
                    if opened.send(Ok(())).is_ok() {
                        queue.into_iter().for_each(|work| work(&mut file));
                    }
                }
                // The caller waits for the result.
                Err(error) => drop(opened.send(Err(error))),
            })
            .map_err(|error| RedbStateError::failed("start a thread for", &path, error))?;
        match result.recv() {
            Ok(result) => result?,
            Err(_) => return Err(RedbStateError::Ended { path }),
        }
        Ok(Self {
            worker: Arc::new(Worker {
                path,
                work: Some(work),
                thread: Some(thread),
            }),
        })
    }

    /// The path of the file.
    pub fn path(&self) -> &Path {
        &self.worker.path
    }

    /// Moves the entries to the begin of the file and makes the file smaller. Commits wait
    /// meanwhile. Returns whether the file became smaller.
    ///
    /// A close makes the file smaller, too. A file that was not closed and is mostly unused is
    /// compacted when it is opened. So programs rarely need this.
    ///
    /// # Errors
    /// [`RedbStateError`] if the file cannot be read or written. The state is unchanged.
    pub async fn compact(&self) -> Result<bool, RedbStateError> {
        self.run(StateFile::compact).await
    }

    /// Closes the file when all clones are closed or dropped, and waits for that if this is the last
    /// clone.
    ///
    /// # Errors
    /// The system refuses a thread that waits. The file is closed nevertheless.
    pub async fn close(self) -> io::Result<()> {
        mesos_core::backend::blocking(move || drop(self)).await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut StateFile) -> Result<T, RedbStateError> + Send + 'static,
    ) -> Result<T, RedbStateError> {
        let (sender, result) = oneshot::channel();
        let work: Work = Box::new(move |file| {
            // A caller that was dropped does not need the result.
            let _ = sender.send(work(file));
        });
        let ended = || RedbStateError::Ended {
            path: self.worker.path.clone(),
        };
        let queue = self.worker.work.as_ref().ok_or_else(ended)?;
        queue.send(work).map_err(|_| ended())?;
        result.await.map_err(|_| ended())?
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        drop(self.work.take());
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was reported by every call since then.
            let _ = thread.join();
        }
    }
}

#[async_trait]
impl StateStore for RedbState {
    async fn load(&self, prefix: &str) -> Result<Vec<(String, Bytes)>, BoxError> {
        let prefix = prefix.to_owned();
        Ok(self.run(move |file| file.load(&prefix)).await?)
    }

    async fn count(&self, prefix: &str) -> Result<u64, BoxError> {
        let prefix = prefix.to_owned();
        Ok(self.run(move |file| file.count(&prefix)).await?)
    }

    async fn get(&self, key: &str) -> Result<Option<Bytes>, BoxError> {
        let values = self.get_all(&[key.to_owned()]).await?;
        Ok(values.into_iter().next().flatten())
    }

    async fn get_all(&self, keys: &[String]) -> Result<Vec<Option<Bytes>>, BoxError> {
        let keys = keys.to_vec();
        Ok(self.run(move |file| file.get_all(&keys)).await?)
    }

    async fn commit(&self, changes: Vec<Change>) -> Result<(), BoxError> {
        Ok(self.run(move |file| file.commit(&changes)).await?)
    }
}

impl fmt::Debug for RedbState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedbState")
            .field("path", &self.worker.path)
            .finish_non_exhaustive()
    }
}
