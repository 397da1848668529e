//! The one error type of this crate.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Why no local cluster (or no libmesos) could be had.
///
/// [`Display`](fmt::Display) says what happened, where, and what to change; a lower cause is in
/// [`source`](StdError::source). [`kind`](Error::kind) is for programs that decide by it.
#[derive(Clone)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

/// What sort of failure an [`Error`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum ErrorKind {
    /// libmesos exists for Linux on x86-64 only, and this machine is something else.
    UnsupportedPlatform,
    /// The version asked for is none of [`versions`](crate::versions).
    UnknownVersion,
    /// The package index could not be found, reached or understood.
    Index,
    /// The archive could not be downloaded, or was not what it has to be.
    Download,
    /// The cache directory could not be read or written.
    Cache,
    /// The programs of this package (`mesos-local` and the agent's helpers) were not found.
    Programs,
    /// The port asked for is taken.
    PortInUse,
    /// A setting of the cluster makes no sense.
    Config,
    /// The cluster did not come up.
    Start,
    /// The cluster ended though nobody asked for it.
    Exited,
    /// The supervisor process is gone or did not do what it was told.
    Supervisor,
}

impl ErrorKind {
    /// Whether this machine cannot have a cluster for reasons outside the program: the platform,
    /// or a package index that is out of reach.
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

    /// What sort of failure this is.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The error and all its causes in one text, for a person to read.
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
