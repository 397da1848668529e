//! Carving: the resources of an instance, taken out of the offers that it is placed on.
//!
//! The result has the reservations and the allocation of the offer, so the master recognizes the
//! resources as a part of the offer.

use mesos_core::resources::{Resources, Scalar};
use mesos_proto::v1::resource::disk_info::{Persistence, source};
use mesos_proto::v1::resource::reservation_info::Type as ReservationType;
use mesos_proto::v1::resource::{ReservationInfo, RevocableInfo};
use mesos_proto::v1::{ExecutorInfo, Resource, Volume as ContainerVolume, value, volume};

use crate::pool::{Pool, owner, prefer};
use crate::ports::Choice;
use crate::request::{Request, Revocable};
use crate::volume::{DiskKind, Persistent, Volume};
use crate::{Ports, Requirement, TaskTemplate};

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

/// Takes the resources of one instance from `free`, which stays unchanged on failure.
///
/// `executor` is the executor to start, if any.
pub(crate) fn carve(
    free: &mut Resources,
    request: &Request,
    executor: Option<&ExecutorInfo>,
) -> Result<Carved, Requirement> {
    let allowed = request
        .revocable
        .iter()
        .any(|(_, one)| *one == Revocable::Allowed);
    match take_all(free, request, executor, Revocable::Never) {
        // Mesos accepts only one kind in all tasks of an instance and their executor.
        Err(_) if allowed => take_all(free, request, executor, Revocable::Only),
        result => result,
    }
}

/// Takes everything; `allowed` is the kind for [`Revocable::Allowed`].
fn take_all(
    free: &mut Resources,
    request: &Request,
    executor: Option<&ExecutorInfo>,
    allowed: Revocable,
) -> Result<Carved, Requirement> {
    let mut left = free.clone();
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
            let mut volume = take_volume(&mut left, request, volume)
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
                taken.resources += take_plain(&mut left, request, resource, allowed)?;
            }
        }
    }
    for (task, taken) in request.tasks.iter().zip(&mut carved.tasks) {
        take_any_ports(&mut left, request, task, taken)?;
        if request.reserve.is_some() {
            reserve_all(request, &mut taken.resources, &mut carved.reserve);
        }
    }
    if let Some(executor) = executor {
        let mut started = executor.clone();
        started.resources = Vec::new();
        for resource in &executor.resources {
            started
                .resources
                .extend(take_plain(&mut left, request, resource, allowed)?);
        }
        carved.executor = Some(started);
    }
    *free = left;
    Ok(carved)
}

fn take_plain(
    left: &mut Resources,
    request: &Request,
    wanted: &Resource,
    allowed: Revocable,
) -> Result<Resources, Requirement> {
    let pool = Pool::of(request, wanted);
    let mut part = pool.part(left, &wanted.name);
    let mut wanted = wanted.clone();
    let kind = match pool.revocable {
        Revocable::Allowed => allowed,
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
            Choice::Within(count, ranges) => Some((ports, *count as usize, ranges, numbers)),
            Choice::Fixed(_) => None,
        })
        .collect();
    chosen.sort_by_key(|(_, _, ranges, _)| ranges.count());
    for (ports, count, ranges, numbers) in chosen {
        let part = Pool::of_ports(request).part(left, "ports");
        let unreserved = part.unreserved();
        let picked = match request.reservations {
            crate::Reservations::UnreservedFirst => unreserved
                .pick_ports_within(count, ranges)
                .or_else(|_| part.pick_ports_within(count, ranges)),
            _ => part.pick_ports_within(count, ranges),
        };
        let picked = picked.map_err(|_| needs_ports(ports))?;
        *left -= &picked;
        numbers.extend(picked.port_numbers());
        taken.resources += picked;
    }
    Ok(())
}

struct TakenVolume {
    resource: Resources,
    reserve: Vec<Resource>,
    create: Vec<Resource>,
}

fn take_volume(left: &mut Resources, request: &Request, wanted: &Volume) -> Option<TakenVolume> {
    if let Some(persistent) = &wanted.persistent
        && let Some(mut volume) = find_volume(left, &persistent.id)
    {
        *left -= Resources::try_from(volume.clone()).ok()?;
        mount(&mut volume, persistent);
        return Some(TakenVolume {
            resource: Resources::try_from(volume).ok()?,
            reserve: Vec::new(),
            create: Vec::new(),
        });
    }
    let mut disk = find_disk(left, request, wanted)?;
    *left -= Resources::try_from(disk.clone()).ok()?;
    let (mut reserve, mut create) = (Vec::new(), Vec::new());
    if push_reservation(request, &mut disk) {
        reserve.push(disk.clone());
    }
    if let Some(persistent) = &wanted.persistent {
        disk.disk.get_or_insert_default().persistence = Some(Persistence {
            id: persistent.id.clone(),
            principal: persistent.principal.clone(),
        });
        mount(&mut disk, persistent);
        create.push(disk.clone());
    }
    Some(TakenVolume {
        resource: Resources::try_from(disk).ok()?,
        reserve,
        create,
    })
}

fn find_volume(left: &Resources, id: &str) -> Option<Resource> {
    let is_it = |resource: &&Resource| {
        let disk = resource.disk.as_ref();
        let persistence = disk.and_then(|disk| disk.persistence.as_ref());
        persistence.is_some_and(|persistence| persistence.id == id)
    };
    left.iter().find(is_it).cloned()
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
    let unreserved_first = request.reservations == crate::Reservations::UnreservedFirst;
    let mut disk = left
        .iter()
        .filter(usable)
        .min_by_key(|one| (one.reservations.is_empty() != unreserved_first, size(one)))?
        .clone();
    if wanted.disk != DiskKind::Mount {
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
        Some(source::Type::Block | source::Type::Raw | source::Type::Unknown) => None,
    }
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
