//! Tests of the drivers with a scripted backend, without sockets and mostly with virtual time.

#![allow(clippy::unwrap_used)]

mod executor;
mod memory;
mod scheduler;
mod script;
