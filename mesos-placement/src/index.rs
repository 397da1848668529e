//! The offers of a round, merged and indexed once.

use std::cmp::Reverse;
use std::collections::HashMap;

use mesos_core::resources::{Resources, validate};
use mesos_proto::v1::{Offer, Resource};

use crate::Strategy;
use crate::dimension::Dimension;

/// The offers of one agent for one role, which can be accepted together.
#[derive(Debug)]
pub(crate) struct Slot<'a> {
    /// The first offer.
    pub(crate) first: &'a Offer,
    /// The indices of all offers.
    pub(crate) offers: Vec<usize>,
    /// Whether maintenance is announced.
    pub(crate) unavailable: bool,
    pub(crate) has_gpus: bool,
    /// The next slot of the agent, for another role.
    pub(crate) sibling: Option<usize>,
}

impl<'a> Slot<'a> {
    pub(crate) fn role(&self) -> Option<&'a str> {
        role(self.first)
    }
}

fn role(offer: &Offer) -> Option<&str> {
    offer.allocation_info.as_ref()?.role.as_deref()
}

/// See the module. The position of a slot in `slots` is its number in all masks.
#[derive(Debug)]
pub(crate) struct Index<'a> {
    pub(crate) slots: Vec<Slot<'a>>,
    views: Vec<&'a Offer>,
    /// The first slot of each agent.
    by_agent: HashMap<&'a str, usize>,
    /// The free amounts of each slot in each dimension, slot by slot.
    pub(crate) amounts: Vec<i64>,
    /// The factor from an amount to its share of the largest offer, for each dimension.
    pub(crate) shares: Vec<f64>,
}

impl<'a> Index<'a> {
    pub(crate) fn new(
        views: Vec<&'a Offer>,
        dimensions: &[Dimension],
        strategy: &Strategy,
        seed: Option<u64>,
    ) -> Index<'a> {
        let mut slots = merge(&views);
        if let Some(seed) = seed {
            fastrand::Rng::with_seed(seed).shuffle(&mut slots);
        }
        let width = dimensions.len();
        let mut amounts = vec![0; slots.len() * width];
        for (i, slot) in slots.iter_mut().enumerate() {
            let row = &mut amounts[i * width..(i + 1) * width];
            for resource in slot
                .offers
                .iter()
                .flat_map(|&offer| &views[offer].resources)
            {
                // A newer Mesos may send resources of an unknown kind. Nothing uses them.
                if validate(resource).is_err() {
                    continue;
                }
                slot.has_gpus |= resource.name == "gpus";
                for (amount, dimension) in row.iter_mut().zip(dimensions) {
                    *amount = i64::saturating_add(*amount, dimension.amount(resource));
                }
            }
        }
        let shares = shares(&amounts, width);
        let mut index = Index {
            slots,
            views,
            by_agent: HashMap::new(),
            amounts,
            shares,
        };
        if !matches!(strategy, Strategy::FirstFit) {
            index.sort(matches!(strategy, Strategy::Spread));
        }
        index.link();
        index
    }

    /// The number of dimensions.
    pub(crate) fn width(&self) -> usize {
        self.shares.len()
    }

    /// Orders the slots by their size, which decides between slots of equal cost.
    fn sort(&mut self, largest_first: bool) {
        let width = self.width();
        let size = |i: usize| -> i64 {
            let row = self.amounts[i * width..(i + 1) * width]
                .iter()
                .zip(&self.shares);
            let dominant = row
                .map(|(amount, share)| *amount as f64 * share)
                .fold(0.0, f64::max);
            (dominant * 1e9) as i64
        };
        let mut order: Vec<(i64, usize)> = (0..self.slots.len()).map(|i| (size(i), i)).collect();
        if largest_first {
            order.sort_by_key(|(size, i)| (Reverse(*size), *i));
        } else {
            order.sort_unstable();
        }
        let rows = order.iter();
        let rows = rows.flat_map(|(_, i)| &self.amounts[i * width..(i + 1) * width]);
        self.amounts = rows.copied().collect();
        let mut slots: Vec<Option<Slot<'a>>> = self.slots.drain(..).map(Some).collect();
        self.slots = order.iter().filter_map(|(_, i)| slots[*i].take()).collect();
    }

    /// Links the slots of each agent.
    fn link(&mut self) {
        for (i, slot) in self.slots.iter_mut().enumerate() {
            slot.sibling = self.by_agent.insert(&slot.first.agent_id.value, i);
        }
    }

    /// The slots of an agent.
    pub(crate) fn of_agent(&self, id: &str) -> impl Iterator<Item = usize> {
        let first = self.by_agent.get(id).copied();
        std::iter::successors(first, |&slot| self.slots[slot].sibling)
    }

    /// The offered resources of a slot.
    pub(crate) fn resources(&self, slot: usize) -> Resources {
        Resources::from_valid(self.offered(slot).cloned()).0
    }

    /// The messages of the offered resources of a slot.
    pub(crate) fn offered(&self, slot: usize) -> impl Iterator<Item = &'a Resource> {
        let offers = self.slots[slot].offers.iter();
        offers.flat_map(|&offer| &self.views[offer].resources)
    }

    pub(crate) fn executors(&self, slot: usize) -> impl Iterator<Item = &'a str> {
        let offers = self.slots[slot]
            .offers
            .iter()
            .map(|&offer| self.views[offer]);
        offers.flat_map(|offer| offer.executor_ids.iter().map(|id| id.value.as_str()))
    }

    /// The offers, as they were passed.
    pub(crate) fn offers(&self) -> &[&'a Offer] {
        &self.views
    }
}

/// Merges the offers of each agent and role, in the order of the first offer of each.
fn merge<'a>(offers: &[&'a Offer]) -> Vec<Slot<'a>> {
    let mut slots: Vec<Slot<'a>> = Vec::with_capacity(offers.len());
    let mut found: HashMap<(&str, Option<&str>), usize> = HashMap::with_capacity(offers.len());
    for (i, &offer) in offers.iter().enumerate() {
        let at = *found
            .entry((offer.agent_id.value.as_str(), role(offer)))
            .or_insert(slots.len());
        if at == slots.len() {
            slots.push(Slot {
                first: offer,
                offers: Vec::with_capacity(1),
                unavailable: false,
                has_gpus: false,
                sibling: None,
            });
        }
        slots[at].offers.push(i);
        slots[at].unavailable |= offer.unavailability.is_some();
    }
    slots
}

fn shares(amounts: &[i64], width: usize) -> Vec<f64> {
    let largest = |k: usize| amounts.iter().skip(k).step_by(width.max(1)).max();
    let share = |k| match largest(k) {
        Some(&largest) if largest > 0 => 1.0 / largest as f64,
        _ => 0.0,
    };
    (0..width).map(share).collect()
}
