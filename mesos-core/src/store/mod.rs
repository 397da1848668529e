//! Stores for what survives the scheduler's process: the framework's id ([`Store`]), and the state
//! of a framework ([`StateStore`]).
//!
//! A scheduler that loses the id loses its tasks: they continue as orphans until
//! the failover timeout kills them. Therefore the driver loads the id before the
//! first subscription. It saves a new id before it calls `subscribed` and before
//! it sends any call (`docs/high-availability-framework-guide.md`).

mod file;
mod memory;
mod memory_state;
mod state;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use mesos_proto::v1::FrameworkId;

use crate::error::{BoxError, Result};
pub use file::{FileStore, FileStoreError};
pub use memory::MemoryStore;
pub use memory_state::MemoryState;
pub use state::{Change, IdInState, Standby, StateStore};

/// Checks that `id` is a valid framework id. A store should check the stored text
/// before `load` returns it.
///
/// # Errors
/// [`ErrorKind::Config`](crate::ErrorKind::Config), with the reason.
pub fn check_id(id: &str) -> Result<()> {
    crate::scheduler::check_id("framework", id)
}

/// Stores the id of one framework.
///
/// The driver calls one method at a time and waits without a timeout. It does not
/// retry: a failure ends the driver with
/// [`ErrorKind::Store`](crate::ErrorKind::Store). A store on a network therefore
/// retries by itself, with a limit. An abort of the driver drops the future.
#[async_trait]
pub trait Store: Send + Sync + fmt::Debug {
    /// Returns the id that was saved last, or `None` if no id is saved.
    ///
    /// # Errors
    /// The store cannot find out whether an id is saved. It must not return
    /// `None` in that case, because `None` starts a second framework.
    async fn load(&self) -> Result<Option<FrameworkId>, BoxError>;

    /// Saves `id`, and replaces any other id. When this returns, the id has to be
    /// as durable as the store promises.
    ///
    /// # Errors
    /// The store cannot guarantee that the id is saved.
    async fn save(&self, id: &FrameworkId) -> Result<(), BoxError>;

    /// Removes the id, after the framework was removed or torn down. If no id is
    /// saved, this succeeds.
    ///
    /// # Errors
    /// The id may still be saved.
    async fn clear(&self) -> Result<(), BoxError>;
}

#[async_trait]
impl<S: Store + ?Sized> Store for Arc<S> {
    async fn load(&self) -> Result<Option<FrameworkId>, BoxError> {
        (**self).load().await
    }

    async fn save(&self, id: &FrameworkId) -> Result<(), BoxError> {
        (**self).save(id).await
    }

    async fn clear(&self) -> Result<(), BoxError> {
        (**self).clear().await
    }
}
