//! The updates that were handled most recently, to recognize repetitions.

use std::collections::{HashSet, VecDeque};

use bytes::Bytes;

/// The number of updates that are remembered. An agent repeats an update first after 10 s
/// (`src/slave/constants.hpp`), so this suffices for 1000 updates per second.
const MAX_REMEMBERED: usize = 10_000;

/// The length of an update's uuid. Longer values are not remembered, so the memory is bounded.
const UUID_LENGTH: usize = 16;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct RecentUpdates {
    known: HashSet<[u8; UUID_LENGTH]>,
    order: VecDeque<[u8; UUID_LENGTH]>,
}

impl RecentUpdates {
    /// Remembers an update that was handled.
    pub(super) fn add(&mut self, uuid: &Bytes) {
        let Ok(uuid) = <[u8; UUID_LENGTH]>::try_from(&uuid[..]) else {
            return;
        };
        if !self.known.insert(uuid) {
            return;
        }
        self.order.push_back(uuid);
        if self.order.len() > MAX_REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }

    pub(super) fn contains(&self, uuid: &Bytes) -> bool {
        <[u8; UUID_LENGTH]>::try_from(&uuid[..]).is_ok_and(|uuid| self.known.contains(&uuid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uuid(number: u128) -> Bytes {
        Bytes::copy_from_slice(&number.to_be_bytes())
    }

    #[test]
    fn only_the_newest_updates_are_remembered() {
        let mut recent = RecentUpdates::default();
        for number in 0..=10_000 {
            recent.add(&uuid(number));
            recent.add(&uuid(number));
        }
        assert!(!recent.contains(&uuid(0)));
        assert!(recent.contains(&uuid(1)) && recent.contains(&uuid(10_000)));
        assert_eq!((recent.known.len(), recent.order.len()), (10_000, 10_000));
        recent.add(&Bytes::from_static(b"short"));
        assert!(!recent.contains(&Bytes::from_static(b"short")));
    }
}
