//! Taking what a task needs out of what was offered, and saying what was missing.
//!
//! `Resources::find` of src/v1/resources.cpp, grown to what frameworks need: it removes what it
//! finds, looks for any free ports, keeps the identity of what it finds, and on failure names every
//! resource that did not fit.

use std::fmt;

use mesos_proto::v1::Resource;

use super::Resources;
use super::amount::Amount;
use super::arithmetic::{amount, is_nothing, overlap, rest};
use super::format::Label;
use super::identity::{Entry, same_kind, same_reservations};
use super::query::reservation_role;

/// Where to take from first what a request asks for without naming a role.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Prefer {
    /// What is reserved first: nobody else can use it, so what is left over is worth more to the
    /// cluster.
    #[default]
    Reserved,
    /// What is unreserved first: keeps reservations for tasks that cannot do without.
    Unreserved,
}

impl Resources {
    /// Removes what `request` asks for and gives it back, with the reservations and the allocation
    /// that it has here.
    ///
    /// For each resource of the request, whatever has the same name, type, disk, revocability,
    /// sharedness and provider is used, in this order:
    /// * for a request without reservation (`cpus:1`): what is reserved, then what is not
    ///   ([`take_preferring`](Resources::take_preferring) turns that round);
    /// * for one with a reservation (`cpus(web):1`): exactly that, then what its role has
    ///   otherwise, then what is unreserved, then the rest. Use [`try_sub`](Resources::try_sub) to
    ///   accept nothing else.
    ///
    /// A request that is not allocated matches any allocation; an allocated one only its own. So
    /// `disk:100` never eats a persistent volume, nor `cpus:1` what is revocable. Where the request
    /// says how a disk is mounted (`disk.volume`), what is taken says so too.
    ///
    /// # Errors
    /// [`Missing`] with every resource that did not fit; nothing is removed then.
    pub fn take(&mut self, request: &Resources) -> Result<Resources, Missing> {
        self.take_preferring(request, Prefer::default())
    }

    /// [`take`](Resources::take), with the choice of what to take from first.
    ///
    /// ```
    /// use mesos_core::resources::{Prefer, Resources};
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
        // Those that name a role first, before those that take from any role use it up.
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

    /// Moves one entry's worth. What has been used up stays as empty entries.
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
        let needed = amount(wanted);
        let available = candidates
            .iter()
            .map(amount)
            .fold(needed.none_of(), Amount::plus);
        let unusable = self
            .entries
            .iter()
            .filter(|entry| !is_nothing(entry) && !suits(&entry.resource, &wanted.resource))
            .filter(|entry| entry.resource.name == wanted.resource.name)
            .filter(|entry| entry.resource.r#type == wanted.resource.r#type)
            .map(|entry| Amount::of(&entry.resource))
            .reduce(Amount::plus);
        Some(Shortfall {
            resource: Label(&wanted.resource).to_string(),
            needed,
            available,
            unusable,
        })
    }
}

/// Whether `offered` can serve a request for `wanted` at all, be it reserved or not.
fn suits(offered: &Resource, wanted: &Resource) -> bool {
    let allocated =
        wanted.allocation_info.is_none() || wanted.allocation_info == offered.allocation_info;
    allocated && same_kind(offered, wanted)
}

/// How soon `offered` is used for `wanted`: the lower, the sooner.
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

/// Not all of what was asked for is there.
///
/// Its text names each resource that did not fit, so that it answers the question of why an offer
/// was declined.
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

/// One resource that did not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shortfall {
    resource: String,
    needed: Amount,
    available: Amount,
    unusable: Option<Amount>,
}

impl Shortfall {
    /// A request for `needed` of something, no matter which.
    pub(super) fn counted(resource: &str, needed: u128, available: u128) -> Shortfall {
        Shortfall {
            resource: resource.to_owned(),
            needed: Amount::Count(needed),
            available: Amount::Count(available),
            unusable: None,
        }
    }

    /// What is short when `theirs` is to come out of `mine`, of the same identity.
    pub(super) fn between(mine: Option<&Entry>, theirs: &Entry) -> Shortfall {
        let needed = amount(theirs);
        let available = mine.map_or_else(|| needed.none_of(), amount);
        Shortfall {
            resource: Label(&theirs.resource).to_string(),
            needed,
            available,
            unusable: None,
        }
    }

    /// The resource as it would be printed, without its amount: `cpus`, `cpus(web)`.
    pub fn resource(&self) -> &str {
        &self.resource
    }

    /// What was asked for.
    pub fn needed(&self) -> &Amount {
        &self.needed
    }

    /// What there is of it, in the form that was asked for.
    pub fn available(&self) -> &Amount {
        &self.available
    }

    /// What there is under the same name in another form: revocable where that was not asked for,
    /// on a volume or another disk, of another provider, or allocated to another role.
    pub fn unusable(&self) -> Option<&Amount> {
        self.unusable.as_ref()
    }
}

impl fmt::Display for Shortfall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (resource, needed) = (&self.resource, &self.needed);
        match (needed, &self.available) {
            (_, available) if *available == needed.none_of() => {
                write!(f, "{resource}: needs {needed}, has none")?
            }
            // An agent's ranges can be many; those that are missing are few.
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
        match &self.unusable {
            Some(other) => write!(f, " (beside {other} in a form that was not asked for)"),
            None => Ok(()),
        }
    }
}
