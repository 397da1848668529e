//! What a resource must be like to be one, and the one format that the rest of this module works
//! on.
//!
//! The rules are those of `Resources::validate` in src/common/resources.cpp, which is what the
//! master applies to the resources of a call. A reservation comes in one of three formats
//! (include/mesos/v1/mesos.proto, "Resource Format"):
//! * before reservation refinement: in `role` and `reservation`; what the master offers to a
//!   framework without the capability `RESERVATION_REFINEMENT`;
//! * after it: in `reservations`, from the first to the current one;
//! * that of the operator endpoints: in both, saying the same.
//!
//! All three are read. Inside, and on the way out, there is only the second: the master takes it
//! from every framework since 1.4, with the capability or without (`validateAndUpgradeResources` in
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
    /// The name of the resource, which may be what is wrong with it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What is wrong with it.
    pub fn problem(&self) -> &Problem {
        &self.problem
    }
}

/// What is wrong with a resource.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// It has no name.
    #[error("it has no name; set `name`")]
    NoName,
    /// Its type is TEXT, or a number that this version does not know.
    #[error("the type is {0}; only SCALAR, RANGES and SET can be resources")]
    Type(String),
    /// The value does not fit the type.
    #[error("the type is {0}, so `{field}` must be set, and no other value", field = .0.to_lowercase())]
    Value(&'static str),
    /// The scalar is negative, not a number, or out of bounds.
    #[error(transparent)]
    Scalar(InvalidScalar),
    /// A range ends before it begins.
    #[error("the range {begin}-{end} ends before it begins; write {end}-{begin}")]
    Inverted {
        /// Where the range begins.
        begin: u64,
        /// Where it ends.
        end: u64,
    },
    /// Two ranges have a value in common.
    #[error("{0} is in two of the ranges; leave it in one")]
    Overlap(u64),
    /// An item is twice in a set.
    #[error("{0:?} is in the set twice; leave it there once")]
    Duplicate(String),
    /// A disk that cannot be.
    #[error("the disk cannot be: {0}")]
    Disk(&'static str),
    /// The name of a role cannot be.
    #[error(transparent)]
    Role(InvalidRole),
    /// The reservation cannot be.
    #[error("the reservation cannot be: {0}")]
    Reservation(String),
    /// It cannot be shared.
    #[error(
        "only a persistent volume can be shared: drop `shared`, or set `disk.persistence` on a `disk`"
    )]
    Shared,
}

/// Checks one resource as the master does, without building anything of it.
///
/// # Errors
/// [`InvalidResource`] with the first rule that is broken.
pub fn validate(resource: &Resource) -> Result<(), InvalidResource> {
    check(resource).map_err(|problem| InvalidResource {
        name: resource.name.clone(),
        problem,
    })
}

/// Validates, and brings into the one form.
pub(super) fn normalise(resource: Resource) -> Result<Resource, InvalidResource> {
    validate(&resource)?;
    Ok(normalise_valid(resource))
}

/// Rounds scalars, coalesces ranges, sorts sets, refines reservations.
pub(super) fn normalise_valid(mut resource: Resource) -> Resource {
    refine(&mut resource);
    if let Some(scalar) = &mut resource.scalar {
        scalar.value = Scalar::of_checked(scalar.value).to_f64();
    }
    if let Some(ranges) = &mut resource.ranges {
        coalesce(&mut ranges.range);
    }
    if let Some(set) = &mut resource.set {
        set.item.sort_unstable();
    }
    resource
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
        (Ok(of), _) => Err(Problem::Value(of.as_str_name())),
        (Err(_), _) => Err(Problem::Type(format!(
            "{}, which is unknown here",
            resource.r#type
        ))),
    }
}

fn check_ranges(ranges: &value::Ranges) -> Result<(), Problem> {
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
            "`disk` is for the resource named disk; drop it here",
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
            "a BLOCK or RAW source has no `mount`; drop it",
        ));
    }
    if whole_device && source.path.is_some() {
        return Err(Problem::Disk(
            "a BLOCK or RAW source has no `path`; drop it",
        ));
    }
    Ok(())
}

fn check_reservation(resource: &Resource) -> Result<(), Problem> {
    match resource.reservations.as_slice() {
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
                return wrong(
                    "`role` and `reservation` cannot say more than one reservation; drop them",
                );
            }
            Ok(())
        }
    }
}

fn wrong(what: impl Into<String>) -> Result<(), Problem> {
    Err(Problem::Reservation(what.into()))
}

fn check_unrefined(resource: &Resource) -> Result<(), Problem> {
    #[allow(deprecated)]
    let role = resource.role();
    roles::validate(role).map_err(Problem::Role)?;
    let Some(reservation) = &resource.reservation else {
        return Ok(());
    };
    if reservation.r#type.is_some() || reservation.role.is_some() {
        return wrong(
            "`reservation` has no `type` and no `role` of its own; use `reservations`, or drop the two",
        );
    }
    if role == "*" {
        return wrong("nothing can be reserved for the role *; set `role`");
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
            return wrong("each of `reservations` needs a `type`, STATIC or DYNAMIC");
        };
        let Some(role) = reservation.role.as_deref() else {
            return wrong("each of `reservations` needs a `role`");
        };
        roles::validate(role).map_err(Problem::Role)?;
        if role == "*" {
            return wrong("nothing can be reserved for the role *");
        }
        if let Some(ancestor) = ancestor {
            if kind == reservation_info::Type::Static {
                return wrong("only the first of `reservations` can be STATIC");
            }
            if !roles::is_strict_subrole(role, ancestor) {
                return wrong(format!(
                    "the role {role:?} is not below {ancestor:?}; a refinement needs a role such as \"{ancestor}/{role}\""
                ));
            }
        }
        ancestor = Some(role);
    }
    Ok(())
}

/// The endpoints' format: what is said twice must be the same.
fn check_both_formats(resource: &Resource, refined: &ReservationInfo) -> Result<(), Problem> {
    #[allow(deprecated)]
    let role = resource.role.as_ref();
    let unrefined = resource.reservation.as_ref();
    if role.is_some() && role != refined.role.as_ref() {
        return wrong("`role` is not the role in `reservations`; drop `role`");
    }
    if refined.r#type() == reservation_info::Type::Static {
        return match unrefined {
            Some(_) => wrong(
                "`reservation` is for a DYNAMIC one, and that in `reservations` is STATIC; drop `reservation`",
            ),
            None => Ok(()),
        };
    }
    if role.is_some() != unrefined.is_some() {
        return wrong(
            "beside a DYNAMIC one in `reservations`, set both `role` and `reservation`, or neither",
        );
    }
    let Some(unrefined) = unrefined else {
        return Ok(());
    };
    if unrefined.principal() != refined.principal() {
        return wrong(
            "the principal in `reservation` is not that in `reservations`; drop `role` and `reservation`",
        );
    }
    let labels = |of: &ReservationInfo| of.labels.clone().unwrap_or_default();
    if !same_labels(&labels(unrefined), &labels(refined)) {
        return wrong(
            "the labels in `reservation` are not those in `reservations`; drop `role` and `reservation`",
        );
    }
    Ok(())
}

/// Moves what `role` and `reservation` say into `reservations`. The resource was checked.
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
        ..reservation.unwrap_or_default()
    });
}
