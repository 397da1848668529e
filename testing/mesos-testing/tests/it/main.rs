//! The crate's own tests, in one program. `mesos-conformance` runs the conformance suite.

#![allow(clippy::unwrap_used)]

mod agent;
mod checks;
mod client;
mod cluster;
mod network;
mod recorders;
mod relay;
mod scenario;
mod uuids;
mod validation;
