//! The messages of the Mesos v1 API.
//!
//! [`v1`] has the messages that prost generates from this project's own .proto files: the common
//! messages at its root, and a module for each API (`scheduler`, `executor`, `master`, `agent`, …).
//! Constructors and builders help to write messages by hand. They do not validate messages; Mesos
//! and the crates above do.
//!
//! ```
//! use mesos::v1::{CommandInfo, Resource, TaskInfo};
//!
//! let task = TaskInfo::builder("web")
//!     .command(CommandInfo::sh("exec ./serve $PORT").with_env("PORT", 31000))
//!     .cpus(0.5)
//!     .mem(64.0)
//!     .resource(Resource::ports([31000..=31000]))
//!     .build();
//! assert_eq!(task.resources.len(), 3);
//! ```
//!
//! # Naming
//! Methods of a message that set something are named `with_x` and return the message. Methods of a
//! builder are named `x`.
//!
//! # Enums
//! Fields of an enum type are numbers, so that values of a newer Mesos are not lost. The generated
//! getters return the first value of the enum for an unknown number. [`known`] and the methods
//! based on it return an error instead, for example
//! [`TaskStatus::task_state`](v1::TaskStatus::task_state). A state can be compared with the number
//! in a message: `status.state == TaskState::TaskRunning`.

mod debug;
pub mod encoded;
mod helpers;
#[cfg(feature = "json")]
pub mod json;
pub mod lossy;
#[allow(missing_docs)] // at its root: fields whose name and type say it all
#[path = "generated/mod.rs"]
pub mod v1;
mod wire;

/// The type of all fields that hold bytes.
pub use bytes::Bytes;
pub use helpers::{ExecutorInfoBuilder, OpenEnum, TaskFate, TaskInfoBuilder, UnknownEnum, known};
