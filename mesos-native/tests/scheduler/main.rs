//! The scheduler driver over a real libmesos, on a real Mesos in another process.
//!
//! All tests of this program share its one libmesos. What is promised for every backend
//! is asked by the conformance suite; here is what only this backend can get wrong.

#![allow(clippy::unwrap_used)]

mod hazards;
mod life;
mod pressure;
mod reconnect;
mod support;
mod zookeeper;
#[path = "../../../mesos-zookeeper/tests/it/server.rs"]
#[allow(dead_code)]
mod zookeeper_server;
