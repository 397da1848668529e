//! The file that names the running cluster.
//!
//! The process of `mesos local up` holds a lock on the file as long as it runs. The kernel releases
//! the lock at the end of the process, so the lock, rather than the content, says whether a cluster
//! is running.

use std::fs::{self, File, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::config::Cluster;
use crate::error::{Code, Error};
use crate::state_dir::state_dir;

/// A cluster that `mesos local up` runs.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Running {
    /// The process of `mesos local up`.
    pub(crate) pid: i32,
    /// The URL of the master. Empty while the cluster starts.
    pub(crate) master: String,
    /// The URLs of the agents.
    pub(crate) agents: Vec<String>,
    pub(crate) work_dir: PathBuf,
    /// The file with the certificate that clients have to trust, with TLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) authority: Option<PathBuf>,
    /// The address in the ZooKeeper where the master is registered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) zookeeper: Option<String>,
}

impl Running {
    /// How to connect to the cluster. Credentials come from the environment.
    pub(crate) fn cluster(&self) -> Result<Cluster, Error> {
        let mut cluster = Cluster::new(&self.master, "mesos local");
        cluster.settings.ca_file.clone_from(&self.authority);
        cluster.apply_environment(&|name| std::env::var(name).ok())?;
        Ok(cluster)
    }
}

/// The file with the lock of this process.
#[derive(Debug)]
pub(super) struct State {
    path: PathBuf,
    /// Never closed, so that the lock ends with the process, after the last work of the runtime.
    file: ManuallyDrop<File>,
}

impl State {
    /// Locks the file for a cluster of this process.
    ///
    /// # Errors
    /// Another process runs a cluster, or the file cannot be written.
    pub(super) fn lock() -> Result<Self, Error> {
        let path = path()?;
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory).map_err(|error| unusable(&path, &error))?;
        }
        let file = open(&path, true)?;
        match file.try_lock() {
            Ok(()) => Ok(Self {
                path,
                file: ManuallyDrop::new(file),
            }),
            Err(TryLockError::WouldBlock) => {
                let pid = read(&file).unwrap_or_default().pid;
                let message = format!("a local Mesos is already running (process {pid})");
                Err(Error::new(Code::Failure, message)
                    .hint("`mesos local status` shows the cluster, `mesos local down` stops it"))
            }
            Err(TryLockError::Error(error)) => Err(unusable(&path, &error)),
        }
    }

    /// Replaces the content.
    pub(super) fn write(&mut self, running: &Running) -> Result<(), Error> {
        let text = serde_json::to_vec(running).unwrap_or_default();
        let mut replace = || {
            self.file.set_len(0)?;
            self.file.rewind()?;
            self.file.write_all(&text)
        };
        replace().map_err(|error| unusable(&self.path, &error))
    }
}

/// The next reader finds an empty file.
impl Drop for State {
    fn drop(&mut self) {
        let _ = self.file.set_len(0);
    }
}

/// The cluster that is running and has started, if there is one.
pub(crate) fn running() -> Result<Option<Running>, Error> {
    let running = Held::find()?.map(|held| held.running);
    Ok(running.filter(|running| !running.master.is_empty()))
}

/// The file while another process holds its lock.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) running: Running,
    path: PathBuf,
    file: File,
}

impl Held {
    /// The file; `None` if no process runs a cluster.
    pub(super) fn find() -> Result<Option<Self>, Error> {
        let path = path()?;
        if !path.exists() {
            return Ok(None);
        }
        let file = open(&path, false)?;
        match file.try_lock_shared() {
            Ok(()) => Ok(None),
            Err(TryLockError::WouldBlock) => Ok(Some(Self {
                running: read(&file).unwrap_or_default(),
                path,
                file,
            })),
            Err(TryLockError::Error(error)) => Err(unusable(&path, &error)),
        }
    }

    /// Blocks until the process has ended.
    pub(super) fn wait(&self) -> Result<(), Error> {
        let locked = self.file.lock_shared();
        locked.map_err(|error| unusable(&self.path, &error))
    }
}

fn open(path: &Path, create: bool) -> Result<File, Error> {
    let mut options = File::options();
    options.read(true).write(create).create(create);
    options.open(path).map_err(|error| unusable(path, &error))
}

/// `None` while the other process writes.
fn read(mut file: &File) -> Option<Running> {
    let mut text = String::new();
    file.rewind().ok()?;
    file.read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

fn path() -> Result<PathBuf, Error> {
    Ok(state_dir()?.join("local.json"))
}

fn unusable(path: &Path, error: &std::io::Error) -> Error {
    let message = format!("cannot use the file {}: {error}", path.display());
    Error::new(Code::Failure, message)
}
