//! Why a state in a file failed.

use std::io;
use std::path::{Path, PathBuf};

use mesos_core::BoxError;
use thiserror::Error;

/// Why an operation of a [`RedbState`](super::RedbState) failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RedbStateError {
    /// The file is open in another process, or a second time in this process.
    #[error(
        "the state {} is in use by another process; stop the other scheduler, or use another file",
        path.display()
    )]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// The disk is full, or the quota is used up.
    #[error(
        "the disk has no room for the state {}, which keeps what it had; free some space",
        path.display()
    )]
    Full {
        /// The file.
        path: PathBuf,
        /// The error of the database.
        #[source]
        source: BoxError,
    },
    /// The file is not a state, or is damaged.
    #[error(
        "{} is not the state of a framework, or is damaged; restore it, or remove it to start as a \
         new framework",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The error of the database.
        #[source]
        source: BoxError,
    },
    /// The operating system or the database reported another error.
    #[error("cannot {action} the state {}", path.display())]
    Failed {
        /// What failed: `open`, `read`, `write`, …
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The error of the system or of the database.
        #[source]
        source: BoxError,
    },
    /// The thread of the state has panicked.
    #[error(
        "the state {} is closed, because its thread has panicked; start the program again",
        path.display()
    )]
    Ended {
        /// The file.
        path: PathBuf,
    },
}

impl RedbStateError {
    pub(super) fn failed(action: &'static str, path: &Path, error: impl Into<BoxError>) -> Self {
        Self::Failed {
            action,
            path: path.to_owned(),
            source: error.into(),
        }
    }

    /// An error of the database.
    pub(super) fn of(action: &'static str, path: &Path, error: redb::Error) -> Self {
        let path = path.to_owned();
        match &error {
            redb::Error::DatabaseAlreadyOpen | redb::Error::LockProtocolMismatch => {
                Self::InUse { path }
            }
            redb::Error::Io(io) if is_full(io) => Self::Full {
                path,
                source: error.into(),
            },
            redb::Error::Io(io) if io.kind() == io::ErrorKind::InvalidData => Self::Damaged {
                path,
                source: error.into(),
            },
            redb::Error::Corrupted(_) | redb::Error::UpgradeRequired(_) => Self::Damaged {
                path,
                source: error.into(),
            },
            _ => Self::Failed {
                action,
                path,
                source: error.into(),
            },
        }
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}
