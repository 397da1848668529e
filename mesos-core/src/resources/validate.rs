//! Validation of resources, and the normalized form that the rest of this module uses.
//!
//! The rules are those of `Resources::validate` in src/common/resources.cpp, which the master
//! applies to the resources of a call. A reservation comes in one of three formats
//! (include/mesos/v1/mesos.proto, "Resource Format"):
//! * before reservation refinement: in `role` and `reservation`. The master offers this format to a
//!   framework without the capability `RESERVATION_REFINEMENT`.
//! * after reservation refinement: in `reservations`, from the first to the current one.
//! * the format of the operator endpoints: in both, with equal content.
//!
//! All three are accepted. The normalized form uses only the second: the master accepts it from
//! every framework since 1.4, with or without the capability (`validateAndUpgradeResources` in
//! src/common/resources_utils.cpp).

use mesos_proto::v1::Resource;
use mesos_proto::v1::resource::disk_info::source;
use mesos_proto::v1::resource::reservation_info;
use mesos_proto::v1::resource::{DiskInfo, ReservationInfo};
use mesos_proto::v1::value::{self, Type};

use super::identity::same_labels;
use super::ranges::coalesce;
use super::roles::{self, InvalidRole};
use super::scalar::{InvalidScalar, Scalar};

/// A resource that Mesos would not accept.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("invalid resource {name:?}: {problem}")]
pub struct InvalidResource {
    name: String,
    problem: Problem,
}

impl InvalidResource {
    /// The name of the resource, which can be the problem itself.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What is wrong with the resource.
    pub fn problem(&self) -> &Problem {
        &self.problem
    }
}

/// What is wrong with a resource.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// The resource has no name.
    #[error("the name is missing; set `name`")]
    NoName,
    /// The type is TEXT, or a number that this version does not know.
    #[error("the type is {0}; use SCALAR, RANGES or SET")]
    Type(String),
    /// The value does not fit the type.
    #[error("the type is {0}; set `{field}` and no other value", field = .0.to_lowercase())]
    Value(&'static str),
    /// The scalar is negative, not a number, or out of bounds.
    #[error(transparent)]
    Scalar(InvalidScalar),
    /// A range ends before it begins.
    #[error("the range {begin}-{end} ends before it begins; write {end}-{begin}")]
    Inverted {
        /// The start of the range.
        begin: u64,
        /// The end of the range.
        end: u64,
    },
    /// Two ranges have a value in common.
    #[error("{0} is in two ranges; keep it in one")]
    Overlap(u64),
    /// A set has an item twice.
    #[error("{0:?} is in the set twice; keep it once")]
    Duplicate(String),
    /// The disk is invalid.
    #[error("invalid disk: {0}")]
    Disk(&'static str),
    /// The name of a role is invalid.
    #[error(transparent)]
    Role(InvalidRole),
    /// The reservation is invalid.
    #[error("invalid reservation: {0}")]
    Reservation(String),
    /// The resource cannot be shared.
    #[error(
        "only a persistent volume can be shared; remove `shared`, or set `disk.persistence` on a `disk`"
    )]
    Shared,
}

/// Validates one resource as the master does, without a copy.
///
/// # Errors
/// [`InvalidResource`] with the first violated rule.
pub fn validate(resource: &Resource) -> Result<(), InvalidResource> {
    check(resource).map_err(|problem| InvalidResource {
        name: resource.name.clone(),
        problem,
    })
}

/// Validates and normalizes a resource.
pub(super) fn normalize(mut resource: Resource) -> Result<Resource, InvalidResource> {
    validate(&resource)?;
    normalize_valid(&mut resource);
    Ok(resource)
}

/// Rounds scalars, coalesces ranges, sorts sets, refines reservations.
pub(super) fn normalize_valid(resource: &mut Resource) {
    refine(resource);
    if let Some(scalar) = &mut resource.scalar {
        scalar.value = Scalar::from_checked(scalar.value).to_f64();
    }
    if let Some(ranges) = &mut resource.ranges {
        coalesce(&mut ranges.range);
    }
    if let Some(set) = &mut resource.set {
        set.item.sort_unstable();
    }
}

