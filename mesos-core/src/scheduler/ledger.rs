//! The ledger of the offers that Mesos has given to this scheduler, and of the DECLINEs that are
//! due. An offer stays in the ledger until its use or its DECLINE was accepted, because until
//! then no other framework can use its resources.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use mesos_proto::v1::{Filters, OfferId};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::offer::{HashIds, Offer, OfferKey};
use crate::error::{Delivery, Error, ErrorKind, Result};
use crate::lock;
use crate::metrics::Meter;
use crate::runtime::BackoffPolicy;

/// The delays before a failed DECLINE is repeated. A DECLINE is never urgent, and a master whose
/// calls fail is often overloaded.
const FIRST_RETRY: Duration = Duration::from_secs(1);
const LONGEST_RETRY: Duration = Duration::from_secs(60);

/// How long to wait before the offers of a call with unknown result are declined. The call may
/// still be on its way over a connection that broke, and the DECLINE must not overtake the call.
const UNKNOWN_WAIT: Duration = Duration::from_secs(1);

/// See the module.
#[derive(Debug)]
pub(crate) struct Ledger {
    state: Mutex<State>,
    decline_added: Notify,
    meter: Meter,
    /// The start of the time in [`Standing`].
    started: Instant,
}

#[derive(Debug, Default)]
struct State {
    offers: HashMap<OfferKey, Standing, HashIds>,
    /// The DECLINEs to send. Each of their offers is in `offers`, as [`Standing::Declining`].
    declines: Vec<Decline>,
}

/// What happens to an offer in the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// The scheduler can use the offer. It arrived this many seconds after the start of the ledger.
    Held(u32),
    /// A call with the offer was not answered yet.
    InUse {
        since: u32,
        /// Whether the [`Offer`] still exists.
        held: bool,
    },
    /// A DECLINE is due, or was not answered yet.
    Declining,
}

/// A DECLINE that is due.
#[derive(Debug)]
pub(super) struct Decline {
    pub(super) ids: Vec<OfferKey>,
    pub(super) filters: Option<Filters>,
    /// Failed attempts so far.
    failures: u32,
    due: Instant,
}

/// Offers that a call uses. Report the result with [`finish`](Self::finish). Without a result the
/// offers are returned to the ledger, as after an error.
#[derive(Debug)]
pub(super) struct UsedOffers {
    ledger: Arc<Ledger>,
    ids: Vec<OfferKey>,
    /// The filters of the call, if it is a DECLINE.
    filters: Option<Filters>,
    /// What is known about the call without an answer.
    delivery: Delivery,
}

impl Ledger {
    pub(super) fn new(meter: Meter) -> Self {
        Self {
            state: Mutex::default(),
            decline_added: Notify::new(),
            meter,
            started: Instant::now(),
        }
    }

    /// The time since the start of the ledger.
    fn age(&self) -> Duration {
        Instant::now().saturating_duration_since(self.started)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Changes the ledger, and wakes the decliner if a DECLINE was added.
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.lock();
        let before = state.declines.len();
        let result = change(&mut state);
        let added = state.declines.len() > before;
        self.meter.offers(state.offers.len());
        drop(state);
        if added {
            self.decline_added.notify_one();
        }
        result
    }

    pub(super) fn issue<O>(self: &Arc<Self>, offers: impl IntoIterator<Item = O>) -> Vec<Offer>
    where
        OfferKey: From<O>,
    {
        let offers: Vec<_> = offers.into_iter().map(OfferKey::from).collect();
        // Rounded up: an offer is never reported as older than it is.
        let seconds = self.age().as_secs_f64().ceil() as u32;
        self.change(|state| {
            let held = offers
                .iter()
                .map(|key| (key.clone(), Standing::Held(seconds)));
            state.offers.extend(held);
        });
        offers
            .into_iter()
            .map(|key| Offer::new(key, Arc::clone(self)))
            .collect()
    }

    /// Whether the scheduler can use the offer.
    pub(super) fn is_held(&self, id: &str) -> bool {
        matches!(
            self.lock().offers.get(id.as_bytes()),
            Some(Standing::Held(_))
        )
    }

