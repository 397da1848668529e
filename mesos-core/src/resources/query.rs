//! Queries: amounts by name, and subsets by role and kind.
//!
//! The names and their meanings are those of Mesos' `Resources` (include/mesos/v1/resources.hpp).

use std::collections::BTreeMap;

use mesos_proto::v1::Resource;
use mesos_proto::v1::value::Type;

use super::amount::Amount;
use super::{Ranges, Resources, Set, roles};

impl Resources {
    /// The cores, over all roles and kinds, including revocable ones. Returns `None` without such a
    /// resource.
    pub fn cpus(&self) -> Option<f64> {
        self.get_scalar("cpus")
    }

    /// The memory in megabytes (2^20 bytes), over all roles and kinds.
    pub fn mem(&self) -> Option<f64> {
        self.get_scalar("mem")
    }

    /// The disk space in megabytes (2^20 bytes), over all roles and kinds, including volumes.
    pub fn disk(&self) -> Option<f64> {
        self.get_scalar("disk")
    }

    /// The GPUs, over all roles and kinds. The master offers agents with GPUs only to frameworks
    /// with the capability `GPU_RESOURCES`, unless it runs with `--no-filter_gpu_resources`.
    pub fn gpus(&self) -> Option<f64> {
        self.get_scalar("gpus")
    }

    /// The ports, over all roles and kinds. See [`port_numbers`](Resources::port_numbers) for
    /// single numbers, and [`take_ports`](Resources::take_ports) to take some of them.
    pub fn ports(&self) -> Option<Ranges> {
        self.get_ranges("ports")
    }

    /// The sum of all scalars with this name. A shared volume counts once.
    pub fn get_scalar(&self, name: &str) -> Option<f64> {
        match self.total(name, Type::Scalar)? {
            Amount::Scalar(total) => Some(total.to_f64()),
            _ => None,
        }
    }

    /// The union of all ranges with this name.
    pub fn get_ranges(&self, name: &str) -> Option<Ranges> {
        match self.total(name, Type::Ranges)? {
            Amount::Ranges(total) => Some(total),
            _ => None,
        }
    }

    /// The union of all sets with this name.
    pub fn get_set(&self, name: &str) -> Option<Set> {
        match self.total(name, Type::Set)? {
            Amount::Set(total) => Some(total),
            _ => None,
        }
    }

    fn total(&self, name: &str, r#type: Type) -> Option<Amount> {
        self.entries
            .iter()
            .filter(|entry| entry.resource.name == name && entry.resource.r#type() == r#type)
            .flat_map(|entry| {
                let copies = if entry.resource.shared.is_some() {
                    1
                } else {
                    entry.copies
                };
                std::iter::repeat_n(Amount::from_resource(&entry.resource), copies)
            })
            .reduce(Amount::plus)
    }

    /// The resources for which `wanted` returns true.
    ///
    /// The message has its reservations in `reservations`; the older `role` and `reservation` are
    /// never set.
    #[must_use]
    pub fn filter(&self, mut wanted: impl FnMut(&Resource) -> bool) -> Resources {
        let entries = self
            .entries
            .iter()
            .filter(|entry| wanted(&entry.resource))
            .cloned()
            .collect();
        Resources { entries }
    }

    /// The resources with this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Resources {
        self.filter(|resource| resource.name == name)
    }

    /// The resources that are reserved for exactly this role. Resources "reserved" for `*` are
    /// [unreserved](Resources::unreserved).
    #[must_use]
    pub fn reserved(&self, role: &str) -> Resources {
        self.filter(|resource| reservation_role(resource) == Some(role))
    }

    /// The resources that are not reserved.
    #[must_use]
    pub fn unreserved(&self) -> Resources {
        self.filter(|resource| resource.reservations.is_empty())
    }

    /// All reserved resources, by role.
    pub fn reservations(&self) -> BTreeMap<String, Resources> {
        let mut by_role: BTreeMap<String, Resources> = BTreeMap::new();
        for entry in &self.entries {
            if let Some(role) = reservation_role(&entry.resource) {
                by_role
                    .entry(role.to_owned())
                    .or_default()
                    .insert(entry.clone());
            }
        }
        by_role
    }

    /// The resources that a framework in `role` can get: unreserved, or reserved for the role or a
    /// role above it.
    #[must_use]
    pub fn allocatable_to(&self, role: &str) -> Resources {
        self.filter(|resource| {
            reservation_role(resource)
                .is_none_or(|owner| role == owner || roles::is_strict_subrole(role, owner))
        })
    }

    /// The resources that Mesos can take back from a running task.
    #[must_use]
    pub fn revocable(&self) -> Resources {
        self.filter(|resource| resource.revocable.is_some())
    }

    /// The resources that Mesos does not take back from a running task.
    #[must_use]
    pub fn non_revocable(&self) -> Resources {
        self.filter(|resource| resource.revocable.is_none())
    }

    /// The persistent volumes.
    #[must_use]
    pub fn persistent_volumes(&self) -> Resources {
        self.filter(|resource| {
            resource
                .disk
                .as_ref()
                .is_some_and(|disk| disk.persistence.is_some())
        })
    }
}

/// The role that a normalized resource is reserved for: the last of the stack.
pub(super) fn reservation_role(resource: &Resource) -> Option<&str> {
    resource
        .reservations
        .last()
        .map(|reservation| reservation.role())
}
