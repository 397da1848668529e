//! `Resources::validate` in src/common/resources.cpp.

use std::collections::BTreeSet;

use mesos_core::resources::{Resources, Scalar, roles};
use mesos_proto::v1::resource::disk_info::source;
use mesos_proto::v1::resource::{ReservationInfo, reservation_info};
use mesos_proto::v1::{Resource, value};

use super::usable::is_volume;
use super::{Check, Within as _, refuse, role};

/// The valid resources, added up.
pub(crate) fn sum(resources: &[Resource]) -> Resources {
    Resources::from_valid(resources.iter().cloned()).0
}

/// A resource as text.
pub(crate) fn text(resource: &Resource) -> String {
    let sum = sum(std::slice::from_ref(resource));
    match sum.is_empty() {
        true => resource.name.clone(),
        false => sum.to_string(),
    }
}

/// `Resources::validate` of several resources.
pub(crate) fn each(resources: &[Resource]) -> Check {
    resources.iter().try_for_each(|resource| {
        one(resource).within(&format!("Resource '{}' is invalid", text(resource)))
    })
}

/// `Resources::validate`.
pub(crate) fn one(resource: &Resource) -> Check {
    if resource.name.is_empty() {
        return refuse("Empty resource name");
    }
    self::value(resource)?;
    disk(resource)?;
    reservation(resource)?;
    if resource.shared.is_some() {
        if resource.name != "disk" {
            return Err(format!("Resource {} cannot be shared", resource.name));
        }
        if !is_volume(resource) {
            return refuse("Only persistent volumes can be shared");
        }
    }
    Ok(())
}

fn value(resource: &Resource) -> Check {
    let set = (
        resource.scalar.is_some(),
        resource.ranges.is_some(),
        resource.set.is_some(),
    );
    match resource.r#type() {
        value::Type::Scalar if set != (true, false, false) => refuse("Invalid scalar resource"),
        value::Type::Scalar => {
            let value = resource.scalar.unwrap_or_default().value;
            match value != 0.0 && !is_positive(value) {
                true => refuse("Invalid scalar resource: value <= 0"),
                false => Ok(()),
            }
        }
        value::Type::Ranges if set != (false, true, false) => refuse("Invalid ranges resource"),
        value::Type::Ranges => {
            let ranges = resource.ranges.iter().flat_map(|ranges| &ranges.range);
            let ranges: Vec<_> = ranges.collect();
            for (place, range) in ranges.iter().enumerate() {
                if range.begin > range.end {
                    return refuse("Invalid ranges resource: begin > end");
                }
                let inside = range.begin..=range.end;
                if ranges[place + 1..]
                    .iter()
                    .any(|other| inside.contains(&other.begin))
                {
                    return refuse("Invalid ranges resource: overlapping ranges");
                }
            }
            Ok(())
        }
        value::Type::Set if set != (false, false, true) => refuse("Invalid set resource"),
        value::Type::Set => {
            let mut items = resource.set.iter().flat_map(|set| &set.item);
            let mut seen = BTreeSet::new();
            match items.all(|item| seen.insert(item)) {
                true => Ok(()),
                false => refuse("Invalid set resource: duplicated elements"),
            }
        }
        // A real master ends when it prints the resource.
        value::Type::Text => refuse("Unsupported resource type"),
    }
}

/// Scalars have three digits.
pub(super) fn is_positive(value: f64) -> bool {
    Scalar::from_f64(value).is_ok_and(|scalar| scalar.thousandths() > 0)
}

fn disk(resource: &Resource) -> Check {
    let Some(disk) = &resource.disk else {
        return Ok(());
    };
    if resource.name != "disk" {
        return Err(format!(
            "DiskInfo should not be set for {} resource",
            resource.name
        ));
    }
    let Some(source) = &disk.source else {
        return Ok(());
    };
    let kind = source.r#type();
    match kind {
        source::Type::Path | source::Type::Mount => Ok(()),
        source::Type::Block | source::Type::Raw => {
            let field = match (&source.mount, &source.path) {
                (Some(_), _) => "Mount",
                (None, Some(_)) => "Path",
                (None, None) => return Ok(()),
            };
            Err(format!(
                "{field} should not be set for {} disk source",
                kind.as_str_name()
            ))
        }
        source::Type::Unknown => Err(format!(
            "Unsupported 'DiskInfo.Source.Type' in '{}'",
            kind.as_str_name()
        )),
    }
}

