//! Offers as values that can be used once, and the ledger of outstanding offers.

use std::collections::HashMap;
use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use mesos_proto::v1::{self, ExecutorId, OfferId};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::error::{Error, ErrorKind, Result};
use crate::lock;
use crate::metrics::Meter;
use crate::resources::Resources;

/// Resources of one agent for one role, to accept or to decline.
///
/// An offer cannot be cloned. [`accept`](super::SchedulerDriver::accept) and
/// [`decline`](super::SchedulerDriver::decline) consume the offer. An offer that is dropped is
/// declined with the default filter of Mesos, 5 s. The driver refuses an offer that was rescinded,
/// or that belongs to an earlier subscription, with [`ErrorKind::OfferGone`] before anything is
/// sent; [`is_alive`](Self::is_alive) checks this.
///
/// Other frameworks cannot use the resources of an offer that a scheduler holds. The driver
/// logs a warning about offers that are held for more than a minute.
///
/// The fields are those of the message [`v1::Offer`], reached by `Deref`.
#[must_use = "an offer that is dropped is declined"]
pub struct Offer {
    offer: Box<v1::Offer>,
    ledger: Arc<Ledger>,
}

impl Offer {
    pub(super) fn new(offer: v1::Offer, ledger: Arc<Ledger>) -> Self {
        Self {
            offer: Box::new(offer),
            ledger,
        }
    }

    /// The offered resources, for calculations.
    ///
    /// # Errors
    /// [`ErrorKind::Decode`] if Mesos sent invalid resources.
    pub fn resources(&self) -> Result<Resources> {
        Resources::try_from(self.offer.resources.clone()).map_err(|error| {
            Error::new(
                ErrorKind::Decode,
                format!(
                    "cannot parse the resources of offer {}",
                    self.offer.id.value
                ),
            )
            .with_source(error)
        })
    }

    /// The role that the resources are allocated to; `*` for a framework without the capability
    /// MULTI_ROLE.
    pub fn role(&self) -> &str {
        self.offer
            .allocation_info
            .as_ref()
            .and_then(|info| info.role.as_deref())
            .unwrap_or("*")
    }

    /// Whether the offer can still be used, as far as this driver knows.
    pub fn is_alive(&self) -> bool {
        self.ledger.contains(&self.offer.id)
    }

    /// Whether the executor `executor_id` of this framework runs on the agent already. A task
    /// for a running executor needs no further resources for the executor: Mesos charges the
    /// resources of an executor once per agent.
    pub fn has_executor(&self, executor_id: &ExecutorId) -> bool {
        self.offer.executor_ids.contains(executor_id)
    }

    /// Marks all of `offers` as used, so that dropping them declines nothing. Fails without
    /// marking any offer if one of them is void.
    pub(super) fn consume(offers: &[Self]) -> Result<()> {
        let Some(first) = offers.first() else {
            return Ok(());
        };
        let Some(gone) = first.ledger.remove_all(offers) else {
            return Ok(());
        };
        Err(Error::new(
            ErrorKind::OfferGone,
            format!(
                "offer {} of agent {} was rescinded or belongs to an earlier subscription",
                gone.id, gone.agent_id
            ),
        ))
    }
}

/// The offer alone, so that calls accept one offer like a list of offers.
impl IntoIterator for Offer {
    type Item = Self;
    type IntoIter = std::iter::Once<Self>;

    fn into_iter(self) -> Self::IntoIter {
        std::iter::once(self)
    }
}

impl Drop for Offer {
    fn drop(&mut self) {
        self.ledger.add_unused(&self.offer.id);
    }
}

impl Deref for Offer {
    type Target = v1::Offer;

    fn deref(&self) -> &v1::Offer {
        &self.offer
    }
}

impl fmt::Debug for Offer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Offer")
            .field("id", &self.offer.id.value)
            .field("agent_id", &self.offer.agent_id.value)
            .field("hostname", &self.offer.hostname)
            .field("alive", &self.is_alive())
            .finish_non_exhaustive()
    }
}

/// The offers that are outstanding, and those that were dropped unused.
#[derive(Debug)]
pub(crate) struct Ledger {
    state: Mutex<State>,
    unused_added: Notify,
    meter: Meter,
}

#[derive(Debug, Default)]
struct State {
    /// Outstanding offers, with the time of their arrival.
    alive: HashMap<OfferId, Instant>,
    /// Offers that were dropped unused and not declined yet. Never longer than `alive` was.
    unused: Vec<OfferId>,
}

