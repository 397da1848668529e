//! The operator API, `/api/v1` of masters and agents: calls with one answer.
//!
//! Its streams (SUBSCRIBE of the master, containers' input and output) are not
//! offered here.

mod client;

pub use client::OperatorClient;
