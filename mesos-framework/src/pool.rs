//! Offers that wait for tasks.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mesos_core::{Offer, SchedulerDriver};
use mesos_placement::HeldOffers;
use mesos_proto::v1::{self, AgentId, Filters, OfferId};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::HeldOffer;

/// How long a pool holds and refuses offers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PoolPolicy {
    /// How long an offer is held at most until it is declined. Other frameworks cannot use its
    /// resources in this time. Default: 30 s; the driver warns about offers that are held for over a minute.
    pub hold: Duration,
    /// How long Mesos does not offer declined resources again. Default: 60 s. A new demand ends
    /// this time early, if a [`DemandController`](crate::DemandController) revives the role.
    pub refuse: Duration,
    /// The fraction by which `refuse` differs at random, and by which `hold` is shorter at random,
    /// from 0 to 1. Offers of one moment are then not declined all at once, and do not come back all
    /// at once. Default: 0.25.
    pub jitter: f64,
}

impl Default for PoolPolicy {
    fn default() -> Self {
        Self {
            hold: Duration::from_secs(30),
            refuse: Duration::from_secs(60),
            jitter: 0.25,
        }
    }
}

/// Holds offers for a bounded time. Clones share the offers.
///
/// The scheduler reports its events with [`subscribed`](Self::subscribed), [`add`](Self::add),
/// [`rescind`](Self::rescind) and [`agent_lost`](Self::agent_lost).
/// [`decline_expired`](Self::decline_expired) declines the offers that were held for too long.
#[derive(Clone)]
pub struct OfferPool {
    shared: Arc<Shared>,
}

struct Shared {
    policy: PoolPolicy,
    held: Mutex<HeldOffers<Offer>>,
    /// An offer was added or is to be declined.
    changed: Notify,
}

impl Shared {
    /// No code panics while it has changed half of the pool.
    fn lock(&self) -> MutexGuard<'_, HeldOffers<Offer>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OfferPool {
    /// An empty pool.
    pub fn new(policy: PoolPolicy) -> Self {
        let shared = Shared {
            held: Mutex::new(HeldOffers::new(policy.hold)),
            policy,
            changed: Notify::new(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// The framework has a new subscription: earlier offers are void.
    pub fn subscribed(&self) {
        // The driver does not decline void offers.
        drop(self.shared.lock().clear());
    }

    /// Holds new offers.
    pub fn add(&self, offers: impl IntoIterator<Item = Offer>) {
        let now = Instant::now().into_std();
        let PoolPolicy { hold, jitter, .. } = self.shared.policy;
        let jitter = if jitter.is_nan() { 0.0 } else { jitter };
        let mut held = self.shared.lock();
        for offer in offers.into_iter().filter(Offer::is_alive) {
            let part = jitter.clamp(0.0, 1.0) * fastrand::f64();
            held.add_for(offer, hold.saturating_sub(hold.mul_f64(part)), now);
        }
        drop(held);
        self.shared.changed.notify_one();
    }

    /// An offer was rescinded.
    pub fn rescind(&self, offer_id: &OfferId) {
        let offer = self.shared.lock().rescind(offer_id);
        drop(offer);
    }

    /// An agent was lost, as in [`Failure::Agent`](mesos_core::scheduler::Failure::Agent).
    pub fn agent_lost(&self, agent_id: &AgentId) {
        // Mesos rescinds these offers, too. Until then the driver declines them.
        let offers = self.shared.lock().agent_lost(agent_id);
        drop(offers);
    }

    /// The number of held offers, without the taken ones.
    pub fn len(&self) -> usize {
        self.shared.lock().len()
    }

    /// Whether no offers are held.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The held offers, those that expire first before the others.
    pub fn list(&self) -> Vec<HeldOffer> {
        let now = Instant::now().into_std();
        let held = self.shared.lock();
        let mut offers: Vec<HeldOffer> = held
            .iter()
            .map(|(offer, expires)| HeldOffer::new(offer, expires.saturating_duration_since(now)))
            .collect();
        drop(held);
        offers.sort_by(|one, other| (one.expires_in, &one.id).cmp(&(other.expires_in, &other.id)));
        offers
    }

    /// Takes all held offers, for a [`Placer`](mesos_placement::Placer). The offers of one agent
    /// are next to each other.
    ///
    /// ```
    /// use mesos::framework::{OfferPool, TakenOffer};
    /// use mesos::placement::{Cluster, Placer, Request};
    /// use mesos::{HandlerResult, SchedulerDriver};
    ///
    /// async fn place(
    ///     pool: &OfferPool, driver: &SchedulerDriver, placer: &Placer, waiting: &[Request],
    /// ) -> HandlerResult {
    ///     let round = placer.place(pool.take_all(), waiting, &Cluster::new());
    ///     for accept in round.accepts {
    ///         let offers = accept.offers.into_iter().map(TakenOffer::into_offer);
    ///         driver.accept(offers, accept.operations, None).await?;
    ///     }
    ///     // The unused offers return to the pool here.
    ///     Ok(())
    /// }
    /// ```
    pub fn take_all(&self) -> Vec<TakenOffer> {
        let offers = self.shared.lock().take_all();
        self.taken(offers)
    }

    /// Takes the offers of one agent.
    pub fn take_agent(&self, agent_id: &AgentId) -> Vec<TakenOffer> {
        let offers = self.shared.lock().take_agent(agent_id);
        self.taken(offers)
    }

    /// Takes all of these offers, or none.
    ///
    /// # Errors
    /// The id of the first offer that is not held.
    pub fn take(&self, ids: &[OfferId]) -> Result<Vec<TakenOffer>, OfferId> {
        let offers = self.shared.lock().take(ids)?;
        Ok(self.taken(offers))
    }

    fn taken(&self, offers: Vec<Offer>) -> Vec<TakenOffer> {
        offers
            .into_iter()
            .map(|offer| TakenOffer {
                offer: Some(offer),
                pool: Arc::clone(&self.shared),
            })
            .collect()
    }

    /// Declines the offers of each role beyond its share, those that expire first. The shares are
    /// those of [`DemandController::shares`](crate::DemandController::shares).
    pub async fn trim<M: Send + 'static>(
        &self,
        driver: &SchedulerDriver<M>,
        shares: &BTreeMap<String, u64>,
    ) {
        let surplus = self.shared.lock().trim(shares);
        self.decline(driver, surplus).await;
    }

    /// Declines offers when their time is over, until the driver ends.
    ///
    /// Canceling the future stops this, and nothing else. A DECLINE that fails is repeated by the
    /// driver.
    pub async fn decline_expired<M: Send + 'static>(&self, driver: &SchedulerDriver<M>) {
        tokio::select! {
            _ = driver.join() => {}
            () = self.decline_all_expired(driver) => {}
        }
    }

    async fn decline_all_expired<M: Send + 'static>(&self, driver: &SchedulerDriver<M>) {
        loop {
            let changed = self.shared.changed.notified();
            let (expired, next) = {
                let mut held = self.shared.lock();
                let expired = held.expire(Instant::now().into_std());
                (expired, held.next_expiry())
            };
            self.decline(driver, expired).await;
            match next {
                None => changed.await,
                Some(at) => tokio::select! {
                    biased;
                    () = changed => {}
                    () = tokio::time::sleep_until(at.into()) => {}
                },
            }
        }
    }

