//! Carving: the resources of an instance, taken out of the offers that it is placed on.
//!
//! The result has the reservations and the allocation of the offer, so the master recognizes the
//! resources as a part of the offer.

use mesos_core::resources::{Ranges, Resources, Scalar};
use mesos_proto::v1::resource::disk_info::{Persistence, source};
use mesos_proto::v1::resource::reservation_info::Type as ReservationType;
use mesos_proto::v1::resource::{ReservationInfo, RevocableInfo, SharedInfo};
use mesos_proto::v1::{ExecutorInfo, Resource, Volume as ContainerVolume, value, volume};

use crate::pool::{Pool, owner, prefer};
use crate::ports::Choice;
use crate::request::{Request, Revocable};
use crate::volume::{DiskKind, Persistent, Volume};
use crate::{Ports, Requirement, Reservations, TaskTemplate};

/// The resources of one instance.
#[derive(Clone, Debug, Default)]
pub(crate) struct Carved {
    /// The resources and the port numbers of each task, in the order of the request.
    pub(crate) tasks: Vec<CarvedTask>,
    /// The executor with its resources, if the executor must be started.
    pub(crate) executor: Option<ExecutorInfo>,
    /// What to reserve, as it is after the operation.
    pub(crate) reserve: Vec<Resource>,
    /// The volumes to create.
    pub(crate) create: Vec<Resource>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct CarvedTask {
    pub(crate) resources: Resources,
    /// The ports of each [`Ports`], in its order.
    pub(crate) ports: Vec<Vec<u16>>,
}

/// What is free on a slot.
#[derive(Clone, Debug, Default)]
pub(crate) struct Free {
    pub(crate) resources: Resources,
    /// Shared volumes that tasks of the round use. Further tasks can use them, too: a master adds
    /// the offered shared resources to what is left (`accept` in src/master/master.cpp). It does
    /// not do so for groups.
    in_use: Resources,
}

impl From<Resources> for Free {
    fn from(resources: Resources) -> Free {
        Free {
            resources,
            in_use: Resources::new(),
        }
    }
}

/// What a slot has of an instance.
#[derive(Clone, Debug, Default)]
pub(crate) struct OnSlot<'e> {
    /// The executor to start, if any.
    pub(crate) start: Option<&'e ExecutorInfo>,
    /// The executor that runs there.
    pub(crate) running: Option<&'e ExecutorInfo>,
    /// The volumes of the request that are there already, used or not. Another volume with such an
    /// id cannot be created.
    pub(crate) volumes: Vec<&'e str>,
}

/// Takes the resources of one instance from `free`, which stays unchanged on failure.
pub(crate) fn carve(
    free: &mut Free,
    request: &Request,
    slot: &OnSlot<'_>,
) -> Result<Carved, Requirement> {
    let allowed = request
        .revocable
        .iter()
        .any(|(_, one)| *one == Revocable::Allowed);
    match take_all(free, request, slot, Revocable::Never) {
        // Mesos accepts only one kind in all tasks of an instance and their executor.
        Err(_) if allowed => take_all(free, request, slot, Revocable::Only),
        result => result,
    }
}

