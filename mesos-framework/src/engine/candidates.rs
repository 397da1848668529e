//! The order in which waiting units are tried.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};
use std::iter::Peekable;

use super::Name;
use super::queue::{Lane, Priority, Queue};

/// Units of all open lanes, by their priority and their place.
pub(crate) struct Candidates<'q> {
    queue: &'q Queue,
    most: usize,
    only_untried: bool,
    /// The lanes that were not reached yet.
    lanes: Peekable<std::collections::btree_set::Iter<'q, (Priority, u64, u64)>>,
    /// The next units of the lanes that were reached: the position, the lane, and the number.
    next: BinaryHeap<Reverse<(Priority, u64, u64, u64)>>,
    /// How many units of each group were taken.
    taken: HashMap<&'q str, u32>,
    ended: HashSet<u64>,
    count: usize,
    instances: usize,
    cut: bool,
}

impl<'q> Candidates<'q> {
    pub(super) fn new(queue: &'q Queue, most: usize, only_untried: bool) -> Self {
        Self {
            queue,
            most,
            only_untried,
            lanes: queue.open.iter().peekable(),
            next: BinaryHeap::new(),
            taken: HashMap::new(),
            ended: HashSet::new(),
            count: 0,
            instances: 0,
            cut: false,
        }
    }

    /// Takes no more units of this lane.
    pub(super) fn end(&mut self, lane: u64) {
        self.ended.insert(lane);
    }

    /// Whether there are units that were not reached, because there were too many before them.
    pub(super) fn is_cut(&self) -> bool {
        self.cut
    }

    /// The next unit, with its lane.
    pub(super) fn next(&mut self) -> Option<(u64, &'q Name)> {
        loop {
            let lane = self.lanes.peek();
            let unit = self.next.peek();
            let is_lane = match (lane, unit) {
                (None, None) => return None,
                (Some(_), None) => true,
                (None, Some(_)) => false,
                (Some(&&(priority, number, _)), Some(&Reverse((other, at, ..)))) => {
                    (priority, number) < (other, at)
                }
            };
            let (id, number) = if is_lane {
                let &(.., id) = self.lanes.next()?;
                (id, 0)
            } else {
                let Reverse((_, _, id, number)) = self.next.pop()?;
                (id, number)
            };
            let Some(lane) = self.queue.lanes.get(&id) else {
                continue;
            };
            if self.ended.contains(&id) || (self.only_untried && lane.tried) {
                continue;
            }
            let mut units = lane.waiting.range(number..);
            let Some((_, name)) = units.next() else {
                continue;
            };
            if !self.has_room(lane) {
                continue;
            }
            if self.count == self.most {
                self.cut = true;
                return None;
            }
            self.count += 1;
            if let Some((&number, _)) = units.next() {
                let (priority, at) = lane.position(number);
                self.next.push(Reverse((priority, at, id, number)));
            }
            return Some((id, name));
        }
    }

    /// Whether one more unit of the lane may be taken. If so, it counts.
    fn has_room(&mut self, lane: &'q Lane) -> bool {
        // Instances without a place must not keep jobs from their places.
        let is_instance = lane.priority().is_none();
        if is_instance && self.instances == self.most.div_ceil(2) {
            self.cut = true;
            return false;
        }
        if let Some(limit) = lane.limit() {
            let taken = self.taken.entry(&limit.group).or_default();
            if *taken >= self.queue.free(limit) {
                return false;
            }
            *taken += 1;
        }
        self.instances += usize::from(is_instance);
        true
    }
}
