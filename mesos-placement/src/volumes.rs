//! Where the persistent volumes of the requests are.

use std::collections::{BTreeSet, HashMap};

use fixedbitset::FixedBitSet;

use crate::carve::persistence_id;
use crate::index::Index;
use crate::{Request, Requirement};

/// The slots with each volume, offered or created in the round, by the id of the volume.
#[derive(Clone, Debug)]
pub(crate) struct Volumes<'r> {
    slots: HashMap<&'r str, BTreeSet<usize>>,
}

impl<'r> Volumes<'r> {
    pub(crate) fn new(index: &Index<'_>, requests: &[&'r Request]) -> Volumes<'r> {
        let ids = requests.iter().flat_map(|request| ids(request));
        let mut slots: HashMap<&str, BTreeSet<usize>> =
            ids.map(|(id, _)| (id, BTreeSet::new())).collect();
        if !slots.is_empty() {
            for slot in 0..index.slots.len() {
                for id in index.offered(slot).filter_map(persistence_id) {
                    if let Some(known) = slots.get_mut(id) {
                        known.insert(slot);
                    }
                }
            }
        }
        Volumes { slots }
    }

    /// Records the volumes of an instance that was placed on `slot`.
    pub(crate) fn add(&mut self, request: &Request, slot: usize) {
        for (id, _) in ids(request) {
            if let Some(known) = self.slots.get_mut(id) {
                known.insert(slot);
            }
        }
    }

    /// Whether a volume of the request exists.
    pub(crate) fn found(&self, request: &Request) -> bool {
        let mut ids = ids(request);
        ids.any(|(id, _)| self.slots.get(id).is_some_and(|slots| !slots.is_empty()))
    }

    /// The volumes of the request that `slot` has.
    pub(crate) fn on<'q>(
        &'q self,
        request: &'q Request,
        slot: usize,
    ) -> impl Iterator<Item = &'q str> {
        let here = move |id: &&str| {
            let known = self.slots.get(id);
            known.is_some_and(|known| known.contains(&slot))
        };
        ids(request).map(|(id, _)| id).filter(here)
    }

    /// The slots that lack a volume of the request which exists on another slot. Slots of a role
    /// that the request does not use do not count: a volume belongs to a role.
    pub(crate) fn elsewhere<'q>(
        &'q self,
        request: &'q Request,
        index: &'q Index<'_>,
    ) -> impl Iterator<Item = (Requirement, FixedBitSet)> + 'q {
        let role = request.role.as_deref();
        ids(request).filter_map(move |(id, text)| {
            let known = self.slots.get(id)?.iter().copied();
            let known = known.filter(|&slot| role.is_none() || index.slots[slot].role() == role);
            let mut known = known.peekable();
            known.peek()?;
            let mut lacking = crate::masks::full(index.slots.len());
            known.for_each(|slot| lacking.remove(slot));
            Some((Requirement::Part(text()), lacking))
        })
    }
}

/// The ids of the persistent volumes of a request, with their texts.
fn ids(request: &Request) -> impl Iterator<Item = (&str, impl FnOnce() -> String)> {
    let volumes = request.tasks.iter().flat_map(|task| &task.volumes);
    volumes.filter_map(|volume| {
        let persistent = volume.persistent.as_ref()?;
        Some((persistent.id.as_str(), || volume.to_string()))
    })
}
