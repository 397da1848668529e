//! Slots: the offers of one agent for one role, which can be accepted together.

use std::collections::HashMap;

use mesos_core::resources::Resources;
use mesos_proto::v1::{AgentId, Offer};

use crate::Agent;
use crate::launch::Operations;
use crate::round::Placed;

/// The offers of one agent for one role.
pub(crate) struct Slot {
    /// The indices of the offers.
    pub(crate) offers: Vec<usize>,
    pub(crate) agent_id: AgentId,
    pub(crate) agent: Agent,
    pub(crate) role: Option<String>,
    /// Whether maintenance is announced.
    pub(crate) unavailable: bool,
    /// The executors of the framework that run on the agent, by id.
    pub(crate) executor_ids: Vec<String>,
    pub(crate) free: Resources,
    pub(crate) placed: Vec<Placed>,
    pub(crate) operations: Operations,
    /// Instances with a made-up id so far.
    pub(crate) numbered: u32,
}

/// Merges the offers of each agent and role, in the order of the first offer of each.
pub(crate) fn slots<'a>(offers: impl Iterator<Item = &'a Offer>) -> Vec<Slot> {
    let mut slots: Vec<Slot> = Vec::new();
    let mut found: HashMap<(&str, Option<&str>), usize> = HashMap::new();
    for (i, offer) in offers.enumerate() {
        let role = offer
            .allocation_info
            .as_ref()
            .and_then(|info| info.role.as_deref());
        let key = (offer.agent_id.value.as_str(), role);
        // A newer Mesos may send resources of an unknown kind. Nothing uses them.
        let (free, _) = Resources::from_valid(offer.resources.iter().cloned());
        match found.get(&key) {
            Some(&at) => {
                let slot = &mut slots[at];
                slot.offers.push(i);
                slot.free += free;
                slot.unavailable |= offer.unavailability.is_some();
            }
            None => {
                found.insert(key, slots.len());
                slots.push(Slot {
                    offers: vec![i],
                    agent_id: offer.agent_id.clone(),
                    agent: Agent::of(offer),
                    role: role.map(str::to_owned),
                    unavailable: offer.unavailability.is_some(),
                    executor_ids: offer
                        .executor_ids
                        .iter()
                        .map(|id| id.value.clone())
                        .collect(),
                    free,
                    placed: Vec::new(),
                    operations: Operations::default(),
                    numbered: 0,
                });
            }
        }
    }
    slots
}
