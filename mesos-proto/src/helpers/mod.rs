//! Constructors, builders and conversions for messages, and safe access to open enums.
//!
//! The helpers only build messages. The crates above check messages against the rules of Mesos,
//! and add up or parse resources.

mod bodies;
mod command;
mod executor;
mod filters;
mod framework;
mod ids;
mod labels;
mod open_enum;
mod resource;
mod status;
mod task;
mod time;
mod uuids;
mod value;

pub use executor::ExecutorInfoBuilder;
pub use open_enum::{OpenEnum, UnknownEnum, known};
pub use task::TaskInfoBuilder;
