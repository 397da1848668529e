//! The delay before the next attempt to subscribe. Pure: the random number is an
//! argument, and the caller sleeps.

use std::time::Duration;

/// The smallest effective [`BackoffPolicy::first`]. A smaller value would be a busy loop, which
/// helps nobody and costs the peer much.
const SHORTEST_FIRST: Duration = Duration::from_millis(10);

/// The longest time that a success has to last. Otherwise a policy with a very large maximum
/// would never return to its first delay.
const LONG_SUCCESS: Duration = Duration::from_secs(300);

/// The delay between attempts to subscribe: exponential backoff with jitter.
///
/// The delay before attempt `n` is random, uniformly distributed over the upper
/// half of `min(max, first · 2ⁿ)`, so that the schedulers of a cluster do not all
/// subscribe at the same time after a restart of their master.
///
/// `n` counts from 0 again after a subscription that lasted for `max` (at most 5 minutes).
/// After a shorter subscription the delays continue to grow: each subscription makes the master
/// withdraw and send all offers again, so a peer that ends every subscription at once must not
/// cause one every half second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BackoffPolicy {
    /// Maximum of the first delay. Default 500 ms, the connection delay of Mesos'
    /// library (`src/scheduler/constants.hpp`). A value below 10 ms counts as 10 ms.
    pub first: Duration,
    /// Maximum of every delay. Default 15 s, the recommendation of Mesos'
    /// scheduler API document.
    pub max: Duration,
}

impl Default for BackoffPolicy {
    fn default() -> Self {
        Self {
            first: Duration::from_millis(500),
            max: Duration::from_secs(15),
        }
    }
}

impl BackoffPolicy {
    /// A policy with these maximums. A `first` below 10 ms is raised to 10 ms, and a `max` below
    /// `first` is raised to `first`.
    pub fn new(first: Duration, max: Duration) -> Self {
        let first = first.max(SHORTEST_FIRST);
        Self {
            first,
            max: max.max(first),
        }
    }

    /// The maximum delay before attempt `n`.
    pub(crate) fn bound(&self, n: u32) -> Duration {
        let doublings = 1_u32.checked_shl(n).unwrap_or(u32::MAX);
        // The fields are public, so the constructor alone cannot ensure the minimum.
        let first = self.first.max(SHORTEST_FIRST);
        first.saturating_mul(doublings).min(self.max.max(first))
    }

    /// The delay before attempt `n`. `random` is in `[0, 1)`.
    pub(crate) fn delay(&self, n: u32, random: f64) -> Duration {
        self.bound(n).mul_f64(0.5 + random.clamp(0.0, 1.0) / 2.0)
    }
}

/// The state of a series of failures.
#[derive(Debug)]
pub(crate) struct Backoff {
    policy: BackoffPolicy,
    /// Failures since the last success.
    attempts: u32,
    /// Failures since the last success that lasted.
    level: u32,
}

impl Backoff {
    pub(crate) fn new(policy: BackoffPolicy) -> Self {
        Self {
            policy,
            attempts: 0,
            level: 0,
        }
    }

    pub(crate) fn policy(&self) -> &BackoffPolicy {
        &self.policy
    }

    /// Failures since the last success.
    pub(crate) fn attempts(&self) -> u32 {
        self.attempts
    }

    /// The delay after another failure. `random` is in `[0, 1)`.
    pub(crate) fn next(&mut self, random: f64) -> Duration {
        let delay = self.policy.delay(self.level, random);
        self.attempts = self.attempts.saturating_add(1);
        self.level = self.level.saturating_add(1);
        delay
    }

    /// Resets after a success: the next delay is short again.
    pub(crate) fn reset(&mut self) {
        self.attempts = 0;
        self.level = 0;
    }

    /// A success that can end at any time. The next delay is not shorter until
    /// [`ended`](Self::ended).
    pub(crate) fn succeeded(&mut self) {
        self.attempts = 0;
    }

    /// The success ended after `duration`. Returns whether the success lasted. If so, the next
    /// delay is short again.
    pub(crate) fn ended(&mut self, duration: Duration) -> bool {
        let lasted = duration >= self.policy.bound(u32::MAX).min(LONG_SUCCESS);
        if lasted {
            self.level = 0;
        }
        lasted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy() -> BackoffPolicy {
        BackoffPolicy::new(Duration::from_millis(100), Duration::from_secs(1))
    }

    #[test]
    fn delays_double_up_to_the_maximum() {
        let mut backoff = Backoff::new(policy());
        let waits: Vec<_> = (0..6).map(|_| backoff.next(1.0).as_millis()).collect();
        assert_eq!(waits, [100, 200, 400, 800, 1000, 1000]);
    }

    #[test]
    fn jitter_shortens_a_delay_by_at_most_half() {
        for random in [0.0, 0.25, 0.999] {
            let wait = Backoff::new(policy()).next(random);
            assert!(wait >= Duration::from_millis(50) && wait <= Duration::from_millis(100));
        }
        assert_ne!(
            Backoff::new(policy()).next(0.0),
            Backoff::new(policy()).next(0.9)
        );
    }

    #[test]
    fn a_success_resets_the_delay() {
        let mut backoff = Backoff::new(policy());
        backoff.next(1.0);
        backoff.next(1.0);
        backoff.reset();
        assert_eq!(backoff.attempts(), 0);
        assert_eq!(backoff.next(1.0), Duration::from_millis(100));
    }

    #[test]
    fn a_success_shortens_the_next_delay_only_if_the_success_lasted() {
        let mut backoff = Backoff::new(policy());
        backoff.next(1.0);
        backoff.succeeded();
        assert!(!backoff.ended(Duration::from_millis(999)));
        assert_eq!(backoff.attempts(), 0);
        assert_eq!(backoff.next(1.0), Duration::from_millis(200));
        assert!(backoff.ended(Duration::from_secs(1)));
        assert_eq!(backoff.next(1.0), Duration::from_millis(100));

        let mut unlimited = Backoff::new(BackoffPolicy::new(SHORTEST_FIRST, Duration::MAX));
        unlimited.next(1.0);
        assert!(unlimited.ended(LONG_SUCCESS));
    }

    #[test]
    fn a_first_delay_of_zero_counts_as_ten_milliseconds() {
        let zero = BackoffPolicy::new(Duration::ZERO, Duration::ZERO);
        assert_eq!(zero, BackoffPolicy::new(SHORTEST_FIRST, SHORTEST_FIRST));
        let mut assigned = policy();
        (assigned.first, assigned.max) = (Duration::ZERO, Duration::ZERO);
        for n in [0, 1, 31, 32, u32::MAX] {
            assert_eq!(assigned.bound(n), SHORTEST_FIRST);
        }
    }

    #[test]
    fn a_thousand_failures_do_not_overflow() {
        let mut backoff = Backoff::new(policy());
        for _ in 0..1000 {
            assert!(backoff.next(1.0) <= Duration::from_secs(1));
        }
    }
}
