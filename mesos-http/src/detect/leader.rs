//! The leader from the point of view of a subscription: which masters to try, and whether the
//! leader has moved.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use mesos_core::backend::{EventStream, Incoming, SchedulerApi, Subscription};
use mesos_core::{Delivery, Endpoint, Error, ErrorKind, Result, error_chain};
use tokio::sync::watch;

use super::{Detection, Detector};
use crate::lock::lock;
use crate::transport::patience::timeout;

/// The leading master, as a detector reports it.
#[derive(Clone, Debug)]
pub(crate) struct Leader {
    detector: Arc<dyn Detector>,
    /// The master that accepted the last subscription, as the detector named it.
    last: Arc<Mutex<Option<Endpoint>>>,
    /// What was known at the last attempt.
    known: Arc<Mutex<Option<Known>>>,
}

/// What was known about the leader, and a way to wait for a change.
#[derive(Clone, Debug)]
struct Known {
    seen: Option<Vec<Endpoint>>,
    detected: watch::Receiver<Detection>,
}

/// The result of a lookup, for one attempt to subscribe.
#[derive(Clone, Debug)]
pub(crate) struct Sighting {
    detector: Arc<dyn Detector>,
    masters: Vec<Endpoint>,
    /// The same masters in the detector's order.
    seen: Vec<Endpoint>,
    detected: watch::Receiver<Detection>,
    last: Arc<Mutex<Option<Endpoint>>>,
}

impl Leader {
    pub(crate) fn new(detector: Arc<dyn Detector>) -> Self {
        Self {
            detector,
            last: Arc::default(),
            known: Arc::default(),
        }
    }

    /// The same leader for another user: only the detector is shared.
    pub(crate) fn separate(&self) -> Self {
        Self::new(Arc::clone(&self.detector))
    }

    /// Completes when a leader is known that was not known at the last attempt. Cancel safe.
    pub(crate) async fn changed(&self) {
        let known = lock(&self.known).clone();
        if let Some(Known { seen, mut detected }) = known {
            let other = |now: &Detection| match now {
                Ok(masters) => !masters.is_empty() && Some(masters) != seen.as_ref(),
                Err(_) => false,
            };
            if detected.wait_for(other).await.is_ok() {
                return;
            }
        }
        // No change can come any more.
        std::future::pending().await
    }

    /// Waits until a master is known, for at most `limit`.
    pub(crate) async fn find(&self, limit: Duration) -> Result<Sighting> {
        let mut detected = self.detector.watch();
        let decided = |detection: &Detection| match detection {
            Ok(masters) => !masters.is_empty(),
            Err(error) => !error.is_retryable(),
        };
        // After a timeout, or when no change can come, the current value counts.
        let _ = timeout(limit, detected.wait_for(decided)).await;
        let seen = detected.borrow_and_update().clone();
        *lock(&self.known) = Some(Known {
            seen: seen.as_ref().ok().cloned(),
            detected: detected.clone(),
        });
        let seen = seen?;
        if seen.is_empty() {
            return Err(unknown());
        }
        let mut masters = seen.clone();
        if let Some(last) = &*lock(&self.last)
            && let Some(at) = masters.iter().position(|master| master == last)
        {
            masters[..=at].rotate_right(1);
        }
        Ok(Sighting {
            detector: Arc::clone(&self.detector),
            masters,
            seen,
            detected,
            last: Arc::clone(&self.last),
        })
    }
}

fn unknown() -> Error {
    Error::new(ErrorKind::NotLeader, "no leading master is known")
}

impl Sighting {
    /// The masters to try, in this order.
    pub(crate) fn masters(&self) -> &[Endpoint] {
        &self.masters
    }

    /// Records that `master` accepted the request: it is tried first the next time.
    pub(crate) fn accepted_by(&self, master: &Endpoint) {
        *lock(&self.last) = Some(master.clone());
    }

    /// Completes when the leader is not at `master` any more. Cancel safe.
    pub(crate) async fn moved(&self, master: &Endpoint) -> Error {
        let attempt = format!("the attempt to subscribe at {master}");
        moved(&mut self.detected.clone(), master, &self.seen, &attempt).await
    }

    /// Completes when the leader is not at `at` any more, where `what` comes from. Cancel safe.
    #[cfg(feature = "operator")]
    pub(crate) async fn left(&self, at: &Endpoint, what: &str) -> Error {
        let what = format!("{what} from {at}");
        moved(&mut self.detected.clone(), at, &self.seen, &what).await
    }

