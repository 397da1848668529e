//! Amounts: the value of a resource without its name, for all types.

use std::fmt;

use mesos_proto::v1::Resource;
use mesos_proto::v1::value::Type;

use super::{Ranges, Scalar, Set};

/// An amount of a resource: an available amount or a needed one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Amount {
    /// An amount of a scalar resource.
    Scalar(Scalar),
    /// A set of numbers.
    Ranges(Ranges),
    /// A set of items.
    Set(Set),
    /// A count, where every one is equal: any three ports, or copies of a volume.
    Count(u128),
}

impl Amount {
    /// The amount of a normalized resource.
    pub(super) fn from_resource(resource: &Resource) -> Amount {
        match resource.r#type() {
            Type::Ranges => Amount::Ranges(Ranges::from_normalized(ranges(resource))),
            Type::Set => Amount::Set(Set::from_normalized(items(resource))),
            // Validation rejects TEXT.
            Type::Scalar | Type::Text => Amount::Scalar(scalar(resource)),
        }
    }

    /// The empty amount of the same type.
    pub(super) fn empty_like(&self) -> Amount {
        match self {
            Amount::Scalar(_) => Amount::Scalar(Scalar::ZERO),
            Amount::Ranges(_) => Amount::Ranges(Ranges::new()),
            Amount::Set(_) => Amount::Set(Set::new()),
            Amount::Count(_) => Amount::Count(0),
        }
    }

    /// The sum. Amounts of two types have no sum: the first is kept.
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

/// As in the text form of a resource. A count is printed as a number.
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

/// The scalar of a normalized resource; zero for other types.
pub(super) fn scalar(resource: &Resource) -> Scalar {
    resource
        .scalar
        .map_or(Scalar::ZERO, |scalar| Scalar::from_checked(scalar.value))
}

/// The ranges of a normalized resource; empty for other types.
pub(super) fn ranges(resource: &Resource) -> &[mesos_proto::v1::value::Range] {
    resource.ranges.as_ref().map_or(&[], |ranges| &ranges.range)
}

/// The items of a normalized resource; empty for other types.
pub(super) fn items(resource: &Resource) -> &[String] {
    resource.set.as_ref().map_or(&[], |set| &set.item)
}