impl Ledger {
    pub(super) fn new(meter: Meter) -> Self {
        Self {
            state: Mutex::default(),
            unused_added: Notify::new(),
            meter,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    pub(super) fn issue(self: &Arc<Self>, offers: Vec<v1::Offer>) -> Vec<Offer> {
        let now = Instant::now();
        let mut state = self.lock();
        state
            .alive
            .extend(offers.iter().map(|offer| (offer.id.clone(), now)));
        self.meter.offers(state.alive.len());
        drop(state);
        offers
            .into_iter()
            .map(|offer| Offer::new(offer, Arc::clone(self)))
            .collect()
    }

    fn contains(&self, id: &OfferId) -> bool {
        self.lock().alive.contains_key(id)
    }

    /// Removes all of `offers`. If one of them is not outstanding, removes nothing and returns
    /// that offer.
    fn remove_all<'a>(&self, offers: &'a [Offer]) -> Option<&'a Offer> {
        let mut state = self.lock();
        let gone = offers
            .iter()
            .find(|offer| !state.alive.contains_key(&offer.id));
        if gone.is_none() {
            for offer in offers {
                state.alive.remove(&offer.id);
            }
            self.meter.offers(state.alive.len());
        }
        gone
    }

    /// Removes one offer, for RESCIND. Returns whether the offer was outstanding.
    pub(super) fn remove(&self, id: &OfferId) -> bool {
        let mut state = self.lock();
        let alive = state.alive.remove(id).is_some();
        self.meter.offers(state.alive.len());
        alive
    }

    /// Removes an offer that was dropped, and queues its DECLINE if it was outstanding.
    fn add_unused(&self, id: &OfferId) {
        let mut state = self.lock();
        if let Some((id, _)) = state.alive.remove_entry(id) {
            state.unused.push(id);
            self.meter.offers(state.alive.len());
            drop(state);
            self.unused_added.notify_one();
        }
    }

    /// The number of outstanding offers.
    pub(super) fn outstanding(&self) -> usize {
        self.lock().alive.len()
    }

    /// The number of offers that have been outstanding for longer than `age`.
    pub(super) fn older_than(&self, age: Duration) -> usize {
        let now = Instant::now();
        let old = |since: &&Instant| now.saturating_duration_since(**since) > age;
        self.lock().alive.values().filter(old).count()
    }

    /// Removes all offers: a subscription began or ended, and Mesos then withdraws its offers
    /// without a RESCIND (`src/master/master.cpp`).
    pub(super) fn clear(&self) {
        let mut state = self.lock();
        state.alive.clear();
        state.unused.clear();
        self.meter.offers(0);
    }

    /// Waits until offers were dropped unused, and removes and returns them. Cancel safe.
    pub(super) async fn wait_for_unused(&self) -> Vec<OfferId> {
        loop {
            let ids = std::mem::take(&mut self.lock().unused);
            if !ids.is_empty() {
                return ids;
            }
            self.unused_added.notified().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    fn issue(ledger: &Arc<Ledger>, id: &str) -> Offer {
        let offer = v1::Offer {
            id: OfferId { value: id.into() },
            ..Default::default()
        };
        ledger.issue(vec![offer]).remove(0)
    }

    fn unused(ledger: &Ledger) -> Vec<String> {
        let ids = ledger.wait_for_unused().now_or_never().unwrap_or_default();
        ids.into_iter().map(|id| id.value).collect()
    }

    #[test]
    fn an_offer_dropped_unused_is_declined_once() {
        let ledger = Arc::new(Ledger::new(Meter::new("test")));
        drop(issue(&ledger, "o1"));
        assert_eq!(unused(&ledger), ["o1"]);
        assert!(unused(&ledger).is_empty());
    }

    #[test]
    fn a_consumed_offer_is_not_declined() {
        let ledger = Arc::new(Ledger::new(Meter::new("test")));
        let offer = issue(&ledger, "o1");
        Offer::consume(std::slice::from_ref(&offer)).unwrap();
        drop(offer);
        assert!(unused(&ledger).is_empty());
    }

    #[test]
    fn a_rescinded_offer_is_refused_by_name_and_not_declined() {
        let ledger = Arc::new(Ledger::new(Meter::new("test")));
        let offer = issue(&ledger, "o1");
        assert!(ledger.remove(&offer.id));
        assert!(!offer.is_alive());
        let both = [issue(&ledger, "o2"), offer];
        let error = Offer::consume(&both).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::OfferGone);
        assert!(error.to_string().starts_with("offer o1 "), "{error}");
        drop(both);
        assert_eq!(unused(&ledger), ["o2"], "the offer that was not rescinded");
    }

    #[test]
    fn a_new_subscription_makes_all_offers_void() {
        let ledger = Arc::new(Ledger::new(Meter::new("test")));
        let held = issue(&ledger, "o1");
        drop(issue(&ledger, "o2"));
        ledger.clear();
        assert!(!held.is_alive());
        assert!(unused(&ledger).is_empty());
    }
}
