//! Offers as values that can be used once.

mod content;
mod hash;

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use mesos_proto::v1::{self, ExecutorId, Filters};

pub(super) use self::content::OfferKey;
pub(super) use self::hash::HashIds;
use super::ledger::{Ledger, UsedOffers};
use crate::error::{Error, ErrorKind, Result};
use crate::resources::Resources;

/// Resources of one agent for one role, to accept or to decline.
///
/// An offer cannot be cloned. [`accept`](super::SchedulerDriver::accept),
/// [`launch`](super::SchedulerDriver::launch) and
/// [`decline`](super::SchedulerDriver::decline) consume the offer. An offer that is dropped is
/// declined with the default filter of Mesos, 5 s. The driver refuses an offer that was rescinded,
/// or that belongs to an earlier subscription, with [`ErrorKind::OfferGone`] before anything is
/// sent; [`is_alive`](Self::is_alive) checks this.
///
/// An offer is never lost. If a call that consumed the offer fails, whatever the reason, or if
/// its future is dropped, the driver declines the offer, so that Mesos offers the resources again.
/// The driver repeats a DECLINE that fails after 1 s doubling to 60 s, until Mesos accepts it or
/// the subscription ends. So a program only has to handle the next offer. If the failed call was
/// carried out nevertheless, the master ignores the DECLINE (`Master::decline` in
/// `src/master/master.cpp`).
///
/// Other frameworks cannot use the resources of an offer that a scheduler holds. The driver
/// logs a warning about offers that are held for more than a minute.
///
/// The fields are those of the message [`v1::Offer`], reached by `Deref`. The HTTP backend decodes
/// the message when it is first reached. The methods [`id`](Self::id), [`agent_id`](Self::agent_id),
/// [`hostname`](Self::hostname), [`role`](Self::role) and [`resources`](Self::resources) do without
/// it, so that an offer that is declined after a look at them costs little. Text that is not UTF-8
/// is replaced and logged at that time.
#[must_use = "an offer that is dropped is declined"]
pub struct Offer {
    content: OfferKey,
    /// The message, if it was decoded.
    decoded: OnceLock<Box<v1::Offer>>,
    ledger: Arc<Ledger>,
}

impl Offer {
    pub(super) fn new(content: OfferKey, ledger: Arc<Ledger>) -> Self {
        Self {
            content,
            decoded: OnceLock::new(),
            ledger,
        }
    }

    /// The id of the offer.
    pub fn id(&self) -> &str {
        self.content.id()
    }

    /// The id of the agent.
    pub fn agent_id(&self) -> &str {
        self.content.agent_id()
    }

    /// The host name of the agent.
    pub fn hostname(&self) -> &str {
        self.content.hostname()
    }

    /// The offered resources, for calculations.
    ///
    /// # Errors
    /// [`ErrorKind::Decode`] if Mesos sent invalid resources.
    pub fn resources(&self) -> Result<Resources> {
        let encoded = match self.decoded.get() {
            None => self.content.encoded_resources(),
            Some(_) => None,
        };
        // Text that is not UTF-8 is replaced in the message.
        let resources = encoded
            .and_then(Resources::from_encoded)
            .unwrap_or_else(|| Resources::try_from(&self.resources[..]));
        resources.map_err(|error| {
            Error::new(
                ErrorKind::Decode,
                format!("cannot parse the resources of offer {}", self.id()),
            )
            .with_source(error)
        })
    }

    /// The role that the resources are allocated to; `*` for a framework without the capability
    /// MULTI_ROLE.
    pub fn role(&self) -> &str {
        self.content.role().unwrap_or("*")
    }

    /// Whether the offer can still be used, as far as this driver knows.
    pub fn is_alive(&self) -> bool {
        self.ledger.is_held(self.id())
    }

    /// Whether the executor `executor_id` of this framework runs on the agent already. A task
    /// for a running executor needs no further resources for the executor: Mesos charges the
    /// resources of an executor once per agent.
    pub fn has_executor(&self, executor_id: &ExecutorId) -> bool {
        self.executor_ids.contains(executor_id)
    }

    /// Takes all of `offers` for a call, so that dropping them declines nothing. Fails without
    /// taking any offer if one of them is void. `filters` are those of the call, if it is a
    /// DECLINE.
    pub(super) fn take(offers: &[Self], filters: Option<Filters>) -> Result<Option<UsedOffers>> {
        let Some(first) = offers.first() else {
            return Ok(None);
        };
        let keys = offers.iter().map(|offer| offer.content.clone());
        first.ledger.take_keys(keys.collect(), filters).map(Some)
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
        self.ledger.dropped(&self.content);
    }
}

