//! A list that grows and can be waited on: what a fake master received, what a
//! recorder was told. Waiting is on the list itself, never on the clock.

use std::fmt;
use std::panic::Location;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

/// How long to wait for something that should come, unless told otherwise.
pub(crate) const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// See the module.
pub(crate) struct Log<T> {
    entries: Mutex<Vec<Entry<T>>>,
    /// Counts the changes.
    version: watch::Sender<u64>,
    timeout: Duration,
}

struct Entry<T> {
    value: T,
    /// Somebody waited for this one and got it.
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
        // A predicate of the user's may panic under this lock; the list is whole.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds an entry and returns its place.
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

    /// Changes the entry at `place`.
    pub(crate) fn change(&self, place: usize, change: impl FnOnce(&mut T)) {
        if let Some(entry) = self.lock().get_mut(place) {
            change(&mut entry.value);
        }
        self.version.send_modify(|version| *version += 1);
    }

    /// One line for each entry, with a mark on those that were taken; equal
    /// ones in a row are one line.
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
    /// Everything, taken or not.
    pub(crate) fn all(&self) -> Vec<T> {
        let entries = self.lock();
        entries.iter().map(|entry| entry.value.clone()).collect()
    }

    /// Takes the first entry that was not taken yet and that `wanted` likes.
    pub(crate) fn try_expect(&self, mut wanted: impl FnMut(&T) -> bool) -> Option<T> {
        let mut entries = self.lock();
        let entry = entries
            .iter_mut()
            .find(|entry| !entry.taken && wanted(&entry.value))?;
        entry.taken = true;
        Some(entry.value.clone())
    }

    /// Takes the first entry that was not taken yet, whatever it is; waits
    /// until there is one.
    pub(crate) async fn expect_any(&self, what: &str, at: &Location<'_>) -> T
    where
        T: fmt::Display,
    {
        self.expect(what, at, |_| true).await
    }

    /// [`try_expect`](Self::try_expect), waiting until there is one.
    ///
    /// # Panics
    /// When the timeout is over, with `what` was waited for, where, and all
    /// that is there instead.
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
                // The sender lives in self, so there is always a next version.
                let _ = version.changed().await;
            }
        };
        match tokio::time::timeout(self.timeout, waiting).await {
            Ok(found) => found,
            Err(_) => panic!(
                "{at}: waited {:?} for {what}, which did not come; this did:{}",
                self.timeout,
                self.listing()
            ),
        }
    }
}

/// Everything that a fake or a recorder has written down, as text: one line for each
/// entry. It follows what is written down later, and outlives the fake.
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
    async fn an_entry_is_taken_once_and_in_its_order() {
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
    async fn an_entry_that_comes_later_is_waited_for() {
        let log = Log::new(DEFAULT_TIMEOUT);
        let at = Location::caller();
        let (found, ()) = tokio::join!(log.expect_any("it", at), async {
            tokio::task::yield_now().await;
            log.push("late");
        });
        assert_eq!(found, "late");
    }

    #[tokio::test]
    #[should_panic(expected = "for a c, which did not come; this did:\n   a\n * b")]
    async fn what_did_not_come_is_told_with_what_did() {
        let log = Log::new(Duration::from_millis(1));
        log.push("a");
        log.push("b");
        let _ = log.try_expect(|entry| *entry == "b");
        let at = Location::caller();
        log.expect("a c", at, |entry| *entry == "c").await;
    }
}
