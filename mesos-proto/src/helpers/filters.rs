//! How long the master does not offer refused resources again, and how a task is killed.

use std::time::Duration;

use crate::v1::{Filters, KillPolicy};

impl Filters {
    /// Resources that are refused are not offered again for `time`.
    ///
    /// Without filters the master uses 5 seconds. With zero the next allocation can offer the
    /// resources again, after about a second. More than 365 days counts as 365 days
    /// (`src/master/allocator/mesos/hierarchical.cpp`). REVIVE and the end of the subscription end
    /// a filter early.
    ///
    /// ```
    /// use std::time::Duration;
    /// use mesos::v1::Filters;
    ///
    /// assert_eq!(Filters::refuse(Duration::from_millis(500)).refuse_seconds(), 0.5);
    /// assert_eq!(Filters::default().refuse_seconds(), 5.0);
    /// ```
    pub fn refuse(time: Duration) -> Self {
        Self {
            refuse_seconds: Some(time.as_secs_f64()),
        }
    }

    /// Like [`refuse`](Self::refuse), with a random time of `time` ± `time` × `jitter`.
    ///
    /// Random times spread the offers that come back, so that not all agents are offered at once.
    /// `jitter` is a fraction from 0 to 1; other values count as the nearer of the two, and NaN as
    /// 0. The average is `time`.
    ///
    /// ```
    /// use std::time::Duration;
    /// use mesos::v1::Filters;
    ///
    /// let filters = Filters::refuse_with_jitter(Duration::from_secs(60), 0.25);
    /// assert!((45.0..=75.0).contains(&filters.refuse_seconds()));
    /// ```
    pub fn refuse_with_jitter(time: Duration, jitter: f64) -> Self {
        let jitter = if jitter.is_nan() { 0.0 } else { jitter };
        let factor = 1.0 + jitter.clamp(0.0, 1.0) * (2.0 * random_fraction() - 1.0);
        Self {
            refuse_seconds: Some(time.as_secs_f64() * factor),
        }
    }
}

/// A random number from 0 (included) to 1 (excluded).
fn random_fraction() -> f64 {
    // The first 48 bits of a version 4 UUID are random; version and variant come later.
    let bits = (uuid::Uuid::new_v4().as_u128() >> 80) as u64;
    bits as f64 / (1_u64 << 48) as f64
}

impl KillPolicy {
    /// Sets the time between SIGTERM and SIGKILL. More than about 292 years counts as 292 years.
    pub fn grace(period: Duration) -> Self {
        Self {
            grace_period: Some(period.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_is_different_from_the_default_time() {
        assert_eq!(Filters::refuse(Duration::ZERO).refuse_seconds, Some(0.0));
    }

    #[test]
    fn jitter_stays_in_its_bounds_and_uses_both_halves() {
        let minute = Duration::from_secs(60);
        let seconds: Vec<f64> = (0..200)
            .map(|_| Filters::refuse_with_jitter(minute, 0.5).refuse_seconds())
            .collect();
        assert!(seconds.iter().all(|time| (30.0..90.0).contains(time)));
        assert!(seconds.iter().any(|time| *time < 60.0));
        assert!(seconds.iter().any(|time| *time > 60.0));
    }

    #[test]
    fn jitter_outside_its_range_is_clamped() {
        let minute = Duration::from_secs(60);
        for none in [0.0, -1.0, f64::NAN] {
            let filters = Filters::refuse_with_jitter(minute, none);
            assert_eq!(filters, Filters::refuse(minute));
        }
        for _ in 0..200 {
            let seconds = Filters::refuse_with_jitter(minute, 9.0).refuse_seconds();
            assert!((0.0..120.0).contains(&seconds), "{seconds}");
        }
    }

    #[test]
    fn a_grace_period_of_zero_is_sent() {
        let policy = KillPolicy::grace(Duration::ZERO);
        assert_eq!(
            policy.grace_period.map(|period| period.nanoseconds),
            Some(0)
        );
    }
}