    /// Takes offers for a call. `filters` are those of the call, if it is a DECLINE.
    ///
    /// # Errors
    /// One of the offers cannot be used. Nothing is taken then.
    pub(super) fn take(
        self: &Arc<Self>,
        ids: Vec<OfferId>,
        filters: Option<Filters>,
    ) -> Result<UsedOffers> {
        let state = self.lock();
        let keys = ids.iter().map(|id| {
            let entry = state.offers.get_key_value(id.value.as_bytes());
            entry
                .map(|(key, _)| key.clone())
                .ok_or_else(|| void(&id.value))
        });
        let keys = keys.collect::<Result<_>>()?;
        drop(state);
        self.take_keys(keys, filters)
    }

    /// As [`take`](Self::take).
    pub(super) fn take_keys(
        self: &Arc<Self>,
        keys: Vec<OfferKey>,
        filters: Option<Filters>,
    ) -> Result<UsedOffers> {
        let mut state = self.lock();
        let gone = |key: &&OfferKey| !matches!(state.offers.get(*key), Some(Standing::Held(_)));
        if let Some(key) = keys.iter().find(gone) {
            return Err(void(key.id()));
        }
        for key in &keys {
            if let Some(standing) = state.offers.get_mut(key)
                && let Standing::Held(since) = *standing
            {
                *standing = Standing::InUse { since, held: true };
            }
        }
        drop(state);
        Ok(UsedOffers {
            ledger: Arc::clone(self),
            ids: keys,
            filters,
            delivery: Delivery::NotSent,
        })
    }

    /// Removes one offer, for RESCIND.
    pub(super) fn remove(&self, id: &OfferId) {
        self.change(|state| {
            if state.offers.remove(id.value.as_bytes()) == Some(Standing::Declining) {
                for decline in &mut state.declines {
                    decline.ids.retain(|other| other.id() != id.value);
                }
            }
        });
    }

    /// An [`Offer`] was dropped. Queues its DECLINE if the offer was not used.
    pub(super) fn dropped(&self, id: &OfferKey) {
        let unused = self.change(|state| {
            let standing = state.offers.get_mut(id);
            match standing {
                Some(Standing::InUse { held, .. }) => {
                    *held = false;
                    false
                }
                Some(standing @ Standing::Held(_)) => {
                    *standing = Standing::Declining;
                    state.decline_unused(id.clone());
                    true
                }
                Some(Standing::Declining) | None => false,
            }
        });
        if unused {
            self.meter.offers_unused(1);
        }
    }

    /// The number of offers whose resources no other framework can use.
    pub(super) fn outstanding(&self) -> usize {
        self.lock().offers.len()
    }

    /// The number of offers that the scheduler has held for longer than `age`.
    pub(super) fn older_than(&self, age: Duration) -> usize {
        let now = self.age();
        let old = |standing: &&Standing| match standing {
            Standing::Held(since) => now.saturating_sub(Duration::from_secs((*since).into())) > age,
            Standing::InUse { .. } | Standing::Declining => false,
        };
        self.lock().offers.values().filter(old).count()
    }

    /// Removes all offers: a subscription began or ended, and Mesos then withdraws its offers
    /// without a RESCIND (`src/master/master.cpp`).
    pub(super) fn clear(&self) {
        self.change(|state| *state = State::default());
    }

    /// Waits until DECLINEs are due, and returns them. Cancel safe.
    pub(super) async fn declines(&self) -> Vec<Decline> {
        loop {
            let next = {
                let mut state = self.lock();
                let due = state.take_due(Instant::now());
                if !due.is_empty() {
                    return due;
                }
                state.declines.iter().map(|decline| decline.due).min()
            };
            let added = self.decline_added.notified();
            match next {
                Some(next) => tokio::select! {
                    biased;
                    () = added => {}
                    () = sleep_until(next) => {}
                },
                None => added.await,
            }
        }
    }

