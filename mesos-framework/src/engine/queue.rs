//! What waits for offers, by priority, and how many of each group may run.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use super::Name;
use super::job::Limit;

#[derive(Debug, Default)]
pub(crate) struct Queue {
    /// Instances of services have the key `None`, which is the first.
    waiting: BTreeMap<(Option<Reverse<i32>>, u64), Name>,
    last: u64,
    groups: HashMap<String, Group>,
    /// Whether something that waits could have a place now that it did not have before.
    changed: bool,
}

#[derive(Debug, Default)]
struct Group {
    max: u32,
    running: u32,
}

impl Queue {
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Adds a job behind the others of its priority, or an instance behind the other instances.
    /// Returns the place.
    pub(crate) fn push(&mut self, name: &Name, priority: Option<i32>) -> u64 {
        self.last += 1;
        self.changed = true;
        let key = (priority.map(Reverse), self.last);
        self.waiting.insert(key, name.clone());
        self.last
    }

    pub(crate) fn remove(&mut self, priority: Option<i32>, place: u64) {
        self.waiting.remove(&(priority.map(Reverse), place));
    }

    /// The limit of a group is this from now on.
    pub(crate) fn set_limit(&mut self, limit: &Limit) {
        let group = self.groups.entry(limit.group.clone()).or_default();
        self.changed |= group.max != limit.max;
        group.max = limit.max;
    }

    /// A place may be free that was not free before.
    pub(crate) fn set_changed(&mut self) {
        self.changed = true;
    }

    /// Whether this is the first call after a change.
    pub(crate) fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    pub(crate) fn launched(&mut self, limit: Option<&Limit>) {
        if let Some(limit) = limit {
            self.groups
                .entry(limit.group.clone())
                .or_insert(Group {
                    max: limit.max,
                    running: 0,
                })
                .running += 1;
        }
    }

    pub(crate) fn ended(&mut self, limit: Option<&Limit>) {
        // Constraints count the task no longer, too.
        self.changed = true;
        let group = limit.and_then(|limit| self.groups.get_mut(&limit.group));
        if let Some(group) = group {
            group.running = group.running.saturating_sub(1);
        }
    }

    #[cfg(test)]
    pub(crate) fn max(&self, limit: &Limit) -> u32 {
        self.groups.get(&limit.group).map_or(0, |group| group.max)
    }

    /// The group does not exist any more.
    pub(crate) fn forget(&mut self, limit: &Limit) {
        self.groups.remove(&limit.group);
    }

    /// The first that may be launched now, at most `most`. At most half of them are instances, so
    /// that instances without a place do not keep jobs from their places.
    pub(crate) fn first<'a>(
        &'a self,
        most: usize,
        limit_of: impl Fn(&Name) -> Option<&'a Limit>,
    ) -> Vec<Name> {
        let mut taken: HashMap<&str, u32> = HashMap::new();
        let mut first = Vec::new();
        let mut instances = 0;
        for ((priority, _), name) in &self.waiting {
            if first.len() == most {
                break;
            }
            if priority.is_none() && instances == most.div_ceil(2) {
                continue;
            }
            if let Some(limit) = limit_of(name) {
                let group = self.groups.get(&limit.group);
                let free = group.map_or(limit.max, |group| group.max.saturating_sub(group.running));
                let taken = taken.entry(&limit.group).or_default();
                if *taken >= free {
                    continue;
                }
                *taken += 1;
            }
            instances += usize::from(priority.is_none());
            first.push(name.clone());
        }
        first
    }
}
