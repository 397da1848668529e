//! Requests that are repeated until they are answered. Pure: time and randomness are arguments.
//!
//! Items that were requested at about the same time form a round, which is repeated with its own
//! growing waits. So a new request does not repeat the open requests, and does not postpone them
//! either. Rounds with the same wait are joined, so there are only a few rounds, however many
//! items are requested one by one.

use std::hash::Hash;
use std::time::Duration;

use foldhash::fast::RandomState;
use indexmap::{Equivalent, IndexMap};

use crate::runtime::BackoffPolicy;

/// See the module.
#[derive(Debug)]
pub(super) struct Rounds<K, V> {
    policy: BackoffPolicy,
    rounds: Vec<Round<K, V>>,
}

/// Items that are requested together.
#[derive(Debug)]
struct Round<K, V> {
    // Removed with `swap_remove`: keeping the order would make each removal as expensive as the
    // map is large.
    items: IndexMap<K, V, RandomState>,
    /// How often the items were requested.
    attempts: u32,
    /// The wait after the last request; zero before the first one.
    wait: Duration,
    /// When the items are requested next.
    due: Duration,
}

impl<K: Hash + Eq + Clone, V: Clone> Rounds<K, V> {
    pub(super) fn new(policy: BackoffPolicy) -> Self {
        Self {
            policy,
            rounds: Vec::new(),
        }
    }

    /// The number of open items.
    pub(super) fn len(&self) -> usize {
        self.rounds.iter().map(|round| round.items.len()).sum()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rounds.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.rounds.clear();
    }

    /// Requests `items` now, or after the first wait. An open item only gets its new value.
    /// Returns whether an item is new.
    pub(super) fn add(
        &mut self,
        now: Duration,
        items: impl IntoIterator<Item = (K, V)>,
        at_once: bool,
    ) -> bool {
        let due = match at_once {
            true => now,
            false => now.saturating_add(self.policy.first),
        };
        let items = items.into_iter();
        let room = items.size_hint().0;
        let mut new = IndexMap::with_capacity_and_hasher(room, RandomState::default());
        for (key, value) in items {
            let mut rounds = self.rounds.iter_mut();
            match rounds.find_map(|round| round.items.get_mut(&key)) {
                Some(open) => *open = value,
                None => drop(new.insert(key, value)),
            }
        }
        if new.is_empty() {
            return false;
        }
        // A round that is due already was not sent yet, because its task did not run meanwhile.
        let earliest = match at_once {
            true => Duration::ZERO,
            false => due.saturating_sub(self.policy.first / 4),
        };
        self.join(
            earliest,
            Round {
                items: new,
                attempts: 0,
                wait: Duration::ZERO,
                due,
            },
        );
        true
    }

    /// Adds `new` to a round with the same wait that is due between `earliest` and the time of
    /// `new`, or else as a round of its own.
    fn join(&mut self, earliest: Duration, mut new: Round<K, V>) {
        let level = |attempts| (attempts == 0, self.policy.bound(attempts));
        let same = |round: &&mut Round<K, V>| {
            level(round.attempts) == level(new.attempts)
                && (earliest..=new.due).contains(&round.due)
        };
        match self.rounds.iter_mut().find(same) {
            Some(round) => round.items.extend(new.items),
            // A map that was made with room for items that were open already.
            None if new.items.capacity() / 2 > new.items.len() => {
                new.items.shrink_to_fit();
                self.rounds.push(new);
            }
            None => self.rounds.push(new),
        }
    }

    /// Requests all items again at `now`, with the first wait.
    pub(super) fn restart(&mut self, now: Duration) {
        let mut rounds = self.rounds.drain(..).map(|round| round.items);
        let mut items = rounds.next().unwrap_or_default();
        rounds.for_each(|more| items.extend(more));
        if !items.is_empty() {
            self.rounds.push(Round {
                items,
                attempts: 0,
                wait: Duration::ZERO,
                due: now,
            });
        }
    }

    /// A copy of the key of an open item.
    pub(super) fn key<Q: ?Sized + Hash + Equivalent<K>>(&self, key: &Q) -> Option<K> {
        let mut rounds = self.rounds.iter();
        let (key, _) = rounds.find_map(|round| round.items.get_key_value(key))?;
        Some(key.clone())
    }

    /// Removes an item. Returns whether it was open.
    pub(super) fn remove<Q: ?Sized + Hash + Equivalent<K>>(&mut self, key: &Q) -> bool {
        self.take(key).is_some()
    }

