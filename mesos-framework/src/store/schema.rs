//! The version of the entries in a state.

use bytes::Bytes;
use mesos_core::BoxError;
use mesos_core::store::{Change, MemoryState, StateStore};
use thiserror::Error;

use super::parts;

/// The version of the entries that this crate reads and writes.
pub const SCHEMA_VERSION: u32 = 1;

/// The key of the version.
const VERSION: &str = "meta/version";

/// Turns all entries of one version into the changes that make them entries of the next version.
type Step = fn(&[(String, Bytes)]) -> Result<Vec<Change>, BoxError>;

/// The step at the place N is from version N to version N + 1. Version 0 never existed.
const STEPS: &[Step] = &[|_| Ok(Vec::new())];

/// Why a state cannot be used by this version of the crate.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SchemaError {
    /// The state was written by a newer version of the crate.
    #[error(
        "the state has the schema version {found}, but this program knows versions up to {known}; \
         use a newer version of the program, or restore the state of the old one"
    )]
    Newer {
        /// The version of the state.
        found: u32,
        /// The newest version that this crate knows.
        known: u32,
    },
    /// The entry with the version has another content.
    #[error(
        "the entry {VERSION} of the state is {found:?}, which is not a version; restore the state, \
         or remove it to start as a new framework"
    )]
    NotAVersion {
        /// The content.
        found: String,
    },
    /// The entries of an older version could not be upgraded. The state is unchanged.
    #[error("cannot upgrade the state from the schema version {from}")]
    Upgrade {
        /// The version of the state.
        from: u32,
        /// The reason.
        #[source]
        source: BoxError,
    },
    /// The state cannot be read or written.
    #[error("cannot check the schema version of the state")]
    Store(#[source] BoxError),
}

/// Checks the schema version of a state, and upgrades older entries. An empty state gets the
/// present version. A commit that an earlier process did not finish is finished.
///
/// An upgrade is one commit, so a state is never between two versions.
///
/// # Errors
/// [`SchemaError`]. The state is unchanged.
pub async fn upgrade(state: &dyn StateStore) -> Result<(), SchemaError> {
    upgrade_with(state, STEPS).await
}

async fn upgrade_with(state: &dyn StateStore, steps: &[Step]) -> Result<(), SchemaError> {
    let known = u32::try_from(steps.len()).unwrap_or(u32::MAX);
    let version = state.get(VERSION).await.map_err(SchemaError::Store)?;
    let is_stored = version.is_some();
    let found = version.map_or(Ok(known), |text| parse(&text))?;
    if found > known {
        return Err(SchemaError::Newer { found, known });
    }
    let failed = |source| SchemaError::Upgrade {
        from: found,
        source,
    };
    // The changes are of the same version as the entries.
    parts::complete(state).await.map_err(SchemaError::Store)?;
    if found == known && is_stored {
        return Ok(());
    }
    let mut changes = Vec::new();
    if found < known {
        let entries = state.load("").await.map_err(SchemaError::Store)?;
        let copy = MemoryState::new();
        let all = entries
            .into_iter()
            .map(|(key, value)| Change::put(key, value));
        copy.commit(all.collect()).await.map_err(failed)?;
        for step in steps.iter().skip(found as usize) {
            let entries = copy.load("").await.map_err(failed)?;
            let next = step(&entries).map_err(failed)?;
            copy.commit(next.clone()).await.map_err(failed)?;
            changes.extend(next);
        }
        tracing::info!(
            from = found,
            to = known,
            changes = changes.len(),
            "upgrading the state"
        );
    }
    changes.push(Change::put(VERSION, known.to_string()));
    let committed = parts::commit(state, changes).await;
    committed.map_err(SchemaError::Store)
}

