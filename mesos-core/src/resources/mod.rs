//! Resources: parsing, printing, adding, subtracting and dividing the resources of agents and
//! tasks.
//!
//! [`Resources`] is a sum of [`v1::Resource`](Resource) messages, like the class of that name in
//! Mesos (src/v1/resources.cpp). Resources with the same identity are one entry with one amount,
//! whatever the order of the messages. The identity is the name, type, allocation, reservations,
//! disk, revocability, sharedness and provider. Amounts follow the rules of Mesos: [`Scalar`]s are
//! fixed-point numbers with three decimals, [`Ranges`] are coalesced, [`Set`]s have each item once.
//!
//! # From an offer to a task
//!
//! Write the needs of a task as text, and [`take`](Resources::take) them from the offered
//! resources. The result has the offer's reservations and allocation, so the master recognizes it
//! as a part of the offer. If the offer has `cpus(web):1`, a hand-written `cpus:1` is not a part of
//! it: the master rejects the task, because it uses more than was offered.
//!
//! ```
//! use mesos::resources::Resources;
//!
//! // In a scheduler: offer.resources()?
//! let mut offered: Resources = "cpus:2;cpus(web):1;mem:1024;ports:[31000-31005]".parse()?;
//! offered.allocate("web");
//!
//! let ports = offered.pick_ports(2)?;
//! let task = offered.take(&("cpus:1.5;mem:32".parse::<Resources>()? + &ports))?;
//!
//! assert_eq!(task.cpus(), Some(1.5)); // 1 of the CPUs reserved for web, and 0.5 unreserved
//! assert_eq!(task.port_numbers().collect::<Vec<_>>(), [31000, 31001]);
//! assert_eq!(offered.cpus(), Some(1.5)); // left for the next task
//!
//! let too_much = offered.take(&"cpus:8;mem:64".parse()?).unwrap_err();
//! assert_eq!(too_much.to_string(), "not enough resources: cpus: needs 8, has 1.5");
//!
//! let task = mesos::v1::TaskInfo::builder("web").resources(task).build();
//! assert_eq!(task.resources.len(), 4);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Arithmetic
//!
//! ```
//! use mesos::resources::Resources;
//!
//! let a: Resources = "cpus:1;ports:[31000-31005]".parse()?;
//! let b: Resources = "cpus:0.5;ports:[31004-31005]".parse()?;
//! assert!(a.contains(&b));
//! assert_eq!((&a - &b).to_string(), "cpus:0.5; ports:[31000-31003]");
//! assert_eq!(&(&a - &b) + &b, a);
//! // `-` subtracts what is available, as Mesos does; `try_sub` requires all of it.
//! assert!((&b - &a).is_empty());
//! assert!(b.try_sub(&a).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! `(a + b) - b == a` always holds for scalars. It holds for ranges and sets if `a` and `b` are
//! disjoint. The same port of two agents is one port in their sum, so keep a sum per agent where
//! that matters.
//!
//! # Not here
//! The scheduler decides which offer is for which task, and when to decline. Quota (amounts without
//! identity) and the effect of an offer operation on an offer are not modeled.

mod amount;
mod arithmetic;
mod entries;
mod format;
mod identity;
mod iter;
mod parse;
mod ports;
mod query;
mod ranges;
mod reservation;
pub mod roles;
mod scalar;
mod set;
mod take;
#[cfg(test)]
mod tests;
mod validate;

use mesos_proto::encoded::EncodedResources;
use mesos_proto::v1::Resource;

use self::entries::Entries;
use self::identity::{Entry, same_value};
use self::validate::{normalize, normalize_valid};

pub use self::amount::Amount;
pub use self::iter::{IntoIter, Iter};
pub use self::parse::ParseError;
pub use self::ranges::{InvertedRange, Ranges};
pub use self::scalar::{InvalidScalar, Scalar};
pub use self::set::Set;
pub use self::take::{Missing, Prefer, Shortfall};
pub use self::validate::{InvalidResource, Problem, validate};

/// A sum of resources, with one entry per identity. See the [module](self) for its operations.
///
/// All entries are valid and not empty. Their reservations are in `reservations`, never in the
/// older `role` and `reservation`; the master accepts this format from every framework. Entries
/// keep the order in which they were added. Finding the entry of a resource takes constant time.
///
/// Shared and indivisible resources (persistent volumes, MOUNT and BLOCK disks, RAW disks with an
/// id) are counted: their number of copies is how often they were added. Iteration returns each
/// copy.
#[derive(Clone, Default)]
pub struct Resources {
    entries: Entries,
}

