//! The state of a driver, for status pages and for finding out later why a driver lost its
//! subscription. Cheap: a lock and a copy of a few dozen values.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use crate::error::Error;
use crate::lock;
use crate::metrics::Meter;
use crate::scheduler::session::{Generation, SessionState};

/// The number of transitions in a [`Health`].
const MAX_TRANSITIONS: usize = 32;

/// A snapshot of a driver's state; see
/// [`SchedulerDriver::health`](super::SchedulerDriver::health).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Health {
    /// The state of the subscription.
    pub state: SessionState,
    /// The number of subscriptions attempted so far.
    pub generation: u64,
    /// Time since the driver took the last event from its queue, heartbeats included; `None`
    /// before the first event.
    pub last_event: Option<Duration>,
    /// How long the driver has been handling the present event; `None` while it waits for
    /// events. While this grows, nothing else is delivered.
    pub handling: Option<Duration>,
    /// The handler that runs now.
    pub handler: Option<&'static str>,
    /// The number of events that were queued behind the last event when the driver took it from
    /// the queue: how far the scheduler lags behind Mesos. Zero if the backend does not report
    /// the number. Events in the buffers of the socket are not counted.
    pub queued: usize,
    /// The number of offers that no other framework can use: the offers that the scheduler
    /// holds, and those whose ACCEPT or DECLINE was not accepted yet. The master has the same
    /// number, unless an OFFERS or RESCIND event is on its way.
    pub offers_held: usize,
    /// Counts of the updates of tasks and operations.
    pub updates: UpdateCounts,
    /// Acknowledgements that failed since the last one that Mesos accepted. Those that failed
    /// within a second count once. The fifth ends the subscription.
    pub acknowledgements_failing: u32,
    /// Acknowledgements that handlers took over and have not made yet. Mesos holds back the
    /// next update of each of these tasks.
    pub deferred: u64,
    /// The last 32 changes of [`state`](Self::state), oldest first.
    pub transitions: Vec<Transition>,
}

/// One change of a driver's state.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Transition {
    /// Time of the transition (system clock).
    pub at: SystemTime,
    /// Time since the transition (monotonic clock).
    pub ago: Duration,
    /// The new state.
    pub state: SessionState,
    /// The subscription that the transition belongs to.
    pub generation: u64,
    /// The failure that caused the transition, if any.
    pub reason: Option<Error>,
}

/// Updates of tasks and operations since the driver's start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct UpdateCounts {
    /// Updates delivered to a handler, repetitions included.
    pub received: u64,
    /// Repeated updates that were acknowledged without calling the handler, see
    /// [`Framework::skip_repeated_updates`](super::Framework::skip_repeated_updates). Not included
    /// in [`received`](Self::received).
    pub repeated: u64,
    /// Updates whose handler returned `Ok`.
    pub handled: u64,
    /// Updates whose handler failed. Mesos sends them again, unless the master generated them.
    pub failed: u64,
    /// Updates whose acknowledgement Mesos accepted.
    pub acknowledged: u64,
    /// Updates whose acknowledgement was refused or lost. Mesos sends them again.
    pub acknowledgements_failed: u64,
}

/// Collects the values of a [`Health`].
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
    /// The running handler, with the time of its start.
    handler: Option<(&'static str, Instant)>,
    queued: usize,
    updates: UpdateCounts,
    deferred: u64,
    /// When the last subscription was lost, or the driver started; `None` while subscribed.
    unsubscribed_since: Option<Instant>,
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
            handler: None,
            queued: 0,
            updates: UpdateCounts::default(),
            deferred: 0,
            unsubscribed_since: Some(Instant::now()),
            transitions: VecDeque::with_capacity(MAX_TRANSITIONS),
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
        lock(&self.record)
    }

    /// The state of the session changed.
    pub(super) fn transition(
        &self,
        state: SessionState,
        generation: Generation,
        reason: Option<Error>,
    ) {
        if let Some(reason) = &reason {
            self.meter.disconnected(reason.kind());
        }
        let subscribed = state == SessionState::Subscribed;
        self.meter.subscribed(subscribed);
        let mut record = self.lock();
        if !subscribed {
            record.unsubscribed_since.get_or_insert_with(Instant::now);
        }
        record.state = state;
        record.generation = generation;
        if record.transitions.len() == MAX_TRANSITIONS {
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
        let since = self.lock().unsubscribed_since.take();
        let outage = since.map(|since| since.elapsed()).unwrap_or_default();
        self.meter.granted(again, outage);
    }

    /// The driver took an event from the queue at `now`, and `queued` events are behind it.
    pub(super) fn event_received(&self, event_type: &'static str, queued: usize, now: Instant) {
        self.meter.event(event_type, queued);
        let mut record = self.lock();
        record.queued = queued;
        record.last_event = Some(now);
        record.handling = Some(now);
    }

    /// The event was handled.
    pub(super) fn event_handled(&self) {
        self.lock().handling = None;
    }

    /// A handler starts.
    pub(super) fn handler_started(&self, name: &'static str, since: Instant) {
        self.lock().handler = Some((name, since));
    }

    /// The handler has returned.
    pub(super) fn handler_returned(&self) {
        self.lock().handler = None;
    }

    /// The running handler, when it started, and for how long it has been running.
    pub(super) fn running_handler(&self) -> Option<(&'static str, Instant, Duration)> {
        let (name, since) = self.lock().handler?;
        Some((name, since, since.elapsed()))
    }

    /// Changes the counts of updates.
    pub(super) fn count_updates(&self, change: impl FnOnce(&mut UpdateCounts)) {
        let mut record = self.lock();
        let before = record.updates;
        change(&mut record.updates);
        let now = record.updates;
        drop(record);
        if cfg!(not(feature = "metrics")) {
            return;
        }
        for (step, count) in [
            ("received", now.received - before.received),
            ("repeated", now.repeated - before.repeated),
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

    /// Changes the number of acknowledgements that handlers took over and have not made yet.
    pub(super) fn count_deferred(&self, change: impl FnOnce(u64) -> u64) {
        let mut record = self.lock();
        record.deferred = change(record.deferred);
        self.meter.deferred(record.deferred);
    }

    /// The driver has ended. `failure` is the reason, if it failed.
    pub(super) fn ended(&self, failure: Option<&Error>) {
        let generation = {
            let record = self.lock();
            if record.state == SessionState::Ended {
                return;
            }
            record.generation
        };
        self.transition(SessionState::Ended, generation, failure.cloned());
    }

    /// An acknowledgement was accepted, or was refused or lost.
    pub(super) fn acknowledged(&self, accepted: bool) {
        self.count_updates(|counts| {
            if accepted {
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
            handler: record.handler.map(|(name, _)| name),
            offers_held: 0,
            acknowledgements_failing: 0,
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
    fn a_snapshot_contains_only_the_last_transitions() {
        let monitor = Monitor::new(Meter::new("test"));
        for generation in 1..=100 {
            monitor.transition(SessionState::Connecting, generation, None);
        }
        let transitions = monitor.snapshot().transitions;
        assert_eq!(transitions.len(), MAX_TRANSITIONS);
        let generation = |index: usize| transitions[index].generation;
        assert_eq!((generation(0), generation(MAX_TRANSITIONS - 1)), (69, 100));
    }
}
