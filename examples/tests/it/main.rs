//! The examples as a user runs them: real processes on a real Mesos.

#![allow(clippy::unwrap_used)]

mod batch;
mod chaos;
mod cluster;
mod failover;
mod ha;
mod ha_chaos;
mod hello;
mod journal;
mod lint;
mod middleware;
mod new_cluster;
mod operator;
mod placement;
mod program;
mod readme;
#[allow(dead_code)]
#[path = "../../../mesos-zookeeper/tests/it/server.rs"]
mod server;
mod service;
mod task_output;
mod unit_tests;
mod worker_pool;
