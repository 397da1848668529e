//! Pools and demand controllers on a real Mesos, seen from the master; specifications.

#![allow(clippy::unwrap_used)]

mod avoid;
mod cluster;
mod containers;
mod demand;
mod executors;
mod failing_store;
mod images;
mod instances;
mod launch;
mod pool;
mod rounds;
mod runner;
mod service;
mod spec;
mod waiting;
