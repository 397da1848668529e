//! When requests are repeated until they are answered. Pure: time and randomness are arguments.
//!
//! Items that were requested at about the same time form a round, which is repeated with its own
//! growing waits. So a new request does not repeat the open requests, and does not postpone them
//! either. Rounds with the same wait are joined, so there are only a few rounds, however many
//! items are requested one by one.
//!
//! The items are in a [table](super::table), where each open item has the number of its round.

use std::time::Duration;

use super::items::Position;
use crate::runtime::BackoffPolicy;

/// The number of a round, which no other present round has.
pub(super) type Number = std::num::NonZeroU16;

/// See the module.
#[derive(Debug)]
pub(super) struct Rounds {
    policy: BackoffPolicy,
    rounds: Vec<Round>,
}

/// Items that are requested together.
#[derive(Debug)]
pub(super) struct Round {
    pub(super) number: Number,
    /// The items in their order, also those that have left the round since.
    pub(super) items: Vec<Position>,
    /// The number of items in the round.
    pub(super) open: usize,
    /// How often the items were requested.
    attempts: u32,
    /// The wait after the last request; zero before the first one.
    wait: Duration,
    /// When the items are requested next.
    due: Duration,
}

impl Round {
    /// Adds an item, which has to get the number of this round.
    pub(super) fn push(&mut self, item: Position) {
        self.items.push(item);
        self.open += 1;
    }
}

impl Rounds {
    pub(super) fn new(policy: BackoffPolicy) -> Self {
        Self {
            policy,
            rounds: Vec::new(),
        }
    }

    /// The number of open items.
    pub(super) fn open(&self) -> usize {
        self.rounds.iter().map(|round| round.open).sum()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rounds.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.rounds.clear();
    }

    /// The round for items that are requested now, or after the first wait. It may be empty; see
    /// [`sweep`](Self::sweep).
    pub(super) fn begin(&mut self, now: Duration, at_once: bool) -> Option<&mut Round> {
        let due = match at_once {
            true => now,
            false => now.saturating_add(self.policy.first),
        };
        // A round that is due already was not sent yet, because its task did not run meanwhile.
        let earliest = match at_once {
            true => Duration::ZERO,
            false => due.saturating_sub(self.policy.first / 4),
        };
        self.place(earliest, due, (0, Duration::ZERO), &[])
    }

    /// The round for the items of the round `number`, which are requested now.
    pub(super) fn again(
        &mut self,
        number: Number,
        now: Duration,
        random: f64,
        others: &[Number],
    ) -> Option<&mut Round> {
        let round = self.rounds.iter().find(|round| round.number == number)?;
        let wait = self.policy.delay(round.attempts, random);
        let attempts = round.attempts.saturating_add(1);
        let due = now.saturating_add(wait);
        let earliest = due.saturating_sub(wait / 4);
        self.place(earliest, due, (attempts, wait), others)
    }

    /// A round with the same wait that is due between `earliest` and `due`, and is not one of
    /// `others`, or else a new round.
    fn place(
        &mut self,
        earliest: Duration,
        due: Duration,
        (attempts, wait): (u32, Duration),
        others: &[Number],
    ) -> Option<&mut Round> {
        let level = |attempts| (attempts == 0, self.policy.bound(attempts));
        let same = |round: &Round| {
            level(round.attempts) == level(attempts)
                && (earliest..=due).contains(&round.due)
                && !others.contains(&round.number)
        };
        if let Some(index) = self.rounds.iter().position(same) {
            return self.rounds.get_mut(index);
        }
        let number = self.free_number();
        self.rounds.push(Round {
            number,
            items: Vec::new(),
            open: 0,
            attempts,
            wait,
            due,
        });
        self.rounds.last_mut()
    }

    /// A number that no round has. There are only a few rounds.
    fn free_number(&self) -> Number {
        let is_free = |number: &Number| self.rounds.iter().all(|round| round.number != *number);
        let mut numbers = (1..=u16::MAX).filter_map(Number::new);
        numbers.find(is_free).unwrap_or(Number::MAX)
    }

    /// Takes the items of a round, and returns how many of them are in the round.
    pub(super) fn take(&mut self, number: Number) -> (Vec<Position>, usize) {
        match self.round(number) {
            Some(round) => (std::mem::take(&mut round.items), round.open),
            None => (Vec::new(), 0),
        }
    }

    pub(super) fn remove(&mut self, number: Number) {
        self.rounds.retain(|round| round.number != number);
    }

    /// Removes empty rounds.
    pub(super) fn sweep(&mut self) {
        self.rounds.retain(|round| round.open > 0);
    }

    /// An item has left the round.
    pub(super) fn left(&mut self, number: Number) {
        if let Some(round) = self.round(number) {
            round.open = round.open.saturating_sub(1);
            if round.open == 0 {
                self.remove(number);
            }
        }
    }

    /// An item of the round was answered. The other answers of its round may be on their way, so
    /// this postpones the next request of the round: otherwise a scheduler with a slow handler
    /// would receive all answers again.
    pub(super) fn answered(&mut self, now: Duration, number: Number) {
        if let Some(round) = self.round(number) {
            round.due = round.due.max(now.saturating_add(round.wait));
        }
        self.left(number);
    }

    fn round(&mut self, number: Number) -> Option<&mut Round> {
        let mut rounds = self.rounds.iter_mut();
        rounds.find(|round| round.number == number)
    }

    /// The rounds that are due.
    pub(super) fn due(&self, now: Duration) -> Vec<Number> {
        let rounds = self.rounds.iter().filter(|round| round.due <= now);
        rounds.map(|round| round.number).collect()
    }

    /// When the next items are due.
    pub(super) fn next(&self) -> Option<Duration> {
        self.rounds.iter().map(|round| round.due).min()
    }
}