    /// The result of a DECLINE of [`declines`](Self::declines). Returns the delay until the
    /// next attempt after a failure.
    pub(super) fn declined(&self, mut decline: Decline, result: &Result<()>) -> Option<Duration> {
        self.change(|state| {
            let Err(error) = result else {
                for id in decline.ids {
                    if let Entry::Occupied(entry) = state.offers.entry(id)
                        && *entry.get() == Standing::Declining
                    {
                        entry.remove();
                    }
                }
                return None;
            };
            decline
                .ids
                .retain(|id| state.offers.get(id) == Some(&Standing::Declining));
            if decline.ids.is_empty() {
                return None;
            }
            if !error.is_retryable() {
                // The filters may be the reason of the failure.
                decline.filters = None;
            }
            let policy = BackoffPolicy::new(FIRST_RETRY, LONGEST_RETRY);
            let wait = policy.delay(decline.failures, fastrand::f64());
            decline.failures = decline.failures.saturating_add(1);
            decline.due = Instant::now() + wait;
            state.declines.push(decline);
            Some(wait)
        })
    }
}

fn void(id: &str) -> Error {
    Error::new(
        ErrorKind::OfferGone,
        format!("offer {id} was rescinded or used already, or belongs to an earlier subscription"),
    )
}

impl State {
    /// Queues a DECLINE with the default filter. Together with others, so that one call has all
    /// offers that were dropped since the last call.
    fn decline_unused(&mut self, id: OfferKey) {
        let now = Instant::now();
        let last = self.declines.last_mut();
        match last.filter(|last| last.filters.is_none() && last.failures == 0 && last.due <= now) {
            Some(last) => last.ids.push(id),
            None => self.declines.push(Decline::new(vec![id], None, now)),
        }
    }

    /// Removes and returns the DECLINEs that are due. Those with the default filter become one.
    fn take_due(&mut self, now: Instant) -> Vec<Decline> {
        let mut due: Vec<Decline> = Vec::new();
        for mut decline in mem::take(&mut self.declines) {
            if decline.due > now {
                self.declines.push(decline);
                continue;
            }
            let same = due
                .iter_mut()
                .find(|other| other.filters == decline.filters);
            match same {
                _ if decline.ids.is_empty() => {}
                Some(other) => {
                    other.ids.append(&mut decline.ids);
                    other.failures = other.failures.max(decline.failures);
                }
                None => due.push(decline),
            }
        }
        due
    }

    /// A call with these offers was not accepted for certain. An offer that was not used and
    /// that the scheduler still has can be used again. All others are declined.
    fn give_back(&mut self, ids: Vec<OfferKey>, filters: Option<Filters>, delivery: Delivery) {
        let unknown = delivery == Delivery::Unknown;
        let mut unused = Vec::new();
        for id in ids {
            let Some(standing) = self.offers.get_mut(&id) else {
                continue;
            };
            match *standing {
                Standing::InUse { since, held: true } if !unknown => {
                    *standing = Standing::Held(since);
                }
                Standing::InUse { .. } => {
                    *standing = Standing::Declining;
                    unused.push(id);
                }
                Standing::Held(_) | Standing::Declining => {}
            }
        }
        if !unused.is_empty() {
            let wait = if unknown {
                UNKNOWN_WAIT
            } else {
                Duration::ZERO
            };
            let due = Instant::now() + wait;
            self.declines.push(Decline::new(unused, filters, due));
        }
    }
}

impl Decline {
    fn new(ids: Vec<OfferKey>, filters: Option<Filters>, due: Instant) -> Self {
        Self {
            ids,
            filters,
            failures: 0,
            due,
        }
    }
}

impl UsedOffers {
    /// The call was queued. If its result is never reported, the result is unknown.
    pub(super) fn queued(&mut self) {
        self.delivery = Delivery::Unknown;
    }

    /// The result of the call.
    pub(super) fn finish(mut self, result: &Result<()>) {
        match result {
            Ok(()) => {
                let ids = mem::take(&mut self.ids);
                self.ledger.change(|state| {
                    for id in &ids {
                        state.offers.remove(id);
                    }
                });
            }
            Err(error) => {
                self.delivery = error.delivery();
                if !error.is_retryable() {
                    self.filters = None;
                }
            }
        }
    }
}

impl Drop for UsedOffers {
    fn drop(&mut self) {
        let ids = mem::take(&mut self.ids);
        if !ids.is_empty() {
            self.ledger
                .change(|state| state.give_back(ids, self.filters, self.delivery));
        }
    }
}