    /// Ends `subscription`, which was requested from `first` and is at `at`, when the leader moves
    /// elsewhere.
    pub(crate) fn follow(
        self,
        first: &Endpoint,
        at: Endpoint,
        subscription: Subscription<SchedulerApi>,
    ) -> Subscription<SchedulerApi> {
        self.accepted_by(first);
        let events = Followed {
            events: Ok(subscription.events),
            at,
            seen: self.seen,
            detected: self.detected,
            _detector: self.detector,
        };
        Subscription::new(events, subscription.calls, subscription.peer)
    }

    /// The error after all masters failed, each with one of `errors`.
    pub(crate) fn failed(call: &str, mut errors: Vec<Error>) -> Error {
        let Some(last) = errors.pop() else {
            return unknown();
        };
        if errors.is_empty() {
            return last;
        }
        errors.push(last);
        // An endpoint that is not a Mesos master says nothing about the other masters.
        let alive = |kind: &ErrorKind| !matches!(kind, ErrorKind::Protocol | ErrorKind::Tls);
        let kinds: Vec<ErrorKind> = errors.iter().rev().map(Error::kind).collect();
        let kind = kinds.iter().copied().find(alive).unwrap_or(kinds[0]);
        let configuration = errors.iter().all(Error::is_configuration);
        let unknown = errors.iter().any(|e| e.delivery() == Delivery::Unknown);
        let each: Vec<String> = errors.iter().map(|error| error_chain(error)).collect();
        let message = format!("no master accepts {call}: {}", each.join("; "));
        let mut error = Error::new(kind, message);
        if unknown {
            error = error.with_delivery(Delivery::Unknown);
        }
        if configuration {
            error = error.with_configuration();
        }
        error
    }
}

/// The events of a subscription that ends when the leader moves elsewhere.
struct Followed {
    /// The events, or why the subscription ended.
    events: Result<Box<dyn EventStream<SchedulerApi>>, Error>,
    at: Endpoint,
    /// The masters that were known when the subscription was made.
    seen: Vec<Endpoint>,
    detected: watch::Receiver<Detection>,
    /// Changes come only while the detector exists, and the backend may be dropped.
    _detector: Arc<dyn Detector>,
}

impl Followed {
    async fn next_or_moved(&mut self, encoded: bool) -> Result<Incoming<SchedulerApi>> {
        let events = match &mut self.events {
            Ok(events) => events,
            Err(end) => return Err(end.clone()),
        };
        let what = format!("the subscription with {}", self.at);
        let next = match encoded {
            true => events.next_encoded(),
            false => events.next(),
        };
        let end = tokio::select! {
            // Events that arrived before the leader change are delivered before it.
            biased;
            incoming = next => match incoming {
                Ok(incoming) => return Ok(incoming),
                Err(end) => end,
            },
            end = moved(&mut self.detected, &self.at, &self.seen, &what) => end,
        };
        // Closes the connection as well.
        self.events = Err(end.clone());
        Err(end)
    }
}

#[async_trait]
impl EventStream<SchedulerApi> for Followed {
    async fn next(&mut self) -> Result<Incoming<SchedulerApi>> {
        self.next_or_moved(false).await
    }

    async fn next_encoded(&mut self) -> Result<Incoming<SchedulerApi>> {
        self.next_or_moved(true).await
    }

    fn next_ready(&mut self) -> Option<Result<Incoming<SchedulerApi>>> {
        // The end of the events, and a leader change, are noticed in `next`.
        self.events.as_mut().ok()?.next_ready()
    }

    fn queued(&self) -> usize {
        self.events.as_ref().map_or(0, |events| events.queued())
    }
}

/// Waits until the leader is neither where it was seen before nor `at`. The error says that `what`
/// was canceled. Cancel safe.
async fn moved(
    detected: &mut watch::Receiver<Detection>,
    at: &Endpoint,
    seen: &[Endpoint],
    what: &str,
) -> Error {
    loop {
        if detected.changed().await.is_err() {
            // No change can come any more.
            std::future::pending::<()>().await;
        }
        if let Ok(masters) = &*detected.borrow_and_update()
            && let Some(leader) = masters.first()
            && !masters.contains(at)
            && masters != seen
        {
            return Error::new(
                ErrorKind::NotLeader,
                format!("the leader is now {leader}; {what} was canceled"),
            );
        }
    }
}
