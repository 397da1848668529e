//! The crate's own tests, and its promises asked of the HTTP backend. One
//! program for all of them.

#![allow(clippy::unwrap_used)]

mod agent;
mod checks;
mod client;
mod cluster;
mod network;
mod recorders;
mod scenario;
