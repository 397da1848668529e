//! `resource` in src/master/validation.cpp and `Resources::validate` in src/common/resources.cpp.

use std::collections::{BTreeMap, BTreeSet};

use mesos_proto::v1::framework_info::capability;
use mesos_proto::v1::resource::reservation_info;
use mesos_proto::v1::{Resource, value};

use super::report::Report;
use super::rules::{
    FRACTIONAL_GPUS, INVALID_RESOURCE, MISSING_CAPABILITY, MIXED_RESOURCES, MORE_THAN_OFFERED,
    PORT_OUTSIDE_OFFER, ROLE_NOT_SUBSCRIBED, ZERO_AMOUNT,
};
use super::{ports, task};
use crate::resources::{Resources, roles, validate};
use crate::scheduler;

/// The valid resources, added up.
pub(super) fn sum(resources: &[Resource]) -> Resources {
    Resources::from_valid(resources.iter().cloned()).0
}

/// The field `resources` of a message.
pub(super) fn list(report: &mut Report<'_>, resources: &[Resource]) {
    for (place, resource) in resources.iter().enumerate() {
        report.within(format!("resources[{place}]"), |report| {
            one(report, resource);
        });
    }
    let gpus = sum(resources).gpus().unwrap_or_default();
    if gpus.fract() != 0.0 {
        let message = format!("{gpus} gpus are not possible");
        report.add(
            &FRACTIONAL_GPUS,
            "resources",
            message,
            "use a whole number of gpus",
        );
    }
}

fn one(report: &mut Report<'_>, resource: &Resource) {
    if let Err(why) = validate(resource) {
        let remedy = "correct or remove the resource";
        report.add(&INVALID_RESOURCE, "", why.to_string(), remedy);
        return;
    }
    if sum(std::slice::from_ref(resource)).is_empty() {
        let message = format!(
            "the amount of {0} is zero, so Mesos removes it and treats {0} as not given",
            resource.name
        );
        report.add(
            &ZERO_AMOUNT,
            "",
            message,
            "remove the resource, or use an amount above zero",
        );
    }
    disk(report, resource);
    capabilities(report, resource);
    of_roles(report, resource);
}

