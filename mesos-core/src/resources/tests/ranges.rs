//! Compares ranges with a set of all values.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::{ranges, single};
use crate::resources::{Ranges, Resources};

const MAX: u64 = u64::MAX;

fn all(ranges: &[RangeInclusive<u64>]) -> Ranges {
    ranges.iter().cloned().collect()
}

fn model(ranges: &[RangeInclusive<u64>]) -> BTreeSet<u64> {
    ranges.iter().cloned().flatten().collect()
}

/// Whether the ranges have the values of the model, sorted, separate, and with as few ranges as
/// possible.
fn agrees(ranges: &Ranges, model: &BTreeSet<u64>) -> bool {
    let starts = model
        .iter()
        .filter(|&&value| value == 0 || !model.contains(&(value - 1)))
        .count();
    ranges.values().collect::<Vec<_>>() == model.iter().copied().collect::<Vec<_>>()
        && ranges.count() == model.len() as u128
        && ranges.iter().len() == starts
}

fn some_ranges() -> impl Strategy<Value = Vec<RangeInclusive<u64>>> {
    let range = (0u64..60, 0u64..8).prop_map(|(begin, more)| begin..=begin + more);
    prop::collection::vec(range, 0..12)
}

proptest! {
    #[test]
    fn ranges_behave_like_a_set_of_all_values(a in some_ranges(), b in some_ranges(), n in 0u64..80) {
        let (x, y) = (all(&a), all(&b));
        let (s, t) = (model(&a), model(&b));
        prop_assert!(agrees(&x, &s));
        prop_assert!(agrees(&x.union(&y), &(&s | &t)));
        prop_assert!(agrees(&x.difference(&y), &(&s - &t)));
        prop_assert!(agrees(&x.intersection(&y), &(&s & &t)));
        prop_assert!(agrees(&x.lowest(n), &s.iter().copied().take(n as usize).collect()));
        prop_assert_eq!(x.is_superset(&y), s.is_superset(&t));
        for value in 0..80 {
            prop_assert_eq!(x.contains(value), s.contains(&value));
        }
    }
}

#[test]
fn overlapping_and_touching_ranges_become_one() {
    assert_eq!(
        all(&[7..=8, 1..=4, 8..=10, 4..=5]).to_string(),
        "[1-5, 7-10]"
    );
    assert_eq!(all(&[4..=6, 7..=7, 8..=8, 9..=9]).to_string(), "[4-9]");
    assert_eq!(all(&[1..=11, 8..=10]).to_string(), "[1-11]");
}

#[test]
fn the_limits_of_u64_are_ordinary_values() {
    let whole = all(&[0..=MAX]);
    assert_eq!(whole.count(), 1 << 64);
    assert_eq!(whole.union(&whole), whole);
    assert_eq!(whole.difference(&whole), Ranges::new());
    assert_eq!(all(&[MAX..=MAX, 0..=MAX - 1]), whole);
    assert_eq!(all(&[0..=MAX, MAX..=MAX]), whole);
    let without_ends = whole.difference(&all(&[0..=0, MAX..=MAX]));
    assert_eq!(without_ends.to_string(), "[1-18446744073709551614]");
    assert!(whole.contains(MAX) && !without_ends.contains(MAX));
    assert_eq!(whole.lowest(MAX), all(&[0..=MAX - 1]));
    assert_eq!(all(&[MAX - 1..=MAX]).lowest(5), all(&[MAX - 1..=MAX]));
    assert_eq!(whole.lowest(0), Ranges::new());
}

#[test]
fn resources_subtract_and_add_at_the_limits_of_u64() {
    let whole = single(ranges("ids", &[(0, MAX)]));
    let end = single(ranges("ids", &[(MAX, MAX)]));
    assert_eq!(&(&whole - &end) + &end, whole);
    assert!(whole.contains(&end));
    assert!((&end - &whole).is_empty());
}

#[test]
fn empty_ranges_behave_like_an_empty_set() {
    assert!(single(ranges("ports", &[])).is_empty());
    assert_eq!(Ranges::new().to_string(), "[]");
    #[expect(
        clippy::reversed_empty_ranges,
        reason = "that is what the test is about"
    )]
    let reversed = all(&[5..=1]);
    assert!(reversed.is_empty());
}

#[test]
fn a_hundred_thousand_separate_ranges_take_less_than_quadratic_time() {
    let even: Vec<(u64, u64)> = (0..100_000).rev().map(|n| (n * 4, n * 4)).collect();
    let odd: Vec<(u64, u64)> = (0..100_000).map(|n| (n * 4 + 2, n * 4 + 2)).collect();
    let started = Instant::now();
    let (a, b) = (
        single(ranges("ports", &even)),
        single(ranges("ports", &odd)),
    );
    let sum: Resources = &a + &b;
    assert_eq!(sum.ports().map(|ports| ports.count()), Some(200_000));
    assert!(sum.contains(&a) && !a.contains(&sum));
    assert_eq!(&sum - &b, a);
    // A comparison of each with each would be 10^10 steps; this is about 10^7, also without
    // optimization.
    assert!(
        started.elapsed() < Duration::from_secs(10),
        "{:?}",
        started.elapsed()
    );
}
