//! One program for all integration tests.

mod checks;
mod client;
mod cluster;
mod conformance;
mod network;