/// `validateDiskInfo` and `validateDynamicReservationInfo`.
fn disk(report: &mut Report<'_>, resource: &Resource) {
    let last = resource.reservations.last();
    let is_dynamic = last.is_some_and(|last| last.r#type() == reservation_info::Type::Dynamic);
    if is_dynamic && resource.revocable.is_some() {
        let message = "a revocable resource cannot be reserved dynamically";
        let remedy = "remove revocable or the reservation";
        report.add(&INVALID_RESOURCE, "reservations", message, remedy);
    }
    let Some(disk) = &resource.disk else {
        return;
    };
    let wrong = match (&disk.persistence, &disk.volume) {
        (Some(_), _) if resource.revocable.is_some() => Some((
            "a persistent volume cannot be revocable",
            "remove revocable",
        )),
        (Some(_), _)
            if sum(std::slice::from_ref(resource))
                .reservations()
                .is_empty() =>
        {
            Some((
                "a persistent volume must be on a reserved disk",
                "take the volume out of the offer, with its reservations",
            ))
        }
        (Some(_), None) => Some((
            "a persistent volume must have disk.volume",
            "set volume with its container_path",
        )),
        (Some(_), Some(volume)) if volume.host_path.is_some() => Some((
            "a persistent volume must not have a host_path",
            "remove host_path",
        )),
        (Some(persistence), Some(_)) => {
            task::id(report, "disk.persistence.id", &persistence.id);
            None
        }
        (None, Some(_)) => Some((
            "a volume of a resource must be persistent",
            "set persistence, or move the volume to the container",
        )),
        (None, None) if disk.source.is_none() => {
            Some(("the field disk is empty", "remove the field disk"))
        }
        (None, None) => None,
    };
    if let Some((message, remedy)) = wrong {
        report.add(&INVALID_RESOURCE, "disk", message, remedy);
    }
}

/// Resources that only frameworks with a capability are offered (src/master/allocator/mesos).
fn capabilities(report: &mut Report<'_>, resource: &Resource) {
    use capability::Type;
    let needs = [
        (resource.name == "gpus", Type::GpuResources, "gpus"),
        (
            resource.revocable.is_some(),
            Type::RevocableResources,
            "revocable resources",
        ),
        (
            resource.shared.is_some(),
            Type::SharedResources,
            "shared resources",
        ),
    ];
    for (needed, capability, what) in needs {
        if needed && report.lacks(capability) {
            let name = capability.as_str_name();
            let message = format!(
                "the framework does not have the capability {name}, so its offers do not contain \
                 {what}"
            );
            let remedy = "add the capability to the framework, or remove the resource";
            report.add(&MISSING_CAPABILITY, "", message, remedy);
        }
    }
}

/// A role that the framework must have.
pub(super) fn subscribed(report: &mut Report<'_>, field: &str, role: &str) {
    let Some(framework) = report.framework() else {
        return;
    };
    let own = scheduler::roles_of(framework);
    if !own.iter().any(|other| other == role) {
        let message = format!(
            "the role is {role}, but the framework has the roles {}",
            own.join(", ")
        );
        let remedy = "add the role to the framework";
        report.add(&ROLE_NOT_SUBSCRIBED, field, message, remedy);
    }
}

fn of_roles(report: &mut Report<'_>, resource: &Resource) {
    let allocation = resource.allocation_info.as_ref();
    if let Some(role) = allocation.and_then(|info| info.role.as_ref()) {
        subscribed(report, "allocation_info.role", role);
    }
    let Some(framework) = report.framework() else {
        return;
    };
    let own = scheduler::roles_of(framework);
    // Resources that are reserved for a role are also offered to the roles below it.
    for owner in sum(std::slice::from_ref(resource))
        .reservations()
        .into_keys()
    {
        let usable = |role: &String| *role == owner || roles::is_strict_subrole(role, &owner);
        if !own.iter().any(usable) {
            let message = format!(
                "the resource is reserved for the role {owner}, but the framework has the roles {}",
                own.join(", ")
            );
            let remedy = "add the role to the framework, or use unreserved resources";
            report.add(&ROLE_NOT_SUBSCRIBED, "reservations", message, remedy);
        }
    }
}

/// Resources that are used together: those of a task, its executor and its group.
pub(super) fn together(report: &mut Report<'_>, field: &str, parts: &[&[Resource]]) {
    let sums: Vec<Resources> = parts.iter().map(|part| sum(part)).collect();
    let total: Resources = sums.iter().sum();
    if let Some(message) = mixed(&total) {
        let remedy = "use resources of one kind, role and volume";
        report.add(&MIXED_RESOURCES, field, message, remedy);
    } else if sums.iter().map(items).sum::<u128>() != items(&total) {
        // `detectOverlappingSetAndRangeResources`
        let message = "a port or an item of a set is in two lists of resources";
        let remedy = "take different ports and items out of the offer";
        report.add(&MIXED_RESOURCES, field, message, remedy);
    }
}

fn mixed(total: &Resources) -> Option<String> {
    let mut kinds: BTreeMap<&str, bool> = BTreeMap::new();
    let mut allocated = BTreeSet::new();
    let mut volumes = BTreeSet::new();
    for resource in total {
        let revocable = resource.revocable.is_some();
        if *kinds.entry(&resource.name).or_insert(revocable) != revocable {
            return Some(format!("{} is both revocable and not", resource.name));
        }
        allocated.extend(resource.allocation_info.as_ref().map(|info| info.role()));
        let disk = resource.disk.as_ref();
        if let Some(persistence) = disk.and_then(|disk| disk.persistence.as_ref()) {
            let role = resource.reservations.last().map(|last| last.role());
            if !volumes.insert((role, &persistence.id)) {
                return Some(format!("the volume {} is used twice", persistence.id));
            }
        }
    }
    match Vec::from_iter(allocated).as_slice() {
        [first, second, ..] => Some(format!(
            "the resources are allocated to the roles {first} and {second}"
        )),
        _ => None,
    }
}

/// How many ports and items of sets there are.
fn items(resources: &Resources) -> u128 {
    let of = |resource: &Resource| match resource.r#type() {
        value::Type::Ranges => {
            let ranges = resource.ranges.iter().flat_map(|ranges| &ranges.range);
            ranges
                .map(|range| u128::from(range.end.saturating_sub(range.begin)) + 1)
                .sum()
        }
        value::Type::Set => resource
            .set
            .as_ref()
            .map_or(0, |set| set.item.len() as u128),
        value::Type::Scalar | value::Type::Text => 0,
    };
    resources.iter().map(of).sum()
}

/// Whether the offer has the resources, if the linter knows the offer.
pub(super) fn fit(report: &mut Report<'_>, needed: &Resources) {
    let Some(offer) = report.offer() else {
        return;
    };
    // The master allocates the resources of a task to the role of the offer.
    let (mut offered, mut needed) = (offer.clone(), needed.clone());
    offered.unallocate();
    needed.unallocate();
    let wanted = needed.ports().unwrap_or_default();
    let outside = wanted.difference(&offered.ports().unwrap_or_default());
    if !outside.is_empty() {
        let message = format!(
            "the ports {} are outside of every range of the offer ({})",
            ports::print(&outside),
            offered.get("ports")
        );
        report.add(
            &PORT_OUTSIDE_OFFER,
            "resources",
            message,
            "take the ports out of the offer",
        );
    }
    let others = needed.filter(|one| outside.is_empty() || one.name != "ports");
    let lacking = &others - &offered;
    if !lacking.is_empty() {
        let message = format!("the offer lacks {lacking}; it has {offered}");
        let remedy = "take the resources out of the offer, with its reservations";
        report.add(&MORE_THAN_OFFERED, "resources", message, remedy);
    }
}
