//! The messages of the Mesos v1 API.
mod debug;
mod helpers;
#[cfg(feature = "json")]
pub mod json;
#[allow(missing_docs)] // until every field of the .proto files is documented
#[path = "generated/mod.rs"]
pub mod v1;

pub use helpers::{ExecutorInfoBuilder, OpenEnum, TaskInfoBuilder, UnknownEnum, known};
