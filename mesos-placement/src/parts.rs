//! The parts of a request that only carving checks, and the slots that lack them.
//!
//! Resources only get fewer in a round. So a slot that lacks a part for one request lacks it for
//! all later requests with the same part, and is not tried again.

use std::collections::HashMap;

use fixedbitset::FixedBitSet;
use mesos_proto::v1::Resource;
use mesos_proto::v1::value::Type;

use crate::carve::{self, Free};
use crate::run::Plan;
use crate::{Ports, Request, Requirement, Volume};

/// A part that a slot has or lacks whatever else the request needs.
#[derive(Clone, Copy, Debug)]
enum Part<'q> {
    Plain(&'q Resource),
    Ports(&'q Ports),
    Disk(&'q Volume),
}

/// The slots that lack a part, by the text of the part.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lacking {
    slots: HashMap<String, FixedBitSet>,
}

impl Lacking {
    /// The sets of slots that are known to lack something of the request, with what they lack.
    /// `found` tells whether a volume of the request exists.
    pub(crate) fn of<'l>(
        &'l self,
        plan: &'l Plan<'_>,
        found: bool,
    ) -> impl Iterator<Item = (Requirement, &'l FixedBitSet)> {
        let known = !plan.demand.exact && !self.slots.is_empty();
        let parts = known.then(|| parts(plan.request, found));
        let parts = parts.into_iter().flatten();
        let parts =
            parts.filter_map(|(part, key)| Some((part.requirement(), self.slots.get(&key)?)));
        let whole = known.then(|| whole(plan)).flatten();
        let whole = whole.and_then(|key| self.slots.get(&key));
        parts.chain(whole.map(|slots| (Requirement::Together, slots)))
    }

    /// Records that an instance does not fit into what is free on `slot`. Returns whether that
    /// holds for all later requests with the same need.
    pub(crate) fn add(&mut self, plan: &Plan<'_>, found: bool, slot: usize, free: &Free) -> bool {
        let mut recorded = false;
        for (part, key) in parts(plan.request, found) {
            if !part.fits(plan.request, free) {
                recorded = true;
                self.slots.entry(key).or_default().grow_and_insert(slot);
            }
        }
        if let Some(key) = whole(plan).filter(|_| !recorded) {
            recorded = true;
            self.slots.entry(key).or_default().grow_and_insert(slot);
        }
        recorded
    }
}

fn parts(request: &Request, found: bool) -> impl Iterator<Item = (Part<'_>, String)> {
    let of_request = format!(
        "{:?} {:?} {}",
        request.reservations,
        request.revocable,
        request.reserve.is_some()
    );
    let parts = request.tasks.iter().flat_map(move |task| {
        let plain = task.resources.iter();
        let plain = plain.filter(|one| one.r#type() != Type::Scalar || one.disk.is_some());
        let plain = plain.map(|one| (Part::Plain(one), format!("{one:?}")));
        let ports = task.ports.iter();
        let ports = ports.map(|one| (Part::Ports(one), format!("{:?}", one.choice)));
        // Whether a volume that exists is there, is in the index of volumes.
        let disks = task.volumes.iter();
        let disks = disks.filter(move |one| one.persistent.is_none() || !found);
        let disks = disks.map(|one| {
            let made = one.persistent.as_ref().map(|one| one.existing);
            (
                Part::Disk(one),
                format!("{:?} {:?} {made:?}", one.disk, one.size),
            )
        });
        plain.chain(ports).chain(disks)
    });
    parts.map(move |(part, key)| (part, format!("{key} {of_request}")))
}

/// A text that only equal needs have. `None` if what the request needs of a slot can change: an
/// executor that runs is not needed again, and a volume can be created.
fn whole(plan: &Plan<'_>) -> Option<String> {
    let request = plan.request;
    let mut volumes = request.tasks.iter().flat_map(|task| &task.volumes);
    if request.executor.is_some() || volumes.any(|volume| volume.persistent.is_some()) {
        return None;
    }
    let tasks = request.tasks.iter();
    let tasks = tasks.map(|task| (&task.resources, &task.ports, &task.volumes));
    Some(format!(
        "{:?} {:?} {:?} {:?}",
        tasks.collect::<Vec<_>>(),
        request.reservations,
        request.revocable,
        request.reserve
    ))
}

impl Part<'_> {
    /// Whether the part alone fits.
    fn fits(self, request: &Request, free: &Free) -> bool {
        match self {
            Part::Plain(wanted) => carve::has_plain(free, request, wanted),
            Part::Ports(ports) => carve::has_ports(free, request, ports),
            Part::Disk(volume) => carve::has_disk(free, request, volume),
        }
    }

    fn requirement(self) -> Requirement {
        match self {
            Part::Plain(wanted) => carve::needs(wanted),
            Part::Ports(ports) => carve::needs_ports(ports),
            Part::Disk(volume) => Requirement::Part(volume.to_string()),
        }
    }
}
