//! The calls that were made and not answered yet, so that a driver that stops can wait for them.

use std::collections::{BTreeSet, VecDeque};
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard};

use futures_util::FutureExt;
use tokio::sync::Notify;

use crate::backend::Answer;
use crate::lock;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct InFlight {
    state: Mutex<State>,
    answered: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// The number of the next call.
    next: u64,
    open: BTreeSet<u64>,
    /// Answers that nobody waits for, because the caller dropped its future. The calls of one
    /// queue are answered in their order.
    abandoned: VecDeque<(Answer, Entry)>,
}

/// A call that was made. Dropping this value means that the call was answered, or that it was not
/// made after all.
#[derive(Debug)]
pub(super) struct Entry {
    calls: Arc<InFlight>,
    number: u64,
}

impl InFlight {
    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// A call is about to be queued.
    pub(super) fn enter(self: &Arc<Self>) -> Entry {
        let mut state = self.lock();
        let number = state.next;
        state.next += 1;
        state.open.insert(number);
        drop(state);
        Entry {
            calls: Arc::clone(self),
            number,
        }
    }

    /// Waits until all calls made so far were answered. Cancel safe.
    pub(super) async fn flush(&self) {
        let (until, abandoned) = {
            let mut state = self.lock();
            (state.next, mem::take(&mut state.abandoned))
        };
        for (answer, _entry) in abandoned {
            let _ = answer.await;
        }
        loop {
            let answered = self.answered.notified();
            if self.lock().open.first().is_none_or(|first| *first >= until) {
                return;
            }
            answered.await;
        }
    }
}

impl Entry {
    /// The caller no longer waits for the answer.
    pub(super) fn abandon(self, answer: Answer) {
        let calls = Arc::clone(&self.calls);
        let mut answered = Vec::new();
        let mut state = calls.lock();
        state.abandoned.push_back((answer, self));
        while let Some((answer, _)) = state.abandoned.front_mut()
            && answer.now_or_never().is_some()
        {
            answered.extend(state.abandoned.pop_front());
        }
        drop(state);
        // Without the lock, which dropping an entry takes.
        drop(answered);
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.calls.lock().open.remove(&self.number);
        self.calls.answered.notify_waiters();
    }
}
