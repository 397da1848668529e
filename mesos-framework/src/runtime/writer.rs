//! Writes changes to the store, in their order, several steps in one commit. All changes of a step
//! are stored, or none, also if they are larger than a commit of the store.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use mesos_core::BoxError;
use mesos_core::store::{Change, StateStore};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout_at};

use crate::store::parts;

/// How many changes are combined in one commit, apart from the changes of the last step.
const LARGEST: usize = 4096;

/// A step that can wait is stored together with the next step that cannot wait, or this long after
/// the last commit began. A busy framework then makes few commits, and a commit costs much more than
/// a change in it.
const PATIENCE: Duration = Duration::from_millis(10);

/// The delays after a failed commit.
const FIRST_DELAY: Duration = Duration::from_millis(100);
const LAST_DELAY: Duration = Duration::from_secs(10);

/// A step: its changes, and what follows when they are stored.
struct Batch<E> {
    changes: Vec<Change>,
    then: Vec<E>,
    urgency: Urgency,
}

/// Whether a step can wait for other steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Urgency {
    AtOnce,
    CanWait,
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
            waiting: VecDeque::new(),
            is_urgent: false,
            due: Instant::now(),
        };
        (Self { queue, shared }, work)
    }

    pub(crate) fn push(&self, changes: Vec<Change>, then: Vec<E>, urgency: Urgency) {
        let mut unstored = self.shared.unstored();
        for change in &changes {
            let entry = unstored.entry(change.key.clone()).or_default();
            entry.0 += 1;
            entry.1.clone_from(&change.value);
        }
        drop(unstored);
        self.shared.steps.fetch_add(1, Ordering::AcqRel);
        // The future only ends after this value.
        let _ = self.queue.send(Batch {
            changes,
            then,
            urgency,
        });
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
    /// The values of entries, in the order of the keys, also if they are not stored yet.
    pub(crate) async fn read_all(&self, keys: &[String]) -> Result<Vec<Option<Bytes>>, BoxError> {
        // First, because what is stored meanwhile is then found in one of both.
        let unstored: Vec<_> = {
            let unstored = self.0.unstored();
            let value = |key: &String| unstored.get(key).map(|(_, value)| value.clone());
            keys.iter().map(value).collect()
        };
        let stored = keys.iter().zip(&unstored);
        let stored = stored.filter(|(_, unstored)| unstored.is_none());
        let stored: Vec<String> = stored.map(|(key, _)| key.clone()).collect();
        let mut stored = match stored.is_empty() {
            true => Vec::new(),
            false => self.0.store.get_all(&stored).await?,
        }
        .into_iter();
        let value = |unstored: Option<_>| unstored.unwrap_or_else(|| stored.next().flatten());
        Ok(unstored.into_iter().map(value).collect())
    }
}

/// The end of the writer that writes.
pub(crate) struct Work<E> {
    shared: Arc<Shared>,
    steps: mpsc::UnboundedReceiver<Batch<E>>,
    /// The steps that were received and are not written.
    waiting: VecDeque<Batch<E>>,
    /// Whether one of them cannot wait.
    is_urgent: bool,
    /// When the others have waited long enough.
    due: Instant,
}

impl<E> Work<E> {
    /// Waits until a commit has to begin; false when the writer was dropped and everything is
    /// written.
    async fn wait(&mut self) -> bool {
        while !self.is_urgent {
            let step = match self.waiting.is_empty() {
                true => self.steps.recv().await,
                false => match timeout_at(self.due, self.steps.recv()).await {
                    Ok(step) => step,
                    Err(_) => return true,
                },
            };
            match step {
                Some(step) => self.add(step),
                None => return !self.waiting.is_empty(),
            }
        }
        true
    }

    fn add(&mut self, step: Batch<E>) {
        self.is_urgent |= step.urgency == Urgency::AtOnce;
        self.waiting.push_back(step);
    }

    /// The steps of one commit, at least one.
    fn take(&mut self) -> Vec<Batch<E>> {
        while let Ok(step) = self.steps.try_recv() {
            self.add(step);
        }
        let limit = self.shared.store.commit_limit();
        let (mut steps, mut size, mut count) = (Vec::new(), 0_usize, 0);
        while count < LARGEST
            && let Some(step) = self.waiting.front()
        {
            size = size.saturating_add(self.size(step));
            if size > limit && !steps.is_empty() {
                break;
            }
            count += step.changes.len();
            steps.extend(self.waiting.pop_front());
        }
        // What did not fit goes with the next commit, at once.
        self.is_urgent = !self.waiting.is_empty();
        steps
    }

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
        while self.wait().await {
            self.due = Instant::now() + PATIENCE;
            let steps = self.take();
            let count = steps.len();
            let (mut changes, mut then) = (Vec::new(), Vec::new());
            for step in steps {
                changes.extend(step.changes);
                then.extend(step.then);
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

#[cfg(test)]
mod tests {
    use mesos_core::store::MemoryState;
    use tokio::time::sleep;

    use super::*;

    /// A writer, and the numbers of the steps of each commit.
    fn writer() -> (Writer<u32>, mpsc::UnboundedReceiver<Vec<u32>>) {
        let (writer, work) = Writer::new(Arc::new(MemoryState::new()));
        let (commits, stored) = mpsc::unbounded_channel();
        tokio::spawn(work.run(move |numbers| drop(commits.send(numbers))));
        (writer, stored)
    }

    fn push(writer: &Writer<u32>, number: u32, urgency: Urgency) {
        let change = Change::put(format!("key{number}"), "value");
        writer.push(vec![change], vec![number], urgency);
    }

    #[tokio::test(start_paused = true)]
    async fn steps_that_can_wait_are_stored_together_after_the_first_one() {
        let (writer, mut stored) = writer();
        let began = Instant::now();
        push(&writer, 0, Urgency::CanWait);
        assert_eq!(stored.recv().await, Some(vec![0]));
        assert_eq!(began.elapsed(), Duration::ZERO);
        for number in 1..=9 {
            // sleep: the clock of the test is paused
            sleep(Duration::from_millis(1)).await;
            push(&writer, number, Urgency::CanWait);
        }
        assert_eq!(stored.recv().await, Some(Vec::from_iter(1..=9)));
        assert_eq!(began.elapsed(), PATIENCE);
        assert!(writer.is_idle());
    }

    #[tokio::test(start_paused = true)]
    async fn a_step_that_cannot_wait_is_stored_at_once_with_those_that_wait() {
        let (writer, mut stored) = writer();
        push(&writer, 0, Urgency::CanWait);
        assert_eq!(stored.recv().await, Some(vec![0]));
        let began = Instant::now();
        push(&writer, 1, Urgency::CanWait);
        push(&writer, 2, Urgency::AtOnce);
        assert_eq!(stored.recv().await, Some(vec![1, 2]));
        push(&writer, 3, Urgency::AtOnce);
        assert_eq!(stored.recv().await, Some(vec![3]));
        assert_eq!(began.elapsed(), Duration::ZERO);
        push(&writer, 4, Urgency::CanWait);
        drop(writer);
        assert_eq!(stored.recv().await, Some(vec![4]));
        assert_eq!(stored.recv().await, None);
        assert_eq!(began.elapsed(), Duration::ZERO);
    }
}
