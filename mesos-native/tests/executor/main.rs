//! The executor driver over the stand-in in `standin.cpp`. The stand-in's driver has the ABI of Mesos's
//! `MesosExecutorDriver` and makes the callbacks that a test requires, including callbacks that Mesos
//! would not make.
//!
//! The stand-in is linked to a real libmesos, which supplies the message types. The conformance suite
//! can run executors over a full libmesos with a real agent (`cargo xtask conform
//! --native-executors`).

#![allow(clippy::unwrap_used)]

mod hazards;
mod life;
mod pressure;
mod support;
