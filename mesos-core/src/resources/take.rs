//! Taking the resources of a task from an offer, and reporting what is missing.
//!
//! Extends `Resources::find` of src/v1/resources.cpp: it removes the found resources, keeps their
//! identity, and on failure names every resource that did not fit.

use std::fmt;

use mesos_proto::v1::Resource;

use super::Resources;
use super::amount::Amount;
use super::arithmetic::{amount, is_nothing, overlap, rest};
use super::format::Label;
use super::identity::{Entry, is_divisible, same_kind, same_reservations, same_value};
use super::query::reservation_role;

/// Which resources to take first for a request without a role.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Prefer {
    /// Reserved resources first. Other roles cannot use them, so the rest is more useful to the
    /// cluster.
    #[default]
    Reserved,
    /// Unreserved resources first. This saves reservations for tasks that need them.
    Unreserved,
}

impl Resources {
    /// Removes the requested resources, and returns them with the reservations and the allocation
    /// that they have here.
    ///
    /// Each resource of the request is taken from resources with the same name, type, disk,
    /// revocability, sharedness and provider, in this order:
    /// * for a request without a reservation (`cpus:1`): reserved resources, then unreserved ones
    ///   ([`take_preferring`](Resources::take_preferring) can reverse the order);
    /// * for a request with a reservation (`cpus(web):1`): exactly this reservation, then other
    ///   reservations of the same role, then unreserved resources, then all others. Use
    ///   [`try_sub`](Resources::try_sub) to accept only this reservation.
    ///
    /// A request without an allocation matches any allocation. A request with an allocation matches
    /// only this one. `disk:100` is never taken from a persistent volume, and `cpus:1` never from
    /// revocable resources. If the request states how a disk is mounted (`disk.volume`), the
    /// returned resource states the same.
    ///
    /// # Errors
    /// [`Missing`] with every resource that did not fit. Then nothing is removed.
    pub fn take(&mut self, request: &Resources) -> Result<Resources, Missing> {
        self.take_preferring(request, Prefer::default())
    }

    /// Like [`take`](Resources::take), with a choice of what to take first.
    ///
    /// ```
    /// use mesos::resources::{Prefer, Resources};
    ///
    /// let mut offered: Resources = "cpus:1;cpus(web):1".parse()?;
    /// let taken = offered.take_preferring(&"cpus:1.5".parse()?, Prefer::Unreserved)?;
    /// assert_eq!(taken.to_string(), "cpus:1; cpus(web):0.5");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`take`](Resources::take).
    pub fn take_preferring(
        &mut self,
        request: &Resources,
        prefer: Prefer,
    ) -> Result<Resources, Missing> {
        let mut left = self.clone();
        let mut taken = Resources::new();
        let mut shortfalls = Vec::new();
        // Requests with a role come first, before requests without a role use up the reservations.
        let (plain, reserved): (Vec<&Entry>, Vec<&Entry>) = request
            .entries
            .iter()
            .partition(|entry| entry.resource.reservations.is_empty());
        for wanted in reserved.into_iter().chain(plain) {
            shortfalls.extend(left.move_to(&mut taken, wanted, prefer));
        }
        if let Some(missing) = Missing::from_shortfalls(shortfalls) {
            return Err(missing);
        }
        left.sweep();
        *self = left;
        Ok(taken)
    }

