//! The cost of the drivers. The program `mesos-bench` measures the rows of a table: each row runs
//! the [load master](flood) in its own process and a client in another one. `mesos-bench-count` is
//! the same client with all allocations counted. `cargo xtask bench` builds and runs both.

#![forbid(unsafe_code)]

pub mod client;
pub mod flood;
pub mod job;
#[cfg(feature = "cluster")]
mod jobs;
#[cfg(feature = "cluster")]
pub mod launch;
#[cfg(feature = "cluster")]
mod listen;
mod lock;
mod place;
pub mod plot;
mod raw;
pub mod rows;
mod scheduler;
#[cfg(feature = "cluster")]
mod state;
pub mod table;
mod usage;
