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

/// Receives descriptions of processes, see [`StateStore::lead`].
pub type Standby = dyn Fn(&str) + Send + Sync;

/// Stores the state of one framework: entries with a key and a value.
///
/// A store belongs to one process at a time. An error of [`commit`](Self::commit) leaves the state
/// as it was, unless the documentation of the store states otherwise.
///
/// A store that several processes can open elects one of them: [`lead`](Self::lead) waits, and
/// commits of all others fail. A store that wraps another store has to pass on all methods.
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

    /// The values of several entries, in the order of the keys. The default reads one entry after
    /// the other.
    ///
    /// # Errors
    /// The store cannot be read.
    async fn get_all(&self, keys: &[String]) -> Result<Vec<Option<Bytes>>, BoxError> {
        let mut values = Vec::with_capacity(keys.len());
        for key in keys {
            values.push(self.get(key).await?);
        }
        Ok(values)
    }

    /// Applies all changes in their order, or none of them. When this returns `Ok`, the changes are
    /// as durable as the store promises.
    ///
    /// Commits take effect in the order of the calls. If the future is dropped, the commit may
    /// still take effect.
    ///
    /// # Errors
    /// The store cannot guarantee that the changes are stored.
    async fn commit(&self, changes: Vec<Change>) -> Result<(), BoxError>;

    /// The size that all changes of one commit may have together, each measured by
    /// [`size_of`](Self::size_of). A larger commit is an error. Unlimited by default.
    fn commit_limit(&self) -> usize {
        usize::MAX
    }

    /// The size of a change: the bytes of its key and value by default. A store with a
    /// [`commit_limit`](Self::commit_limit) adds what each change costs in a commit.
    fn size_of(&self, change: &Change) -> usize {
        change.key.len() + change.value.as_ref().map_or(0, Bytes::len)
    }

    /// Waits until no other process uses the state, and makes this process the leader. From then
    /// on, commits of all earlier leaders fail. What this process loads afterwards contains all
    /// commits of earlier leaders.
    ///
    /// `standby` receives a description of each process that leads while this process waits.
    ///
    /// The default returns at once, for a store that only one process can open.
    ///
    /// # Errors
    /// The store cannot be used.
    async fn lead(&self, standby: &Standby) -> Result<(), BoxError> {
        let _ = standby;
        Ok(())
    }

    /// Waits until this process, which led, may not lead any more, and returns why. The default
    /// waits forever.
    async fn lost_lead(&self) -> BoxError {
        std::future::pending().await
    }

    /// Whether this process leads at this moment. The default returns true.
    ///
    /// # Errors
    /// The store does not know, for example because it cannot be reached.
    async fn confirm_lead(&self) -> Result<bool, BoxError> {
        Ok(true)
    }

    /// Lets another process lead. This process does not commit afterwards. The default does
    /// nothing.
    async fn release_lead(&self) {}
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

    async fn get_all(&self, keys: &[String]) -> Result<Vec<Option<Bytes>>, BoxError> {
        (**self).get_all(keys).await
    }

    async fn commit(&self, changes: Vec<Change>) -> Result<(), BoxError> {
        (**self).commit(changes).await
    }

    fn commit_limit(&self) -> usize {
        (**self).commit_limit()
    }

    fn size_of(&self, change: &Change) -> usize {
        (**self).size_of(change)
    }

    async fn lead(&self, standby: &Standby) -> Result<(), BoxError> {
        (**self).lead(standby).await
    }

    async fn lost_lead(&self) -> BoxError {
        (**self).lost_lead().await
    }

    async fn confirm_lead(&self) -> Result<bool, BoxError> {
        (**self).confirm_lead().await
    }

    async fn release_lead(&self) {
        (**self).release_lead().await;
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
