//! Sums, differences and containment.
//!
//! The operations follow src/v1/values.cpp for values, and `Resources::add`, `subtract` and
//! `contains` (src/v1/resources.cpp) for entries. One difference: Mesos counts copies only of
//! shared resources, and stores two equal MOUNT disks as two entries, which `contains` then
//! confuses. Here every indivisible resource is counted.

use std::iter::Sum;
use std::ops::{Add, AddAssign, Sub, SubAssign};

use mesos_proto::v1::Resource;

use super::amount::{Amount, items, ranges, scalar};
use super::identity::{Entry, is_divisible};
use super::ranges as range;
use super::{Missing, Resources, Scalar, Shortfall, set};

impl Resources {
    /// Whether `other` is a part of these resources: each entry has an entry with the same identity
    /// and at least the same amount here.
    ///
    /// The identity includes reservations and allocation: `cpus(web):2` does not contain `cpus:1`.
    /// Use [`take`](Resources::take) to satisfy a request from resources of any role.
    pub fn contains(&self, other: &Resources) -> bool {
        other.entries.iter().all(|theirs| {
            self.entries
                .get(&theirs.resource)
                .is_some_and(|mine| covers(mine, theirs))
        })
    }

    /// The number of copies of exactly this resource.
    ///
    /// For a divisible resource the number is 1 or 0. It is 1 only if the amount is the same too.
    pub fn count(&self, resource: &Resource) -> usize {
        let Ok(resource) = super::normalize(resource.clone()) else {
            return 0;
        };
        self.entries
            .get(&resource)
            .filter(|entry| super::same_value(&entry.resource, &resource))
            .map_or(0, |entry| entry.copies)
    }

    /// The difference, if these resources [contain](Resources::contains) `other`.
    ///
    /// # Errors
    /// [`Missing`] with each entry of `other` that is not contained.
    pub fn try_sub(&self, other: &Resources) -> Result<Resources, Missing> {
        let shortfalls: Vec<Shortfall> = other
            .entries
            .iter()
            .filter_map(|theirs| {
                let mine = self.entries.get(&theirs.resource);
                match mine {
                    Some(mine) if covers(mine, theirs) => None,
                    mine => Some(Shortfall::between(self, mine, theirs)),
                }
            })
            .collect();
        match Missing::from_shortfalls(shortfalls) {
            Some(missing) => Err(missing),
            None => Ok(self - other),
        }
    }

    /// Adds a normalized entry.
    pub(super) fn insert(&mut self, entry: Entry) {
        if !is_nothing(&entry) {
            self.entries.push(entry);
            self.settle();
        }
    }

    /// Adds the normalized resource that `fill` writes into an empty one. After an error nothing is
    /// added.
    pub(super) fn insert_with<E>(
        &mut self,
        fill: impl FnOnce(&mut Resource) -> Result<(), E>,
    ) -> Result<(), E> {
        let filled = fill(self.entries.open());
        if filled.is_err() || self.entries.last().is_some_and(is_nothing) {
            self.entries.pop();
        } else {
            self.settle();
        }
        filled
    }

    /// Adds the last entry to the entry with the same identity, if there is one.
    fn settle(&mut self) {
        match self.entries.settle() {
            None => {}
            Some((mine, added)) if is_divisible(&added.resource) => {
                add_value(&mut mine.resource, &added.resource);
            }
            Some((mine, added)) => mine.copies = mine.copies.saturating_add(added.copies),
        }
    }

    /// Subtracts an entry, as far as it is available. Empty entries stay until
    /// [`Resources::sweep`].
    pub(super) fn reduce(&mut self, entry: &Entry) {
        let Some(mine) = self.entries.get_mut(&entry.resource) else {
            return;
        };
        if is_divisible(&entry.resource) {
            subtract_value(&mut mine.resource, &entry.resource);
        } else {
            mine.copies = mine.copies.saturating_sub(entry.copies);
        }
    }

    /// Removes all empty entries.
    pub(super) fn sweep(&mut self) {
        if self.entries.iter().any(is_nothing) {
            self.entries.retain(|entry| !is_nothing(entry));
        }
    }
}

pub(super) fn is_nothing(entry: &Entry) -> bool {
    let resource = &entry.resource;
    // A normalized amount below 0.001 is zero.
    let no_scalar = resource.scalar.is_none_or(|scalar| scalar.value == 0.0);
    entry.copies == 0 || (no_scalar && ranges(resource).is_empty() && items(resource).is_empty())
}

/// Whether `mine` is at least `theirs`, which has the same identity.
fn covers(mine: &Entry, theirs: &Entry) -> bool {
    let (copies, mine, theirs) = (
        mine.copies >= theirs.copies,
        &mine.resource,
        &theirs.resource,
    );
    copies
        && scalar(mine) >= scalar(theirs)
        && range::is_superset(ranges(mine), ranges(theirs))
        && set::is_superset(items(mine), items(theirs))
}

