//! What the drivers cost. Two programs come of it: `mesos-bench` plays the rows
//! of a table, each against the load master of mesos-testing in this process
//! and a client in a process of its own, and `mesos-bench-count` is that client
//! with every allocation counted. `cargo xtask bench` builds and runs them.

#![forbid(unsafe_code)]

pub mod client;
pub mod flood;
pub mod job;
pub mod launch;
mod listen;
mod raw;
pub mod rows;
mod scheduler;
pub mod table;
mod usage;
