//! Tests with a real ZooKeeper.

#![allow(clippy::unwrap_used)]

mod election;
#[allow(dead_code)]
mod server;
mod state;
mod store;
