//! Ranges of whole numbers, such as the ports of an agent.
//!
//! [`Ranges`] are sorted, do not overlap and do not touch, like the result of Mesos' `coalesce`
//! (src/v1/values.cpp). The set operations merge two sorted lists. Their time depends on the number
//! of ranges, not on the number of values: `[0-18446744073709551615]` is one range.

use std::fmt;
use std::ops::RangeInclusive;

use mesos_proto::v1::value;
use mesos_proto::v1::value::Range;

/// A set of `u64` as sorted, separate, inclusive ranges.
///
/// ```
/// use mesos::resources::Ranges;
///
/// let ports: Ranges = [31000..=31002, 31003..=31005, 32000..=32000].into_iter().collect();
/// assert_eq!(ports.to_string(), "[31000-31005, 32000-32000]");
/// assert_eq!(ports.values().take(2).collect::<Vec<_>>(), [31000, 31001]);
///
/// let used = Ranges::from_iter([31001..=31003]);
/// assert_eq!(ports.difference(&used).to_string(), "[31000-31000, 31004-31005, 32000-32000]");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Ranges(Vec<Range>);

impl Ranges {
    /// No values.
    pub fn new() -> Ranges {
        Ranges::default()
    }

    /// Whether there are no values.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The number of values. All of `u64` are 2^64 values, which need a `u128`.
    pub fn count(&self) -> u128 {
        self.0.iter().map(|r| u128::from(r.end - r.begin) + 1).sum()
    }

    /// Whether `value` is in one of the ranges. Logarithmic in the number of ranges.
    pub fn contains(&self, value: u64) -> bool {
        let after = self.0.partition_point(|range| range.begin <= value);
        after > 0 && value <= self.0[after - 1].end
    }

    /// Whether every value of `other` is also here.
    pub fn is_superset(&self, other: &Ranges) -> bool {
        is_superset(&self.0, &other.0)
    }

    /// The values in either.
    #[must_use]
    pub fn union(&self, other: &Ranges) -> Ranges {
        Ranges(union(&self.0, &other.0))
    }

    /// The values that are here but not in `other`.
    #[must_use]
    pub fn difference(&self, other: &Ranges) -> Ranges {
        Ranges(difference(&self.0, &other.0))
    }

    /// The values in both.
    #[must_use]
    pub fn intersection(&self, other: &Ranges) -> Ranges {
        Ranges(intersection(&self.0, &other.0))
    }

    /// The lowest `n` values, or all values if there are fewer.
    #[must_use]
    pub fn lowest(&self, n: u64) -> Ranges {
        let mut left = n;
        let mut taken = Vec::new();
        for range in &self.0 {
            if left == 0 {
                break;
            }
            // The last number of a range that has `left` or more values: the first `left` values.
            let end = range.end.min(range.begin.saturating_add(left - 1));
            taken.push(Range {
                begin: range.begin,
                end,
            });
            left -= (end - range.begin).saturating_add(1).min(left);
        }
        Ranges(taken)
    }

    /// The ranges, in ascending order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = RangeInclusive<u64>> + '_ {
        self.0.iter().map(|range| range.begin..=range.end)
    }

    /// The values, in ascending order. A large range has many values, so the iterator is lazy.
    pub fn values(&self) -> impl Iterator<Item = u64> + '_ {
        self.iter().flatten()
    }

    /// From the ranges of a normalized resource, which are sorted and coalesced.
    pub(super) fn from_normalized(ranges: &[Range]) -> Ranges {
        Ranges(ranges.to_vec())
    }
}

/// A range whose end is below its start is empty, as in Rust. O(n log n).
impl FromIterator<RangeInclusive<u64>> for Ranges {
    fn from_iter<I: IntoIterator<Item = RangeInclusive<u64>>>(ranges: I) -> Ranges {
        let mut ranges: Vec<Range> = ranges
            .into_iter()
            .filter(|range| !range.is_empty())
            .map(|range| Range {
                begin: *range.start(),
                end: *range.end(),
            })
            .collect();
        coalesce(&mut ranges);
        Ranges(ranges)
    }
}

impl From<Ranges> for value::Ranges {
    fn from(ranges: Ranges) -> value::Ranges {
        value::Ranges { range: ranges.0 }
    }
}

