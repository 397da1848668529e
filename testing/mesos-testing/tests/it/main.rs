//! The crate's own tests, one program for all of them. The conformance suite is
//! played by `mesos-conformance`.

#![allow(clippy::unwrap_used)]

mod agent;
mod checks;
mod client;
mod cluster;
mod network;
mod recorders;
mod relay;
mod scenario;
