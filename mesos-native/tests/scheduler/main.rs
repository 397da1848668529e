//! The scheduler driver over a real libmesos, on a real Mesos in another process.
//!
//! All tests of this program share its one libmesos. The conformance suite tests the behavior that
//! all backends have in common. The tests here are about this backend only.

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
