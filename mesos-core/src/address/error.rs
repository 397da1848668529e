//! The error for text that is not a usable address.

use crate::error::{Error, ErrorKind};

/// Why text is not a valid [`Master`](super::Master), [`Endpoint`](super::Endpoint) or
/// [`Ensemble`](super::Ensemble).
///
/// The message says what to write instead. It quotes the text, unless the text may contain a
/// password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct AddressError {
    kind: AddressErrorKind,
    message: String,
}

/// What is wrong with an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AddressErrorKind {
    /// The text is not an address.
    Syntax,
    /// The text is an address that Mesos or HTTP knows, but it cannot be used here: `zk://…`,
    /// `file://…` or several masters as an [`Endpoint`](super::Endpoint), credentials in a URL,
    /// `local`.
    Unsupported,
}

impl AddressError {
    /// What is wrong.
    pub fn kind(&self) -> AddressErrorKind {
        self.kind
    }
}

impl From<AddressError> for Error {
    fn from(error: AddressError) -> Self {
        Self::new(ErrorKind::Config, error.message)
    }
}

pub(super) fn syntax<T>(message: impl Into<String>) -> Result<T, AddressError> {
    Err(AddressError {
        kind: AddressErrorKind::Syntax,
        message: message.into(),
    })
}

pub(super) fn unsupported<T>(message: impl Into<String>) -> Result<T, AddressError> {
    Err(AddressError {
        kind: AddressErrorKind::Unsupported,
        message: message.into(),
    })
}
