//! Stores for everything that a framework must remember.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use mesos_proto::v1::FrameworkId;

use super::{Store, check_id};
use crate::error::BoxError;

/// A change of one entry of a [`StateStore`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Change {
    /// The key, such as `live/job/NAME`. It is not empty.
    pub key: String,
    /// The new value; `None` removes the entry.
    pub value: Option<Bytes>,
}

impl Change {
    /// Sets an entry.
    pub fn put(key: impl Into<String>, value: impl Into<Bytes>) -> Self {
        Self {
            key: key.into(),
            value: Some(value.into()),
        }
    }

    /// Removes an entry. Removing an entry that does not exist changes nothing.
    pub fn remove(key: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            value: None,
        }
    }
}

/// Stores the state of one framework: entries with a key and a value.
///
/// A store belongs to one process at a time. An error of [`commit`](Self::commit) leaves the state
/// as it was, unless the documentation of the store states otherwise.
#[async_trait]
pub trait StateStore: Send + Sync + fmt::Debug {
    /// All entries whose key starts with `prefix`, sorted by the bytes of the key.
    ///
    /// # Errors
    /// The store cannot be read.
    async fn load(&self, prefix: &str) -> Result<Vec<(String, Bytes)>, BoxError>;

    /// The number of entries whose key starts with `prefix`.
    ///
    /// # Errors
    /// The store cannot be read.
    async fn count(&self, prefix: &str) -> Result<u64, BoxError> {
        let entries = self.load(prefix).await?;
        Ok(u64::try_from(entries.len())?)
    }

    /// The value of one entry.
    ///
    /// # Errors
    /// The store cannot be read.
    async fn get(&self, key: &str) -> Result<Option<Bytes>, BoxError>;

    /// Applies all changes in their order, or none of them. When this returns `Ok`, the changes are
    /// as durable as the store promises.
    ///
    /// Commits take effect in the order of the calls. If the future is dropped, the commit may
    /// still take effect.
    ///
    /// # Errors
    /// The store cannot guarantee that the changes are stored.
    async fn commit(&self, changes: Vec<Change>) -> Result<(), BoxError>;

    /// How many bytes all keys and values of one commit may have. A commit with more is an error.
    fn commit_limit(&self) -> usize {
        usize::MAX
    }
}

#[async_trait]
impl<S: StateStore + ?Sized> StateStore for Arc<S> {
    async fn load(&self, prefix: &str) -> Result<Vec<(String, Bytes)>, BoxError> {
        (**self).load(prefix).await
    }

    async fn count(&self, prefix: &str) -> Result<u64, BoxError> {
        (**self).count(prefix).await
    }

    async fn get(&self, key: &str) -> Result<Option<Bytes>, BoxError> {
        (**self).get(key).await
    }

    async fn commit(&self, changes: Vec<Change>) -> Result<(), BoxError> {
        (**self).commit(changes).await
    }

    fn commit_limit(&self) -> usize {
        (**self).commit_limit()
    }
}

/// The key of the framework's id.
const FRAMEWORK_ID: &str = "meta/framework-id";

/// Keeps the framework's id in a [`StateStore`], in the entry `meta/framework-id`. So the id and
/// the state of a framework are never separated.
///
/// ```
/// use std::sync::Arc;
/// use mesos::Framework;
/// use mesos::store::{IdInState, MemoryState};
///
/// let state = Arc::new(MemoryState::new());
/// let framework = Framework::ephemeral("batch").store(IdInState(state.clone()));
/// # let _ = framework;
/// ```
#[derive(Clone, Debug)]
pub struct IdInState<S>(pub S);

#[async_trait]
impl<S: StateStore> Store for IdInState<S> {
    async fn load(&self) -> Result<Option<FrameworkId>, BoxError> {
        let Some(id) = self.0.get(FRAMEWORK_ID).await? else {
            return Ok(None);
        };
        let id = str::from_utf8(&id).map_err(|_| garbage("is not UTF-8"))?;
        check_id(id).map_err(|error| garbage(format_args!("is not a valid id ({error})")))?;
        Ok(Some(id.into()))
    }

    async fn save(&self, id: &FrameworkId) -> Result<(), BoxError> {
        let change = Change::put(FRAMEWORK_ID, id.value.clone());
        self.0.commit(vec![change]).await
    }

    async fn clear(&self) -> Result<(), BoxError> {
        self.0.commit(vec![Change::remove(FRAMEWORK_ID)]).await
    }
}

fn garbage(wrong: impl fmt::Display) -> BoxError {
    format!(
        "the entry {FRAMEWORK_ID} of the state {wrong}; restore it, or remove the state to start \
         as a new framework"
    )
    .into()
}