impl Resources {
    /// No resources.
    pub fn new() -> Resources {
        Resources::default()
    }

    /// Adds the valid resources, and returns the invalid ones with the reasons.
    ///
    /// A newer Mesos may send a resource of an unknown kind, which should not make the whole offer
    /// unusable. `Resources::try_from` is the strict variant.
    pub fn from_valid<I>(resources: I) -> (Resources, Vec<(Resource, InvalidResource)>)
    where
        I: IntoIterator<Item = Resource>,
    {
        let mut valid = Resources::new();
        let mut invalid = Vec::new();
        for mut resource in resources {
            match validate(&resource) {
                Ok(()) => {
                    normalize_valid(&mut resource);
                    valid.insert(Entry::new(resource));
                }
                Err(why) => invalid.push((resource, why)),
            }
        }
        (valid, invalid)
    }

    /// The resources of an offer, which are decoded in their place. `None` if a text in one of them is
    /// not UTF-8.
    pub(crate) fn from_encoded(
        encoded: EncodedResources<'_>,
    ) -> Option<Result<Resources, InvalidResource>> {
        /// Why the loop ends.
        enum End {
            NotText,
            Invalid(InvalidResource),
        }
        let mut sum = Resources {
            // Most agents have this number of resources: CPUs, memory, disk and ports.
            entries: Entries::with_capacity(4),
        };
        for one in encoded {
            let added = sum.insert_with(|resource| {
                one.decode_into(resource).ok_or(End::NotText)?;
                validate(resource).map_err(End::Invalid)?;
                normalize_valid(resource);
                Ok(())
            });
            match added {
                Ok(()) => {}
                Err(End::NotText) => return None,
                Err(End::Invalid(why)) => return Some(Err(why)),
            }
        }
        Some(Ok(sum))
    }

    /// Whether there are no resources.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The number of messages, as returned by [`iter`](Resources::iter).
    pub fn len(&self) -> usize {
        self.entries.iter().map(|entry| entry.copies).sum()
    }

    /// The resources as messages, in the order in which they were first added. One message per
    /// copy.
    pub fn iter(&self) -> Iter<'_> {
        Iter {
            entries: self.entries.iter(),
            copies: None,
        }
    }
}

/// # Errors
/// [`InvalidResource`] for the first resource that Mesos would not accept.
impl TryFrom<Vec<Resource>> for Resources {
    type Error = InvalidResource;

    fn try_from(resources: Vec<Resource>) -> Result<Resources, InvalidResource> {
        let entries = Entries::with_capacity(resources.len());
        let mut sum = Resources { entries };
        for mut resource in resources {
            validate(&resource)?;
            normalize_valid(&mut resource);
            sum.insert(Entry::new(resource));
        }
        Ok(sum)
    }
}

/// # Errors
/// [`InvalidResource`] for the first resource that Mesos would not accept.
impl TryFrom<&[Resource]> for Resources {
    type Error = InvalidResource;

    fn try_from(resources: &[Resource]) -> Result<Resources, InvalidResource> {
        Resources::try_from(resources.to_vec())
    }
}

/// # Errors
/// [`InvalidResource`] if Mesos would not accept the resource.
impl TryFrom<Resource> for Resources {
    type Error = InvalidResource;

    fn try_from(resource: Resource) -> Result<Resources, InvalidResource> {
        Resources::try_from(vec![resource])
    }
}

/// One message per copy, in the format with `reservations`.
impl From<Resources> for Vec<Resource> {
    fn from(resources: Resources) -> Vec<Resource> {
        resources.into_iter().collect()
    }
}

/// One message per copy, in the format with `reservations`, for example for
/// `TaskInfo::builder("web").resources(taken)`.
impl IntoIterator for Resources {
    type Item = Resource;
    type IntoIter = IntoIter;

    fn into_iter(self) -> IntoIter {
        IntoIter {
            entries: self.entries.into_iter(),
            copies: None,
        }
    }
}

/// One message per copy, as returned by [`Resources::iter`].
impl<'a> IntoIterator for &'a Resources {
    type Item = &'a Resource;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

/// The same resources in the same amounts, in any order.
impl PartialEq for Resources {
    fn eq(&self, other: &Resources) -> bool {
        self.entries.len() == other.entries.len()
            && self.entries.iter().all(|mine| {
                other.entries.get(&mine.resource).is_some_and(|theirs| {
                    mine.copies == theirs.copies && same_value(&mine.resource, &theirs.resource)
                })
            })
    }
}

impl Eq for Resources {}