/// Takes everything; `allowed` is the kind for [`Revocable::Allowed`], unless the executor that
/// runs has the other kind.
fn take_all(
    free: &mut Free,
    request: &Request,
    slot: &OnSlot<'_>,
    allowed: Revocable,
) -> Result<Carved, Requirement> {
    let allowed = |name: &str| {
        let of_executor = slot.running.iter().flat_map(|one| &one.resources);
        let mut of_executor = of_executor.filter(|one| one.name == name);
        match of_executor.next() {
            Some(one) if one.revocable.is_some() => Revocable::Only,
            Some(_) => Revocable::Never,
            None => allowed,
        }
    };
    let Free {
        resources: mut left,
        mut in_use,
    } = free.clone();
    let mut carved = Carved {
        tasks: vec![CarvedTask::default(); request.tasks.len()],
        ..Carved::default()
    };
    // What can be taken from few resources only comes first.
    for (task, taken) in request.tasks.iter().zip(&mut carved.tasks) {
        taken.ports = vec![Vec::new(); task.ports.len()];
        for (ports, numbers) in task.ports.iter().zip(&mut taken.ports) {
            if let Choice::Fixed(fixed) = &ports.choice {
                take_fixed(&mut left, request, fixed, &mut taken.resources)
                    .ok_or_else(|| needs_ports(ports))?;
                numbers.clone_from(fixed);
            }
        }
        for volume in &task.volumes {
            let mut volume = take_volume(&mut left, &mut in_use, request, slot, volume)
                .ok_or_else(|| Requirement::Part(volume.to_string()))?;
            carved.reserve.append(&mut volume.reserve);
            carved.create.append(&mut volume.create);
            taken.resources += volume.resource;
        }
    }
    // Reserved resources by role, before requests without a role use them.
    for reserved in [true, false] {
        for (task, taken) in request.tasks.iter().zip(&mut carved.tasks) {
            let wanted = task.resources.iter();
            for resource in wanted.filter(|one| one.reservations.is_empty() != reserved) {
                taken.resources += take_plain(&mut left, request, resource, &allowed)?;
            }
        }
    }
    for (task, taken) in request.tasks.iter().zip(&mut carved.tasks) {
        take_any_ports(&mut left, request, task, taken)?;
        if request.reserve.is_some() {
            reserve_all(request, &mut taken.resources, &mut carved.reserve);
        }
    }
    if let Some(executor) = slot.start {
        let mut started = executor.clone();
        started.resources = Vec::new();
        for resource in &executor.resources {
            started
                .resources
                .extend(take_plain(&mut left, request, resource, &allowed)?);
        }
        carved.executor = Some(started);
    }
    *free = Free {
        resources: left,
        in_use,
    };
    Ok(carved)
}

fn take_plain(
    left: &mut Resources,
    request: &Request,
    wanted: &Resource,
    allowed: &dyn Fn(&str) -> Revocable,
) -> Result<Resources, Requirement> {
    let pool = Pool::of(request, wanted);
    let mut part = pool.part(left, &wanted.name);
    let mut wanted = wanted.clone();
    let kind = match pool.revocable {
        Revocable::Allowed => allowed(&wanted.name),
        kind => kind,
    };
    if kind == Revocable::Only {
        wanted.revocable = Some(RevocableInfo {});
    }
    let taken = Resources::try_from(wanted.clone())
        .ok()
        .and_then(|wanted| part.take_preferring(&wanted, prefer(request)).ok())
        .ok_or_else(|| needs(&wanted))?;
    *left -= &taken;
    Ok(taken)
}

/// The requirement of a resource, as printed.
pub(crate) fn needs(wanted: &Resource) -> Requirement {
    let text = Resources::try_from(wanted.clone()).map(|one| one.to_string());
    let text = text.unwrap_or_default();
    let (name, amount) = text.rsplit_once(':').unwrap_or((&wanted.name, ""));
    Requirement::Resource {
        name: name.to_owned(),
        amount: amount.to_owned(),
    }
}

pub(crate) fn needs_ports(ports: &Ports) -> Requirement {
    Requirement::Part(ports.to_string())
}

fn take_fixed(
    left: &mut Resources,
    request: &Request,
    ports: &[u16],
    taken: &mut Resources,
) -> Option<()> {
    let mut part = Pool::of_ports(request).part(left, "ports");
    let wanted = Resources::from_ports(ports.iter().map(|port| *port..=*port));
    let ports = part.take_preferring(&wanted, prefer(request)).ok()?;
    *left -= &ports;
    *taken += ports;
    Some(())
}

fn take_any_ports(
    left: &mut Resources,
    request: &Request,
    task: &TaskTemplate,
    taken: &mut CarvedTask,
) -> Result<(), Requirement> {
    let chosen = task.ports.iter().zip(&mut taken.ports);
    // The narrowest choice first.
    let mut chosen: Vec<_> = chosen
        .filter_map(|(ports, numbers)| match &ports.choice {
            Choice::Within(count, ranges) => Some((ports, *count, ranges, numbers)),
            Choice::Fixed(_) => None,
        })
        .collect();
    chosen.sort_by_key(|(_, _, ranges, _)| ranges.count());
    for (ports, count, ranges, numbers) in chosen {
        let picked = pick_within(left, request, count, ranges).ok_or_else(|| needs_ports(ports))?;
        *left -= &picked;
        numbers.extend(picked.port_numbers());
        taken.resources += picked;
    }
    Ok(())
}

