//! How much of a resource: the value without the name, whatever its type.

use std::fmt;

use mesos_proto::v1::Resource;
use mesos_proto::v1::value::Type;

use super::{Ranges, Scalar, Set};

/// How much of a resource there is, or is needed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Amount {
    /// So much of something that can be measured.
    Scalar(Scalar),
    /// These numbers.
    Ranges(Ranges),
    /// These items.
    Set(Set),
    /// So many of something, no matter which: any three ports, or copies of a volume.
    Count(u128),
}

impl Amount {
    /// The amount of a normalised resource.
    pub(super) fn of(resource: &Resource) -> Amount {
        match resource.r#type() {
            Type::Ranges => Amount::Ranges(Ranges::of_normalised(ranges(resource))),
            Type::Set => Amount::Set(Set::of_normalised(items(resource))),
            // TEXT is no resource: validation stops it.
            Type::Scalar | Type::Text => Amount::Scalar(scalar(resource)),
        }
    }

    /// Nothing of the same type.
    pub(super) fn none_of(&self) -> Amount {
        match self {
            Amount::Scalar(_) => Amount::Scalar(Scalar::ZERO),
            Amount::Ranges(_) => Amount::Ranges(Ranges::new()),
            Amount::Set(_) => Amount::Set(Set::new()),
            Amount::Count(_) => Amount::Count(0),
        }
    }

    /// Both together. Amounts of two types have no sum: the first is kept.
    pub(super) fn plus(self, other: Amount) -> Amount {
        match (self, other) {
            (Amount::Scalar(a), Amount::Scalar(b)) => Amount::Scalar(a.saturating_add(b)),
            (Amount::Ranges(a), Amount::Ranges(b)) => Amount::Ranges(a.union(&b)),
            (Amount::Set(a), Amount::Set(b)) => Amount::Set(a.union(&b)),
            (Amount::Count(a), Amount::Count(b)) => Amount::Count(a.saturating_add(b)),
            (a, _) => a,
        }
    }
}

/// As in the text form of a resource; a count as a bare number.
impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Amount::Scalar(scalar) => scalar.fmt(f),
            Amount::Ranges(ranges) => ranges.fmt(f),
            Amount::Set(set) => set.fmt(f),
            Amount::Count(count) => count.fmt(f),
        }
    }
}

/// The scalar of a normalised resource; zero if it has another type.
pub(super) fn scalar(resource: &Resource) -> Scalar {
    resource
        .scalar
        .map_or(Scalar::ZERO, |scalar| Scalar::of_checked(scalar.value))
}

/// The ranges of a normalised resource; none if it has another type.
pub(super) fn ranges(resource: &Resource) -> &[mesos_proto::v1::value::Range] {
    resource.ranges.as_ref().map_or(&[], |ranges| &ranges.range)
}

/// The items of a normalised resource; none if it has another type.
pub(super) fn items(resource: &Resource) -> &[String] {
    resource.set.as_ref().map_or(&[], |set| &set.item)
}
