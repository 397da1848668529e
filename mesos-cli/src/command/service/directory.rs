//! The directory of a scheduler.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tokio::net::{UnixListener, UnixSocket};

use crate::error::{Code, Error};
use crate::state_dir::state_dir;

/// The longest path of a socket: the size of `sun_path` in `sockaddr_un`, without the null at its
/// end.
const LONGEST: usize = 107;

/// A directory with the state of a scheduler, its socket, and the log of a detached process.
#[derive(Clone, Debug)]
pub(super) struct Directory(PathBuf);

/// What a scheduler has to know at its start, besides its state.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(default)]
pub(super) struct Settings {
    /// The name of the framework.
    pub(super) name: Option<String>,
    pub(super) roles: Vec<String>,
    pub(super) gpus: bool,
    /// Whether Mesos knows the framework.
    pub(super) subscribed: bool,
}

impl Directory {
    /// The given directory, or the default. Nothing is created.
    pub(super) fn new(given: Option<PathBuf>) -> Result<Self, Error> {
        let path = match given {
            // An empty variable counts as unset.
            Some(path) if !path.as_os_str().is_empty() => path,
            _ => state_dir()?.join("service"),
        };
        let path = std::path::absolute(&path).map_err(|error| unusable(&path, &error))?;
        Ok(Self(path))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// The state of the services. The process of the scheduler holds a lock on this file.
    pub(super) fn state(&self) -> PathBuf {
        self.0.join("state.redb")
    }

    pub(super) fn socket(&self) -> PathBuf {
        self.0.join("control.sock")
    }

    pub(super) fn log(&self) -> PathBuf {
        self.0.join("scheduler.log")
    }

    /// Creates the directory, which only its owner can use.
    pub(super) fn create(&self) -> Result<(), Error> {
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(0o700);
        builder
            .create(&self.0)
            .map_err(|error| unusable(&self.0, &error))?;
        let socket = self.socket();
        if socket.as_os_str().len() > LONGEST {
            let message = format!(
                "the path of the socket {} has more than {LONGEST} bytes",
                socket.display()
            );
            return Err(Error::usage(message).hint("use --state with a shorter path"));
        }
        Ok(())
    }

    /// The log of a detached process. The log of the process before is kept, too.
    pub(super) fn open_log(&self) -> Result<File, Error> {
        self.create()?;
        let path = self.log();
        // A process that runs and is about to be found goes on with its log.
        if UnixStream::connect(self.socket()).is_err() {
            // A log that does not exist, or cannot be kept, is not a reason to fail.
            let _ = fs::rename(&path, path.with_extension("log.old"));
        }
        let mut options = File::options();
        options.read(true).append(true).create(true).mode(0o600);
        options.open(&path).map_err(|error| unusable(&path, &error))
    }

    /// Binds the socket. To be called while the state is locked, because this replaces the socket of
    /// a scheduler that was killed.
    pub(super) fn listen(&self) -> Result<UnixListener, Error> {
        let path = self.socket();
        let failed = |error| unusable(&path, &error);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        let socket = UnixSocket::new_stream().map_err(failed)?;
        socket.bind(&path).map_err(failed)?;
        // Before the socket accepts connections. A directory that existed may be open for others.
        let owner_only = fs::Permissions::from_mode(0o600);
        fs::set_permissions(&path, owner_only).map_err(failed)?;
        socket.listen(64).map_err(failed)
    }

    /// The settings of the last scheduler of this directory.
    pub(super) fn settings(&self) -> Result<Settings, Error> {
        let path = self.settings_path();
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Settings::default());
            }
            Err(error) => return Err(unusable(&path, &error)),
        };
        serde_json::from_slice(&text).map_err(|error| unusable(&path, &error))
    }

    pub(super) fn write(&self, settings: &Settings) -> Result<(), Error> {
        let path = self.settings_path();
        let text = serde_json::to_vec_pretty(settings).unwrap_or_default();
        let replace = || {
            let new = path.with_extension("new");
            fs::write(&new, text)?;
            fs::rename(&new, &path)
        };
        replace().map_err(|error| unusable(&path, &error))
    }

    fn settings_path(&self) -> PathBuf {
        self.0.join("scheduler.json")
    }
}

fn unusable(path: &Path, error: &dyn std::fmt::Display) -> Error {
    let message = format!("cannot use {}: {error}", path.display());
    Error::new(Code::Failure, message)
}
