//! How long a refused resource stays away, and how a task is killed.

use std::time::Duration;

use crate::v1::{Filters, KillPolicy};

impl Filters {
    /// Do not offer what is refused again for `time`.
    ///
    /// Without any filters the time is 5 seconds, not none. Zero means offer
    /// it again with the next allocation, after about a second; more than 365
    /// days counts as 365 days
    /// (`src/master/allocator/mesos/hierarchical.cpp`). REVIVE and a lost
    /// subscription end a filter early.
    ///
    /// ```
    /// use std::time::Duration;
    /// use mesos_proto::v1::Filters;
    ///
    /// assert_eq!(Filters::refuse(Duration::from_millis(500)).refuse_seconds(), 0.5);
    /// assert_eq!(Filters::default().refuse_seconds(), 5.0);
    /// ```
    pub fn refuse(time: Duration) -> Self {
        Self {
            refuse_seconds: Some(time.as_secs_f64()),
        }
    }
}

impl KillPolicy {
    /// The time between SIGTERM and SIGKILL. At most about 292 years are told.
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
    fn refusing_for_no_time_is_not_the_default_time() {
        assert_eq!(Filters::refuse(Duration::ZERO).refuse_seconds, Some(0.0));
    }

    #[test]
    fn a_grace_of_zero_is_told() {
        let policy = KillPolicy::grace(Duration::ZERO);
        assert_eq!(
            policy.grace_period.map(|period| period.nanoseconds),
            Some(0)
        );
    }
}
