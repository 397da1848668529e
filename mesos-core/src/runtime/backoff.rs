//! The delay before the next attempt to subscribe. Pure: the random number is an
//! argument, and the caller sleeps.

use std::time::Duration;

/// The delay between attempts to subscribe: exponential backoff with jitter.
///
/// The delay before attempt `n` is random, uniformly distributed over the upper
/// half of `min(max, first · 2ⁿ)`, so that the schedulers of a cluster do not all
/// subscribe at the same time after a restart of their master.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BackoffPolicy {
    /// Maximum of the first delay. Default 500 ms, the connection delay of Mesos'
    /// library (`src/scheduler/constants.hpp`).
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
    /// A policy with these maximums. A `max` below `first` is raised to `first`.
    pub fn new(first: Duration, max: Duration) -> Self {
        Self {
            first,
            max: max.max(first),
        }
    }

    /// The maximum delay before attempt `n`.
    pub(crate) fn bound(&self, n: u32) -> Duration {
        let doublings = 1_u32.checked_shl(n).unwrap_or(u32::MAX);
        self.first.saturating_mul(doublings).min(self.max)
    }
}

/// The state of a series of failures.
#[derive(Debug)]
pub(crate) struct Backoff {
    policy: BackoffPolicy,
    attempts: u32,
}

impl Backoff {
    pub(crate) fn new(policy: BackoffPolicy) -> Self {
        Self {
            policy,
            attempts: 0,
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
        let bound = self.policy.bound(self.attempts);
        self.attempts = self.attempts.saturating_add(1);
        bound.mul_f64(0.5 + random.clamp(0.0, 1.0) / 2.0)
    }

    /// Resets after a success: the next delay is short again.
    pub(crate) fn reset(&mut self) {
        self.attempts = 0;
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
    fn a_thousand_failures_do_not_overflow() {
        let mut backoff = Backoff::new(policy());
        for _ in 0..1000 {
            assert!(backoff.next(1.0) <= Duration::from_secs(1));
        }
    }
}
