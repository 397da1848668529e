//! The messages of the Mesos v1 API.
//!
//! [`v1`] holds them as prost makes them from this project's own .proto files:
//! the common messages at its root, and a module for each API (`scheduler`,
//! `executor`, `master`, `agent`, …). On top there is what a person wants who
//! writes them by hand; checking is left to Mesos and to the crates above:
//!
//! ```
//! use mesos_proto::v1::{CommandInfo, Resource, TaskInfo};
//!
//! let task = TaskInfo::builder("web")
//!     .command(CommandInfo::sh("exec ./serve $PORT").with_env("PORT", "31000"))
//!     .cpus(0.5)
//!     .mem(64.0)
//!     .resource(Resource::ranges("ports", [31000..=31000]))
//!     .build();
//! assert_eq!(task.resources.len(), 3);
//! ```
//!
//! Fields of enum type are numbers, so that a value of a newer Mesos is not
//! lost. Their getters hide such a value; [`known`] and the methods built on it
//! do not.

mod debug;
mod helpers;
#[cfg(feature = "json")]
pub mod json;
pub mod lossy;
#[allow(missing_docs)] // at its root: fields whose name and type say it all
#[path = "generated/mod.rs"]
pub mod v1;

/// The type of all fields that hold bytes.
pub use bytes::Bytes;
pub use helpers::{ExecutorInfoBuilder, OpenEnum, TaskInfoBuilder, UnknownEnum, known};
