//! The values of the agents' fields as numbers, so that constraints compare numbers.

use std::borrow::Cow;
use std::collections::HashMap;

use fixedbitset::FixedBitSet;
use mesos_proto::v1::Offer;

use crate::Field;
use crate::agent::text;
use crate::index::Index;

/// The value of a field of an offer's agent.
pub(crate) fn value<'a>(offer: &'a Offer, field: &Field) -> Option<Cow<'a, str>> {
    let domain = || offer.domain.as_ref()?.fault_domain.as_ref();
    match field {
        Field::Attribute(name) => offer.attribute(name).map(text),
        Field::Hostname => Some(Cow::Borrowed(&offer.hostname)),
        Field::AgentId => Some(Cow::Borrowed(&offer.agent_id.value)),
        Field::Region => Some(Cow::Borrowed(domain()?.region.name.as_str())),
        Field::Zone => Some(Cow::Borrowed(domain()?.zone.name.as_str())),
    }
}

/// The values of one field.
#[derive(Clone, Debug)]
pub(crate) struct Values<'a> {
    ids: HashMap<Cow<'a, str>, usize>,
    /// The value of each slot.
    pub(crate) of_slot: Vec<Option<usize>>,
    /// The slots of each value that a slot has.
    slots: Vec<Vec<usize>>,
    /// The slots that have a value.
    pub(crate) known: FixedBitSet,
}

impl<'a> Values<'a> {
    pub(crate) fn new(index: &Index<'a>, field: &Field) -> Values<'a> {
        let mut ids: HashMap<Cow<'a, str>, usize> = HashMap::new();
        let mut slots: Vec<Vec<usize>> = Vec::new();
        let of_slot = index.slots.iter().enumerate().map(|(i, slot)| {
            let next = ids.len();
            let id = *ids.entry(value(slot.first, field)?).or_insert(next);
            if id == slots.len() {
                slots.push(Vec::new());
            }
            slots[id].push(i);
            Some(id)
        });
        let of_slot: Vec<Option<usize>> = of_slot.collect();
        let mut known = FixedBitSet::with_capacity(of_slot.len());
        known.extend((0..of_slot.len()).filter(|&slot| of_slot[slot].is_some()));
        Values {
            ids,
            of_slot,
            slots,
            known,
        }
    }

    /// The values that slots have, with their numbers.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, usize)> {
        self.ids.iter().map(|(text, id)| (text.as_ref(), *id))
    }

    /// The number of values that slots have.
    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(crate) fn get(&self, text: &str) -> Option<usize> {
        self.ids.get(text).copied()
    }

    /// The slots with this value.
    pub(crate) fn slots(&self, value: usize) -> &[usize] {
        &self.slots[value]
    }
}
