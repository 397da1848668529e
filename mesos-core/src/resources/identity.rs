//! The identity of resources: which resources can be added.
//!
//! Mesos has three versions of this rule in src/v1/resources.cpp (`addable`, `subtractable`,
//! `operator==`). Here it is one rule. Two resources have the same identity if name, type,
//! allocation, the stack of reservations, disk, revocability, sharedness and provider are equal.
//! Some resources are indivisible: shared resources, persistent volumes, MOUNT and BLOCK disks, and
//! RAW disks with an id. Their amount is part of the identity, and copies are counted instead.

use std::hash::{Hash, Hasher};

use mesos_proto::v1::resource::disk_info::{Source, source};
use mesos_proto::v1::resource::{DiskInfo, ReservationInfo};
use mesos_proto::v1::{Labels, Resource};

/// A normalized resource with its number of copies.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) resource: Resource,
    /// Always 1 for a divisible resource.
    pub(super) copies: usize,
}

impl Entry {
    pub(super) fn new(resource: Resource) -> Entry {
        Entry {
            resource,
            copies: 1,
        }
    }
}

/// Hashes the identity of a resource.
pub(super) struct Identity<'a>(pub(super) &'a Resource);

impl Hash for Identity<'_> {
    /// Hashes the fields that usually differ, and only fields that [`same_identity`] compares.
    fn hash<H: Hasher>(&self, state: &mut H) {
        let resource = self.0;
        resource.name.hash(state);
        if let Some(info) = &resource.allocation_info {
            info.role.hash(state);
        }
        for reservation in &resource.reservations {
            (
                &reservation.r#type,
                &reservation.role,
                &reservation.principal,
            )
                .hash(state);
        }
        if let Some(disk) = &resource.disk {
            disk.persistence.as_ref().map(|p| &p.id).hash(state);
            if let Some(source) = &disk.source {
                (source.r#type, &source.path, &source.mount, &source.id).hash(state);
            }
        }
        if let Some(id) = &resource.provider_id {
            id.value.hash(state);
        }
    }
}

pub(super) fn same_identity(left: &Resource, right: &Resource) -> bool {
    // The names usually differ.
    left.name == right.name
        && left.allocation_info == right.allocation_info
        && same_reservations(&left.reservations, &right.reservations)
        && same_kind(left, right)
}

/// Whether two resources differ at most in reservations and allocation.
pub(super) fn same_kind(left: &Resource, right: &Resource) -> bool {
    left.name == right.name
        && left.r#type == right.r#type
        && match (&left.disk, &right.disk) {
            (Some(left), Some(right)) => same_disk(left, right),
            (left, right) => left.is_none() && right.is_none(),
        }
        && left.revocable == right.revocable
        && left.shared == right.shared
        && left.provider_id == right.provider_id
        && (is_divisible(left) || same_value(left, right))
}

/// Whether the resource can be split.
pub(super) fn is_divisible(resource: &Resource) -> bool {
    let indivisible = |source: &Source| match source.r#type() {
        source::Type::Mount | source::Type::Block => true,
        source::Type::Raw => source.id.is_some(),
        source::Type::Path | source::Type::Unknown => false,
    };
    resource.shared.is_none()
        && resource.disk.as_ref().is_none_or(|disk| {
            disk.persistence.is_none() && !disk.source.as_ref().is_some_and(indivisible)
        })
}

/// Whether two normalized resources have the same amount.
pub(super) fn same_value(left: &Resource, right: &Resource) -> bool {
    left.scalar == right.scalar && left.ranges == right.ranges && left.set == right.set
}

pub(super) fn same_reservations(left: &[ReservationInfo], right: &[ReservationInfo]) -> bool {
    left.len() == right.len()
        && left.iter().zip(right).all(|(left, right)| {
            left.r#type == right.r#type
                && left.role == right.role
                && left.principal == right.principal
                && same_optional_labels(left.labels.as_ref(), right.labels.as_ref())
        })
}

/// `volume` describes how a task uses the disk, and `principal` its creator. Neither identifies the
/// disk.
fn same_disk(left: &DiskInfo, right: &DiskInfo) -> bool {
    left.persistence.as_ref().map(|p| &p.id) == right.persistence.as_ref().map(|p| &p.id)
        && match (&left.source, &right.source) {
            (Some(left), Some(right)) => {
                left.r#type == right.r#type
                    && left.path == right.path
                    && left.mount == right.mount
                    && left.vendor == right.vendor
                    && left.id == right.id
                    && left.profile == right.profile
                    && same_optional_labels(left.metadata.as_ref(), right.metadata.as_ref())
            }
            (left, right) => left.is_none() && right.is_none(),
        }
}

fn same_optional_labels(left: Option<&Labels>, right: Option<&Labels>) -> bool {
    match (left, right) {
        (Some(left), Some(right)) => same_labels(left, right),
        (left, right) => left.is_none() && right.is_none(),
    }
}

/// In any order. A label without a value equals a label with an empty value.
pub(super) fn same_labels(left: &Labels, right: &Labels) -> bool {
    fn sorted(labels: &Labels) -> Vec<(&str, &str)> {
        let mut pairs: Vec<(&str, &str)> = labels
            .labels
            .iter()
            .map(|label| {
                (
                    label.key.as_str(),
                    label.value.as_deref().unwrap_or_default(),
                )
            })
            .collect();
        pairs.sort_unstable();
        pairs
    }
    sorted(left) == sorted(right)
}
