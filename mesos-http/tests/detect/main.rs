//! Finding the leading master in a real ZooKeeper, and following it, with scripted peers and a real
//! Mesos.

#![allow(clippy::unwrap_used)]

mod end_to_end;
mod file;
mod follow;
#[path = "../it/loopback.rs"]
mod loopback;
#[path = "../it/peer.rs"]
#[allow(dead_code)]
mod peer;
mod sessions;
mod support;
mod zookeeper;
#[path = "../../../mesos-zookeeper/tests/it/server.rs"]
mod zookeeper_server;
