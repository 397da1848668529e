//! What Mesos and its frameworks keep in ZooKeeper: where the masters are, and
//! the id of a framework. Both backends read the one, any scheduler may use the
//! other; users have it as the feature `zookeeper` of the crate `mesos`.
//!
//! * [`client`] connects to an [`Ensemble`](mesos_core::address::Ensemble), such as
//!   `zk://USER:PASSWORD@10.0.0.1:2181/mesos`.
//! * [`masters`] says which of the nodes there leads, and what it says of itself.
//! * [`ZooKeeperStore`] keeps a framework's id, for schedulers that may be
//!   started again on another machine.
//!
//! Watching for a new leader is the backends' own: `mesos-http` does it, libmesos
//! has a detector of its own.
//!
//! TLS and SASL towards ZooKeeper are not supported.

#![forbid(unsafe_code)]

pub mod client;
pub mod masters;
mod store;

pub use store::{ZooKeeperStore, ZooKeeperStoreError};
