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
            reserved: match (reservation_role(wanted), request.reservations) {
                (Some(role), _) => Reserved::For(role.to_owned()),
                (None, Reservations::Reserved) => Reserved::Yes,
                (None, Reservations::Unreserved) => Reserved::No,
                (None, Reservations::ReservedFirst | Reservations::UnreservedFirst) => {
                    Reserved::Any
                }
            },
            revocable: match wanted.revocable {
                Some(_) => Revocable::Only,
                None => request.revocability(&wanted.name),
            },
        }
    }

    /// The pool for the ports of a request. Ports are never revocable.
    pub(crate) fn of_ports(request: &Request) -> Pool {
        Pool::of(request, &Resource::default())
    }

    /// Whether the reservation of `offered` permits its use.
    pub(crate) fn permits(&self, offered: &Resource) -> bool {
        match &self.reserved {
            Reserved::Any => true,
            Reserved::Yes => !offered.reservations.is_empty(),
            Reserved::No => offered.reservations.is_empty(),
            Reserved::For(role) => reservation_role(offered) == Some(role),
        }
    }
}

pub(crate) fn prefer(request: &Request) -> Prefer {
    match request.reservations {
        Reservations::UnreservedFirst => Prefer::Unreserved,
        _ => Prefer::Reserved,
    }
}

/// The part of `free` with permitted reservations under this name.
pub(crate) fn part(free: &Resources, pool: &Pool, name: &str) -> Resources {
    free.filter(|resource| resource.name == name && pool.permits(resource))
}

/// The role that a resource is reserved for: the last of its reservations.
pub(crate) fn reservation_role(resource: &Resource) -> Option<&str> {
    resource
        .reservations
        .last()
        .map(|reservation| reservation.role())
}
