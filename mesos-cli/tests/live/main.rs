//! The commands that run tasks and clusters, as a user runs them: real processes on a real Mesos.

#![allow(clippy::unwrap_used)]

mod bad_input;
mod doctor;
mod jobs;
mod large;
mod local;
mod processes;
mod program;
mod refused;
mod run;
mod run_ends;
mod service;
mod service_refused;
mod terminal;
mod top;
mod zookeeper;
#[path = "../../../mesos-zookeeper/tests/it/server.rs"]
#[allow(dead_code, reason = "this test program uses a part of it")]
mod zookeeper_server;