    /// Moves the amount of one entry. Used-up resources stay as empty entries.
    fn move_to(
        &mut self,
        taken: &mut Resources,
        wanted: &Entry,
        prefer: Prefer,
    ) -> Option<Shortfall> {
        let mut candidates: Vec<Entry> = self
            .entries
            .iter()
            .filter(|entry| suits(&entry.resource, &wanted.resource))
            .cloned()
            .collect();
        candidates.sort_by_key(|entry| rank(&entry.resource, &wanted.resource, prefer));
        let mut missing = wanted.clone();
        for candidate in &candidates {
            let mut part = overlap(candidate, &missing);
            if is_nothing(&part) {
                continue;
            }
            self.reduce(&part);
            missing = rest(&missing, &part);
            mount_as(&mut part.resource, &wanted.resource);
            taken.insert(part);
        }
        if is_nothing(&missing) {
            return None;
        }
        let needed = needed(wanted);
        let available = match needed {
            Amount::Scalar(_) if !is_divisible(&wanted.resource) => needed.empty_like(),
            _ => candidates
                .iter()
                .map(amount)
                .fold(needed.empty_like(), Amount::plus),
        };
        let others = || {
            let entries = self.entries.iter();
            entries.filter(|entry| !is_nothing(entry) && !suits(&entry.resource, &wanted.resource))
        };
        let whole = others().filter(|other| suits_whole(&other.resource, &wanted.resource));
        let unusable = others()
            .filter(|other| other.resource.name == wanted.resource.name)
            .filter(|other| other.resource.r#type == wanted.resource.r#type)
            .filter(|other| !suits_whole(&other.resource, &wanted.resource))
            .map(|other| {
                let label = Label(&other.resource).to_string();
                (label, Amount::from_resource(&other.resource))
            });
        Some(Shortfall {
            resource: Label(&wanted.resource).to_string(),
            needed,
            available,
            whole: sum(whole),
            unusable: unusable
                .clone()
                .map(|(_, amount)| amount)
                .reduce(Amount::plus),
            unusable_parts: unusable.collect(),
        })
    }
}

/// The requested amount. A single resource that cannot be split has its size, and several equal
/// ones have a count.
fn needed(wanted: &Entry) -> Amount {
    match wanted.copies {
        1 => Amount::from_resource(&wanted.resource),
        _ => amount(wanted),
    }
}

fn sum<'a>(entries: impl Iterator<Item = &'a Entry>) -> Option<Amount> {
    entries
        .map(|entry| Amount::from_resource(&entry.resource))
        .reduce(Amount::plus)
}

/// Whether `offered` could satisfy a request for `wanted` if the request had the size of `offered`.
fn suits_whole(offered: &Resource, wanted: &Resource) -> bool {
    let resized = Resource {
        scalar: offered.scalar,
        ranges: offered.ranges.clone(),
        set: offered.set.clone(),
        ..wanted.clone()
    };
    !is_divisible(wanted) && !same_value(offered, wanted) && suits(offered, &resized)
}

/// Whether `offered` can satisfy a request for `wanted`, reserved or not.
fn suits(offered: &Resource, wanted: &Resource) -> bool {
    let allocated =
        wanted.allocation_info.is_none() || wanted.allocation_info == offered.allocation_info;
    allocated && same_kind(offered, wanted)
}

/// The order in which resources are used for `wanted`: the lowest first.
fn rank(offered: &Resource, wanted: &Resource, prefer: Prefer) -> u8 {
    let unreserved = offered.reservations.is_empty();
    if wanted.reservations.is_empty() {
        return u8::from(unreserved == (prefer == Prefer::Reserved));
    }
    if same_reservations(&offered.reservations, &wanted.reservations) {
        0
    } else if reservation_role(offered) == reservation_role(wanted) {
        1
    } else if unreserved {
        2
    } else {
        3
    }
}

fn mount_as(taken: &mut Resource, wanted: &Resource) {
    let volume = wanted.disk.as_ref().and_then(|disk| disk.volume.as_ref());
    if let (Some(disk), Some(volume)) = (&mut taken.disk, volume) {
        disk.volume = Some(volume.clone());
    }
}

/// Some requested resources are not available.
///
/// The text names each resource that did not fit, so a log shows why an offer was declined.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not enough resources: {}", list(.shortfalls))]
pub struct Missing {
    shortfalls: Vec<Shortfall>,
}

impl Missing {
    pub(super) fn from_shortfalls(shortfalls: Vec<Shortfall>) -> Option<Missing> {
        if shortfalls.is_empty() {
            None
        } else {
            Some(Missing { shortfalls })
        }
    }

    /// The resources that did not fit; never empty.
    pub fn shortfalls(&self) -> &[Shortfall] {
        &self.shortfalls
    }
}

impl From<Shortfall> for Missing {
    fn from(shortfall: Shortfall) -> Missing {
        Missing {
            shortfalls: vec![shortfall],
        }
    }
}

