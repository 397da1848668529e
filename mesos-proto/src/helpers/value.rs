//! Conversions between scalars, ranges and sets and Rust's types.

use std::ops::RangeInclusive;

use crate::v1::value::{Range, Ranges, Scalar, Set};

/// Mesos keeps three decimals (`src/common/values.cpp`).
impl From<f64> for Scalar {
    fn from(value: f64) -> Self {
        Self { value }
    }
}

/// Both ends included.
impl From<RangeInclusive<u64>> for Range {
    fn from(range: RangeInclusive<u64>) -> Self {
        Self {
            begin: *range.start(),
            end: *range.end(),
        }
    }
}

/// Both ends included.
impl From<Range> for RangeInclusive<u64> {
    fn from(range: Range) -> Self {
        range.begin..=range.end
    }
}

/// An empty range (`5..=4`), which Mesos would reject, adds nothing.
impl FromIterator<RangeInclusive<u64>> for Ranges {
    fn from_iter<I: IntoIterator<Item = RangeInclusive<u64>>>(ranges: I) -> Self {
        let ranges = ranges.into_iter().filter(|range| !range.is_empty());
        Self {
            range: ranges.map(Range::from).collect(),
        }
    }
}

impl<S: Into<String>> FromIterator<S> for Set {
    fn from_iter<I: IntoIterator<Item = S>>(items: I) -> Self {
        Self {
            item: items.into_iter().map(Into::into).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::reversed_empty_ranges, reason = "it is what is tested")]
    fn an_empty_range_adds_nothing() {
        let ranges = Ranges::from_iter([1..=3, 5..=4, 9..=9]);
        assert_eq!(
            ranges.range,
            [Range { begin: 1, end: 3 }, Range { begin: 9, end: 9 }]
        );
    }

    #[test]
    fn a_range_survives_both_conversions() {
        assert_eq!(
            RangeInclusive::from(Range::from(31000..=32000)),
            31000..=32000
        );
    }
}
