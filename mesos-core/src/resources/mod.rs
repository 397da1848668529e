//! Resources: reading, printing, adding, subtracting and dividing what agents offer and tasks use.
//!
//! [`Resources`] is a sum of [`v1::Resource`](Resource) messages, as Mesos' class of that name is
//! (src/v1/resources.cpp): what is the same thing is one entry with one amount, whatever order the
//! messages came in. "The same thing" means the same name, type, allocation, reservations, disk,
//! revocability, sharedness and provider. Amounts follow Mesos' rules: [`Scalar`]s are fixed-point
//! with three decimals, [`Ranges`] are coalesced, [`Set`]s have each item once.
//!
//! # From an offer to a task
//!
//! Say what a task needs as text, and [`take`](Resources::take) it out of what was offered. What
//! comes back carries the offer's own reservations and allocation, and so is a part of the offer to
//! the master too. `cpus:1` built by hand is not, where the offer has `cpus(web):1`: the task would
//! be refused for using more than was offered.
//!
//! ```
//! use mesos_core::resources::Resources;
//!
//! // In a program: Resources::try_from(offer.resources)?
//! let mut offered: Resources = "cpus:2;cpus(web):1;mem:1024;ports:[31000-31005]".parse()?;
//! offered.allocate("web");
//!
//! let ports = offered.pick_ports(2)?;
//! let task = offered.take(&("cpus:1.5;mem:32".parse::<Resources>()? + &ports))?;
//!
//! assert_eq!(task.cpus(), Some(1.5)); // 1 of what is reserved for web, the rest unreserved
//! assert_eq!(task.ports().unwrap().values().collect::<Vec<_>>(), [31000, 31001]);
//! assert_eq!(offered.cpus(), Some(1.5)); // left for the next task
//!
//! let too_much = offered.take(&"cpus:8;mem:64".parse()?).unwrap_err();
//! assert_eq!(too_much.to_string(), "not enough resources: cpus: needs 8, has 1.5");
//!
//! let message: Vec<mesos_proto::v1::Resource> = task.into(); // TaskInfo::resources
//! assert_eq!(message.len(), 4);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Arithmetic
//!
//! ```
//! use mesos_core::resources::Resources;
//!
//! let a: Resources = "cpus:1;ports:[31000-31005]".parse()?;
//! let b: Resources = "cpus:0.5;ports:[31004-31005]".parse()?;
//! assert!(a.contains(&b));
//! assert_eq!((&a - &b).to_string(), "cpus:0.5; ports:[31000-31003]");
//! assert_eq!(&(&a - &b) + &b, a);
//! // `-` takes away what is there, as Mesos does; `try_sub` insists on all of it.
//! assert!((&b - &a).is_empty());
//! assert!(b.try_sub(&a).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! `(a + b) - b == a` holds for scalars always, and for ranges and sets where `a` and `b` have
//! nothing in common. The same port of two agents is one port in their sum: sum up per agent where
//! that matters.
//!
//! # Not here
//! Which offer suits which task, and when to decline, is the scheduler's business. Quota (amounts
//! without identity) and the effect of an offer operation on an offer are not modelled.

mod amount;
mod arithmetic;
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

use indexmap::IndexSet;
use mesos_proto::v1::Resource;

use self::identity::{Entry, same_value};
use self::validate::{normalise, normalise_valid};

pub use self::amount::Amount;
pub use self::iter::{IntoIter, Iter};
pub use self::parse::ParseError;
pub use self::ranges::{InvertedRange, Ranges};
pub use self::scalar::{InvalidScalar, Scalar};
pub use self::set::Set;
pub use self::take::{Missing, Prefer, Shortfall};
pub use self::validate::{InvalidResource, Problem, validate};

/// A sum of resources, each kind of them once. See the [module](self) for what can be done with it.
///
/// All of them are valid, none is empty, and their reservations are in `reservations`, never in the
/// older `role` and `reservation` (the master takes that format from every framework). They keep
/// the order in which they first came. Finding the entry for a resource takes the same time however
/// many there are.
///
/// What is shared, or cannot be divided (persistent volumes, MOUNT and BLOCK disks, RAW disks with
/// an id), is counted: it is there as often as it was added. Iterating gives every copy.
#[derive(Clone, Default)]
pub struct Resources {
    entries: IndexSet<Entry>,
}

impl Resources {
    /// No resources.
    pub fn new() -> Resources {
        Resources::default()
    }

    /// Adds up the valid ones of `resources`, and hands back the others with the reason.
    ///
    /// For what comes from a newer Mesos, where one resource of an unknown kind should not cost the
    /// whole offer. The strict way is `Resources::try_from`.
    pub fn from_valid<I>(resources: I) -> (Resources, Vec<(Resource, InvalidResource)>)
    where
        I: IntoIterator<Item = Resource>,
    {
        let mut valid = Resources::new();
        let mut invalid = Vec::new();
        for resource in resources {
            match validate(&resource) {
                Ok(()) => valid.insert(Entry::new(normalise_valid(resource))),
                Err(why) => invalid.push((resource, why)),
            }
        }
        (valid, invalid)
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many messages these resources make, which is what [`iter`](Resources::iter) yields.
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
/// [`InvalidResource`] for the first that Mesos would not accept.
impl TryFrom<Vec<Resource>> for Resources {
    type Error = InvalidResource;

    fn try_from(resources: Vec<Resource>) -> Result<Resources, InvalidResource> {
        let mut sum = Resources::new();
        for resource in resources {
            sum.insert(Entry::new(normalise(resource)?));
        }
        Ok(sum)
    }
}

/// # Errors
/// [`InvalidResource`] for the first that Mesos would not accept.
impl TryFrom<&[Resource]> for Resources {
    type Error = InvalidResource;

    fn try_from(resources: &[Resource]) -> Result<Resources, InvalidResource> {
        Resources::try_from(resources.to_vec())
    }
}

/// # Errors
/// [`InvalidResource`] if Mesos would not accept it.
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

/// One message per copy, in the format with `reservations`. So resources can be passed to
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

/// One message per copy, as [`Resources::iter`] yields them.
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
                other.entries.get(mine).is_some_and(|theirs| {
                    mine.copies == theirs.copies && same_value(&mine.resource, &theirs.resource)
                })
            })
    }
}

impl Eq for Resources {}
