//! Mesos over libmesos.
#![deny(unsafe_code)]
mod error;
mod library;
pub mod local;
mod sys;

pub use error::{Error, ErrorKind, Result};
pub use library::{LIBRARY_VARIABLE, Library};
