//! A store for tests, and for schedulers that are restarted in the same process.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use mesos_proto::v1::FrameworkId;

use super::Store;
use crate::error::BoxError;
use crate::lock;

/// Stores the id in memory. Clones share the id.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore(Arc<Mutex<Option<FrameworkId>>>);

impl MemoryStore {
    /// Creates an empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// The stored id.
    pub fn get(&self) -> Option<FrameworkId> {
        lock(&self.0).clone()
    }

    fn set(&self, id: Option<FrameworkId>) {
        *lock(&self.0) = id;
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn load(&self) -> Result<Option<FrameworkId>, BoxError> {
        Ok(self.get())
    }

    async fn save(&self, id: &FrameworkId) -> Result<(), BoxError> {
        self.set(Some(id.clone()));
        Ok(())
    }

    async fn clear(&self) -> Result<(), BoxError> {
        self.set(None);
        Ok(())
    }
}
