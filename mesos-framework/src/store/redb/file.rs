//! The file, and what is done with it on the thread of a state.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use mesos_core::store::Change;
use redb::{Database, ReadableDatabase, TableDefinition, TableError};

use super::RedbStateError;

const ENTRIES: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("state");

/// The limit for pages in memory. A state that is larger is read from the file.
const CACHE: usize = 32 << 20;

/// Files below this size are not compacted when they are opened.
const SMALL: u64 = 16 << 20;

/// An open file. After an error the database is closed, and the next call opens it again: redb
/// refuses to continue after an error of the disk.
pub(super) struct StateFile {
    path: PathBuf,
    database: Option<Database>,
    /// Whether the file was not closed before it was opened.
    repaired: Arc<AtomicBool>,
}

impl StateFile {
    pub(super) fn open(path: PathBuf) -> Result<Self, RedbStateError> {
        let mut file = Self {
            path,
            database: None,
            repaired: Arc::default(),
        };
        file.run("open", |_| Ok(()))?;
        // redb makes the file smaller when it is closed, but a killed process does not close it.
        if file.repaired.swap(false, Ordering::Relaxed) {
            file.compact_if_mostly_unused()?;
        }
        Ok(file)
    }

    /// Runs `work`, and opens the database before if necessary.
    fn run<T>(
        &mut self,
        action: &'static str,
        work: impl FnOnce(&mut Database) -> Result<T, redb::Error>,
    ) -> Result<T, RedbStateError> {
        let mut database = match self.database.take() {
            Some(database) => database,
            None => create(&self.path, Arc::clone(&self.repaired))?,
        };
        let result = work(&mut database);
        if result.is_ok() {
            self.database = Some(database);
        }
        result.map_err(|error| RedbStateError::of(action, &self.path, error))
    }

    pub(super) fn load(&mut self, prefix: &str) -> Result<Vec<(String, Bytes)>, RedbStateError> {
        self.run("read", |database| {
            let mut entries = Vec::new();
            each(database, prefix, |key, value| {
                entries.push((key.to_owned(), Bytes::copy_from_slice(value)));
            })?;
            Ok(entries)
        })
    }

    pub(super) fn count(&mut self, prefix: &str) -> Result<u64, RedbStateError> {
        self.run("read", |database| {
            let mut count = 0;
            each(database, prefix, |_, _| count += 1)?;
            Ok(count)
        })
    }

    pub(super) fn get_all(
        &mut self,
        keys: &[String],
    ) -> Result<Vec<Option<Bytes>>, RedbStateError> {
        self.run("read", |database| {
            let table = match database.begin_read()?.open_table(ENTRIES) {
                Ok(table) => table,
                Err(TableError::TableDoesNotExist(_)) => return Ok(vec![None; keys.len()]),
                Err(error) => return Err(error.into()),
            };
            let mut values = Vec::with_capacity(keys.len());
            for key in keys {
                let value = table.get(key.as_str())?;
                values.push(value.map(|value| Bytes::copy_from_slice(value.value())));
            }
            Ok(values)
        })
    }

    pub(super) fn commit(&mut self, changes: &[Change]) -> Result<(), RedbStateError> {
        self.run("write", |database| {
            // Durability::Immediate is the default: commit synchronizes the file.
            let transaction = database.begin_write()?;
            let mut table = transaction.open_table(ENTRIES)?;
            for Change { key, value } in changes {
                match value {
                    Some(value) => table.insert(key.as_str(), value.as_ref()).map(drop)?,
                    None => table.remove(key.as_str()).map(drop)?,
                }
            }
            drop(table);
            Ok(transaction.commit()?)
        })
    }

    pub(super) fn compact(&mut self) -> Result<bool, RedbStateError> {
        self.run("compact", |database| Ok(database.compact()?))
    }

    fn compact_if_mostly_unused(&mut self) -> Result<(), RedbStateError> {
        let size = fs::metadata(&self.path).map(|file| file.len());
        let size = size.map_err(|error| RedbStateError::failed("read", &self.path, error))?;
        if size < SMALL {
            return Ok(());
        }
        let stats = self.run("read", |database| {
            let transaction = database.begin_write()?;
            let stats = transaction.stats()?;
            transaction.abort()?;
            Ok(stats)
        })?;
        let used = stats.stored_bytes() + stats.metadata_bytes();
        if size > 4 * used {
            tracing::info!(state = %self.path.display(), size, used, "compacting the state");
            self.compact()?;
        }
        Ok(())
    }
}

/// Opens or creates the file. A new file is synchronized with its directory, so that it survives a
/// power failure.
fn create(path: &Path, repaired: Arc<AtomicBool>) -> Result<Database, RedbStateError> {
    let is_new = !path.exists();
    let database = Database::builder()
        .set_cache_size(CACHE)
        .set_repair_callback(move |_| repaired.store(true, Ordering::Relaxed))
        .create(path);
    let database = database.map_err(|error| RedbStateError::of("open", path, error.into()))?;
    if is_new {
        let directory = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let synced = File::open(directory).and_then(|directory| directory.sync_all());
        synced.map_err(|error| RedbStateError::failed("sync the directory of", path, error))?;
    }
    Ok(database)
}

/// The entries whose key starts with `prefix`, in order.
fn each(
    database: &Database,
    prefix: &str,
    mut visit: impl FnMut(&str, &[u8]),
) -> Result<(), redb::Error> {
    let table = match database.begin_read()?.open_table(ENTRIES) {
        Ok(table) => table,
        Err(TableError::TableDoesNotExist(_)) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    for entry in table.range(prefix..)? {
        let (key, value) = entry?;
        let key = key.value();
        if !key.starts_with(prefix) {
            break;
        }
        visit(key, value.value());
    }
    Ok(())
}
