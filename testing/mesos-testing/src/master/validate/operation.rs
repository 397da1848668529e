//! The namespace `operation` in src/master/validation.cpp, of operations other than launches.

use mesos_core::resources::Resources;
use mesos_proto::v1::framework_info::capability;
use mesos_proto::v1::offer::Operation;
use mesos_proto::v1::offer::operation::{
    Create, CreateDisk, Destroy, DestroyDisk, GrowVolume, Reserve, ShrinkVolume, Type, Unreserve,
};
use mesos_proto::v1::resource::disk_info::source;
use mesos_proto::v1::{FrameworkInfo, Resource};

use super::resource::{is_positive, sum, text};
use super::usable::{
    is_disk, is_dynamic, is_volume, one_provider, one_role, persistent_volume, reserved_for,
    unique_persistence_ids, usable,
};
use super::{Check, Within as _, refuse, roles_of};

/// What the checks need to know.
pub(crate) struct Checked<'a> {
    pub(crate) framework: &'a FrameworkInfo,
    /// The resources of the agent, with their volumes.
    pub(crate) total: &'a Resources,
    /// The resources in use on the agent.
    pub(crate) used: &'a Resources,
}

impl Checked<'_> {
    /// Checks an operation other than a launch.
    pub(crate) fn check(&self, operation: &Operation) -> Check {
        let done = match operation.r#type() {
            Type::Reserve => {
                let body = operation.reserve.as_ref();
                body.map(|body| reserve(body, self.framework))
            }
            Type::Unreserve => operation.unreserve.as_ref().map(unreserve),
            Type::Create => {
                let body = operation.create.as_ref();
                body.map(|body| create(body, self.total, self.framework))
            }
            Type::Destroy => {
                let body = operation.destroy.as_ref();
                body.map(|body| destroy(body, self.total, self.used))
            }
            Type::GrowVolume => operation.grow_volume.as_ref().map(grow),
            Type::ShrinkVolume => operation.shrink_volume.as_ref().map(shrink),
            Type::CreateDisk => operation.create_disk.as_ref().map(create_disk),
            Type::DestroyDisk => operation.destroy_disk.as_ref().map(destroy_disk),
            Type::Launch | Type::LaunchGroup | Type::Unknown => None,
        };
        done.unwrap_or(Ok(()))
    }
}

/// `validate(Reserve)`.
fn reserve(reserve: &Reserve, framework: &FrameworkInfo) -> Check {
    usable(&reserve.resources).within("Invalid resources")?;
    one_provider(&reserve.resources).within("Invalid resources")?;
    let roles = roles_of(framework);
    for resource in &reserve.resources {
        dynamically_reserved(resource)?;
        let last = resource.reservations.last();
        match (
            &framework.principal,
            last.and_then(|last| last.principal.as_ref()),
        ) {
            (Some(principal), None) => {
                return Err(format!(
                    "A reserve operation was attempted by principal '{principal}', but there is a \
                     reserved resource in the request with no principal set"
                ));
            }
            (Some(principal), Some(named)) if principal != named => {
                return Err(format!(
                    "A reserve operation was attempted by authenticated principal '{principal}', \
                     which does not match a reserved resource in the request with principal \
                     '{named}'"
                ));
            }
            _ => {}
        }
        let allocation = resource.allocation_info.as_ref();
        let allocated = allocation.map_or("", |allocation| allocation.role());
        let reserved = reserved_for(resource);
        if allocated != reserved {
            return Err(format!(
                "A reserve operation was attempted for a resource with role '{reserved}', but the \
                 resource was allocated to role '{allocated}'"
            ));
        }
        if !roles.iter().any(|role| role == allocated) {
            return Err(format!(
                "A reserve operation was attempted for a resource allocated to role \
                 '{allocated}', but the framework only has roles '{{ {} }}'",
                roles.join(", ")
            ));
        }
    }
    one_role(&sum(&reserve.resources)).within("Invalid reservation resources")
}

fn dynamically_reserved(resource: &Resource) -> Check {
    match is_dynamic(resource) {
        true => Ok(()),
        false => Err(format!(
            "Resource {} is not dynamically reserved",
            text(resource)
        )),
    }
}

/// `validate(Unreserve)`.
fn unreserve(unreserve: &Unreserve) -> Check {
    usable(&unreserve.resources).within("Invalid resources")?;
    one_provider(&unreserve.resources).within("Invalid resources")?;
    for resource in &unreserve.resources {
        dynamically_reserved(resource)?;
        if is_volume(resource) {
            return Err(format!(
                "A dynamically reserved persistent volume {} cannot be unreserved directly. \
                 Please destroy the persistent volume first then unreserve the resource",
                text(resource)
            ));
        }
    }
    Ok(())
}

/// `validate(Create)`. `total` has the volumes of the agent.
fn create(create: &Create, total: &Resources, framework: &FrameworkInfo) -> Check {
    usable(&create.volumes).within("Invalid resources")?;
    one_provider(&create.volumes).within("Invalid resources")?;
    volumes(&create.volumes)?;
    unique_persistence_ids(&(total + &sum(&create.volumes)))?;
    for volume in &create.volumes {
        if volume.shared.is_some() && !framework.has_capability(capability::Type::SharedResources) {
            return Err(format!(
                "Create volume operation for '{}' has been attempted by framework '{}' with no \
                 SHARED_RESOURCES capability",
                text(volume),
                framework.id.clone().unwrap_or_default()
            ));
        }
        let disk = volume.disk.as_ref();
        let persistence = disk.and_then(|disk| disk.persistence.as_ref());
        let named = persistence.and_then(|persistence| persistence.principal.as_ref());
        match (&framework.principal, named) {
            (Some(principal), None) => {
                return Err(format!(
                    "Create volume operation attempted by principal '{principal}', but there is a \
                     volume in the operation with no principal set in 'disk.persistence'"
                ));
            }
            (Some(principal), Some(named)) if principal != named => {
                return Err(format!(
                    "Create volume operation attempted by authenticated principal '{principal}', \
                     which does not match a volume in the operation with principal '{named}' set \
                     in 'disk.persistence'"
                ));
            }
            _ => {}
        }
    }
    one_role(&sum(&create.volumes)).within("Invalid volume resources")
}