    /// Removes an item that was answered. The other answers of its round may be on their way, so
    /// this postpones the next request of the round: otherwise a scheduler with a slow handler
    /// would receive all answers again. Returns whether the item was open.
    pub(super) fn answered<Q>(&mut self, now: Duration, key: &Q) -> bool
    where
        Q: ?Sized + Hash + Equivalent<K>,
    {
        let Some(index) = self.take(key) else {
            return false;
        };
        if let Some(round) = index.and_then(|index| self.rounds.get_mut(index)) {
            round.due = round.due.max(now.saturating_add(round.wait));
        }
        true
    }

    /// Removes an item. Returns the index of its round, or `Some(None)` if the round is empty now
    /// and was removed.
    fn take<Q: ?Sized + Hash + Equivalent<K>>(&mut self, key: &Q) -> Option<Option<usize>> {
        let mut rounds = self.rounds.iter_mut();
        let index = rounds.position(|round| round.items.swap_remove(key).is_some())?;
        if !self.rounds[index].items.is_empty() {
            return Some(Some(index));
        }
        self.rounds.remove(index);
        Some(None)
    }

    /// The items to request now.
    pub(super) fn due(&mut self, now: Duration, random: f64) -> Vec<(K, V)> {
        let mut requests = Vec::new();
        let due = |round: &mut Round<K, V>| round.due <= now;
        let rounds: Vec<_> = self.rounds.extract_if(.., due).collect();
        for mut round in rounds {
            let items = round.items.iter();
            requests.extend(items.map(|(key, value)| (key.clone(), value.clone())));
            round.wait = self.policy.delay(round.attempts, random);
            round.attempts = round.attempts.saturating_add(1);
            round.due = now.saturating_add(round.wait);
            let earliest = round.due.saturating_sub(round.wait / 4);
            self.join(earliest, round);
        }
        requests
    }

    /// When the next items are due.
    pub(super) fn next(&self) -> Option<Duration> {
        self.rounds.iter().map(|round| round.due).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn rounds() -> Rounds<u32, &'static str> {
        Rounds::new(BackoffPolicy::new(10 * SECOND, 300 * SECOND))
    }

    fn due(rounds: &mut Rounds<u32, &'static str>, seconds: u32) -> Vec<u32> {
        let due = rounds.due(seconds * SECOND, 1.0);
        due.into_iter().map(|(key, _)| key).collect()
    }

    #[test]
    fn the_number_of_rounds_does_not_grow_with_the_number_of_items() {
        for random in [0.0, 0.3, 1.0] {
            let mut rounds = rounds();
            for now in 0..5_000 {
                rounds.add(now * SECOND, [(now, "")], true);
                rounds.due(now * SECOND, random);
                let old = now.saturating_sub(1_000);
                rounds.answered(now * SECOND, &old);
                assert!(rounds.rounds.len() <= 50, "{}", rounds.rounds.len());
            }
            assert!(rounds.len() >= 1_000);
        }
    }

    #[test]
    fn an_answer_postpones_only_its_own_round() {
        let mut rounds = rounds();
        rounds.add(Duration::ZERO, [(1, ""), (2, "")], true);
        assert_eq!(due(&mut rounds, 0), [1, 2]);
        rounds.add(5 * SECOND, [(3, ""), (4, "")], true);
        assert_eq!(due(&mut rounds, 5), [3, 4]);
        assert!(rounds.answered(9 * SECOND, &3));
        assert!(!rounds.answered(9 * SECOND, &3));
        assert_eq!(due(&mut rounds, 10), [1, 2]);
        assert_eq!(rounds.next(), Some(19 * SECOND));
        assert_eq!(due(&mut rounds, 19), [4]);
    }

    #[test]
    fn an_open_item_is_not_requested_earlier_and_gets_its_new_value() {
        let mut rounds = rounds();
        assert!(rounds.add(Duration::ZERO, [(1, "a")], true));
        assert_eq!(due(&mut rounds, 0), [1]);
        assert!(!rounds.add(SECOND, [(1, "b")], true));
        assert_eq!(rounds.next(), Some(10 * SECOND));
        assert_eq!(rounds.due(10 * SECOND, 1.0), [(1, "b")]);
        assert!(rounds.remove(&1) && rounds.is_empty());
        assert_eq!(rounds.next(), None);
    }

    #[test]
    fn a_restart_requests_everything_together() {
        let mut rounds = rounds();
        rounds.add(Duration::ZERO, [(1, "")], true);
        due(&mut rounds, 0);
        rounds.add(5 * SECOND, [(2, "")], false);
        rounds.restart(6 * SECOND);
        assert_eq!(due(&mut rounds, 6), [1, 2]);
        assert_eq!(rounds.next(), Some(16 * SECOND));
    }
}
