//! The conformance suite of `mesos-testing`, asked of this project's backends
//! in every world there is.
//!
//! The cases are in [`mesos_testing::conformance`]; here are the backends
//! ([`columns`]) with what is known of them, the real clusters ([`Pool`]), and
//! what the program behind `cargo xtask conform` is made of ([`play`],
//! [`Table`]).

#![forbid(unsafe_code)]

mod again;
mod backends;
mod certificates;
mod cluster;
pub mod executor;
mod known;
mod matrix;
mod play;
mod pool;
mod table;

pub use again::with_settings;
pub use backends::{BACKENDS, columns, http, native, with_native_executors};
pub use cluster::Leased;
pub use matrix::{Matrix, Outcome};
pub use play::{Job, Played, play};
pub use pool::Pool;
pub use table::{Format, Table, encoding, mark, world};