/// Accepts ranges in any order, including overlapping ones.
///
/// # Errors
/// [`InvertedRange`] if a range ends before it begins.
impl TryFrom<value::Ranges> for Ranges {
    type Error = InvertedRange;

    fn try_from(mut ranges: value::Ranges) -> Result<Ranges, InvertedRange> {
        if let Some(range) = ranges.range.iter().find(|range| range.begin > range.end) {
            return Err(InvertedRange {
                begin: range.begin,
                end: range.end,
            });
        }
        coalesce(&mut ranges.range);
        Ok(Ranges(ranges.range))
    }
}

/// As Mesos prints them: `[31000-31005, 32000-32000]`.
impl fmt::Display for Ranges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[")?;
        for (i, range) in self.0.iter().enumerate() {
            let comma = if i == 0 { "" } else { ", " };
            write!(f, "{comma}{}-{}", range.begin, range.end)?;
        }
        f.write_str("]")
    }
}

/// A range that ends before it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the range {begin}-{end} ends before it begins; write {end}-{begin}")]
pub struct InvertedRange {
    /// The start of the range.
    pub begin: u64,
    /// The end of the range.
    pub end: u64,
}

/// Sorts ranges, and joins ranges that overlap or touch. No range may be inverted.
pub(super) fn coalesce(ranges: &mut Vec<Range>) {
    ranges.sort_unstable_by_key(|range| range.begin);
    ranges.dedup_by(|next, last| absorb(last, next));
}

/// Extends `last` by `next` if the two overlap or touch. `next` does not begin before `last`.
fn absorb(last: &mut Range, next: &Range) -> bool {
    // No range can be separate from one that ends at u64::MAX.
    let touches = last
        .end
        .checked_add(1)
        .is_none_or(|after| next.begin <= after);
    if touches {
        last.end = last.end.max(next.end);
    }
    touches
}

/// The union of two normalized lists.
pub(super) fn union(left: &[Range], right: &[Range]) -> Vec<Range> {
    let mut result: Vec<Range> = Vec::with_capacity(left.len() + right.len());
    let (mut l, mut r) = (left.iter().peekable(), right.iter().peekable());
    loop {
        let next = match (l.peek(), r.peek()) {
            (Some(a), Some(b)) if a.begin <= b.begin => l.next(),
            (_, Some(_)) => r.next(),
            (_, None) => l.next(),
        };
        let Some(next) = next else { return result };
        let absorbed = result.last_mut().is_some_and(|last| absorb(last, next));
        if !absorbed {
            result.push(*next);
        }
    }
}

/// The intersection of two normalized lists.
pub(super) fn intersection(left: &[Range], right: &[Range]) -> Vec<Range> {
    let mut result = Vec::new();
    let (mut l, mut r) = (0, 0);
    while l < left.len() && r < right.len() {
        let begin = left[l].begin.max(right[r].begin);
        let end = left[l].end.min(right[r].end);
        if begin <= end {
            result.push(Range { begin, end });
        }
        // The range that ends first cannot overlap any later range.
        if left[l].end < right[r].end {
            l += 1;
        } else {
            r += 1;
        }
    }
    result
}

/// The first normalized list without the second.
pub(super) fn difference(left: &[Range], right: &[Range]) -> Vec<Range> {
    let mut result = Vec::with_capacity(left.len());
    let mut r = 0;
    'ranges: for range in left {
        let mut begin = range.begin;
        while r < right.len() && right[r].end < begin {
            r += 1;
        }
        // `r` stays at a hole that extends beyond this range: it may also cut the next range.
        while let Some(hole) = right.get(r).filter(|hole| hole.begin <= range.end) {
            if begin < hole.begin {
                result.push(Range {
                    begin,
                    end: hole.begin - 1,
                });
            }
            if hole.end >= range.end {
                continue 'ranges;
            }
            begin = hole.end + 1;
            r += 1;
        }
        result.push(Range {
            begin,
            end: range.end,
        });
    }
    result
}

/// Whether the first normalized list has every value of the second.
pub(super) fn is_superset(left: &[Range], right: &[Range]) -> bool {
    let mut l = 0;
    right.iter().all(|range| {
        while l < left.len() && left[l].end < range.begin {
            l += 1;
        }
        // Separate ranges never touch, so a range inside the union is inside one of them.
        left.get(l)
            .is_some_and(|around| around.begin <= range.begin && range.end <= around.end)
    })
}
