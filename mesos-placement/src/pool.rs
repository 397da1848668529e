//! Pools: the part of an offer's resources that may be used for one need.

use mesos_core::resources::{Prefer, Resources};
use mesos_proto::v1::Resource;

use crate::request::{Request, Revocable};
use crate::volume::Reservations;

/// Which resources may be used: by reservation and by revocability.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Pool {
    pub(crate) reserved: Reserved,
    pub(crate) revocable: Revocable,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Reserved {
    Any,
    Yes,
    No,
    /// For exactly this role.
    For(String),
}

impl Pool {
    /// The pool for a resource of a request.
    pub(crate) fn of(request: &Request, wanted: &Resource) -> Pool {
        Pool {
            reserved: match (owner(wanted), request.reservations) {
                (Some(role), _) => Reserved::For(role.to_owned()),
                (None, Reservations::Reserved) => Reserved::Yes,
                (None, Reservations::Unreserved) => Reserved::No,
                (None, Reservations::ReservedFirst | Reservations::UnreservedFirst) => {
                    Reserved::Any
                }
            },
            revocable: request.kind(wanted),
        }
    }

    /// The pool for the ports of a request. Ports are never revocable.
    pub(crate) fn of_ports(request: &Request) -> Pool {
        Pool {
            revocable: Revocable::Never,
            ..Pool::of(request, &Resource::default())
        }
    }

    /// Whether resources with this owner may be used.
    pub(crate) fn permits_owner(&self, owner: Option<&str>) -> bool {
        match &self.reserved {
            Reserved::Any => true,
            Reserved::Yes => owner.is_some(),
            Reserved::No => owner.is_none(),
            Reserved::For(role) => owner == Some(role),
        }
    }

    /// The permitted part of `free` under this name.
    pub(crate) fn part(&self, free: &Resources, name: &str) -> Resources {
        free.filter(|resource| resource.name == name && self.permits_owner(owner(resource)))
    }
}

pub(crate) fn prefer(request: &Request) -> Prefer {
    match request.reservations {
        Reservations::UnreservedFirst => Prefer::Unreserved,
        _ => Prefer::Reserved,
    }
}

/// The role that a resource is reserved for: the last of its reservations, or the role in the older
/// format, which masters send to frameworks without RESERVATION_REFINEMENT.
#[allow(deprecated, reason = "the older format")]
pub(crate) fn owner(resource: &Resource) -> Option<&str> {
    match resource.reservations.last() {
        Some(reservation) => Some(reservation.role()),
        None => resource.role.as_deref().filter(|role| *role != "*"),
    }
}
