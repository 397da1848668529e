//! The offers that a scheduler holds for a bounded time.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Deref;
use std::time::{Duration, Instant};

use mesos_proto::v1::{AgentId, Offer, OfferId};

/// The offers that a scheduler holds until it needs them, at most for a certain time.
///
/// The caller passes the time, and declines the offers that the methods return. `O` is the
/// `Offer` of a scheduler, or a box or a reference of the message.
///
/// A taken offer is not held. The value remembers the offer until the caller
/// [gives the offer back](Self::give_back) or [forgets](Self::forget) the offer. An offer that was
/// rescinded in between cannot be given back.
#[derive(Debug)]
pub struct HeldOffers<O> {
    hold: Duration,
    offers: BTreeMap<OfferId, Held<O>>,
    /// The held offers of each agent, in the order of their arrival.
    agents: BTreeMap<AgentId, Vec<OfferId>>,
    /// When the taken offers expire, and their agents.
    taken: HashMap<OfferId, (AgentId, Instant)>,
    /// All expiries with the id of the offer. Offers that are not held any more stay until their
    /// time.
    expiries: BTreeSet<(Instant, String)>,
}

#[derive(Debug)]
struct Held<O> {
    offer: O,
    expires: Instant,
}

impl<O: Deref<Target = Offer>> HeldOffers<O> {
    /// No offers; each will be held for `hold`. A time that the clock cannot express is 30 years.
    pub fn new(hold: Duration) -> Self {
        Self {
            hold,
            offers: BTreeMap::new(),
            agents: BTreeMap::new(),
            taken: HashMap::new(),
            expiries: BTreeSet::new(),
        }
    }

    /// The number of held offers.
    pub fn len(&self) -> usize {
        self.offers.len()
    }

    /// Whether no offers are held.
    pub fn is_empty(&self) -> bool {
        self.offers.is_empty()
    }

