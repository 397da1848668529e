//! Commits of any size on a store that limits the size of a commit.
//!
//! The changes of a large commit are first written to entries `parts/NUMBER`. The entry
//! `parts/ready` makes the commit valid. Then the changes are applied in several commits, and the
//! entries are removed. If the process ends in between, [`complete`] applies a valid commit from
//! the beginning, and removes the entries of any other. So all changes are stored, or none.

use std::collections::BTreeMap;
use std::ops::Range;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use mesos_core::BoxError;
use mesos_core::store::{Change, StateStore};

const PARTS: &str = "parts/";
/// The number of parts of a valid commit.
const READY: &str = "parts/ready";

/// Applies all changes in their order, or none of them.
///
/// # Errors
/// The store cannot guarantee that the changes are stored, or one change alone is larger than a
/// commit. The state is unchanged, or [`complete`] applies the changes.
pub(crate) async fn commit(store: &dyn StateStore, changes: Vec<Change>) -> Result<(), BoxError> {
    let limit = store.commit_limit();
    let total: usize = changes.iter().map(|change| store.size_of(change)).sum();
    if total <= limit {
        return store.commit(changes).await;
    }
    // Otherwise the commit would become valid, and could never be applied.
    for change in &changes {
        check_size(store, change)?;
    }
    let parts = encode(store, &changes)?;
    // An earlier attempt to make this commit may have failed after the commit was valid.
    complete(store).await?;
    tracing::debug!(bytes = total, parts = parts.len(), "storing a large commit");
    let count = parts.len();
    for (number, part) in parts.into_iter().enumerate() {
        store.commit(vec![Change::put(key(number), part)]).await?;
    }
    let ready = Change::put(READY, count.to_string());
    store.commit(vec![ready]).await?;
    apply(store, changes).await?;
    remove(store, (0..count).map(key).collect()).await
}

/// Finishes what [`commit`] of an earlier process did not finish.
///
/// # Errors
/// The store cannot be read or written, or an entry is damaged.
pub(crate) async fn complete(store: &dyn StateStore) -> Result<(), BoxError> {
    let entries: BTreeMap<String, Bytes> = store.load(PARTS).await?.into_iter().collect();
    if entries.is_empty() {
        return Ok(());
    }
    let count = match entries.get(READY) {
        None => 0,
        Some(text) => {
            let text = str::from_utf8(text)?;
            let count = text.parse();
            count.map_err(|_| format!("the entry {READY} of the state is {text:?}"))?
        }
    };
    let mut changes = Vec::new();
    for number in 0..count {
        let key = key(number);
        let decoded = entries.get(&key).cloned().and_then(decode);
        let part = decoded.ok_or_else(|| format!("the entry {key} of the state is damaged"))?;
        changes.extend(part);
    }
    if !changes.is_empty() {
        tracing::info!(
            changes = changes.len(),
            "finishing a commit of an earlier process"
        );
        apply(store, changes).await?;
    }
    remove(store, entries.into_keys().collect()).await
}

/// The most bytes that the description of something may have, which is stored `copies` times in one
/// entry.
pub(crate) fn largest(store: &dyn StateStore, copies: usize) -> usize {
    store.commit_limit() / (copies + 1)
}

async fn apply(store: &dyn StateStore, changes: Vec<Change>) -> Result<(), BoxError> {
    let sizes: Vec<usize> = changes.iter().map(|change| store.size_of(change)).collect();
    let mut changes = changes.into_iter();
    for range in ranges(&sizes, store.commit_limit()) {
        let part = changes.by_ref().take(range.len()).collect();
        store.commit(part).await?;
    }
    Ok(())
}

/// Removes the entries of a commit. `READY` goes first or at the same time.
async fn remove(store: &dyn StateStore, keys: Vec<String>) -> Result<(), BoxError> {
    let keys = std::iter::once(READY.to_owned()).chain(keys);
    apply(store, keys.map(Change::remove).collect()).await
}

fn key(number: usize) -> String {
    format!("{PARTS}{number:08}")
}

/// Parts with neighbors that are not larger than the limit together.
fn ranges(sizes: &[usize], limit: usize) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    let (mut start, mut sum) = (0, 0_usize);
    for (at, size) in sizes.iter().enumerate() {
        if at > start && sum.saturating_add(*size) > limit {
            ranges.push(start..at);
            (start, sum) = (at, 0);
        }
        sum = sum.saturating_add(*size);
    }
    ranges.push(start..sizes.len());
    ranges
}

fn check_size(store: &dyn StateStore, change: &Change) -> Result<(), BoxError> {
    let size = store.size_of(change);
    let limit = store.commit_limit();
    match size <= limit {
        true => Ok(()),
        false => Err(format!(
            "the entry {:?} has {size} bytes, but the store accepts {limit} in one commit",
            change.key
        )
        .into()),
    }
}

fn encode(store: &dyn StateStore, changes: &[Change]) -> Result<Vec<Bytes>, BoxError> {
    // An encoded part has the size of a value.
    let empty = store.size_of(&Change::put(key(0), Bytes::new()));
    let limit = store.commit_limit().saturating_sub(empty);
    let sizes: Vec<usize> = changes.iter().map(encoded_size).collect();
    let mut parts = Vec::new();
    for range in ranges(&sizes, limit) {
        let mut part = BytesMut::new();
        for change in changes.iter().take(range.end).skip(range.start) {
            put_text(&mut part, change.key.as_bytes())?;
            part.put_u8(change.value.is_some().into());
            put_text(&mut part, change.value.as_deref().unwrap_or_default())?;
        }
        let part = Change::put(key(0), part);
        check_size(store, &part)?;
        parts.extend(part.value);
    }
    Ok(parts)
}

fn encoded_size(change: &Change) -> usize {
    4 + change.key.len() + 1 + 4 + change.value.as_ref().map_or(0, Bytes::len)
}

fn put_text(part: &mut BytesMut, text: &[u8]) -> Result<(), BoxError> {
    part.put_u32(u32::try_from(text.len())?);
    part.put_slice(text);
    Ok(())
}

/// `None` for a damaged part.
fn decode(mut part: Bytes) -> Option<Vec<Change>> {
    let mut changes = Vec::new();
    while part.has_remaining() {
        let key = String::from_utf8(take_text(&mut part)?.into()).ok()?;
        let is_put = part.try_get_u8().ok()? == 1;
        let value = take_text(&mut part)?;
        let value = is_put.then_some(value);
        changes.push(Change { key, value });
    }
    Some(changes)
}

fn take_text(part: &mut Bytes) -> Option<Bytes> {
    let size = usize::try_from(part.try_get_u32().ok()?).ok()?;
    (size <= part.len()).then(|| part.split_to(size))
}

#[cfg(test)]
mod tests;
