//! What waits for offers, by priority and by what it needs, and how many of each group may run.
//!
//! Units that need the same wait in one lane. If one of them has no place, the others have none
//! either, until something is gained. So a large batch of equal jobs costs a round of placement
//! about as much as the jobs that have a place.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use mesos_placement::Unplaced;

use super::Name;
use super::candidates::Candidates;
use super::job::Limit;

/// How many reports of each lane are kept.
const REPORTS: usize = 5;

/// Instances of services have the priority `None`, which is the first.
pub(super) type Priority = Option<Reverse<i32>>;

/// What the units of a lane have in common.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(super) priority: Priority,
    pub(super) limit: Option<Limit>,
    /// Stands for everything that decides where a unit can be placed.
    pub(super) shape: u64,
    /// The unit that has the lane for itself.
    pub(super) alone: Option<u64>,
}

/// What the queue has to know about a unit.
#[derive(Debug)]
pub(crate) struct Need {
    pub(super) key: Key,
    /// Whether the place depends on the tasks that run.
    pub(super) social: bool,
    pub(super) role: Option<String>,
}

/// Where a unit waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(super) lane: u64,
    number: u64,
}

#[derive(Debug)]
pub(super) struct Lane {
    need: Need,
    pub(super) waiting: BTreeMap<u64, Name>,
    /// The lane is not before this number.
    behind: u64,
    /// Whether nothing was gained since a unit of the lane had no place.
    closed: bool,
    /// Whether a unit of the lane had no place at any time.
    pub(super) tried: bool,
    /// Whether no unit was launched since a unit of the lane had no place.
    failing: bool,
    /// Why units of the lane had no place, the newest last.
    reports: VecDeque<Arc<Unplaced>>,
}

#[derive(Debug, Default)]
pub(crate) struct Queue {
    pub(super) lanes: BTreeMap<u64, Lane>,
    keys: HashMap<Key, u64>,
    /// The lanes that are not closed, in the order in which they are tried.
    pub(super) open: BTreeSet<(Priority, u64, u64)>,
    /// The lanes that were closed, first those whose place depends on tasks.
    closed: [Vec<u64>; 2],
    untried: usize,
    len: usize,
    last: u64,
    groups: HashMap<String, Group>,
    /// Whether something that waits could have a place now that it did not have before.
    changed: bool,
    /// Whether there are other lanes than before.
    renewed: bool,
}

#[derive(Debug, Default)]
struct Group {
    max: u32,
    running: u32,
}

impl Lane {
    pub(super) fn priority(&self) -> Priority {
        self.need.key.priority
    }

    pub(super) fn limit(&self) -> Option<&Limit> {
        self.need.key.limit.as_ref()
    }

    pub(super) fn is_social(&self) -> bool {
        self.need.social
    }

    /// The position of a unit among all lanes.
    pub(super) fn position(&self, number: u64) -> (Priority, u64) {
        (self.priority(), number.max(self.behind))
    }

    fn first(&self) -> Option<(Priority, u64)> {
        let (first, _) = self.waiting.first_key_value()?;
        Some(self.position(*first))
    }
}

impl Queue {
    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds a unit behind the others of its priority.
    pub(crate) fn push(&mut self, name: &Name, need: Need) -> Place {
        self.last += 1;
        self.put(name, need, self.last)
    }

    /// Moves a unit to another lane. It keeps its place among all units.
    pub(crate) fn change(&mut self, name: &Name, place: Place, need: Need) -> Place {
        self.remove(place);
        self.put(name, need, place.number)
    }

    fn put(&mut self, name: &Name, need: Need, number: u64) -> Place {
        let id = match self.keys.get(&need.key) {
            Some(id) => *id,
            None => self.add_lane(need),
        };
        self.each_lane([id], |lane| drop(lane.waiting.insert(number, name.clone())));
        self.changed |= self.is_open(id);
        self.len += 1;
        Place { lane: id, number }
    }

    fn is_open(&self, id: u64) -> bool {
        self.lanes.get(&id).is_some_and(|lane| !lane.closed)
    }

    fn add_lane(&mut self, need: Need) -> u64 {
        self.last += 1;
        let id = self.last;
        self.keys.insert(need.key.clone(), id);
        let lane = Lane {
            need,
            waiting: BTreeMap::new(),
            behind: 0,
            closed: false,
            tried: false,
            failing: false,
            reports: VecDeque::new(),
        };
        self.lanes.insert(id, lane);
        self.untried += 1;
        self.renewed = true;
        id
    }

    pub(crate) fn remove(&mut self, place: Place) {
        let mut removed = None;
        self.each_lane([place.lane], |lane| {
            removed = lane.waiting.remove(&place.number);
        });
        self.len -= usize::from(removed.is_some());
        let is_empty = |lane: &Lane| lane.waiting.is_empty();
        if self.lanes.get(&place.lane).is_some_and(is_empty)
            && let Some(lane) = self.lanes.remove(&place.lane)
        {
            self.keys.remove(&lane.need.key);
            self.untried -= usize::from(!lane.tried);
            self.renewed = true;
        }
    }

