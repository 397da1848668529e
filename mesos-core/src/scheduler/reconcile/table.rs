//! Items that a scheduler knows by id, and that are requested until they were answered.
//!
//! A scheduler may have a million tasks, so an item is in memory once, in a few bytes beside its id.
//! `rounds` decides when items are requested.

use std::hash::BuildHasher as _;
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use super::rounds::{Number, Rounds};
use crate::runtime::BackoffPolicy;

/// See the module.
#[derive(Debug)]
pub(super) struct Table<V> {
    items: Items<V>,
    rounds: Rounds,
}

/// An item that is live, or open, or both.
#[derive(Debug)]
struct Item<V> {
    id: Arc<str>,
    value: V,
    /// Whether the item stays when it was answered.
    live: bool,
    /// The round that requests the item, if it is open: requested and not answered yet.
    round: Option<Number>,
}

/// The effect of an answer on an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// The item is live.
    Live,
    /// The item is not live any more.
    Ended,
    /// The item stays live, or not.
    Other,
}

impl<V: Clone> Table<V> {
    pub(super) fn new(policy: BackoffPolicy) -> Self {
        Self {
            items: Items::default(),
            rounds: Rounds::new(policy),
        }
    }

    /// Whether the table has neither live nor open items.
    pub(super) fn is_empty(&self) -> bool {
        self.items.list.is_empty()
    }

    /// The number of open items.
    pub(super) fn open(&self) -> usize {
        self.rounds.open()
    }

    /// Whether no item is open.
    pub(super) fn nothing_open(&self) -> bool {
        self.rounds.is_empty()
    }

    /// The values of all items.
    pub(super) fn values(&self) -> impl Iterator<Item = &V> {
        self.items.list.iter().map(|item| &item.value)
    }

    pub(super) fn clear(&mut self) {
        self.items = Items::default();
        self.rounds.clear();
    }

    /// An item becomes live, with this value.
    pub(super) fn track(&mut self, id: &str, value: V) {
        match self.items.get_mut(id) {
            Some(item) => (item.live, item.value) = (true, value),
            None => self.items.insert(id, value).live = true,
        }
    }

    /// An item is not live any more.
    pub(super) fn untrack(&mut self, id: &str) {
        if let Some(position) = self.items.position(id) {
            self.items.list[position].live = false;
            self.items.remove_unused(position);
        }
    }

    /// An item was answered. If it is live, `value` gets the known value and returns the new one, if
    /// there is one. Returns whether the item was open.
    pub(super) fn answered(
        &mut self,
        now: Duration,
        id: &str,
        answer: Answer,
        value: impl FnOnce(Option<&V>) -> Option<V>,
    ) -> bool {
        let Some(position) = self.items.position(id) else {
            if answer == Answer::Live
                && let Some(value) = value(None)
            {
                self.items.insert(id, value).live = true;
            }
            return false;
        };
        let item = &mut self.items.list[position];
        match answer {
            Answer::Live => {
                item.live = true;
                if let Some(value) = value(Some(&item.value)) {
                    item.value = value;
                }
            }
            Answer::Ended => item.live = false,
            Answer::Other => {}
        }
        let round = item.round.take();
        if let Some(number) = round {
            self.rounds.answered(now, number);
        }
        self.items.remove_unused(position);
        round.is_some()
    }

    /// Removes an item.
    pub(super) fn remove(&mut self, id: &str) {
        if let Some(position) = self.items.position(id) {
            if let Some(number) = self.items.list[position].round {
                self.rounds.left(number);
            }
            self.items.remove(position);
        }
    }

    /// Requests items now, or after the first wait. `set` gives an item that is known its new value.
    /// An item that is open is not requested earlier.
    pub(super) fn request(
        &mut self,
        now: Duration,
        requested: impl IntoIterator<Item = (impl AsRef<str>, V)>,
        at_once: bool,
        set: impl Fn(&mut V, V),
    ) {
        let Self { items, rounds } = self;
        let Some(round) = rounds.begin(now, at_once) else {
            return;
        };
        let requested = requested.into_iter();
        if items.list.is_empty() {
            // Exactly: a scheduler that was restarted requests all of its tasks.
            items.reserve(requested.size_hint().0);
            round.items.reserve_exact(requested.size_hint().0);
        }
        for (id, value) in requested {
            let id = id.as_ref();
            let item = match items.position(id) {
                Some(position) => {
                    let item = &mut items.list[position];
                    set(&mut item.value, value);
                    item
                }
                None => items.insert(id, value),
            };
            if item.round.is_none() {
                item.round = Some(round.number);
                round.push(Arc::clone(&item.id));
            }
        }
        rounds.sweep();
    }

