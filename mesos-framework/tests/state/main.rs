//! The state in a file, large commits, and how long a runner needs to start from a state.
//!
//! The test that kills a process starts this program again: with the path of a state in
//! `STATE_TO_WRITE` it commits until it is killed.

#![cfg(feature = "redb")]
#![allow(clippy::unwrap_used)]

mod cut_off;
mod durable;
mod full;
mod large;
mod lead;
#[allow(dead_code)]
#[path = "../../../mesos-zookeeper/tests/it/server.rs"]
mod server;
mod shared;
mod size;

use mesos_framework::store::{Change, RedbState, StateStore};

/// The changes that set these entries.
fn puts<const N: usize>(entries: [(&str, &'static str); N]) -> Vec<Change> {
    let changes = entries.map(|(key, value)| Change::put(key, value));
    changes.into()
}

async fn texts(state: &RedbState, prefix: &str) -> Vec<(String, String)> {
    let entries = state.load(prefix).await.unwrap();
    let text = |value: bytes::Bytes| String::from_utf8(value.to_vec()).unwrap();
    entries
        .into_iter()
        .map(|(key, value)| (key, text(value)))
        .collect()
}
