//! The one error of this crate.

use std::fmt;

/// What went wrong, for a program to decide on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// No libmesos in any of the places that were looked at.
    NotFound,
    /// The dynamic loader refused the file: not a shared library, or one whose own
    /// dependencies this machine lacks.
    NotLoadable,
    /// A shared library, but not a libmesos, or one that lacks functions that are
    /// needed.
    NotMesos,
    /// A libmesos that this build cannot speak to, such as one built with the C++
    /// string type of before GCC 5.
    Incompatible,
    /// Another libmesos is in this process already, and there can be only one.
    AlreadyLoaded,
    /// libmesos refused to start what it was asked to start.
    Refused,
    /// What was started did not become ready in time.
    TimedOut,
}

/// A failure of the native library or of finding it. The text says what happened,
/// where, and what to change.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    kind: ErrorKind,
    message: String,
}

/// The result of everything here that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl fmt::Display) -> Self {
        Error {
            kind,
            message: message.to_string(),
        }
    }

    /// What went wrong, for a program to decide on.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }
}
