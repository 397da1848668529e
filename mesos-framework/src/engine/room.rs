//! How many tasks fit into offers at most.

use std::collections::BTreeMap;

use mesos_placement::Request;
use mesos_proto::v1::Offer;

/// Mesos keeps three decimals.
const PARTS: f64 = 1000.0;

/// The amounts of offers. Requests that do not fit here have no place in the offers. Requests that
/// fit may have no place either: amounts can be on different agents, or reserved.
#[derive(Clone, Debug)]
pub(crate) struct Room {
    offers: usize,
    /// By the name of the resource; `None` is endless.
    free: Option<BTreeMap<String, i64>>,
}

/// The amounts that an instance of a request takes at least.
#[derive(Clone, Debug)]
pub(super) struct Amounts(BTreeMap<String, i64>);

fn parts(amount: f64) -> i64 {
    // A cast to an integer saturates.
    (amount * PARTS).round() as i64
}

impl Amounts {
    /// Without ports and volumes, and without the executor, which is started once per agent.
    pub(super) fn of(request: &Request) -> Self {
        let mut amounts = BTreeMap::new();
        let tasks = request.tasks().iter();
        for resource in tasks.flat_map(|task| task.resources().iter()) {
            if let Some(scalar) = &resource.scalar {
                *amounts.entry(resource.name.clone()).or_default() += parts(scalar.value);
            }
        }
        Self(amounts)
    }
}

impl Room {
    pub(crate) fn of<'o>(offers: impl IntoIterator<Item = &'o Offer>) -> Self {
        let mut free = BTreeMap::new();
        let mut count = 0;
        for offer in offers {
            count += 1;
            for resource in &offer.resources {
                if let Some(scalar) = &resource.scalar {
                    let amount: &mut i64 = free.entry(resource.name.clone()).or_default();
                    *amount = amount.saturating_add(parts(scalar.value));
                }
            }
        }
        Self {
            offers: count,
            free: Some(free),
        }
    }

    #[cfg(test)]
    pub(crate) fn endless() -> Self {
        Self {
            offers: usize::MAX,
            free: None,
        }
    }

    /// Whether the room has no offers.
    pub(super) fn is_empty(&self) -> bool {
        self.offers == 0
    }

    /// Takes the amounts, if they are there.
    pub(super) fn take(&mut self, amounts: &Amounts) -> bool {
        let Some(free) = &mut self.free else {
            return true;
        };
        let has = |(name, amount): (&String, &i64)| {
            *amount <= free.get(name).copied().unwrap_or_default()
        };
        if !amounts.0.iter().all(has) {
            return false;
        }
        for (name, amount) in &amounts.0 {
            if let Some(left) = free.get_mut(name) {
                *left -= amount;
            }
        }
        true
    }
}
