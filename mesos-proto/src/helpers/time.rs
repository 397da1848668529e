//! Conversions between the nanoseconds of Mesos and Rust's time types.
//!
//! Mesos uses signed 64-bit nanoseconds, which cover about 292 years. A value outside this range
//! becomes the nearest value inside it. Such lengths are never meant exactly, and a wrapped value
//! would be wrong by far.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::v1::{DurationInfo, TimeInfo};

/// Whole nanoseconds, at most 292 years.
fn nanoseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

/// More than 292 years becomes 292 years.
impl From<Duration> for DurationInfo {
    fn from(duration: Duration) -> Self {
        Self {
            nanoseconds: nanoseconds(duration),
        }
    }
}

/// A negative duration becomes zero. Mesos rejects negative durations where they matter.
impl From<DurationInfo> for Duration {
    fn from(duration: DurationInfo) -> Self {
        Duration::from_nanos(u64::try_from(duration.nanoseconds).unwrap_or(0))
    }
}

/// A time more than 292 years before or after 1970 becomes the nearest time inside this range.
impl From<SystemTime> for TimeInfo {
    fn from(time: SystemTime) -> Self {
        let nanoseconds = match time.duration_since(UNIX_EPOCH) {
            Ok(since) => nanoseconds(since),
            Err(before) => -nanoseconds(before.duration()),
        };
        Self { nanoseconds }
    }
}

/// A time that `SystemTime` cannot represent becomes the start of 1970.
impl From<TimeInfo> for SystemTime {
    fn from(time: TimeInfo) -> Self {
        let distance = Duration::from_nanos(time.nanoseconds.unsigned_abs());
        let time = if time.nanoseconds < 0 {
            UNIX_EPOCH.checked_sub(distance)
        } else {
            UNIX_EPOCH.checked_add(distance)
        };
        time.unwrap_or(UNIX_EPOCH)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_survives_both_ways_to_the_nanosecond() {
        let duration = Duration::new(3, 7);
        let info = DurationInfo::from(duration);
        assert_eq!(info.nanoseconds, 3_000_000_007);
        assert_eq!(Duration::from(info), duration);
    }

    #[test]
    fn a_duration_out_of_range_becomes_the_nearest_in_range() {
        assert_eq!(DurationInfo::from(Duration::MAX).nanoseconds, i64::MAX);
        assert_eq!(
            Duration::from(DurationInfo { nanoseconds: -1 }),
            Duration::ZERO
        );
    }

    #[test]
    fn times_before_1970_survive() {
        for seconds in [0, 1, 1_700_000_000] {
            let distance = Duration::new(seconds, 5);
            for time in [UNIX_EPOCH + distance, UNIX_EPOCH - distance] {
                assert_eq!(SystemTime::from(TimeInfo::from(time)), time);
            }
        }
        let before = TimeInfo::from(UNIX_EPOCH - Duration::from_nanos(2));
        assert_eq!(before.nanoseconds, -2);
    }

    #[test]
    fn the_ends_of_the_range_do_not_overflow() {
        for nanoseconds in [i64::MIN, i64::MAX] {
            let there = SystemTime::from(TimeInfo { nanoseconds });
            let back = TimeInfo::from(there).nanoseconds;
            assert!(
                back.abs_diff(nanoseconds) <= 1,
                "{nanoseconds} became {back}"
            );
        }
    }
}
