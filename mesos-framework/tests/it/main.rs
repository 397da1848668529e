//! Pools and demand controllers on a real Mesos, seen from the master.

#![allow(clippy::unwrap_used)]

mod cluster;
mod demand;
mod pool;
