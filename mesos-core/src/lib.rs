//! Traits, drivers and runtime of Mesos frameworks, independent of the backend.

#![forbid(unsafe_code)]

pub mod backend;
mod capability;
mod error;
pub mod resources;

pub use capability::{Capabilities, Capability};
pub use error::{BoxError, Delivery, Error, ErrorKind, Result, chain};