    /// Requests all items again at `now`, with the first wait.
    pub(super) fn restart(&mut self, now: Duration) {
        let Self { items, rounds } = self;
        rounds.clear();
        if let Some(round) = rounds.begin(now, true) {
            round.items.reserve_exact(items.list.len());
            for item in &mut items.list {
                item.round = Some(round.number);
                round.push(Arc::clone(&item.id));
            }
        }
        rounds.sweep();
    }

    /// The items to request now.
    pub(super) fn due(&mut self, now: Duration, random: f64) -> Vec<(Arc<str>, V)> {
        let Self { items, rounds } = self;
        let mut requests = Vec::new();
        let due = rounds.due(now);
        for number in &due {
            let (ids, open) = rounds.take(*number);
            requests.reserve_exact(open);
            let Some(again) = rounds.again(*number, now, random, &due) else {
                continue;
            };
            again.items.reserve(open);
            for id in ids {
                // Other items have left the round.
                if let Some(item) = items.get_mut(&id)
                    && item.round == Some(*number)
                {
                    item.round = Some(again.number);
                    requests.push((Arc::clone(&id), item.value.clone()));
                    again.push(id);
                }
            }
            rounds.remove(*number);
        }
        rounds.sweep();
        requests
    }

    /// When the next items are due.
    pub(super) fn next(&self) -> Option<Duration> {
        self.rounds.next()
    }
}

/// The items by id. As an `IndexMap`, with half of the memory: positions have four bytes, and hashes
/// are not stored.
#[derive(Debug)]
struct Items<V> {
    // Removed with `swap_remove`: keeping the order would make each removal as expensive as the
    // list is long.
    list: Vec<Item<V>>,
    positions: HashTable<u32>,
    hasher: RandomState,
}

impl<V> Default for Items<V> {
    fn default() -> Self {
        Self {
            list: Vec::new(),
            positions: HashTable::new(),
            hasher: RandomState::default(),
        }
    }
}

impl<V> Items<V> {
    fn reserve(&mut self, more: usize) {
        self.list.reserve_exact(more);
        let Self {
            list,
            positions,
            hasher,
        } = self;
        positions.reserve(more, |position| {
            hasher.hash_one(&list[*position as usize].id)
        });
    }

    fn position(&self, id: &str) -> Option<usize> {
        let hash = self.hasher.hash_one(id);
        let same = |position: &u32| *self.list[*position as usize].id == *id;
        let position = self.positions.find(hash, same)?;
        Some(*position as usize)
    }

    fn get_mut(&mut self, id: &str) -> Option<&mut Item<V>> {
        let position = self.position(id)?;
        self.list.get_mut(position)
    }

    /// Adds an item that is not known.
    fn insert(&mut self, id: &str, value: V) -> &mut Item<V> {
        let last = self.list.len();
        self.list.push(Item {
            id: id.into(),
            value,
            live: false,
            round: None,
        });
        let Self {
            list,
            positions,
            hasher,
        } = self;
        let hash_of = |position: &u32| hasher.hash_one(&list[*position as usize].id);
        positions.insert_unique(hasher.hash_one(id), last as u32, hash_of);
        &mut self.list[last]
    }

    /// Removes the item at `position` if it is neither live nor open.
    fn remove_unused(&mut self, position: usize) {
        let item = &self.list[position];
        if !item.live && item.round.is_none() {
            self.remove(position);
        }
    }

