//! What a subscription has to do with detection: finding whom to ask, and
//! noticing that it should be asked elsewhere.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use mesos_core::backend::{EventStream, Incoming, SchedulerApi, Subscription};
use mesos_core::{Delivery, Error, ErrorKind, Result, error_chain};
use tokio::sync::watch;
use tokio::time::timeout;

use super::{Detection, Detector};
use crate::endpoint::Endpoint;

/// The leader, whoever that is.
#[derive(Clone, Debug)]
pub(crate) struct Leader {
    detector: Arc<dyn Detector>,
    /// Who took the last subscription, as the detector called it.
    last: Arc<Mutex<Option<Endpoint>>>,
    /// What the last attempt knew.
    known: Arc<Mutex<Option<Known>>>,
}

/// What was known of the leader, and a way to wait for news.
#[derive(Clone, Debug)]
struct Known {
    seen: Option<Vec<Endpoint>>,
    news: watch::Receiver<Detection>,
}

/// Where the leader was seen, for one attempt to subscribe.
#[derive(Debug)]
pub(crate) struct Sighting {
    detector: Arc<dyn Detector>,
    masters: Vec<Endpoint>,
    /// The same in the detector's order.
    seen: Vec<Endpoint>,
    news: watch::Receiver<Detection>,
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

    /// Completes when a leader is known that the last attempt did not know.
    /// Cancel safe.
    pub(crate) async fn news(&self) {
        let known = lock(&self.known).clone();
        if let Some(Known { seen, mut news }) = known {
            let other = |now: &Detection| match now {
                Ok(masters) => !masters.is_empty() && Some(masters) != seen.as_ref(),
                Err(_) => false,
            };
            if news.wait_for(other).await.is_ok() {
                return;
            }
        }
        // Nobody will know any better.
        std::future::pending().await
    }

    /// Waits until somebody can be asked, for `patience` at most.
    pub(crate) async fn find(&self, patience: Duration) -> Result<Sighting> {
        let mut news = self.detector.watch();
        let decided = |detection: &Detection| match detection {
            Ok(masters) => !masters.is_empty(),
            Err(error) => !error.is_retryable(),
        };
        // Whether time ran out or no news can come: what is known counts.
        let _ = timeout(patience, news.wait_for(decided)).await;
        let seen = news.borrow_and_update().clone();
        *lock(&self.known) = Some(Known {
            seen: seen.as_ref().ok().cloned(),
            news: news.clone(),
        });
        let seen = seen?;
        if seen.is_empty() {
            return Err(Error::new(
                ErrorKind::NotLeader,
                "no leading master is known",
            ));
        }
        let mut masters = seen.clone();
        let last = lock(&self.last);
        if let Some(last) = &*last
            && let Some(at) = masters.iter().position(|master| master == last)
        {
            masters[..=at].rotate_right(1);
        }
        drop(last);
        Ok(Sighting {
            detector: Arc::clone(&self.detector),
            masters,
            seen,
            news,
            last: Arc::clone(&self.last),
        })
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing under these locks can panic half way; a poisoned one is whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Sighting {
    /// Whom to ask, in this order.
    pub(crate) fn masters(&self) -> &[Endpoint] {
        &self.masters
    }

    /// Completes when the leader is elsewhere than at `master`. Cancel safe.
    pub(crate) async fn moved(&self, master: &Endpoint) -> Error {
        let attempt = format!("the attempt to subscribe at {master}");
        moved(&mut self.news.clone(), master, &self.seen, &attempt).await
    }

    /// Ends `subscription`, which `asked` led to and which is at `at`, when the
    /// leader is elsewhere.
    pub(crate) fn follow(
        self,
        asked: Endpoint,
        at: Endpoint,
        subscription: Subscription<SchedulerApi>,
    ) -> Subscription<SchedulerApi> {
        *lock(&self.last) = Some(asked);
        Subscription {
            events: Box::new(Followed {
                events: Ok(subscription.events),
                at,
                seen: self.seen,
                news: self.news,
                _detector: self.detector,
            }),
            ..subscription
        }
    }

    /// The error after all masters failed, each with one of `errors`.
    pub(crate) fn failed(mut errors: Vec<Error>) -> Error {
        let Some(last) = errors.pop() else {
            return Error::new(ErrorKind::NotLeader, "no leading master is known");
        };
        if errors.is_empty() {
            return last;
        }
        errors.push(last);
        // One that is no Mesos says nothing about the others.
        let kinds = errors.iter().rev().map(Error::kind);
        let kind = kinds
            .clone()
            .find(|kind| *kind != ErrorKind::Protocol)
            .unwrap_or(ErrorKind::Protocol);
        let unknown = errors.iter().any(|e| e.delivery() == Delivery::Unknown);
        let each: Vec<String> = errors.iter().map(|error| error_chain(error)).collect();
        let message = format!("no master takes a subscription: {}", each.join("; "));
        let error = Error::new(kind, message);
        if unknown {
            error.with_delivery(Delivery::Unknown)
        } else {
            error
        }
    }
}

/// The events of a subscription that ends when the leader is elsewhere.
struct Followed {
    /// The events, or why there are no more.
    events: Result<Box<dyn EventStream<SchedulerApi>>, Error>,
    at: Endpoint,
    /// Where the leader was seen when the subscription was made.
    seen: Vec<Endpoint>,
    news: watch::Receiver<Detection>,
    /// Without it there are no news, and the backend may be gone.
    _detector: Arc<dyn Detector>,
}

#[async_trait]
impl EventStream<SchedulerApi> for Followed {
    async fn next(&mut self) -> Result<Incoming<SchedulerApi>> {
        let events = match &mut self.events {
            Ok(events) => events,
            Err(end) => return Err(end.clone()),
        };
        let what = format!("the subscription with {}", self.at);
        let end = tokio::select! {
            // What came before the news is delivered before it.
            biased;
            incoming = events.next() => match incoming {
                Ok(incoming) => return Ok(incoming),
                Err(end) => end,
            },
            end = moved(&mut self.news, &self.at, &self.seen, &what) => end,
        };
        // Closes the connection as well.
        self.events = Err(end.clone());
        Err(end)
    }

    fn queued(&self) -> usize {
        self.events.as_ref().map_or(0, |events| events.queued())
    }
}

/// Waits until the leader is neither where it was seen before nor `at`. The
/// error says that `what` was given up. Cancel safe.
async fn moved(
    news: &mut watch::Receiver<Detection>,
    at: &Endpoint,
    seen: &[Endpoint],
    what: &str,
) -> Error {
    loop {
        if news.changed().await.is_err() {
            // No news any more.
            std::future::pending::<()>().await;
        }
        if let Ok(masters) = &*news.borrow_and_update()
            && let Some(leader) = masters.first()
            && !masters.contains(at)
            && masters != seen
        {
            return Error::new(
                ErrorKind::NotLeader,
                format!("the leader is now {leader}; {what} was given up"),
            );
        }
    }
}
