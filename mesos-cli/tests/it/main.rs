//! The program as a user runs it, on a real Mesos.

// Helpers are not test functions, which may unwrap.
#![allow(clippy::unwrap_used)]

mod bad_input;
mod changes;
mod config;
mod help;
mod man;
mod program;
mod scheduler;
mod security;
mod tables;
mod terminal;
