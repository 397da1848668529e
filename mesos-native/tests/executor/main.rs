//! The executor driver over the stand-in of `standin.cpp`, whose driver has the ABI of
//! Mesos' own and does to its executor what a test asks for, also what Mesos' own would not.
//!
//! It is linked to a real libmesos, of which the messages are. With a real executor driver
//! and a real agent the conformance suite does the same.

#![allow(clippy::unwrap_used)]

mod hazards;
mod life;
mod pressure;
mod support;