    async fn decline<M: Send + 'static>(&self, driver: &SchedulerDriver<M>, offers: Vec<Offer>) {
        if offers.is_empty() {
            return;
        }
        let policy = &self.shared.policy;
        let count = offers.len();
        // As `Filters::refuse_with_jitter`, with a random number that a simulation can repeat.
        let jitter = if policy.jitter.is_nan() {
            0.0
        } else {
            policy.jitter
        };
        let jitter = jitter.clamp(0.0, 1.0) * (2.0 * fastrand::f64() - 1.0);
        let filters = Filters {
            refuse_seconds: Some(policy.refuse.as_secs_f64() * (1.0 + jitter)),
        };
        tracing::debug!(
            count,
            refuse_seconds = filters.refuse_seconds(),
            "declining held offers"
        );
        if let Err(error) = driver.decline(offers, Some(filters)).await {
            tracing::debug!(count, %error, "the DECLINE failed; the driver repeats it");
        }
    }
}

impl fmt::Debug for OfferPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OfferPool")
            .field("policy", &self.shared.policy)
            .field("held", &self.len())
            .finish()
    }
}

/// An offer that was taken out of a pool. Dropping it returns the offer to the pool, unless the
/// offer is void or its time is over.
pub struct TakenOffer {
    /// `None` once the offer has left.
    offer: Option<Offer>,
    pool: Arc<Shared>,
}

impl TakenOffer {
    /// The offer, to be used in a call. The pool forgets it.
    pub fn into_offer(mut self) -> Offer {
        match self.offer.take() {
            Some(offer) => {
                self.pool.lock().forget(&offer.id);
                offer
            }
            None => unreachable!("the offer leaves once, because this consumes the value"),
        }
    }
}

impl Drop for TakenOffer {
    fn drop(&mut self) {
        let Some(offer) = self.offer.take() else {
            return;
        };
        let now = Instant::now().into_std();
        let refused = self.pool.lock().give_back(offer, now);
        // The driver declines the offer, if it is still alive.
        drop(refused);
        self.pool.changed.notify_one();
    }
}

impl Deref for TakenOffer {
    type Target = v1::Offer;

    fn deref(&self) -> &v1::Offer {
        match &self.offer {
            Some(offer) => offer,
            None => unreachable!("the offer leaves when the value is consumed"),
        }
    }
}

impl fmt::Debug for TakenOffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TakenOffer").field(&self.offer).finish()
    }
}