    /// The held offers and when they expire, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = (&O, Instant)> {
        self.offers.values().map(|held| (&held.offer, held.expires))
    }

    /// Holds an offer that arrived at `now`.
    pub fn add(&mut self, offer: O, now: Instant) {
        self.add_until(offer, later(now, self.hold));
    }

    /// Holds an offer that arrived at `now`, for a time of its own.
    pub fn add_for(&mut self, offer: O, hold: Duration, now: Instant) {
        self.add_until(offer, later(now, hold));
    }

    /// Holds an offer until `expires`, for example because the offers are held for different times.
    pub fn add_until(&mut self, offer: O, expires: Instant) {
        self.expiries.insert((expires, offer.id.value.clone()));
        self.insert(offer, expires);
        let alive = self.offers.len() + self.taken.len();
        if self.expiries.len() > 2 * alive + 64 {
            let (offers, taken) = (&self.offers, &self.taken);
            self.expiries.retain(|(_, id)| {
                let id = id.as_str().into();
                offers.contains_key(&id) || taken.contains_key(&id)
            });
        }
    }

    fn insert(&mut self, offer: O, expires: Instant) {
        let ids = self.agents.entry(offer.agent_id.clone()).or_default();
        if !ids.contains(&offer.id) {
            ids.push(offer.id.clone());
        }
        self.offers
            .insert(offer.id.clone(), Held { offer, expires });
    }

    fn remove(&mut self, id: &OfferId) -> Option<Held<O>> {
        let held = self.offers.remove(id)?;
        if let Some(ids) = self.agents.get_mut(&held.offer.agent_id) {
            ids.retain(|other| other != id);
            if ids.is_empty() {
                self.agents.remove(&held.offer.agent_id);
            }
        }
        Some(held)
    }

    /// The offer was rescinded. Returns the offer if it was held.
    pub fn rescind(&mut self, id: &OfferId) -> Option<O> {
        self.taken.remove(id);
        Some(self.remove(id)?.offer)
    }

    /// The agent was lost: its offers are void. Returns the held ones.
    pub fn agent_lost(&mut self, agent_id: &AgentId) -> Vec<O> {
        self.taken.retain(|_, (agent, _)| agent != agent_id);
        let ids = self.agents.remove(agent_id).unwrap_or_default();
        let held = ids.iter().filter_map(|id| self.offers.remove(id));
        held.map(|held| held.offer).collect()
    }

    /// A new subscription makes all offers void. Returns the held ones.
    pub fn clear(&mut self) -> Vec<O> {
        self.taken.clear();
        self.agents.clear();
        self.expiries.clear();
        let offers = std::mem::take(&mut self.offers);
        offers.into_values().map(|held| held.offer).collect()
    }

    /// Removes and returns the offers that were held for long enough, to be declined.
    pub fn expire(&mut self, now: Instant) -> Vec<O> {
        let mut expired = Vec::new();
        while let Some((expires, _)) = self.expiries.first()
            && *expires <= now
            && let Some((_, id)) = self.expiries.pop_first()
        {
            expired.extend(self.remove(&id.into()).map(|held| held.offer));
        }
        expired
    }

    /// When the next held offer expires. `None` if no offers are held.
    pub fn next_expiry(&mut self) -> Option<Instant> {
        while let Some((expires, id)) = self.expiries.first() {
            let id = id.as_str().into();
            if self.offers.contains_key(&id) || self.taken.contains_key(&id) {
                return Some(*expires);
            }
            self.expiries.pop_first();
        }
        None
    }

    /// Takes all of these offers, or none.
    ///
    /// # Errors
    /// The id of the first offer that is not held.
    pub fn take(&mut self, ids: &[OfferId]) -> Result<Vec<O>, OfferId> {
        if let Some(missing) = ids.iter().find(|id| !self.offers.contains_key(*id)) {
            return Err(missing.clone());
        }
        Ok(ids.iter().filter_map(|id| self.take_one(id)).collect())
    }

    fn take_one(&mut self, id: &OfferId) -> Option<O> {
        let held = self.remove(id)?;
        let agent = held.offer.agent_id.clone();
        self.taken.insert(id.clone(), (agent, held.expires));
        Some(held.offer)
    }

    /// Takes the offers of one agent, which can be accepted together if they are for one role.
    pub fn take_agent(&mut self, agent_id: &AgentId) -> Vec<O> {
        let ids = self.agents.get(agent_id).cloned().unwrap_or_default();
        ids.iter().filter_map(|id| self.take_one(id)).collect()
    }

    /// Takes everything. The offers of one agent are next to each other.
    pub fn take_all(&mut self) -> Vec<O> {
        let agents: Vec<AgentId> = self.agents.keys().cloned().collect();
        let offers = agents.iter().flat_map(|agent| self.take_agent(agent));
        offers.collect()
    }

    /// Gives a taken offer back. It keeps its time. Returns the offer if it is void, or if its time
    /// is over; then it is to be declined.
    pub fn give_back(&mut self, offer: O, now: Instant) -> Option<O> {
        match self.taken.remove(&offer.id) {
            Some((_, expires)) if expires > now => {
                self.insert(offer, expires);
                None
            }
            _ => Some(offer),
        }
    }

    /// A taken offer was used.
    pub fn forget(&mut self, id: &OfferId) {
        self.taken.remove(id);
    }

    /// The held offers of each agent.
    pub fn agents(&self) -> impl Iterator<Item = (&AgentId, Vec<&O>)> {
        self.agents.iter().map(|(agent_id, ids)| {
            let held = ids.iter().filter_map(|id| self.offers.get(id));
            (agent_id, held.map(|held| &held.offer).collect())
        })
    }

    /// Removes and returns the offers of each role beyond its share, to be declined: those that
    /// expire first. Roles without a share keep nothing.
    pub fn trim(&mut self, shares: &BTreeMap<String, u64>) -> Vec<O> {
        let mut by_role: BTreeMap<String, Vec<(Instant, OfferId)>> = BTreeMap::new();
        for (id, held) in &self.offers {
            let role = role(&held.offer).to_owned();
            by_role
                .entry(role)
                .or_default()
                .push((held.expires, id.clone()));
        }
        let mut surplus = Vec::new();
        for (role, mut offers) in by_role {
            let share = shares.get(&role).copied().unwrap_or(0);
            let share = usize::try_from(share).unwrap_or(usize::MAX);
            offers.sort_by(|left, right| (left.0, &left.1.value).cmp(&(right.0, &right.1.value)));
            offers.truncate(offers.len().saturating_sub(share));
            let removed = offers.iter().filter_map(|(_, id)| self.remove(id));
            surplus.extend(removed.map(|held| held.offer));
        }
        surplus
    }
}

/// What stands for a time that the clock cannot express: 30 years.
const FAR: Duration = Duration::from_secs(30 * 365 * 24 * 3600);

pub(crate) fn later(now: Instant, wait: Duration) -> Instant {
    now.checked_add(wait).unwrap_or_else(|| now + FAR)
}

/// The role that an offer is allocated to.
fn role(offer: &Offer) -> &str {
    let allocation = offer.allocation_info.as_ref();
    allocation
        .and_then(|info| info.role.as_deref())
        .unwrap_or("*")
}
