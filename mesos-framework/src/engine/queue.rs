//! The jobs that wait for offers, by priority, and how many of each group may run.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use super::Name;
use super::job::{JobRecord, Limit};

#[derive(Debug, Default)]
pub(crate) struct Queue {
    waiting: BTreeMap<(Reverse<i32>, u64), Name>,
    last: u64,
    groups: HashMap<String, Group>,
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

    /// Adds a job behind the others of its priority, and returns its place.
    pub(crate) fn push(&mut self, name: &Name, record: &JobRecord) -> u64 {
        self.last += 1;
        let key = (Reverse(record.spec.priority), self.last);
        self.waiting.insert(key, name.clone());
        self.last
    }

    pub(crate) fn remove(&mut self, priority: i32, place: u64) {
        self.waiting.remove(&(Reverse(priority), place));
    }

    /// The limit of a group is this from now on.
    pub(crate) fn set_limit(&mut self, limit: &Limit) {
        self.groups.entry(limit.group.clone()).or_default().max = limit.max;
    }

    pub(crate) fn launched(&mut self, limit: Option<&Limit>) {
        if let Some(limit) = limit {
            let group = self.groups.entry(limit.group.clone()).or_default();
            group.max = limit.max;
            group.running += 1;
        }
    }

    pub(crate) fn ended(&mut self, limit: Option<&Limit>) {
        let group = limit.and_then(|limit| self.groups.get_mut(&limit.group));
        if let Some(group) = group {
            group.running = group.running.saturating_sub(1);
        }
    }

    /// The first jobs that may be launched now, at most `most`.
    pub(crate) fn first<'a>(
        &'a self,
        most: usize,
        limit_of: impl Fn(&Name) -> Option<&'a Limit>,
    ) -> Vec<Name> {
        let mut taken: HashMap<&str, u32> = HashMap::new();
        let mut first = Vec::new();
        for name in self.waiting.values() {
            if first.len() == most {
                break;
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
            first.push(name.clone());
        }
        first
    }
}