fn add_value(mine: &mut Resource, theirs: &Resource) {
    set_value(
        mine,
        theirs,
        Scalar::saturating_add,
        range::union,
        set::union,
    );
}

fn subtract_value(mine: &mut Resource, theirs: &Resource) {
    set_value(
        mine,
        theirs,
        Scalar::saturating_sub,
        range::difference,
        set::difference,
    );
}

type Lists<T> = fn(&[T], &[T]) -> Vec<T>;

/// Applies the operation for the common type of both resources.
fn set_value(
    mine: &mut Resource,
    theirs: &Resource,
    on_scalars: fn(Scalar, Scalar) -> Scalar,
    on_ranges: Lists<mesos_proto::v1::value::Range>,
    on_sets: Lists<String>,
) {
    let value = on_scalars(scalar(mine), scalar(theirs));
    if let Some(mine) = &mut mine.scalar {
        mine.value = value.to_f64();
    }
    if let Some(mine) = &mut mine.ranges {
        mine.range = on_ranges(&mine.range, ranges(theirs));
    }
    if let Some(mine) = &mut mine.set {
        mine.item = on_sets(&mine.item, items(theirs));
    }
}

/// The common part of two entries of one kind, with the identity of `from`: `from`, up to the
/// amount of `wanted`.
pub(super) fn overlap(from: &Entry, wanted: &Entry) -> Entry {
    let mut common = from.clone();
    if is_divisible(&from.resource) {
        set_value(
            &mut common.resource,
            &wanted.resource,
            Scalar::min,
            range::intersection,
            set::intersection,
        );
    } else {
        common.copies = from.copies.min(wanted.copies);
    }
    common
}

/// `wanted` without `found`. Both are of one kind.
pub(super) fn rest(wanted: &Entry, found: &Entry) -> Entry {
    let mut rest = wanted.clone();
    if is_divisible(&wanted.resource) {
        subtract_value(&mut rest.resource, &found.resource);
    } else {
        rest.copies = wanted.copies.saturating_sub(found.copies);
    }
    rest
}

/// The amount of an entry: the number of copies for a counted resource.
pub(super) fn amount(entry: &Entry) -> Amount {
    if is_divisible(&entry.resource) {
        Amount::from_resource(&entry.resource)
    } else {
        Amount::Count(entry.copies as u128)
    }
}

/// Scalars saturate at [`Scalar::MAX`].
impl AddAssign<&Resources> for Resources {
    fn add_assign(&mut self, other: &Resources) {
        for entry in &other.entries {
            self.insert(entry.clone());
        }
    }
}

impl AddAssign for Resources {
    fn add_assign(&mut self, other: Resources) {
        for entry in other.entries {
            self.insert(entry);
        }
    }
}

/// Subtracts as much as is available, as Mesos does, and ignores the rest; see
/// [`Resources::try_sub`].
impl SubAssign<&Resources> for Resources {
    fn sub_assign(&mut self, other: &Resources) {
        for entry in &other.entries {
            self.reduce(entry);
        }
        self.sweep();
    }
}

impl SubAssign for Resources {
    fn sub_assign(&mut self, other: Resources) {
        *self -= &other;
    }
}

/// The four forms of an operator, based on the assigning form.
macro_rules! binary_operator {
    ($trait:ident, $method:ident, $assign:ident) => {
        impl $trait<&Resources> for Resources {
            type Output = Resources;

            fn $method(mut self, other: &Resources) -> Resources {
                self.$assign(other);
                self
            }
        }

        impl $trait for Resources {
            type Output = Resources;

            fn $method(mut self, other: Resources) -> Resources {
                self.$assign(other);
                self
            }
        }

        impl $trait<&Resources> for &Resources {
            type Output = Resources;

            fn $method(self, other: &Resources) -> Resources {
                self.clone().$method(other)
            }
        }

        impl $trait<Resources> for &Resources {
            type Output = Resources;

            fn $method(self, other: Resources) -> Resources {
                self.clone().$method(other)
            }
        }
    };
}

binary_operator!(Add, add, add_assign);
binary_operator!(Sub, sub, sub_assign);

impl Sum for Resources {
    fn sum<I: Iterator<Item = Resources>>(all: I) -> Resources {
        all.fold(Resources::new(), Add::add)
    }
}

impl<'a> Sum<&'a Resources> for Resources {
    fn sum<I: Iterator<Item = &'a Resources>>(all: I) -> Resources {
        all.fold(Resources::new(), Add::add)
    }
}
