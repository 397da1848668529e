//! Where a framework's id outlives its scheduler's process.
//!
//! Who loses the id loses the tasks: they run on as orphans until the failover
//! timeout kills them. So the driver loads the id before it first subscribes,
//! and saves a new one before the scheduler hears of it and before any call is
//! made (`docs/high-availability-framework-guide.md`).

mod file;
mod memory;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use mesos_proto::v1::FrameworkId;

use crate::error::{BoxError, Result};
pub use file::{FileStore, FileStoreError};
pub use memory::MemoryStore;

/// Whether `id` can be a framework's: what a store should ask of what it found
/// before it loads it.
///
/// # Errors
/// What is wrong with it ([`ErrorKind::Config`](crate::ErrorKind::Config)).
pub fn check_id(id: &str) -> Result<()> {
    crate::scheduler::check_id("framework", id)
}

/// Keeps the id of one framework.
///
/// The driver makes one call at a time. It waits as long as a call takes and
/// does not repeat one that failed: a failure ends the driver with
/// [`ErrorKind::Store`](crate::ErrorKind::Store), so a store on a network
/// does its own retrying, within bounds. An abort of the driver drops the
/// future.
#[async_trait]
pub trait Store: Send + Sync + fmt::Debug {
    /// The id that was saved last; `None` if there is none.
    ///
    /// # Errors
    /// When it is not known whether there is one: never `None` then, which
    /// would start a second framework.
    async fn load(&self) -> Result<Option<FrameworkId>, BoxError>;

    /// Keeps `id` in the place of any other. Once this returned, the id has to
    /// survive what the store promises to survive.
    ///
    /// # Errors
    /// When that is not certain.
    async fn save(&self, id: &FrameworkId) -> Result<(), BoxError>;

    /// Forgets the id, of a framework that was removed or torn down. Nothing to
    /// forget is no error.
    ///
    /// # Errors
    /// When it may still be there.
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
