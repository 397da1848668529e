//! Writes changes to the store, in their order, several steps in one commit. All changes of a step
//! are stored, or none, also if they are larger than a commit of the store.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use mesos_core::BoxError;
use mesos_core::store::{Change, StateStore};
use tokio::sync::{mpsc, watch};

use crate::store::parts;

/// How many changes are combined in one commit, apart from the changes of the last step.
const LARGEST: usize = 4096;

/// The delays after a failed commit.
const FIRST_DELAY: Duration = Duration::from_millis(100);
const LAST_DELAY: Duration = Duration::from_secs(10);

/// A step: its changes, and what follows when they are stored.
struct Batch<E> {
    changes: Vec<Change>,
    then: Vec<E>,
}

/// The end of the writer that receives steps. The writer ends when this is dropped and everything
/// is written.
#[derive(Debug)]
pub(crate) struct Writer<E> {
    queue: mpsc::UnboundedSender<Batch<E>>,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    store: Arc<dyn StateStore>,
    /// What is not stored yet, with the number of changes on the way for each key.
    unstored: Mutex<HashMap<String, (usize, Option<Bytes>)>>,
    /// The steps on their way.
    steps: AtomicUsize,
    /// The error of the last commit.
    failure: watch::Sender<Option<String>>,
}

impl Shared {
    /// No code panics while it has changed half of the map.
    fn unstored(&self) -> MutexGuard<'_, HashMap<String, (usize, Option<Bytes>)>> {
        self.unstored.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<E: Send + 'static> Writer<E> {
    /// A writer, and its work.
    pub(crate) fn new(store: Arc<dyn StateStore>) -> (Self, Work<E>) {
        let (queue, steps) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            store,
            unstored: Mutex::default(),
            steps: AtomicUsize::new(0),
            failure: watch::Sender::new(None),
        });
        let work = Work {
            shared: Arc::clone(&shared),
            steps,
        };
        (Self { queue, shared }, work)
    }

    pub(crate) fn push(&self, changes: Vec<Change>, then: Vec<E>) {
        let mut unstored = self.shared.unstored();
        for change in &changes {
            let entry = unstored.entry(change.key.clone()).or_default();
            entry.0 += 1;
            entry.1.clone_from(&change.value);
        }
        drop(unstored);
        self.shared.steps.fetch_add(1, Ordering::AcqRel);
        // The future only ends after this value.
        let _ = self.queue.send(Batch { changes, then });
    }

    /// Whether all steps are stored.
    pub(crate) fn is_idle(&self) -> bool {
        self.shared.steps.load(Ordering::Acquire) == 0
    }

    /// The error of the last commit.
    pub(crate) fn failure(&self) -> watch::Receiver<Option<String>> {
        self.shared.failure.subscribe()
    }

    pub(crate) fn is_failing(&self) -> bool {
        self.shared.failure.borrow().is_some()
    }

    pub(crate) fn reader(&self) -> Reader {
        Reader(Arc::clone(&self.shared))
    }
}

/// Reads what was given to the writer.
#[derive(Clone, Debug)]
pub(crate) struct Reader(Arc<Shared>);

impl Reader {
    /// The value of an entry, also if it is not stored yet.
    pub(crate) async fn read(&self, key: &str) -> Result<Option<Bytes>, BoxError> {
        let unstored = self.0.unstored().get(key).cloned();
        match unstored {
            Some((_, value)) => Ok(value),
            None => self.0.store.get(key).await,
        }
    }
}

/// The end of the writer that writes.
pub(crate) struct Work<E> {
    shared: Arc<Shared>,
    steps: mpsc::UnboundedReceiver<Batch<E>>,
}

impl<E> Work<E> {
    fn size(&self, step: &Batch<E>) -> usize {
        let store = &self.shared.store;
        step.changes
            .iter()
            .map(|change| store.size_of(change))
            .sum()
    }

    /// Writes, until the writer is dropped and everything is written. `stored` receives what
    /// follows stored steps.
    pub(crate) async fn run(mut self, mut stored: impl FnMut(Vec<E>)) {
        let mut next = None;
        while let Some(first) = match next.take() {
            Some(step) => Some(step),
            None => self.steps.recv().await,
        } {
            let mut size = self.size(&first);
            let Batch {
                mut changes,
                mut then,
            } = first;
            let mut count = 1;
            while changes.len() < LARGEST
                && let Ok(step) = self.steps.try_recv()
            {
                size = size.saturating_add(self.size(&step));
                if size > self.shared.store.commit_limit() {
                    next = Some(step);
                    break;
                }
                changes.extend(step.changes);
                then.extend(step.then);
                count += 1;
            }
            let keys: Vec<String> = changes.iter().map(|change| change.key.clone()).collect();
            if !changes.is_empty() {
                commit(&self.shared, changes).await;
            }
            let mut unstored = self.shared.unstored();
            for key in keys {
                if let Some(entry) = unstored.get_mut(&key) {
                    entry.0 -= 1;
                    if entry.0 == 0 {
                        unstored.remove(&key);
                    }
                }
            }
            drop(unstored);
            stored(then);
            self.shared.steps.fetch_sub(count, Ordering::AcqRel);
        }
    }
}

/// Repeats a commit until it succeeds. Nothing that depends on the changes happens before.
async fn commit(shared: &Shared, changes: Vec<Change>) {
    let mut delay = FIRST_DELAY;
    loop {
        match parts::commit(&*shared.store, changes.clone()).await {
            Ok(()) => {
                shared
                    .failure
                    .send_if_modified(|failure| failure.take().is_some());
                return;
            }
            Err(error) => {
                let text = mesos_core::error_chain(&*error);
                tracing::warn!(error = text, ?delay, "cannot store the state; trying again");
                shared.failure.send_replace(Some(text));
                tokio::time::sleep(delay).await;
                delay = (delay * 2).min(LAST_DELAY);
            }
        }
    }
}