impl Deref for Offer {
    type Target = v1::Offer;

    fn deref(&self) -> &v1::Offer {
        self.content.message(&self.decoded)
    }
}

impl fmt::Debug for Offer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Offer")
            .field("id", &self.id())
            .field("agent_id", &self.agent_id())
            .field("hostname", &self.hostname())
            .field("alive", &self.is_alive())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Delivery;
    use crate::metrics::Meter;
    use futures_util::FutureExt;
    use mesos_proto::v1::OfferId;

    fn ledger() -> Arc<Ledger> {
        Arc::new(Ledger::new(Meter::new("test")))
    }

    fn issue(ledger: &Arc<Ledger>, id: &str) -> Offer {
        let offer = v1::Offer {
            id: OfferId { value: id.into() },
            ..Default::default()
        };
        ledger.issue(vec![offer]).remove(0)
    }

    /// The offers in the DECLINEs that are due.
    fn due(ledger: &Ledger) -> Vec<String> {
        let declines = ledger.declines().now_or_never().unwrap_or_default();
        let ids = declines.into_iter().flat_map(|decline| decline.ids);
        ids.map(|id| id.id().to_owned()).collect()
    }

    fn take(offer: &Offer) -> UsedOffers {
        let used = Offer::take(std::slice::from_ref(offer), None).unwrap();
        used.unwrap()
    }

    fn failed(delivery: Delivery) -> Result<()> {
        Err(Error::new(ErrorKind::Transport, "lost").with_delivery(delivery))
    }

    #[tokio::test(start_paused = true)]
    async fn an_offer_dropped_unused_is_declined_once() {
        let ledger = ledger();
        drop(issue(&ledger, "o1"));
        drop(issue(&ledger, "o2"));
        assert_eq!(due(&ledger), ["o1", "o2"]);
        assert!(due(&ledger).is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn an_accepted_offer_is_not_declined() {
        let ledger = ledger();
        let offer = issue(&ledger, "o1");
        let used = take(&offer);
        assert!(!offer.is_alive());
        assert_eq!(ledger.outstanding(), 1, "not accepted yet");
        used.finish(&Ok(()));
        drop(offer);
        assert!(due(&ledger).is_empty());
        assert_eq!(ledger.outstanding(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn an_offer_of_a_refused_call_can_be_used_again_while_it_exists() {
        for delivery in [Delivery::NotSent, Delivery::Refused] {
            let ledger = ledger();
            let offer = issue(&ledger, "o1");
            take(&offer).finish(&failed(delivery));
            assert!(offer.is_alive());
            let used = take(&offer);
            drop(offer);
            used.finish(&failed(delivery));
            assert_eq!(due(&ledger), ["o1"]);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_offer_of_a_call_with_unknown_result_is_declined_after_a_second() {
        let ledger = ledger();
        let offer = issue(&ledger, "o1");
        let mut used = take(&offer);
        used.queued();
        drop(used);
        assert!(!offer.is_alive());
        assert!(due(&ledger).is_empty());
        tokio::time::advance(std::time::Duration::from_secs(1)).await;
        assert_eq!(due(&ledger), ["o1"]);
        assert_eq!(ledger.outstanding(), 1, "the DECLINE was not answered");
    }

    #[tokio::test(start_paused = true)]
    async fn a_rescinded_offer_is_refused_by_name_and_not_declined() {
        let ledger = ledger();
        let offer = issue(&ledger, "o1");
        ledger.remove(&offer.id);
        assert!(!offer.is_alive());
        let both = [issue(&ledger, "o2"), offer];
        let error = Offer::take(&both, None).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::OfferGone);
        assert!(error.to_string().starts_with("offer o1 "), "{error}");
        drop(both);
        assert_eq!(due(&ledger), ["o2"], "the offer that was not rescinded");
    }

    #[tokio::test(start_paused = true)]
    async fn a_new_subscription_makes_all_offers_void() {
        let ledger = ledger();
        let held = issue(&ledger, "o1");
        let used = take(&issue(&ledger, "o2"));
        drop(issue(&ledger, "o3"));
        ledger.clear();
        assert!(!held.is_alive());
        used.finish(&failed(Delivery::Refused));
        assert!(due(&ledger).is_empty());
        assert_eq!(ledger.outstanding(), 0);
    }
}