fn parse(text: &[u8]) -> Result<u32, SchemaError> {
    let version = str::from_utf8(text).ok().and_then(|text| text.parse().ok());
    version.ok_or_else(|| SchemaError::NotAVersion {
        found: String::from_utf8_lossy(text).into_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made up: version 1 had the jobs at `job/NAME`, and version 2 had no priority.
    const MADE_UP: &[Step] = &[
        |_| Ok(Vec::new()),
        |entries| {
            let jobs = entries.iter().filter(|(key, _)| key.starts_with("job/"));
            let moved = jobs.flat_map(|(key, value)| {
                [
                    Change::remove(key),
                    Change::put(format!("live/{key}"), value.clone()),
                ]
            });
            Ok(moved.collect())
        },
        |entries| {
            let jobs = entries
                .iter()
                .filter(|(key, _)| key.starts_with("live/job/"));
            let with_priority = jobs.map(|(key, value)| {
                let text = str::from_utf8(value)?;
                let text = text.strip_suffix('}').ok_or("not a job")?;
                Ok(Change::put(key, format!("{text},\"priority\":0}}")))
            });
            with_priority.collect()
        },
    ];

    async fn entries(state: &MemoryState) -> Vec<(String, String)> {
        let entries = state.load("").await.unwrap();
        let text = |value: Bytes| String::from_utf8(value.to_vec()).unwrap();
        entries
            .into_iter()
            .map(|(key, value)| (key, text(value)))
            .collect()
    }

    async fn state(entries: &[(&str, &'static str)]) -> MemoryState {
        let state = MemoryState::new();
        let changes = entries.iter().map(|(key, value)| Change::put(*key, *value));
        state.commit(changes.collect()).await.unwrap();
        state
    }

    #[tokio::test]
    async fn an_older_state_is_upgraded_version_by_version() {
        let old = state(&[("meta/version", "1"), ("job/a", r#"{"name":"a"}"#)]).await;
        upgrade_with(&old, MADE_UP).await.unwrap();
        let new = [
            ("live/job/a", r#"{"name":"a","priority":0}"#),
            ("meta/version", "3"),
        ];
        let new = new.map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!(entries(&old).await, new);
        upgrade_with(&old, MADE_UP).await.unwrap();
        assert_eq!(entries(&old).await, new, "nothing is upgraded twice");
    }

    #[tokio::test]
    async fn an_empty_state_gets_the_present_version() {
        let empty = MemoryState::new();
        upgrade(&empty).await.unwrap();
        let version = ("meta/version".to_owned(), SCHEMA_VERSION.to_string());
        assert_eq!(entries(&empty).await, [version]);
        assert_eq!(STEPS.len(), SCHEMA_VERSION as usize);
    }

    #[tokio::test]
    async fn a_newer_state_is_refused_and_unchanged() {
        let newer = state(&[("meta/version", "2"), ("live/job/a", "?")]).await;
        let before = entries(&newer).await;
        let error = upgrade(&newer).await.unwrap_err().to_string();
        let wanted =
            "has the schema version 2, but this program knows versions up to 1; use a newer";
        assert!(error.contains(wanted), "{error}");
        assert_eq!(entries(&newer).await, before);
    }

    #[tokio::test]
    async fn a_failed_upgrade_changes_nothing() {
        let damaged = state(&[("meta/version", "1"), ("job/a", "x"), ("job/b", "{}")]).await;
        let before = entries(&damaged).await;
        let error = upgrade_with(&damaged, MADE_UP).await.unwrap_err();
        assert_eq!(
            mesos_core::error_chain(&error),
            "cannot upgrade the state from the schema version 1: not a job"
        );
        assert_eq!(entries(&damaged).await, before);
    }

    #[tokio::test]
    async fn a_version_that_is_not_a_number_is_an_error() {
        for text in ["", "one", "-1", "4294967296"] {
            let garbage = state(&[("meta/version", text)]).await;
            let error = upgrade(&garbage).await.unwrap_err().to_string();
            assert!(
                error.contains(&format!("is {text:?}, which is not a version")),
                "{error}"
            );
        }
    }
}