fn list(shortfalls: &[Shortfall]) -> String {
    shortfalls
        .iter()
        .map(Shortfall::to_string)
        .collect::<Vec<_>>()
        .join("; ")
}

/// A resource that did not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shortfall {
    resource: String,
    needed: Amount,
    available: Amount,
    whole: Option<Amount>,
    unusable: Option<Amount>,
    /// The unusable amounts by resource.
    unusable_parts: Vec<(String, Amount)>,
}

impl Shortfall {
    /// A shortfall of countable things.
    pub(super) fn counted(resource: &str, needed: u128, available: u128) -> Shortfall {
        Shortfall {
            resource: resource.to_owned(),
            needed: Amount::Count(needed),
            available: Amount::Count(available),
            whole: None,
            unusable: None,
            unusable_parts: Vec::new(),
        }
    }

    /// The shortfall of taking `theirs` from `mine`, where `found` has the same identity.
    pub(super) fn between(mine: &Resources, found: Option<&Entry>, theirs: &Entry) -> Shortfall {
        let needed = needed(theirs);
        let available = match (found, &needed) {
            (Some(found), Amount::Count(_)) => amount(found),
            (Some(found), _) => Amount::from_resource(&found.resource),
            (None, needed) => needed.empty_like(),
        };
        let whole = mine
            .entries
            .iter()
            .filter(|other| suits_whole(&other.resource, &theirs.resource))
            .filter(|other| {
                same_reservations(&other.resource.reservations, &theirs.resource.reservations)
            });
        Shortfall {
            resource: Label(&theirs.resource).to_string(),
            needed,
            available,
            whole: sum(whole),
            unusable: None,
            unusable_parts: Vec::new(),
        }
    }

    /// The printed resource without its amount: `cpus`, `cpus(web)`.
    pub fn resource(&self) -> &str {
        &self.resource
    }

    /// The requested amount.
    pub fn needed(&self) -> &Amount {
        &self.needed
    }

    /// The available amount, of the requested kind.
    pub fn available(&self) -> &Amount {
        &self.available
    }

    /// The size of the resource that can only be taken whole, and whose size is not the requested
    /// size: a MOUNT or BLOCK disk, a persistent volume, or a shared resource.
    pub fn whole(&self) -> Option<&Amount> {
        self.whole.as_ref()
    }

    /// The sum of the available amounts under the same name that the request cannot use: revocable, on a volume
    /// or another disk, of another provider, or allocated to another role.
    pub fn unusable(&self) -> Option<&Amount> {
        self.unusable.as_ref()
    }
}

/// How many unusable resources are printed: an agent can have a disk for each of many tasks.
const PRINTED: usize = 4;

impl fmt::Display for Shortfall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (resource, needed) = (&self.resource, &self.needed);
        match (needed, &self.available) {
            (_, available) if *available == needed.empty_like() => match &self.whole {
                Some(whole) => write!(
                    f,
                    "{resource}: needs {needed}, has {whole}, which can only be taken whole"
                )?,
                None => write!(f, "{resource}: needs {needed}, has nothing")?,
            },
            // An agent can have many ranges, so only the missing ones are printed.
            (Amount::Ranges(needed), Amount::Ranges(available)) => {
                write!(
                    f,
                    "{resource}: needs {needed}, lacks {}",
                    needed.difference(available)
                )?;
            }
            (Amount::Set(needed), Amount::Set(available)) => {
                write!(
                    f,
                    "{resource}: needs {needed}, lacks {}",
                    needed.difference(available)
                )?;
            }
            (needed, available) => write!(f, "{resource}: needs {needed}, has {available}")?,
        }
        let mut separator = " (not usable: ";
        for (label, amount) in self.unusable_parts.iter().take(PRINTED) {
            write!(f, "{separator}{amount} of {label}")?;
            separator = ", ";
        }
        match self.unusable_parts.len() {
            0 => Ok(()),
            count if count > PRINTED => write!(f, ", and {} more)", count - PRINTED),
            _ => f.write_str(")"),
        }
    }
}
