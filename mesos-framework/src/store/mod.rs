//! Stores for the state of a framework.

pub use mesos_core::store::{Change, IdInState, MemoryState, StateStore};
