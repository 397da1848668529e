//! What every state promises, and the lock of the file.

use std::time::Duration;

use mesos_core::store::{IdInState, Store};
use mesos_framework::store::{Change, RedbState, RedbStateError, StateStore, upgrade};

use crate::{puts, texts};

#[tokio::test]
async fn changes_take_effect_in_order_and_are_there_after_the_file_was_closed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.redb");
    let state = RedbState::open(&path).unwrap();
    assert_eq!(texts(&state, "").await, []);
    assert_eq!(state.get("a/1").await.unwrap(), None);
    let mut changes = puts([
        ("a/2", "two"),
        ("a/1", "old"),
        ("b/1", "other"),
        ("a/1", "one"),
    ]);
    changes.extend([Change::remove("b/1"), Change::remove("b/2")]);
    state.commit(changes).await.unwrap();
    state.close().await.unwrap();
    let state = RedbState::open(&path).unwrap();
    let expected = [("a/1", "one"), ("a/2", "two")];
    let expected = expected.map(|(key, value)| (key.to_owned(), value.to_owned()));
    assert_eq!(texts(&state, "a/").await, expected);
    assert_eq!(texts(&state, "").await, expected);
    assert_eq!(texts(&state, "b").await, []);
    assert_eq!(state.count("a/").await.unwrap(), 2);
    assert_eq!(state.get("a/1").await.unwrap(), Some("one".into()));
    let keys = ["a/2", "b/1", "a/1", "a/2"].map(str::to_owned);
    let values = state.get_all(&keys).await.unwrap();
    let [one, two] = ["one", "two"].map(|value| Some(value.into()));
    assert_eq!(values, [two.clone(), None, one, two]);
}

#[tokio::test]
async fn a_file_keeps_the_id_of_the_framework_and_the_schema_version() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.redb");
    let state = RedbState::open(&path).unwrap();
    upgrade(&state).await.unwrap();
    IdInState(state).save(&"f-1".into()).await.unwrap();
    let state = RedbState::open(&path).unwrap();
    upgrade(&state).await.unwrap();
    let id = IdInState(state).load().await.unwrap();
    assert_eq!(id, Some("f-1".into()));
}

#[tokio::test]
async fn a_file_that_is_open_cannot_be_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.redb");
    let state = RedbState::open(&path).unwrap();
    let error = RedbState::open(&path).unwrap_err();
    assert!(matches!(error, RedbStateError::InUse { .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains(path.to_str().unwrap()), "{text}");
    assert!(
        text.contains("in use by another process; stop the other scheduler"),
        "{text}"
    );
    state.commit(puts([("a", "1")])).await.unwrap();
    drop(state);
    RedbState::open(&path).unwrap();
}

#[tokio::test]
async fn a_file_of_another_program_is_refused_and_unchanged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.redb");
    for content in ["f-0001\n".to_owned(), "x".repeat(1 << 20)] {
        std::fs::write(&path, &content).unwrap();
        let error = RedbState::open(&path).unwrap_err();
        assert!(matches!(error, RedbStateError::Damaged { .. }), "{error:?}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), content);
    }
    let missing = RedbState::open(folder.path().join("none/state.redb")).unwrap_err();
    let text = mesos_core::error_chain(&missing);
    assert!(text.starts_with("cannot open the state "), "{text}");
    assert!(text.contains("No such file"), "{text}");
}

/// The current runtime has one thread, so a commit that blocked it would also stop the other task.
#[tokio::test]
async fn a_commit_does_not_block_the_runtime() {
    let folder = tempfile::tempdir().unwrap();
    let state = RedbState::open(folder.path().join("state.redb")).unwrap();
    let large = vec![Change::put("a", vec![7; 64 << 20])];
    let mut ticks = 0;
    let mut commit = std::pin::pin!(state.commit(large));
    loop {
        tokio::select! {
            biased;
            result = &mut commit => break result.unwrap(),
            // sleep: counts how often the runtime is free.
            () = tokio::time::sleep(Duration::from_millis(1)) => ticks += 1,
        }
    }
    assert!(ticks > 3, "{ticks}");
}
