//! The commands that run tasks and clusters, as a user runs them: real processes on a real Mesos.

#![allow(clippy::unwrap_used)]

mod bad_input;
mod doctor;
mod local;
mod processes;
mod program;
mod run;
mod run_ends;
mod terminal;
mod top;