fn pick_within(
    left: &Resources,
    request: &Request,
    count: u32,
    ranges: &Ranges,
) -> Option<Resources> {
    let part = Pool::of_ports(request).part(left, "ports");
    let unreserved = match request.reservations {
        Reservations::UnreservedFirst => part.unreserved(),
        _ => Resources::new(),
    };
    let picked = unreserved.pick_ports_within(count as usize, ranges);
    picked
        .or_else(|_| part.pick_ports_within(count as usize, ranges))
        .ok()
}

/// Whether the resource alone could be taken.
pub(crate) fn has_plain(free: &Free, request: &Request, wanted: &Resource) -> bool {
    let kinds = [Revocable::Never, Revocable::Only];
    kinds.iter().any(|kind| {
        let mut left = free.resources.clone();
        take_plain(&mut left, request, wanted, &|_: &str| *kind).is_ok()
    })
}

/// Whether the ports alone could be taken.
pub(crate) fn has_ports(free: &Free, request: &Request, ports: &Ports) -> bool {
    match &ports.choice {
        Choice::Fixed(fixed) => {
            let mut left = free.resources.clone();
            take_fixed(&mut left, request, fixed, &mut Resources::new()).is_some()
        }
        Choice::Within(count, ranges) => {
            pick_within(&free.resources, request, *count, ranges).is_some()
        }
    }
}

/// Whether the disk alone could be taken.
pub(crate) fn has_disk(free: &Free, request: &Request, wanted: &Volume) -> bool {
    find_disk(&free.resources, request, wanted).is_some()
}

#[derive(Default)]
struct TakenVolume {
    resource: Resources,
    reserve: Vec<Resource>,
    create: Vec<Resource>,
}

fn take_volume(
    left: &mut Resources,
    in_use: &mut Resources,
    request: &Request,
    slot: &OnSlot<'_>,
    wanted: &Volume,
) -> Option<TakenVolume> {
    let mut taken = TakenVolume::default();
    let found = wanted.persistent.as_ref().and_then(|persistent| {
        let is_it = |resource: &&Resource| is_volume(resource, persistent);
        let used = in_use.iter().find(is_it).filter(|_| !request.grouped);
        let volume = left.iter().find(is_it).or(used)?.clone();
        Some((persistent, volume))
    });
    if let Some((persistent, mut volume)) = found {
        share(left, in_use, request, volume.clone());
        mount(&mut volume, persistent);
        taken.resource = Resources::try_from(volume).ok()?;
        return Some(taken);
    }
    if let Some(persistent) = &wanted.persistent
        && slot.volumes.contains(&persistent.id.as_str())
    {
        return None;
    }
    let mut disk = find_disk(left, request, wanted)?;
    *left -= Resources::try_from(disk.clone()).ok()?;
    if push_reservation(request, &mut disk) {
        taken.reserve.push(disk.clone());
    }
    if let Some(persistent) = &wanted.persistent {
        disk.disk.get_or_insert_default().persistence = Some(Persistence {
            id: persistent.id.clone(),
            principal: persistent.principal.clone(),
        });
        disk.shared = persistent.shared.then(SharedInfo::default);
        mount(&mut disk, persistent);
        taken.create.push(disk.clone());
        share(left, in_use, request, disk.clone());
    }
    taken.resource = Resources::try_from(disk).ok()?;
    Some(taken)
}

/// Takes a volume out of what is left. A shared volume stays usable for other tasks, unless a group
/// uses it.
fn share(left: &mut Resources, in_use: &mut Resources, request: &Request, volume: Resource) {
    let is_shared = volume.shared.is_some();
    let volume = Resources::from_valid([volume]).0;
    if left.contains(&volume) {
        *left -= &volume;
    }
    if is_shared && !request.grouped && !in_use.contains(&volume) {
        *in_use += volume;
    }
}

/// Whether the resource is the volume with this id.
fn is_volume(resource: &Resource, persistent: &Persistent) -> bool {
    persistence_id(resource) == Some(&persistent.id)
        && resource.shared.is_some() == persistent.shared
}

