//! A state that ends with the process.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Bound;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;

use super::{Change, StateStore};
use crate::error::BoxError;
use crate::lock;

/// Keeps the state in memory, for tests and for frameworks that need no failover. Clones share the
/// state.
#[derive(Clone, Default)]
pub struct MemoryState(Arc<Mutex<BTreeMap<String, Bytes>>>);

impl MemoryState {
    /// Creates an empty store.
    pub fn new() -> Self {
        Self::default()
    }
}

#[async_trait]
impl StateStore for MemoryState {
    async fn load(&self, prefix: &str) -> Result<Vec<(String, Bytes)>, BoxError> {
        let entries = lock(&self.0);
        let found = entries
            .range::<str, _>((Bound::Included(prefix), Bound::Unbounded))
            .take_while(|(key, _)| key.starts_with(prefix));
        Ok(found
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect())
    }

    async fn get(&self, key: &str) -> Result<Option<Bytes>, BoxError> {
        Ok(lock(&self.0).get(key).cloned())
    }

    async fn commit(&self, changes: Vec<Change>) -> Result<(), BoxError> {
        let mut entries = lock(&self.0);
        for Change { key, value } in changes {
            match value {
                Some(value) => entries.insert(key, value),
                None => entries.remove(&key),
            };
        }
        Ok(())
    }
}

/// The keys, without the values.
impl fmt::Debug for MemoryState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("MemoryState")
            .field(&lock(&self.0).keys())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{IdInState, Store};
    use super::*;

    #[tokio::test]
    async fn changes_take_effect_in_order_and_are_found_by_prefix() {
        let state = MemoryState::new();
        let changes = vec![
            Change::put("a/2", "two"),
            Change::put("a/1", "old"),
            Change::put("b/1", "other"),
            Change::put("a/1", "one"),
            Change::remove("b/1"),
            Change::remove("b/2"),
        ];
        state.commit(changes).await.unwrap();
        let loaded = state.clone().load("a/").await.unwrap();
        let expected = [("a/1", "one"), ("a/2", "two")];
        assert_eq!(loaded, expected.map(|(k, v)| (k.to_owned(), v.into())));
        assert_eq!(state.count("").await.unwrap(), 2);
        assert_eq!(state.get("a/1").await.unwrap(), Some("one".into()));
        assert_eq!(state.get("b/1").await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_state_keeps_the_id_of_the_framework() {
        let state = MemoryState::new();
        let store = IdInState(state.clone());
        assert_eq!(store.load().await.unwrap(), None);
        store.save(&"f-1".into()).await.unwrap();
        assert_eq!(store.load().await.unwrap(), Some("f-1".into()));
        store.clear().await.unwrap();
        assert_eq!(store.load().await.unwrap(), None);
        let garbage = Change::put("meta/framework-id", "a/b");
        state.commit(vec![garbage]).await.unwrap();
        let error = store.load().await.unwrap_err().to_string();
        assert!(error.contains("meta/framework-id"), "{error}");
        assert!(error.contains("contains a slash"), "{error}");
    }
}
