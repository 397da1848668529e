//! A store with a small limit whose process ends after any number of commits.

use std::sync::atomic::{AtomicUsize, Ordering};

use mesos_core::error_chain;
use mesos_core::store::MemoryState;

use super::*;

/// A state with a small limit, whose process ends after some commits.
#[derive(Debug, Default)]
struct Small {
    state: MemoryState,
    left: AtomicUsize,
}

impl Small {
    fn new(state: &MemoryState, commits: usize) -> Self {
        Self {
            state: state.clone(),
            left: commits.into(),
        }
    }
}

#[async_trait::async_trait]
impl StateStore for Small {
    async fn load(&self, prefix: &str) -> Result<Vec<(String, Bytes)>, BoxError> {
        self.state.load(prefix).await
    }

    async fn get(&self, key: &str) -> Result<Option<Bytes>, BoxError> {
        self.state.get(key).await
    }

    async fn commit(&self, changes: Vec<Change>) -> Result<(), BoxError> {
        let size: usize = changes.iter().map(|change| self.size_of(change)).sum();
        assert!(size <= self.commit_limit(), "{changes:?}");
        if self.left.load(Ordering::Relaxed) == 0 {
            return Err("the process has ended".into());
        }
        self.left.fetch_sub(1, Ordering::Relaxed);
        self.state.commit(changes).await
    }

    fn commit_limit(&self) -> usize {
        100
    }
}

async fn entries(state: &MemoryState) -> Vec<(String, Bytes)> {
    state.load("").await.unwrap()
}

fn changes() -> Vec<Change> {
    let put = |number: u32| Change::put(format!("live/{number:02}"), format!("new {number}"));
    let mut changes: Vec<Change> = (0..50).map(put).collect();
    changes.push(Change::remove("live/10"));
    changes.push(Change::put("live/11", "last"));
    changes.push(Change::remove("old"));
    changes
}

#[tokio::test]
async fn all_changes_of_a_large_commit_are_stored_or_none_wherever_the_process_ends() {
    let (mut none, mut all) = (0, 0);
    for commits in 0.. {
        let state = MemoryState::new();
        let old = vec![Change::put("live/49", "old"), Change::put("old", "x")];
        state.commit(old.clone()).await.unwrap();
        let committed = commit(&Small::new(&state, commits), changes()).await;
        // The next process may end, too.
        for commits in 0..4 {
            complete(&Small::new(&state, commits)).await.ok();
        }
        complete(&Small::new(&state, usize::MAX)).await.unwrap();
        let expected = MemoryState::new();
        expected.commit(old).await.unwrap();
        if entries(&state).await == entries(&expected).await {
            assert!(committed.is_err());
            none += 1;
            continue;
        }
        expected.commit(changes()).await.unwrap();
        assert_eq!(entries(&state).await, entries(&expected).await);
        all += 1;
        if committed.is_ok() {
            break;
        }
    }
    assert!(none > 5 && all > 5, "{none} {all}");
}

#[tokio::test]
async fn a_large_commit_that_failed_can_be_repeated() {
    for commits in 0..30 {
        let state = MemoryState::new();
        let failed = commit(&Small::new(&state, commits), changes()).await;
        let other = vec![Change::put("meta/x", "y")];
        state.commit(other.clone()).await.unwrap();
        if failed.is_err() {
            let store = Small::new(&state, usize::MAX);
            commit(&store, changes()).await.unwrap();
        }
        let expected = MemoryState::new();
        expected.commit([changes(), other].concat()).await.unwrap();
        assert_eq!(entries(&state).await, entries(&expected).await);
    }
}

#[tokio::test]
async fn a_change_that_is_larger_than_a_commit_is_refused_and_nothing_is_stored() {
    let state = MemoryState::new();
    let store = Small::new(&state, usize::MAX);
    let mut changes = changes();
    changes.push(Change::put("large", vec![7; 96]));
    let error = commit(&store, changes).await.unwrap_err().to_string();
    let text = "the entry \"large\" has 101 bytes, but the store accepts 100 in one commit";
    assert_eq!(error, text);
    assert_eq!(entries(&state).await, []);
}

#[tokio::test]
async fn damaged_parts_are_an_error_that_names_the_entry() {
    for (key, value, wrong) in [
        ("parts/ready", "x", "the entry parts/ready of the state"),
        ("parts/ready", "1", "the entry parts/00000000 of the state"),
        ("parts/00000000", "", ""),
    ] {
        let state = MemoryState::new();
        state.commit(vec![Change::put(key, value)]).await.unwrap();
        match complete(&state).await {
            Ok(()) => assert!(wrong.is_empty() && entries(&state).await.is_empty()),
            Err(error) => assert!(
                !wrong.is_empty() && error_chain(&*error).contains(wrong),
                "{error}"
            ),
        }
    }
}
