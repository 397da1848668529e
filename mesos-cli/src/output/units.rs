//! Numbers, sizes and times as the tables show them.

use std::time::{Duration, SystemTime};

use mesos::resources::Resources;
use mesos::v1::{Resource, TimeInfo};

/// The bytes of a MiB.
const MIB: f64 = 1_048_576.0;

/// The units of sizes, with their bytes. The largest is first.
const BINARY: [(&str, f64); 4] = [
    ("TiB", MIB * MIB),
    ("GiB", MIB * 1024.0),
    ("MiB", MIB),
    ("KiB", 1024.0),
];

/// What is in use of a resource, and all of it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    pub(crate) used: f64,
    pub(crate) total: f64,
}

impl Usage {
    /// The usage of the scalar resource `name`.
    pub(crate) fn of(name: &str, used: &[Resource], total: &[Resource]) -> Self {
        Self {
            used: scalar(used, name),
            total: scalar(total, name),
        }
    }

    /// `0.5/4`; `-` if there is nothing of the resource.
    pub(crate) fn count(self) -> String {
        if self.total == 0.0 && self.used == 0.0 {
            return "-".to_owned();
        }
        format!("{}/{}", number(self.used), number(self.total))
    }

    /// `32 MiB/2 GiB`; `-` if there is nothing of the resource.
    pub(crate) fn size(self) -> String {
        if self.total == 0.0 && self.used == 0.0 {
            return "-".to_owned();
        }
        format!("{}/{}", mebibytes(self.used), mebibytes(self.total))
    }
}

/// The sum of a scalar resource. Invalid resources, which a newer Mesos might send, do not count.
pub(crate) fn scalar(resources: &[Resource], name: &str) -> f64 {
    let (resources, _) = Resources::from_valid(resources.iter().cloned());
    resources.get_scalar(name).unwrap_or_default()
}

/// A number of things: `1 task`, `2 tasks`.
pub(crate) fn count(number: u64, what: &str) -> String {
    match number {
        1 => format!("1 {what}"),
        number => format!("{number} {what}s"),
    }
}

/// A number with at most three decimals, the precision of Mesos.
pub(crate) fn number(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// An amount of memory or disk in MiB, GiB or TiB: the largest unit in which it is at least 1, with at
/// most one decimal. Mesos counts both in MiB.
pub(crate) fn mebibytes(size: f64) -> String {
    let (unit, factor) = BINARY[..3]
        .iter()
        .find(|(_, factor)| size * MIB >= *factor)
        .unwrap_or(&BINARY[2]);
    in_unit(size * MIB / factor, unit)
}

/// The size of files in the largest unit in which it is at least 1, with at most one decimal.
pub(crate) fn bytes(size: u64) -> String {
    let size = size as f64;
    match BINARY.iter().find(|(_, factor)| size >= *factor) {
        Some((unit, factor)) => in_unit(size / factor, unit),
        None => format!("{size} B"),
    }
}

fn in_unit(amount: f64, unit: &str) -> String {
    let text = format!("{amount:.1}");
    format!("{} {unit}", text.trim_end_matches(".0"))
}

/// The time since `time` in its largest unit, such as `5m`; `-` if the time is not known.
pub(crate) fn age(time: Option<&TimeInfo>) -> String {
    age_at(time, SystemTime::now())
}

/// As [`age`], at the time `now`.
pub(crate) fn age_at(time: Option<&TimeInfo>, now: SystemTime) -> String {
    let Some(time) = time.and_then(system_time) else {
        return "-".to_owned();
    };
    // A clock that is behind is as good as no time at all.
    let seconds = now.duration_since(time).unwrap_or_default().as_secs();
    let units = [("d", 86_400), ("h", 3_600), ("m", 60)];
    match units.into_iter().find(|(_, length)| seconds >= 2 * length) {
        Some((unit, length)) => format!("{}{unit}", seconds / length),
        None => format!("{seconds}s"),
    }
}

/// A time in UTC, such as `2026-11-28T12:00:00Z`; empty if the time is not known.
pub(crate) fn utc_time(time: Option<&TimeInfo>) -> String {
    let time = time.and_then(system_time);
    time.map(|time| humantime::format_rfc3339_seconds(time).to_string())
        .unwrap_or_default()
}

fn system_time(time: &TimeInfo) -> Option<SystemTime> {
    let nanoseconds = u64::try_from(time.nanoseconds).ok()?;
    // The largest number of nanoseconds is in the year 2262, so that every time can be printed.
    (nanoseconds > 0).then(|| SystemTime::UNIX_EPOCH + Duration::from_nanos(nanoseconds))
}

/// The text, or `-` if it is empty.
pub(crate) fn or_dash(text: impl Into<String>) -> String {
    let text: String = text.into();
    if text.is_empty() {
        "-".to_owned()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_of_files_is_in_the_unit_that_fits() {
        for (size, text) in [
            (0, "0 B"),
            (1, "1 B"),
            (1023, "1023 B"),
            (1024, "1 KiB"),
            (1536, "1.5 KiB"),
            (5 << 20, "5 MiB"),
            (3 << 30, "3 GiB"),
            (2 << 40, "2 TiB"),
            (u64::MAX, "16777216 TiB"),
        ] {
            assert_eq!(bytes(size), text);
        }
    }

    #[test]
    fn memory_is_never_in_a_smaller_unit_than_that_of_mesos() {
        for (size, text) in [(0.0, "0 MiB"), (0.5, "0.5 MiB"), (32.0, "32 MiB")] {
            assert_eq!(mebibytes(size), text);
        }
        assert_eq!(mebibytes(1536.0), "1.5 GiB");
        assert_eq!(mebibytes(1_048_576.0), "1 TiB");
    }
}
