//! ZooKeeper for Mesos and its frameworks: the leading master, and a store for a framework's id. Both
//! backends use the former, and any scheduler may use the latter. Enable the feature `zookeeper` of
//! the crate `mesos` to use it.
//!
//! * [`client`] connects to an [`Ensemble`](mesos_core::address::Ensemble), such as
//!   `zk://USER:PASSWORD@10.0.0.1:2181/mesos`.
//! * [`masters`] determines the leading node, and parses its data.
//! * [`ZooKeeperStore`] stores a framework's id, for schedulers that may be restarted on another
//!   machine.
//! * [`ZooKeeperState`] stores the state of a framework.
//!
//! The backends watch for leader changes: `mesos-http` has a detector, and libmesos has its own.
//!
//! TLS and SASL for connections to ZooKeeper are not supported.

#![forbid(unsafe_code)]

mod budget;
pub mod client;
pub mod masters;
mod state;
mod store;

pub use self::state::{ZooKeeperState, ZooKeeperStateError};
pub use store::{ZooKeeperStore, ZooKeeperStoreError};
