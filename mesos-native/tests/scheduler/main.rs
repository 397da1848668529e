//! The scheduler driver over a real libmesos, on a real Mesos in another process.
//!
//! All tests of this program share its one libmesos.

#![allow(clippy::unwrap_used)]

mod life;
mod support;
