//! The one error type of this crate.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Why a local cluster or libmesos is not available.
///
/// [`Display`](fmt::Display) says what failed, where, and what to change. The cause is in
/// [`source`](StdError::source). [`kind`](Error::kind) is for programs.
#[derive(Clone)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

/// The kind of an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum ErrorKind {
    /// libmesos exists for Linux on x86-64 only, and this machine is another one.
    UnsupportedPlatform,
    /// The requested version is not one of [`versions`](crate::versions).
    UnknownVersion,
    /// The package index could not be found, reached or read.
    Index,
    /// The archive could not be downloaded, or has another SHA-256.
    Download,
    /// The cache directory could not be read or written.
    Cache,
    /// The programs of a cluster (`mesos-local` and those of mesos-launcher) were not found.
    Programs,
    /// The requested port is in use.
    PortInUse,
    /// A setting of the cluster is invalid.
    Config,
    /// The cluster did not start.
    Start,
    /// The cluster ended unexpectedly.
    Exited,
    /// The supervisor process has ended, or could not handle a request.
    Supervisor,
}

impl ErrorKind {
    /// Whether the reason is outside the program: the platform, or a package index that cannot be
    /// reached.
    pub fn is_unavailable(self) -> bool {
        matches!(
            self,
            Self::UnsupportedPlatform | Self::Index | Self::Download
        )
    }
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            source: None,
        }
    }

    pub(crate) fn because(
        kind: ErrorKind,
        message: impl Into<String>,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        Self {
            kind,
            message: message.into(),
            source: Some(Arc::from(source.into())),
        }
    }

    /// The kind of the error.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The error and all its causes in one text.
    pub fn report(&self) -> String {
        let mut text = self.message.clone();
        let mut cause = self.source();
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.kind)
            .field("message", &self.message)
            .field("source", &self.source)
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