    /// Changes lanes, and keeps their order.
    fn each_lane(&mut self, ids: impl IntoIterator<Item = u64>, mut change: impl FnMut(&mut Lane)) {
        for id in ids {
            let Some(lane) = self.lanes.get_mut(&id) else {
                continue;
            };
            let before = (!lane.closed).then(|| lane.first()).flatten();
            let was_tried = lane.tried;
            change(lane);
            self.untried -= usize::from(lane.tried && !was_tried);
            let after = (!lane.closed).then(|| lane.first()).flatten();
            if before == after {
                continue;
            }
            if let Some((priority, number)) = before {
                self.open.remove(&(priority, number, id));
            }
            if let Some((priority, number)) = after {
                self.open.insert((priority, number, id));
            }
        }
    }

    /// Units of these lanes had no place. With `behind`, the lanes are then tried after the others
    /// of their priority, so that each lane is tried.
    pub(crate) fn close(&mut self, ids: impl Iterator<Item = u64> + Clone, behind: bool) {
        for id in ids.clone() {
            let Some(lane) = self.lanes.get(&id).filter(|lane| !lane.closed) else {
                continue;
            };
            self.closed[usize::from(!lane.is_social())].push(id);
        }
        self.last += u64::from(behind);
        let last = self.last;
        self.each_lane(ids, |lane| {
            (lane.closed, lane.tried, lane.failing) = (true, true, true);
            if behind {
                lane.behind = last;
            }
        });
    }

    /// There are new places: every unit could have one.
    pub(crate) fn gained(&mut self) {
        self.changed = true;
        let closed = std::mem::take(&mut self.closed[1]);
        self.each_lane(closed, |lane| lane.closed = false);
        self.tasks_changed();
    }

    /// Other tasks run than before. This matters for units whose place depends on them.
    pub(crate) fn tasks_changed(&mut self) {
        let closed = std::mem::take(&mut self.closed[0]);
        self.changed |= !closed.is_empty();
        self.each_lane(closed, |lane| lane.closed = false);
    }

    /// Whether no unit was launched since a unit of the lane had no place.
    pub(super) fn is_failing(&self, lane: u64) -> bool {
        self.lanes.get(&lane).is_some_and(|lane| lane.failing)
    }

    /// Keeps why a unit of a lane had no place.
    pub(crate) fn report(&mut self, lane: u64, report: Arc<Unplaced>) {
        if let Some(lane) = self.lanes.get_mut(&lane) {
            lane.reports.push_back(report);
            if lane.reports.len() > REPORTS {
                lane.reports.pop_front();
            }
        }
    }

    /// Why a unit in this place was not placed, the newest first.
    pub(crate) fn reports(&self, place: Place) -> impl Iterator<Item = &Arc<Unplaced>> {
        let lane = self.lanes.get(&place.lane);
        lane.into_iter().flat_map(|lane| lane.reports.iter().rev())
    }

    /// The limit of a group is this from now on.
    pub(crate) fn set_limit(&mut self, limit: &Limit) {
        let group = self.groups.entry(limit.group.clone()).or_default();
        self.changed |= group.max != limit.max;
        group.max = limit.max;
    }

    /// Whether something that waits could have a place now that it did not have before, apart from
    /// units of closed lanes.
    pub(crate) fn is_changed(&self) -> bool {
        self.changed
    }

    /// Everything was tried.
    pub(crate) fn unchanged(&mut self) {
        self.changed = false;
    }

    /// Whether there are other lanes than at the last call.
    pub(crate) fn take_renewed(&mut self) -> bool {
        std::mem::take(&mut self.renewed)
    }

    pub(crate) fn is_renewed(&self) -> bool {
        self.renewed
    }

    /// Whether there are lanes of which no unit was ever tried in vain.
    pub(crate) fn is_untried(&self) -> bool {
        self.untried > 0
    }

    /// A unit that waits is about to be launched.
    pub(crate) fn launch(&mut self, place: Place) {
        if let Some(lane) = self.lanes.get_mut(&place.lane) {
            lane.failing = false;
        }
        self.remove(place);
    }

    pub(crate) fn launched(&mut self, limit: Option<&Limit>) {
        self.tasks_changed();
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
        self.tasks_changed();
        let group = limit.and_then(|limit| self.groups.get_mut(&limit.group));
        if let Some(group) = group {
            self.changed |= group.running >= group.max;
            group.running = group.running.saturating_sub(1);
        }
    }

    /// How many more units of the group may run.
    pub(super) fn free(&self, limit: &Limit) -> u32 {
        let group = self.groups.get(&limit.group);
        group.map_or(limit.max, |group| group.max.saturating_sub(group.running))
    }

    #[cfg(test)]
    pub(crate) fn max(&self, limit: &Limit) -> u32 {
        self.groups.get(&limit.group).map_or(0, |group| group.max)
    }

    /// The group does not exist any more.
    pub(crate) fn forget(&mut self, limit: &Limit) {
        self.groups.remove(&limit.group);
    }

    /// The units that may be launched now, the first before the others, at most `most`.
    pub(crate) fn candidates(&self, most: usize, only_untried: bool) -> Candidates<'_> {
        Candidates::new(self, most, only_untried)
    }

    /// A unit of each lane, and the role that it needs.
    pub(crate) fn heads(&self) -> impl Iterator<Item = (&Name, Option<&str>)> {
        self.lanes.values().filter_map(|lane| {
            let (_, name) = lane.waiting.first_key_value()?;
            Some((name, lane.need.role.as_deref()))
        })
    }
}