    fn remove(&mut self, position: usize) {
        let hash = self.hasher.hash_one(&self.list[position].id);
        let at = |place: &u32| *place as usize == position;
        if let Ok(found) = self.positions.find_entry(hash, at) {
            found.remove();
        }
        self.list.swap_remove(position);
        // The item that fills the gap was the last one.
        let last = self.list.len();
        if let Some(moved) = self.list.get(position) {
            let hash = self.hasher.hash_one(&moved.id);
            let at = |place: &u32| *place as usize == last;
            if let Some(place) = self.positions.find_mut(hash, at) {
                *place = position as u32;
            }
        }
        if self.list.is_empty() {
            mem::take(&mut self.list);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn table() -> Table<&'static str> {
        Table::new(BackoffPolicy::new(10 * SECOND, 300 * SECOND))
    }

    fn request(table: &mut Table<&'static str>, seconds: u32, ids: &[&str]) {
        let items = ids.iter().map(|id| (id, ""));
        table.request(seconds * SECOND, items, true, |old, new| *old = new);
    }

    fn answer(table: &mut Table<&'static str>, seconds: u32, id: &str) -> bool {
        table.answered(seconds * SECOND, id, Answer::Other, |_| None)
    }

    fn due(table: &mut Table<&'static str>, seconds: u32) -> Vec<String> {
        let due = table.due(seconds * SECOND, 1.0);
        due.into_iter().map(|(id, _)| id.to_string()).collect()
    }

    #[test]
    fn the_number_of_rounds_does_not_grow_with_the_number_of_items() {
        for random in [0.0, 0.3, 1.0] {
            let mut table = table();
            for now in 0..5_000_u32 {
                request(&mut table, now, &[&now.to_string()]);
                table.due(now * SECOND, random);
                answer(&mut table, now, &now.saturating_sub(1_000).to_string());
                let rounds = table.rounds.due(Duration::MAX).len();
                assert!(rounds <= 50, "{rounds}");
            }
            assert!(table.open() >= 1_000);
        }
    }

    #[test]
    fn an_answer_postpones_only_its_own_round() {
        let mut table = table();
        request(&mut table, 0, &["1", "2"]);
        assert_eq!(due(&mut table, 0), ["1", "2"]);
        request(&mut table, 5, &["3", "4"]);
        assert_eq!(due(&mut table, 5), ["3", "4"]);
        assert!(answer(&mut table, 9, "3"));
        assert!(!answer(&mut table, 9, "3"));
        assert_eq!(due(&mut table, 10), ["1", "2"]);
        assert_eq!(table.next(), Some(19 * SECOND));
        assert_eq!(due(&mut table, 19), ["4"]);
    }

    #[test]
    fn an_open_item_is_not_requested_earlier_and_gets_its_new_value() {
        let mut table = table();
        let set = |old: &mut &str, new| *old = new;
        table.request(Duration::ZERO, [("1", "a")], true, set);
        assert_eq!(due(&mut table, 0), ["1"]);
        table.request(SECOND, [("1", "b")], true, set);
        assert_eq!(table.next(), Some(10 * SECOND));
        assert_eq!(table.due(10 * SECOND, 1.0), [("1".into(), "b")]);
        table.remove("1");
        assert!(table.is_empty() && table.nothing_open());
        assert_eq!(table.next(), None);
    }

    #[test]
    fn an_item_that_is_requested_again_after_its_answer_is_requested_once() {
        let mut table = table();
        request(&mut table, 0, &["1", "2"]);
        assert!(answer(&mut table, 0, "1"));
        request(&mut table, 0, &["1"]);
        assert_eq!(table.open(), 2);
        assert_eq!(due(&mut table, 0), ["1", "2"]);
        assert_eq!(due(&mut table, 10), ["1", "2"]);
    }

    #[test]
    fn a_restart_requests_everything_together() {
        let mut table = table();
        request(&mut table, 0, &["1"]);
        due(&mut table, 0);
        let set = |old: &mut &str, new| *old = new;
        table.request(5 * SECOND, [("2", "")], false, set);
        table.restart(6 * SECOND);
        assert_eq!(due(&mut table, 6), ["1", "2"]);
        assert_eq!(table.next(), Some(16 * SECOND));
    }

    #[test]
    fn a_live_item_stays_after_its_answer_until_it_ends() {
        let mut table = table();
        table.track("1", "a");
        table.restart(Duration::ZERO);
        assert_eq!(table.open(), 1);
        let live = table.answered(SECOND, "1", Answer::Live, |known| {
            assert_eq!(known, Some(&"a"));
            Some("b")
        });
        assert!(live && table.nothing_open());
        assert_eq!(table.values().collect::<Vec<_>>(), [&"b"]);
        assert!(!table.answered(SECOND, "1", Answer::Ended, |_| None));
        assert!(table.is_empty());
    }

    #[test]
    fn items_are_found_after_others_were_removed() {
        let mut table = table();
        let ids: Vec<_> = (0..1_000).map(|number| number.to_string()).collect();
        for id in &ids {
            table.track(id, "");
        }
        for (number, id) in ids.iter().enumerate() {
            if number % 3 != 0 {
                table.untrack(id);
            }
        }
        for (number, id) in ids.iter().enumerate() {
            let position = table.items.position(id);
            assert_eq!(position.is_some(), number % 3 == 0, "{id}");
        }
        assert_eq!(table.values().count(), 334);
    }

    #[test]
    fn a_tracked_task_takes_few_bytes_beside_its_id() {
        let task = size_of::<Item<super::super::agents::Agent>>();
        assert_eq!(task, 24);
    }
}
