//! Why a state in ZooKeeper failed.

use thiserror::Error;

use crate::ZooKeeperStoreError;

/// Why an operation of a [`ZooKeeperState`](super::ZooKeeperState) failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ZooKeeperStateError {
    /// The commit has more data than ZooKeeper accepts in a request.
    #[error(
        "the commit has {size} bytes, but ZooKeeper accepts {limit}; the largest entry is {key:?}: \
         make it smaller, or keep the state in a file"
    )]
    TooLarge {
        /// The bytes of all keys and values.
        size: usize,
        /// The limit in bytes.
        limit: usize,
        /// The key with the largest value.
        key: String,
    },
    /// Another process has committed, so this process was replaced.
    #[error(
        "another process has changed the state at {at}; only one scheduler may use a state at a \
         time: stop this one, or start it again to take over"
    )]
    Changed {
        /// The address, without credentials.
        at: String,
    },
    /// ZooKeeper was not reached, or refused.
    #[error(transparent)]
    Store(#[from] ZooKeeperStoreError),
}