/// The fields `role` and `reservation`, which came before `reservations`. Mesos still reads them.
#[expect(deprecated)]
pub(super) fn old_fields(resource: &Resource) -> (Option<&str>, Option<&ReservationInfo>) {
    (resource.role.as_deref(), resource.reservation.as_deref())
}

fn reservation(resource: &Resource) -> Check {
    let (old_role, old) = old_fields(resource);
    let [first, refinements @ ..] = resource.reservations.as_slice() else {
        let name = old_role.unwrap_or("*");
        role::role(name)?;
        let Some(old) = old else { return Ok(()) };
        return match () {
            () if old.r#type.is_some() => refuse(
                "'Resource.ReservationInfo.type' must not be set for the 'Resource.reservation' \
                 field",
            ),
            () if old.role.is_some() => refuse(
                "'Resource.ReservationInfo.role' must not be set for the 'Resource.reservation' \
                 field",
            ),
            () if name == "*" => {
                refuse("Invalid reservation: role \"*\" cannot be dynamically reserved")
            }
            () => Ok(()),
        };
    };
    for reservation in &resource.reservations {
        if reservation.r#type.is_none() {
            return refuse(
                "Invalid reservation: 'Resource.ReservationInfo.type' field must be set.",
            );
        }
        let Some(name) = &reservation.role else {
            return refuse(
                "Invalid reservation: 'Resource.ReservationInfo.role' field must be set.",
            );
        };
        role::role(name)?;
        if name == "*" {
            return refuse("Invalid reservation: role \"*\" cannot be reserved");
        }
    }
    let mut ancestor = first.role();
    for refinement in refinements {
        if refinement.r#type() == reservation_info::Type::Static {
            return refuse("Invalid refined reservation: A refined reservation cannot be STATIC");
        }
        let descendant = refinement.role();
        if !roles::is_strict_subrole(descendant, ancestor) {
            return Err(format!(
                "Invalid refined reservation: role '{descendant}' is not a refinement of \
                 '{ancestor}'"
            ));
        }
        ancestor = descendant;
    }
    match refinements {
        [] => one_reservation(first, old_role, old),
        _ => {
            let field = match (old_role, old) {
                (Some(_), _) => "role",
                (None, Some(_)) => "reservation",
                (None, None) => return Ok(()),
            };
            Err(format!(
                "Invalid resource format: 'Resource.{field}' must not be set if there is more \
                 than one reservation in 'Resource.reservations'"
            ))
        }
    }
}

fn one_reservation(
    new: &ReservationInfo,
    old_role: Option<&str>,
    old: Option<&ReservationInfo>,
) -> Check {
    if let Some(old_role) = old_role.filter(|old_role| *old_role != new.role()) {
        return Err(format!(
            "Invalid resource format: 'Resource.role' field with '{old_role}' does not match the \
             role '{}' in 'Resource.reservations'",
            new.role()
        ));
    }
    match (new.r#type(), old) {
        (reservation_info::Type::Unknown, _) => {
            refuse("Unsupported 'Resource.ReservationInfo.Type'")
        }
        (reservation_info::Type::Static, Some(_)) => refuse(
            "Invalid resource format: 'Resource.reservation' must not be set if the single \
             reservation in 'Resource.reservations' is STATIC",
        ),
        (reservation_info::Type::Static, None) => Ok(()),
        (reservation_info::Type::Dynamic, old) if old_role.is_some() != old.is_some() => refuse(
            "Invalid resource format: 'Resource.role' and 'Resource.reservation' must either be \
             both set or both not set if the single reservation in 'Resource.reservations' is \
             DYNAMIC",
        ),
        (reservation_info::Type::Dynamic, Some(old)) if old.principal() != new.principal() => {
            Err(format!(
                "Invalid resource format: 'Resource.reservation.principal' field with '{}' does \
                 not match the principal '{}' in 'Resource.reservations'",
                old.principal(),
                new.principal()
            ))
        }
        (reservation_info::Type::Dynamic, Some(old)) if old.labels != new.labels => refuse(
            "Invalid resource format: 'Resource.reservation.labels' field does not match the \
             labels in 'Resource.reservations'",
        ),
        (reservation_info::Type::Dynamic, _) => Ok(()),
    }
}
