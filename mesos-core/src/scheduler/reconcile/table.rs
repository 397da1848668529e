//! Items that a scheduler knows by id, and that are requested until they were answered.
//!
//! A scheduler may have a million tasks, so an item is in memory once, in a few bytes beside its id.
//! `items` has the items, and `rounds` decides when they are requested.

use std::time::Duration;

use super::items::{Items, Position};
use super::rounds::Rounds;
use crate::runtime::BackoffPolicy;

/// See the module.
#[derive(Debug)]
pub(super) struct Table<V> {
    items: Items<V>,
    rounds: Rounds,
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

impl<V> Table<V> {
    pub(super) fn new(policy: BackoffPolicy) -> Self {
        Self {
            items: Items::default(),
            rounds: Rounds::new(policy),
        }
    }

    /// Whether the table has neither live nor open items.
    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty()
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
        self.items.iter().map(|(_, item)| &item.value)
    }

    /// Those of these items that are still open.
    pub(super) fn still_open(&self, positions: &[Position]) -> impl Iterator<Item = (&str, &V)> {
        let items = positions
            .iter()
            .filter_map(|position| self.items.get(*position));
        let open = items.filter(|item| item.round.is_some());
        open.map(|item| (&*item.id, &item.value))
    }

    pub(super) fn clear(&mut self) {
        self.items = Items::default();
        self.rounds.clear();
    }

    /// An item becomes live, with this value.
    pub(super) fn track(&mut self, id: &str, value: V) {
        let (_, item, value) = self.items.enter(id, value);
        item.live = true;
        if let Some(value) = value {
            item.value = value;
        }
    }

    /// An item is not live any more.
    pub(super) fn untrack(&mut self, id: &str) {
        if let Some((position, item)) = self.items.find(id) {
            item.live = false;
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
        let Some((position, item)) = self.items.find(id) else {
            if answer == Answer::Live
                && let Some(value) = value(None)
            {
                self.track(id, value);
            }
            return false;
        };
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
        let unused = !item.live;
        if let Some(number) = round {
            self.rounds.answered(now, number);
        }
        if unused {
            self.items.remove_unused(position);
        }
        round.is_some()
    }

    /// Removes an item.
    pub(super) fn remove(&mut self, id: &str) {
        if let Some((position, item)) = self.items.find(id) {
            if let Some(number) = item.round {
                self.rounds.left(number);
            }
            self.items.remove(position);
        }
    }

    /// Makes room for this number of items, if the table is empty. Exactly: a scheduler that was
    /// restarted requests all of its tasks.
    pub(super) fn reserve(&mut self, more: usize) {
        if self.items.is_empty() {
            self.items.reserve_exact(more);
        }
    }

    /// Requests items now, or after the first wait. `set` gives an item that is known its new value.
    /// An item that is open is not requested earlier.
    pub(super) fn request<I: AsRef<str> + Into<Box<str>>>(
        &mut self,
        now: Duration,
        requested: impl IntoIterator<Item = (I, V)>,
        at_once: bool,
        set: impl Fn(&mut V, V),
    ) {
        let Self { items, rounds } = self;
        let Some(round) = rounds.begin(now, at_once) else {
            return;
        };
        let requested = requested.into_iter();
        round.items.reserve(requested.size_hint().0);
        for (id, value) in requested {
            let (position, item, known) = items.enter(id, value);
            if let Some(value) = known {
                set(&mut item.value, value);
            }
            if item.round.is_none() {
                item.round = Some(round.number);
                round.push(position);
            }
        }
        rounds.sweep();
    }

    /// Requests all items again at `now`, with the first wait.
    pub(super) fn restart(&mut self, now: Duration) {
        let Self { items, rounds } = self;
        rounds.clear();
        if let Some(round) = rounds.begin(now, true) {
            round.items.reserve_exact(items.len());
            for (position, item) in items.iter_mut() {
                item.round = Some(round.number);
                round.push(position);
            }
        }
        rounds.sweep();
    }

    /// The items to request now, each of which is open.
    pub(super) fn due(&mut self, now: Duration, random: f64) -> Vec<Position> {
        let Self { items, rounds } = self;
        let mut requests = Vec::new();
        let due = rounds.due(now);
        for number in &due {
            let (positions, open) = rounds.take(*number);
            requests.reserve_exact(open);
            let Some(again) = rounds.again(*number, now, random, &due) else {
                continue;
            };
            again.items.reserve(open);
            for position in positions {
                // Other items have left the round.
                if let Some(item) = items.get_mut(position)
                    && item.round == Some(*number)
                {
                    item.round = Some(again.number);
                    requests.push(position);
                    again.push(position);
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

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn table() -> Table<&'static str> {
        Table::new(BackoffPolicy::new(10 * SECOND, 300 * SECOND))
    }

    fn request(table: &mut Table<&'static str>, seconds: u32, ids: &[&str]) {
        let items = ids.iter().map(|id| (*id, ""));
        table.request(seconds * SECOND, items, true, |old, new| *old = new);
    }

    fn answer(table: &mut Table<&'static str>, seconds: u32, id: &str) -> bool {
        table.answered(seconds * SECOND, id, Answer::Other, |_| None)
    }

    fn due(table: &mut Table<&'static str>, seconds: u32) -> Vec<String> {
        let due = table.due(seconds * SECOND, 1.0);
        let open = table.still_open(&due);
        open.map(|(id, _)| id.to_owned()).collect()
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
        let due = table.due(10 * SECOND, 1.0);
        let open: Vec<_> = table.still_open(&due).collect();
        assert_eq!(open, [("1", &"b")]);
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
}
