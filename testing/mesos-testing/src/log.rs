//! A growing list that a test can wait on: the requests that a fake received, or the events that a
//! recorder received. Waiting watches the list itself and does not poll.

use std::fmt;
use std::panic::Location;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::watch;

use crate::lock::lock;

/// The default time to wait for an expected entry.
pub(crate) const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// The list of the module.
pub(crate) struct Log<T> {
    entries: Mutex<Vec<Entry<T>>>,
    /// Counts the changes.
    version: watch::Sender<u64>,
    timeout: Duration,
}

struct Entry<T> {
    value: T,
    /// Whether an `expect` method has returned this entry.
    taken: bool,
}

impl<T> Log<T> {
    pub(crate) fn new(timeout: Duration) -> Self {
        Self {
            entries: Mutex::new(Vec::new()),
            version: watch::Sender::new(0),
            timeout,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Entry<T>>> {
        // A predicate of a test may panic while the lock is held; the list is still consistent.
        lock(&self.entries)
    }

    /// Adds an entry and returns its index.
    pub(crate) fn push(&self, value: T) -> usize {
        let place = {
            let mut entries = self.lock();
            entries.push(Entry {
                value,
                taken: false,
            });
            entries.len() - 1
        };
        self.version.send_modify(|version| *version += 1);
        place
    }

    /// Changes the entry with the index `place`.
    pub(crate) fn change(&self, place: usize, change: impl FnOnce(&mut T)) {
        if let Some(entry) = self.lock().get_mut(place) {
            change(&mut entry.value);
        }
        self.version.send_modify(|version| *version += 1);
    }

    /// One line for each entry. Entries that an `expect` method returned are marked; equal
    /// neighbors share a line.
    pub(crate) fn listing(&self) -> String
    where
        T: fmt::Display,
    {
        let entries = self.lock();
        if entries.is_empty() {
            return " nothing".to_owned();
        }
        let mut lines: Vec<(String, usize)> = Vec::new();
        for entry in entries.iter() {
            let mark = if entry.taken { '*' } else { ' ' };
            let line = format!("\n {mark} {}", entry.value);
            match lines.last_mut() {
                Some((last, times)) if *last == line => *times += 1,
                _ => lines.push((line, 1)),
            }
        }
        lines
            .into_iter()
            .map(|(line, times)| match times {
                1 => line,
                _ => format!("{line} ({times} times)"),
            })
            .collect()
    }
}

impl<T: Clone> Log<T> {
    /// All entries, also those that an `expect` method returned.
    pub(crate) fn all(&self) -> Vec<T> {
        let entries = self.lock();
        entries.iter().map(|entry| entry.value.clone()).collect()
    }

    /// Returns the first entry that was not returned yet and for which `wanted` returns true.
    pub(crate) fn try_expect(&self, mut wanted: impl FnMut(&T) -> bool) -> Option<T> {
        let mut entries = self.lock();
        let entry = entries
            .iter_mut()
            .find(|entry| !entry.taken && wanted(&entry.value))?;
        entry.taken = true;
        Some(entry.value.clone())
    }

    /// Waits for the first entry that was not returned yet.
    pub(crate) async fn expect_any(&self, what: &str, at: &Location<'_>) -> T
    where
        T: fmt::Display,
    {
        self.expect(what, at, |_| true).await
    }

    /// Waits until [`try_expect`](Self::try_expect) finds an entry.
    ///
    /// # Panics
    /// After the timeout. The message contains `what` was expected, where, and all entries.
    pub(crate) async fn expect(
        &self,
        what: &str,
        at: &Location<'_>,
        mut wanted: impl FnMut(&T) -> bool,
    ) -> T
    where
        T: fmt::Display,
    {
        let mut version = self.version.subscribe();
        let waiting = async {
            loop {
                version.mark_unchanged();
                if let Some(found) = self.try_expect(&mut wanted) {
                    return found;
                }
                // The sender is in `self`, so `changed` cannot fail.
                let _ = version.changed().await;
            }
        };
        match tokio::time::timeout(self.timeout, waiting).await {
            Ok(found) => found,
            Err(_) => panic!(
                "{at}: expected {what} within {:?}; received:{}",
                self.timeout,
                self.listing()
            ),
        }
    }
}

/// The requests or events that a fake or a recorder has received, as text with one line for each
/// entry. The text includes entries that arrive later, and outlives the fake.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let master = mesos_testing::FakeMaster::start().await?;
/// let transcript = master.transcript();
/// drop(master);
/// assert_eq!(transcript.to_string(), " nothing");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Transcript(Arc<dyn Fn() -> String + Send + Sync>);

impl Transcript {
    pub(crate) fn new<T>(log: &Arc<Log<T>>) -> Self
    where
        T: fmt::Display + Send + 'static,
    {
        let log = Arc::clone(log);
        Self(Arc::new(move || log.listing()))
    }
}

impl fmt::Display for Transcript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&(self.0)())
    }
}

impl fmt::Debug for Transcript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Transcript").field(&(self.0)()).finish()
    }
}

impl<T> fmt::Debug for Log<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log")
            .field("entries", &self.lock().len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_entry_is_returned_once_and_in_order() {
        let log = Log::new(DEFAULT_TIMEOUT);
        for entry in ["a1", "b1", "a2"] {
            log.push(entry);
        }
        let a = |entry: &&str| entry.starts_with('a');
        let at = Location::caller();
        assert_eq!(log.expect("an a", at, a).await, "a1");
        assert_eq!(log.expect("an a", at, a).await, "a2");
        assert_eq!(log.try_expect(a), None);
        assert_eq!(log.expect_any("anything", at).await, "b1");
        assert_eq!(log.all(), ["a1", "b1", "a2"]);
    }

    #[tokio::test]
    async fn expect_waits_for_a_later_entry() {
        let log = Log::new(DEFAULT_TIMEOUT);
        let at = Location::caller();
        let (found, ()) = tokio::join!(log.expect_any("it", at), async {
            tokio::task::yield_now().await;
            log.push("late");
        });
        assert_eq!(found, "late");
    }

    #[tokio::test]
    #[should_panic(expected = "expected a c within 1ms; received:\n   a\n * b")]
    async fn a_timeout_lists_the_entries_that_arrived() {
        let log = Log::new(Duration::from_millis(1));
        log.push("a");
        log.push("b");
        let _ = log.try_expect(|entry| *entry == "b");
        let at = Location::caller();
        log.expect("a c", at, |entry| *entry == "c").await;
    }
}
