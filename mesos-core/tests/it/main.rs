//! The runtimes over a scripted backend: no socket, no real time.

#![allow(clippy::unwrap_used)]

mod executor;
mod scheduler;
mod script;
