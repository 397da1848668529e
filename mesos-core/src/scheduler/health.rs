//! How a driver is doing, for a status page and for whoever asks later why it
//! went away at night. Cheap: a lock, and a copy of a few dozen values.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use crate::error::Error;
use crate::metrics::Meter;
use crate::scheduler::session::{Generation, SessionState};

/// How many transitions are kept.
const KEPT: usize = 32;

/// A snapshot of a driver's state; see
/// [`SchedulerDriver::health`](super::SchedulerDriver::health).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Health {
    /// Where the driver is with its subscription.
    pub state: SessionState,
    /// Counts the subscriptions that were tried, from 1.
    pub generation: u64,
    /// Time since the last event was taken up, heartbeats included; `None`
    /// before the first one.
    pub last_event: Option<Duration>,
    /// How long the event under way has been dealt with; `None` if there is
    /// none. While this grows nothing else is delivered.
    pub handling: Option<Duration>,
    /// How many events waited behind the last one when it was taken up, where
    /// the backend can tell: how far the scheduler lags behind Mesos.
    pub queued: usize,
    /// What updates of tasks and operations came to.
    pub updates: UpdateCounts,
    /// Acknowledgements that handlers took over and have not made yet. Mesos
    /// holds back the next update of each of these tasks.
    pub deferred: u64,
    /// The last 32 changes of [`state`](Self::state), oldest first.
    pub transitions: Vec<Transition>,
}

/// One change of a driver's state.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Transition {
    /// When, by the system's clock.
    pub at: SystemTime,
    /// How long ago, by the clock that nobody sets.
    pub ago: Duration,
    /// The new state.
    pub state: SessionState,
    /// The generation that it is about.
    pub generation: u64,
    /// What made it necessary, where something had failed.
    pub reason: Option<Error>,
}

/// Updates of tasks and operations since the driver's start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct UpdateCounts {
    /// Delivered to a handler, repetitions included.
    pub received: u64,
    /// Whose handler returned `Ok`.
    pub handled: u64,
    /// Whose handler did not, so that they come again if Mesos knows of it.
    pub failed: u64,
    /// Whose acknowledgement Mesos took.
    pub acknowledged: u64,
    /// Whose acknowledgement was refused or lost, so that they come again.
    pub acknowledgements_failed: u64,
}

/// What a [`Health`] is made of.
#[derive(Debug)]
pub(super) struct Monitor {
    record: Mutex<Record>,
    meter: Meter,
}

#[derive(Debug)]
struct Record {
    state: SessionState,
    generation: Generation,
    last_event: Option<Instant>,
    handling: Option<Instant>,
    queued: usize,
    updates: UpdateCounts,
    deferred: u64,
    /// Since when there has been no subscription.
    without_since: Option<Instant>,
    transitions: VecDeque<(Instant, Transition)>,
}

impl Monitor {
    pub(super) fn new(meter: Meter) -> Self {
        meter.subscribed(false);
        let record = Record {
            state: SessionState::Idle,
            generation: 0,
            last_event: None,
            handling: None,
            queued: 0,
            updates: UpdateCounts::default(),
            deferred: 0,
            without_since: Some(Instant::now()),
            transitions: VecDeque::with_capacity(KEPT),
        };
        Self {
            record: Mutex::new(record),
            meter,
        }
    }

    pub(super) fn meter(&self) -> &Meter {
        &self.meter
    }

    fn lock(&self) -> MutexGuard<'_, Record> {
        // Nothing under this lock can panic half way; a poisoned one is whole.
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn moved(&self, state: SessionState, generation: Generation, reason: Option<Error>) {
        if let Some(reason) = &reason {
            self.meter.disconnected(reason.kind());
        }
        let subscribed = state == SessionState::Subscribed;
        self.meter.subscribed(subscribed);
        let mut record = self.lock();
        if !subscribed {
            record.without_since.get_or_insert_with(Instant::now);
        }
        record.state = state;
        record.generation = generation;
        if record.transitions.len() == KEPT {
            record.transitions.pop_front();
        }
        let transition = Transition {
            at: SystemTime::now(),
            ago: Duration::ZERO,
            state,
            generation,
            reason,
        };
        record.transitions.push_back((Instant::now(), transition));
    }

    /// A subscription was granted.
    pub(super) fn granted(&self, again: bool) {
        let since = self.lock().without_since.take();
        let without = since.map(|since| since.elapsed()).unwrap_or_default();
        self.meter.granted(again, without);
    }

    /// An event was taken up, and so many wait behind it.
    pub(super) fn taken_up(&self, event_type: &'static str, queued: usize) {
        self.meter.event(event_type, queued);
        let now = Instant::now();
        let mut record = self.lock();
        record.queued = queued;
        record.last_event = Some(now);
        record.handling = Some(now);
    }

    /// It was dealt with.
    pub(super) fn dealt_with(&self) {
        self.lock().handling = None;
    }

    pub(super) fn count(&self, change: impl FnOnce(&mut UpdateCounts)) {
        let mut record = self.lock();
        let before = record.updates;
        change(&mut record.updates);
        let now = record.updates;
        drop(record);
        for (step, count) in [
            ("received", now.received - before.received),
            ("handled", now.handled - before.handled),
            ("failed", now.failed - before.failed),
            ("acknowledged", now.acknowledged - before.acknowledged),
            (
                "acknowledgements_failed",
                now.acknowledgements_failed - before.acknowledgements_failed,
            ),
        ] {
            self.meter.updates(step, count);
        }
    }

    /// A handler took an acknowledgement over, or it was made or dropped.
    pub(super) fn deferred(&self, change: impl FnOnce(u64) -> u64) {
        let mut record = self.lock();
        record.deferred = change(record.deferred);
        self.meter.deferred(record.deferred);
    }

    /// An acknowledgement was answered, or lost.
    pub(super) fn acknowledged(&self, taken: bool) {
        self.count(|counts| {
            if taken {
                counts.acknowledged += 1;
            } else {
                counts.acknowledgements_failed += 1;
            }
        });
    }

    pub(super) fn snapshot(&self) -> Health {
        let now = Instant::now();
        let record = self.lock();
        let age = |at: Instant| now.saturating_duration_since(at);
        let transitions = record
            .transitions
            .iter()
            .map(|(at, transition)| Transition {
                ago: age(*at),
                ..transition.clone()
            });
        Health {
            state: record.state,
            generation: record.generation,
            last_event: record.last_event.map(age),
            handling: record.handling.map(age),
            queued: record.queued,
            updates: record.updates,
            deferred: record.deferred,
            transitions: transitions.collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_transitions_are_kept() {
        let monitor = Monitor::new(Meter::new("test"));
        for generation in 1..=100 {
            monitor.moved(SessionState::Connecting, generation, None);
        }
        let kept = monitor.snapshot().transitions;
        assert_eq!(kept.len(), KEPT);
        assert_eq!((kept[0].generation, kept[KEPT - 1].generation), (69, 100));
    }
}
