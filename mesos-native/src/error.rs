//! The error of finding, loading and starting libmesos.

use std::fmt;

/// The kind of a [`LibraryError`], for programs that handle errors differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LibraryErrorKind {
    /// None of the searched places contains a libmesos.
    NotFound,
    /// The dynamic loader rejected the file. It is not a shared library, or this machine
    /// lacks a library that it depends on.
    NotLoadable,
    /// The file is a shared library, but it is not libmesos, or it lacks required
    /// functions.
    NotMesos,
    /// This build cannot use the libmesos, for example because it has the C++ string type that GCC
    /// used before version 5.
    Incompatible,
    /// This process has loaded another libmesos. A process can load only one.
    AlreadyLoaded,
    /// libmesos rejected its settings or arguments.
    Refused,
    /// The started cluster was not ready in time.
    TimedOut,
}

/// An error of libmesos or of finding it. The text contains what failed, where, and what to change.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct LibraryError {
    kind: LibraryErrorKind,
    message: String,
}

pub(crate) type Result<T, E = LibraryError> = std::result::Result<T, E>;

impl LibraryError {
    pub(crate) fn new(kind: LibraryErrorKind, message: impl fmt::Display) -> Self {
        Self {
            kind,
            message: message.to_string(),
        }
    }

    /// The kind of the error.
    pub fn kind(&self) -> LibraryErrorKind {
        self.kind
    }
}