fn check(resource: &Resource) -> Result<(), Problem> {
    if resource.name.is_empty() {
        return Err(Problem::NoName);
    }
    check_value(resource)?;
    if let Some(disk) = &resource.disk {
        check_disk(&resource.name, disk)?;
    }
    check_reservation(resource)?;
    let persistent = resource
        .disk
        .as_ref()
        .is_some_and(|disk| disk.persistence.is_some());
    if resource.shared.is_some() && !persistent {
        return Err(Problem::Shared);
    }
    Ok(())
}

fn check_value(resource: &Resource) -> Result<(), Problem> {
    let set = (&resource.scalar, &resource.ranges, &resource.set);
    match (Type::try_from(resource.r#type), set) {
        (Ok(Type::Scalar), (Some(scalar), None, None)) => Scalar::from_f64(scalar.value)
            .map(drop)
            .map_err(Problem::Scalar),
        (Ok(Type::Ranges), (None, Some(ranges), None)) => check_ranges(ranges),
        (Ok(Type::Set), (None, None, Some(set))) => check_set(set),
        (Ok(Type::Text), _) => Err(Problem::Type("TEXT".to_owned())),
        (Ok(r#type), _) => Err(Problem::Value(r#type.as_str_name())),
        (Err(_), _) => Err(Problem::Type(format!(
            "{}, which is unknown",
            resource.r#type
        ))),
    }
}

fn check_ranges(ranges: &value::Ranges) -> Result<(), Problem> {
    // Mesos sends valid ranges in their order.
    let valid = ranges.range.iter().all(|range| range.begin <= range.end);
    if valid && ranges.range.is_sorted_by(|one, next| one.end < next.begin) {
        return Ok(());
    }
    let mut sorted: Vec<(u64, u64)> = ranges.range.iter().map(|r| (r.begin, r.end)).collect();
    if let Some(&(begin, end)) = sorted.iter().find(|(begin, end)| begin > end) {
        return Err(Problem::Inverted { begin, end });
    }
    sorted.sort_unstable();
    match sorted.windows(2).find(|pair| pair[0].1 >= pair[1].0) {
        Some(pair) => Err(Problem::Overlap(pair[1].0)),
        None => Ok(()),
    }
}

fn check_set(set: &value::Set) -> Result<(), Problem> {
    let mut sorted: Vec<&String> = set.item.iter().collect();
    sorted.sort_unstable();
    match sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(Problem::Duplicate(pair[0].clone())),
        None => Ok(()),
    }
}

fn check_disk(name: &str, disk: &DiskInfo) -> Result<(), Problem> {
    if name != "disk" {
        return Err(Problem::Disk(
            "`disk` is only for the resource named disk; remove `disk`",
        ));
    }
    let Some(source) = &disk.source else {
        return Ok(());
    };
    let whole_device = match source::Type::try_from(source.r#type) {
        Ok(source::Type::Path | source::Type::Mount) => false,
        Ok(source::Type::Block | source::Type::Raw) => true,
        Ok(source::Type::Unknown) | Err(_) => {
            return Err(Problem::Disk(
                "`source.type` must be PATH, MOUNT, BLOCK or RAW",
            ));
        }
    };
    if whole_device && source.mount.is_some() {
        return Err(Problem::Disk(
            "a BLOCK or RAW source cannot have a `mount`; remove `mount`",
        ));
    }
    if whole_device && source.path.is_some() {
        return Err(Problem::Disk(
            "a BLOCK or RAW source cannot have a `path`; remove `path`",
        ));
    }
    Ok(())
}

fn check_reservation(resource: &Resource) -> Result<(), Problem> {
    match resource.reservations.as_slice() {
        #[allow(deprecated)]
        [] if resource.role.is_none() && resource.reservation.is_none() => Ok(()),
        [] => check_unrefined(resource),
        [one] => {
            check_stack(&resource.reservations)?;
            check_both_formats(resource, one)
        }
        stack => {
            check_stack(stack)?;
            #[allow(deprecated)]
            let unrefined = resource.role.is_some() || resource.reservation.is_some();
            if unrefined {
                return invalid_reservation(
                    "`role` and `reservation` cannot express more than one reservation; remove them",
                );
            }
            Ok(())
        }
    }
}

fn invalid_reservation(why: impl Into<String>) -> Result<(), Problem> {
    Err(Problem::Reservation(why.into()))
}

fn check_unrefined(resource: &Resource) -> Result<(), Problem> {
    #[allow(deprecated)]
    let role = resource.role();
    roles::validate(role).map_err(Problem::Role)?;
    let Some(reservation) = &resource.reservation else {
        return Ok(());
    };
    if reservation.r#type.is_some() || reservation.role.is_some() {
        return invalid_reservation(
            "`reservation` cannot have a `type` or a `role`; use `reservations`, or remove the two",
        );
    }
    if role == "*" {
        return invalid_reservation("the role * cannot have reservations; set `role`");
    }
    Ok(())
}

fn check_stack(stack: &[ReservationInfo]) -> Result<(), Problem> {
    let mut ancestor: Option<&str> = None;
    for reservation in stack {
        let kind = reservation.r#type.map(reservation_info::Type::try_from);
        let Some(Ok(kind @ (reservation_info::Type::Static | reservation_info::Type::Dynamic))) =
            kind
        else {
            return invalid_reservation("each of `reservations` needs a `type`, STATIC or DYNAMIC");
        };
        let Some(role) = reservation.role.as_deref() else {
            return invalid_reservation("each of `reservations` needs a `role`");
        };
        roles::validate(role).map_err(Problem::Role)?;
        if role == "*" {
            return invalid_reservation("the role * cannot have reservations; set another role");
        }
        if let Some(ancestor) = ancestor {
            if kind == reservation_info::Type::Static {
                return invalid_reservation("only the first of `reservations` can be STATIC");
            }
            if !roles::is_strict_subrole(role, ancestor) {
                return invalid_reservation(format!(
                    "the role {role:?} is not below {ancestor:?}; a refinement needs a role such as \"{ancestor}/{role}\""
                ));
            }
        }
        ancestor = Some(role);
    }
    Ok(())
}

/// The format of the endpoints: the two formats must have equal content.
fn check_both_formats(resource: &Resource, refined: &ReservationInfo) -> Result<(), Problem> {
    #[allow(deprecated)]
    let role = resource.role.as_ref();
    let unrefined = resource.reservation.as_ref();
    if role.is_some() && role != refined.role.as_ref() {
        return invalid_reservation(
            "`role` differs from the role in `reservations`; remove `role`",
        );
    }
    if refined.r#type() == reservation_info::Type::Static {
        return match unrefined {
            Some(_) => invalid_reservation(
                "`reservation` is for DYNAMIC reservations, but `reservations` has a STATIC one; remove `reservation`",
            ),
            None => Ok(()),
        };
    }
    if role.is_some() != unrefined.is_some() {
        return invalid_reservation(
            "with a DYNAMIC reservation in `reservations`, set both `role` and `reservation`, or neither",
        );
    }
    let Some(unrefined) = unrefined else {
        return Ok(());
    };
    if unrefined.principal() != refined.principal() {
        return invalid_reservation(
            "the principal in `reservation` differs from the one in `reservations`; remove `role` and `reservation`",
        );
    }
    let labels = |reservation: &ReservationInfo| reservation.labels.clone().unwrap_or_default();
    if !same_labels(&labels(unrefined), &labels(refined)) {
        return invalid_reservation(
            "the labels in `reservation` differ from those in `reservations`; remove `role` and `reservation`",
        );
    }
    Ok(())
}

/// Moves the content of `role` and `reservation` into `reservations`. The resource is valid.
#[allow(deprecated)]
fn refine(resource: &mut Resource) {
    let role = resource.role.take();
    let reservation = resource.reservation.take();
    let Some(role) = role.filter(|role| role != "*" && resource.reservations.is_empty()) else {
        return;
    };
    let kind = match reservation {
        Some(_) => reservation_info::Type::Dynamic,
        None => reservation_info::Type::Static,
    };
    resource.reservations.push(ReservationInfo {
        r#type: Some(kind.into()),
        role: Some(role),
        ..reservation
            .map(|reservation| *reservation)
            .unwrap_or_default()
    });
}
