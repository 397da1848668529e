//! Constructors, builders and conversions for messages, and safe access to open enums.
//!
//! The helpers only build messages. The crates above check messages against the rules of Mesos,
//! and add up or parse resources.

mod attribute;
mod bodies;
mod check;
mod command;
mod constraint;
mod container;
mod executor;
mod fate;
mod filters;
mod framework;
mod ids;
mod labels;
mod network;
mod open_enum;
mod operation;
mod parameter;
mod resource;
mod secrets;
mod status;
mod task;
mod time;
mod uuids;
mod value;
mod volume;

pub use executor::ExecutorInfoBuilder;
pub use fate::TaskFate;
pub use open_enum::{OpenEnum, UnknownEnum, known};
pub use task::TaskInfoBuilder;
