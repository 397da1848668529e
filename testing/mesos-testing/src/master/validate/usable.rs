//! The namespace `resource` in src/master/validation.cpp: which valid resources can be used together.

use std::collections::{BTreeMap, BTreeSet};

use mesos_core::resources::Resources;
use mesos_proto::v1::resource::disk_info::source;
use mesos_proto::v1::resource::reservation_info;
use mesos_proto::v1::{Resource, volume};

use super::resource::{each, sum, text};
use super::{Check, Within as _, id, refuse};

/// `resource::validate`, for resources that are valid by themselves.
pub(super) fn usable(resources: &[Resource]) -> Check {
    each(resources).within("Invalid resources")?;
    let gpus = sum(resources).gpus().unwrap_or_default();
    // As `validateGpus` does: without a fourth digit.
    if (gpus * 1000.0) as i64 % 1000 != 0 {
        return refuse("Invalid 'gpus' resource: The 'gpus' resource must be an unsigned integer");
    }
    for resource in resources {
        disk_info(resource).within("Invalid DiskInfo")?;
    }
    let mut dynamic = resources.iter().filter(|resource| is_dynamic(resource));
    match dynamic.find(|resource| resource.revocable.is_some()) {
        Some(resource) => Err(format!(
            "Invalid ReservationInfo: Dynamically reserved resource {} cannot be created from \
             revocable resources",
            text(resource)
        )),
        None => Ok(()),
    }
}

/// `validateDiskInfo`.
fn disk_info(resource: &Resource) -> Check {
    let Some(disk) = &resource.disk else {
        return Ok(());
    };
    match (&disk.persistence, &disk.volume) {
        (Some(_), _) if resource.revocable.is_some() => {
            refuse("Persistent volumes cannot be created from revocable resources")
        }
        (Some(_), _) if resource.reservations.is_empty() => {
            refuse("Persistent volumes cannot be created from unreserved resources")
        }
        (Some(_), None) => refuse("Expecting 'volume' to be set for persistent volume"),
        (Some(_), Some(volume)) if volume.host_path.is_some() => {
            refuse("Expecting 'host_path' to be unset for persistent volume")
        }
        (Some(persistence), Some(_)) => {
            id(&persistence.id).within("Invalid persistence ID for persistent volume")
        }
        (None, Some(_)) => refuse("Non-persistent volume not supported"),
        (None, None) if disk.source.is_none() => refuse("DiskInfo is set but empty"),
        (None, None) => Ok(()),
    }
}

/// `validatePersistentVolume`.
pub(super) fn persistent_volume(volume: &Resource) -> Check {
    let Some(disk) = &volume.disk else {
        return Err(format!("Resource {} does not have DiskInfo", text(volume)));
    };
    match (&disk.persistence, &disk.volume) {
        (None, _) => refuse("'persistence' is not set in DiskInfo"),
        (Some(_), None) => refuse("Expecting 'volume' to be set for persistent volume"),
        (Some(_), Some(volume)) if volume.mode() == volume::Mode::Ro => {
            refuse("Read-only persistent volume not supported")
        }
        (Some(_), Some(_)) => Ok(()),
    }
}

/// `validateUniquePersistenceID`.
pub(super) fn unique_persistence_ids(resources: &Resources) -> Check {
    let mut seen = BTreeSet::new();
    for volume in &resources.persistent_volumes() {
        let disk = volume.disk.as_ref();
        let persistence = disk.and_then(|disk| disk.persistence.as_ref());
        let id = persistence.map(|persistence| persistence.id.as_str());
        if !seen.insert((
            reserved_for(volume).to_owned(),
            id.unwrap_or_default().to_owned(),
        )) {
            return Err(format!(
                "Persistence ID '{}' is not unique",
                id.unwrap_or_default()
            ));
        }
    }
    Ok(())
}

/// `validateRevocableAndNonRevocableResources`.
pub(super) fn not_mixed(resources: &Resources) -> Check {
    let mut kinds: BTreeMap<&str, bool> = BTreeMap::new();
    for resource in resources {
        let revocable = resource.revocable.is_some();
        if *kinds.entry(&resource.name).or_insert(revocable) != revocable {
            return Err(format!(
                "Cannot use both revocable and non-revocable '{}' at the same time",
                resource.name
            ));
        }
    }
    Ok(())
}

/// `validateAllocatedToSingleRole`.
pub(super) fn one_role(resources: &Resources) -> Check {
    let mut first = None;
    for resource in resources {
        let allocation = resource.allocation_info.as_ref();
        let Some(role) = allocation.and_then(|allocation| allocation.role.as_deref()) else {
            return refuse("The resources are not allocated to a role");
        };
        let first = *first.get_or_insert(role);
        if role != first {
            return Err(format!(
                "The resources have multiple allocation roles ('{role}' and '{first}') but only \
                 one allocation role is allowed"
            ));
        }
    }
    Ok(())
}

/// `validateSingleResourceProvider`.
pub(super) fn one_provider(resources: &[Resource]) -> Check {
    let providers: BTreeSet<Option<&str>> = resources
        .iter()
        .map(|resource| resource.provider_id.as_ref().map(|id| id.value.as_str()))
        .collect();
    match providers.len() {
        1 => Ok(()),
        _ if providers.contains(&None) => {
            refuse("Some resources have a resource provider and some do not")
        }
        _ => {
            let ids: Vec<&str> = providers.into_iter().flatten().collect();
            Err(format!(
                "The resources have multiple resource providers: {}",
                ids.join(", ")
            ))
        }
    }
}

/// `detectOverlappingSetAndRangeResources`: whether a port or an item is in two of the parts.
pub(super) fn overlap(parts: &[&Resources]) -> bool {
    let items = |resources: &Resources| -> u128 {
        resources
            .iter()
            .map(|resource| {
                let ranges = resource.ranges.iter().flat_map(|ranges| &ranges.range);
                let ranges: u128 = ranges
                    .map(|range| u128::from(range.end - range.begin) + 1)
                    .sum();
                let set = resource.set.as_ref().map_or(0, |set| set.item.len());
                ranges + set as u128
            })
            .sum()
    };
    let total: Resources = parts.iter().copied().sum();
    parts.iter().map(|part| items(part)).sum::<u128>() != items(&total)
}

pub(super) fn is_volume(resource: &Resource) -> bool {
    let disk = resource.disk.as_ref();
    disk.is_some_and(|disk| disk.persistence.is_some())
}

/// `Resources::isDynamicallyReserved`.
pub(super) fn is_dynamic(resource: &Resource) -> bool {
    let last = resource.reservations.last();
    last.is_some_and(|last| last.r#type() == reservation_info::Type::Dynamic)
}

/// `Resources::reservationRole`.
pub(super) fn reserved_for(resource: &Resource) -> &str {
    resource.reservations.last().map_or("*", |last| last.role())
}

/// `Resources::isDisk`.
pub(super) fn is_disk(resource: &Resource, kinds: &[source::Type]) -> bool {
    let disk = resource.disk.as_ref();
    let source = disk.and_then(|disk| disk.source.as_ref());
    source.is_some_and(|source| kinds.contains(&source.r#type()))
}