/// The id of a persistent volume.
pub(crate) fn persistence_id(resource: &Resource) -> Option<&str> {
    let persistence = resource.disk.as_ref()?.persistence.as_ref()?;
    Some(&persistence.id)
}

fn mount(volume: &mut Resource, persistent: &Persistent) {
    volume.disk.get_or_insert_default().volume = Some(ContainerVolume {
        container_path: persistent.path.clone(),
        mode: volume::Mode::Rw.into(),
        ..ContainerVolume::default()
    });
}

/// The disk to use, with the amount to take.
fn find_disk(left: &Resources, request: &Request, wanted: &Volume) -> Option<Resource> {
    if wanted.persistent.as_ref().is_some_and(|one| one.existing) {
        return None;
    }
    let pool = Pool::of(request, &Resource::scalar("disk", 1.0));
    let created = wanted.persistent.is_some();
    let usable = |resource: &&Resource| {
        resource.name == "disk"
            && resource.revocable.is_none()
            && resource.shared.is_none()
            && kind(resource) == Some(wanted.disk)
            && pool.permits_owner(owner(resource))
            // A volume can only be created on reserved disk space.
            && (!created || request.reserve.is_some() || !resource.reservations.is_empty())
            && size(resource) >= wanted.size
    };
    let unreserved_first = request.reservations == Reservations::UnreservedFirst;
    let mut disk = left
        .iter()
        .filter(usable)
        .min_by_key(|one| (one.reservations.is_empty() != unreserved_first, size(one)))?
        .clone();
    if is_divisible(&disk) {
        disk.scalar = Some(value::Scalar {
            value: wanted.size.to_f64(),
        });
    }
    Some(disk)
}

/// The kind of a disk that is not a volume.
pub(crate) fn kind(resource: &Resource) -> Option<DiskKind> {
    let Some(disk) = &resource.disk else {
        return Some(DiskKind::Root);
    };
    if disk.persistence.is_some() {
        return None;
    }
    match disk.source.as_ref().map(|source| source.r#type()) {
        None => Some(DiskKind::Root),
        Some(source::Type::Path) => Some(DiskKind::Path),
        Some(source::Type::Mount) => Some(DiskKind::Mount),
        Some(source::Type::Block) => Some(DiskKind::Block),
        Some(source::Type::Raw) => Some(DiskKind::Raw),
        Some(source::Type::Unknown) => None,
    }
}

/// Whether a part of the disk can be taken. Raw storage with an id is a disk that existed before.
fn is_divisible(disk: &Resource) -> bool {
    let source = disk.disk.as_ref().and_then(|disk| disk.source.as_ref());
    source.is_none_or(|source| match source.r#type() {
        source::Type::Mount | source::Type::Block => false,
        source::Type::Raw => source.id.is_none(),
        source::Type::Path | source::Type::Unknown => true,
    })
}

fn size(resource: &Resource) -> Scalar {
    let value = resource.scalar.map_or(0.0, |scalar| scalar.value);
    Scalar::from_f64(value).unwrap_or_default()
}

/// Reserves a resource for the role of [`Request::reserve`], unless it is reserved for the role
/// already. Returns whether the reservation is new.
fn push_reservation(request: &Request, resource: &mut Resource) -> bool {
    let Some(reserve) = &request.reserve else {
        return false;
    };
    let disk = resource.disk.as_ref();
    if owner(resource) == Some(&reserve.role)
        || resource.revocable.is_some()
        || disk.is_some_and(|disk| disk.persistence.is_some())
    {
        return false;
    }
    resource.reservations.push(ReservationInfo {
        r#type: Some(ReservationType::Dynamic.into()),
        role: Some(reserve.role.clone()),
        principal: reserve.principal.clone(),
        labels: None,
    });
    true
}

fn reserve_all(request: &Request, taken: &mut Resources, reserve: &mut Vec<Resource>) {
    let mut all: Vec<Resource> = std::mem::take(taken).into();
    for resource in &mut all {
        if push_reservation(request, resource) {
            reserve.push(resource.clone());
        }
    }
    // The resources were valid, and a reservation keeps them valid: the role is checked before.
    *taken = Resources::from_valid(all).0;
}