fn volumes(volumes: &[Resource]) -> Check {
    let mut volumes = volumes.iter();
    volumes
        .try_for_each(persistent_volume)
        .within("Not a persistent volume")
}

/// `validate(Destroy)`. `total` and `used` are the resources of the agent.
fn destroy(destroy: &Destroy, total: &Resources, used: &Resources) -> Check {
    usable(&destroy.volumes).within("Invalid resources")?;
    one_provider(&destroy.volumes).within("Invalid resources")?;
    volumes(&destroy.volumes)?;
    let mut unallocated = sum(&destroy.volumes);
    unallocated.unallocate();
    for volume in &unallocated {
        if volume.provider_id.is_none() && total.count(volume) == 0 {
            return refuse("Persistent volumes not found");
        }
    }
    match unallocated.iter().any(|volume| used.count(volume) > 0) {
        true => refuse("Persistent volumes in use"),
        false => Ok(()),
    }
}

fn amount(resource: &Resource) -> f64 {
    resource.scalar.unwrap_or_default().value
}

/// `validate(GrowVolume)`.
fn grow(grow: &GrowVolume) -> Check {
    if !is_positive(amount(&grow.addition)) {
        return refuse("The size of 'GrowVolume.addition' field must be greater than zero");
    }
    if grow.volume.provider_id.is_some() {
        return refuse("Growing a volume from a resource provider is not supported");
    }
    persistent_volume(&grow.volume)
        .within("Invalid persistent volume in the 'GrowVolume.volume' field")?;
    if grow.volume.shared.is_some() {
        return refuse("Growing a shared persistent volume is not supported");
    }
    match sum(&[stripped(&grow.volume), grow.addition.clone()]).len() {
        1 => Ok(()),
        _ => refuse(
            "Incompatible resources in the 'GrowVolume.volume' and 'GrowVolume.addition' fields",
        ),
    }
}

/// `validate(ShrinkVolume)`.
fn shrink(shrink: &ShrinkVolume) -> Check {
    let subtract = shrink.subtract.value;
    if !is_positive(subtract) {
        return refuse("Value of 'ShrinkVolume.subtract' must be greater than zero");
    }
    if !is_positive(amount(&shrink.volume) - subtract) {
        return refuse(
            "Value of 'ShrinkVolume.subtract' must be smaller than the size of \
             'ShrinkVolume.volume'",
        );
    }
    if shrink.volume.provider_id.is_some() {
        return refuse("Shrinking a volume from a resource provider is not supported");
    }
    if is_disk(&shrink.volume, &[source::Type::Mount]) {
        return refuse("Shrinking a volume on a MOUNT disk is not supported");
    }
    persistent_volume(&shrink.volume)
        .within("Invalid persistent volume in the 'ShrinkVolume.volume' field")?;
    match shrink.volume.shared {
        Some(_) => refuse("Shrinking a shared persistent volume is not supported"),
        None => Ok(()),
    }
}

/// The disk below a volume.
pub(crate) fn stripped(volume: &Resource) -> Resource {
    let mut plain = volume.clone();
    plain.shared = None;
    plain.disk = plain.disk.filter(|disk| disk.source.is_some());
    if let Some(disk) = &mut plain.disk {
        disk.persistence = None;
        disk.volume = None;
    }
    plain
}

/// `validate(CreateDisk)`.
fn create_disk(create: &CreateDisk) -> Check {
    provided(&create.source)?;
    if !is_disk(&create.source, &[source::Type::Raw]) {
        return refuse("'source' is not a RAW disk resource");
    }
    if !matches!(
        create.target_type(),
        source::Type::Mount | source::Type::Block
    ) {
        return refuse("'target_type' is neither MOUNT or BLOCK");
    }
    let disk = create.source.disk.as_ref();
    let source = disk.and_then(|disk| disk.source.as_ref());
    let has_profile = source.is_some_and(|source| source.profile.is_some());
    match (has_profile, create.target_profile.is_some()) {
        (true, true) => refuse("'target_profile' must not be set when 'source' has a profile"),
        (false, false) => refuse("'target_profile' must be set when 'source' has no profile"),
        _ => Ok(()),
    }
}

/// `validate(DestroyDisk)`.
fn destroy_disk(destroy: &DestroyDisk) -> Check {
    provided(&destroy.source)?;
    let kinds = [source::Type::Mount, source::Type::Block, source::Type::Raw];
    if !is_disk(&destroy.source, &kinds) {
        return refuse("'source' is neither a MOUNT, BLOCK or RAW disk resource");
    }
    let disk = destroy.source.disk.as_ref();
    let source = disk.and_then(|disk| disk.source.as_ref());
    if source.is_none_or(|source| source.id.is_none()) {
        return refuse("'source' is not backed by a CSI volume");
    }
    match is_volume(&destroy.source) {
        true => Err(format!(
            "A disk resource containing a persistent volume {} cannot be destroyed directly. \
             Please destroy the persistent volume first then destroy the disk resource",
            text(&destroy.source)
        )),
        false => Ok(()),
    }
}

fn provided(source: &Resource) -> Check {
    usable(std::slice::from_ref(source)).within("Invalid resource")?;
    match source.provider_id {
        Some(_) => Ok(()),
        None => refuse("'source' is not managed by a resource provider"),
    }
}
