//! Stores for the state of a framework.
//!
//! | store | where the state is | survives |
//! |---|---|---|
//! | [`MemoryState`] | in memory | nothing; for tests |
//! | `RedbState` (feature `redb`) | in one file | the end of the process, and a power failure |
//! | `ZooKeeperState` (crate feature `zookeeper` of `mesos`) | in ZooKeeper | the loss of the machine |

pub(crate) mod parts;
#[cfg(feature = "redb")]
mod redb;
mod schema;

#[cfg(feature = "redb")]
pub use self::redb::{RedbState, RedbStateError};
pub use self::schema::{SCHEMA_VERSION, SchemaError, upgrade};
pub use mesos_core::store::{Change, IdInState, MemoryState, Standby, StateStore};
