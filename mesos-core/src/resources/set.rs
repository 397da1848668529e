//! Sets of words, such as the names of an agent's devices.
//!
//! [`Set`] is sorted and without duplicates, so set operations merge two sorted lists. (Mesos keeps
//! the order of the items and compares every item with every other: src/v1/values.cpp. The order
//! has no meaning there either.)

use std::cmp::Ordering;
use std::fmt;

use mesos_proto::v1::value;

/// A sorted set of strings.
///
/// ```
/// use mesos::resources::Set;
///
/// let disks: Set = ["sdb", "sda"].into_iter().map(String::from).collect();
/// assert_eq!(disks.to_string(), "{sda, sdb}");
/// assert!(disks.contains("sda"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Set(Vec<String>);

impl Set {
    /// No items.
    pub fn new() -> Set {
        Set::default()
    }

    /// Whether there are no items.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The number of items.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the set has `item`.
    pub fn contains(&self, item: &str) -> bool {
        self.0
            .binary_search_by(|mine| mine.as_str().cmp(item))
            .is_ok()
    }

    /// Whether every item of `other` is also here.
    pub fn is_superset(&self, other: &Set) -> bool {
        is_superset(&self.0, &other.0)
    }

    /// The items in either.
    #[must_use]
    pub fn union(&self, other: &Set) -> Set {
        Set(union(&self.0, &other.0))
    }

    /// The items that are here but not in `other`.
    #[must_use]
    pub fn difference(&self, other: &Set) -> Set {
        Set(difference(&self.0, &other.0))
    }

    /// The items in both.
    #[must_use]
    pub fn intersection(&self, other: &Set) -> Set {
        Set(intersection(&self.0, &other.0))
    }

    /// The items, in the order of their bytes.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// From the items of a normalized resource, which are sorted and unique.
    pub(super) fn from_normalized(items: &[String]) -> Set {
        Set(items.to_vec())
    }
}

impl FromIterator<String> for Set {
    fn from_iter<I: IntoIterator<Item = String>>(items: I) -> Set {
        let mut items: Vec<String> = items.into_iter().collect();
        items.sort_unstable();
        items.dedup();
        Set(items)
    }
}

impl From<value::Set> for Set {
    fn from(set: value::Set) -> Set {
        set.item.into_iter().collect()
    }
}

impl From<Set> for value::Set {
    fn from(set: Set) -> value::Set {
        value::Set { item: set.0 }
    }
}

/// As Mesos prints them: `{a, b}`.
impl fmt::Display for Set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{}}}", self.0.join(", "))
    }
}

/// Merges two sorted lists. `keep` selects the items that are only in the left list, in both, and
/// only in the right list.
fn merge(left: &[String], right: &[String], keep: [bool; 3]) -> Vec<String> {
    let mut result = Vec::new();
    let (mut l, mut r) = (0, 0);
    loop {
        let side = match (left.get(l), right.get(r)) {
            (Some(a), Some(b)) => a.cmp(b),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => return result,
        };
        let (item, wanted) = match side {
            Ordering::Less => (&left[l], keep[0]),
            Ordering::Equal => (&left[l], keep[1]),
            Ordering::Greater => (&right[r], keep[2]),
        };
        if wanted {
            result.push(item.clone());
        }
        l += usize::from(side.is_le());
        r += usize::from(side.is_ge());
    }
}

/// The union of two sorted lists.
pub(super) fn union(left: &[String], right: &[String]) -> Vec<String> {
    merge(left, right, [true, true, true])
}

/// The first sorted list without the second.
pub(super) fn difference(left: &[String], right: &[String]) -> Vec<String> {
    merge(left, right, [true, false, false])
}

/// The intersection of two sorted lists.
pub(super) fn intersection(left: &[String], right: &[String]) -> Vec<String> {
    merge(left, right, [false, true, false])
}

/// Whether the first sorted list has every item of the second.
pub(super) fn is_superset(left: &[String], right: &[String]) -> bool {
    right.iter().all(|item| left.binary_search(item).is_ok())
}
