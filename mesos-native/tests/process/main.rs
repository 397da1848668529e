//! Schedulers in separate processes, which are paused, or reach the limits of their process. A
//! limit or a pause would affect all other tests of this process.
//!
//! The tests run on a real Mesos and a real libmesos.

#![allow(clippy::unwrap_used)]

mod limits;
mod pauses;
mod puppet;
#[path = "../../../mesos-zookeeper/tests/it/server.rs"]
#[allow(dead_code)]
mod zookeeper_server;
