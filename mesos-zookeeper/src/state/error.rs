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
        /// The size of all changes.
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
    /// This process does not lead any more, or it gave up the lead.
    #[error("this process has lost the lead at {at}: {why}")]
    LeadLost {
        /// The address, without credentials.
        at: String,
        /// How the lead was lost.
        why: String,
    },
    /// ZooKeeper was not reached, or refused.
    #[error(transparent)]
    Store(#[from] ZooKeeperStoreError),
}
