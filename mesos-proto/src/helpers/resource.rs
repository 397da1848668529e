//! Resources, in the format of frameworks with RESERVATION_REFINEMENT.
//!
//! `mesos-core` adds, compares and parses resources.

use std::ops::RangeInclusive;

use crate::v1::resource::disk_info::Persistence;
use crate::v1::resource::reservation_info::Type as ReservationType;
use crate::v1::resource::{AllocationInfo, ReservationInfo, RevocableInfo, SharedInfo};
use crate::v1::value::{Ranges, Scalar, Set, Type};
use crate::v1::volume::Mode;
use crate::v1::{Resource, Volume};

/// A new resource is unreserved, not revocable and not shared. The methods below change that.
///
/// `allocation_info` can stay unset in all messages of a scheduler: the master copies it from the
/// offer (`src/common/protobuf_utils.cpp`).
///
/// ```
/// use mesos::v1::Resource;
///
/// let cpus = Resource::scalar("cpus", 0.5);
/// let ports = Resource::ports([31000..=31005, 31010..=31010]);
/// let volume = Resource::scalar("disk", 512.0)
///     .reserved_dynamic("web", "ops")
///     .persistent_volume("db-0", "data", "ops");
/// ```
impl Resource {
    /// An amount: `cpus` and `gpus` by number, `mem` and `disk` in MiB.
    ///
    /// Mesos keeps three decimals. It rejects a task with an amount that is not above zero.
    pub fn scalar(name: impl Into<String>, value: f64) -> Self {
        Self {
            scalar: Some(Scalar { value }),
            ..Self::empty(name, Type::Scalar)
        }
    }

    /// Ranges of numbers, both ends included. Mesos rejects overlapping ranges. An empty range adds
    /// nothing.
    pub fn ranges(
        name: impl Into<String>,
        ranges: impl IntoIterator<Item = RangeInclusive<u64>>,
    ) -> Self {
        Self {
            ranges: Some(Ranges::from_iter(ranges)),
            ..Self::empty(name, Type::Ranges)
        }
    }

    /// A set of names. Mesos rejects duplicate names.
    pub fn set<S: Into<String>>(
        name: impl Into<String>,
        items: impl IntoIterator<Item = S>,
    ) -> Self {
        Self {
            set: Some(Set::from_iter(items)),
            ..Self::empty(name, Type::Set)
        }
    }

    /// The resource `ports`, both ends of each range included.
    ///
    /// ```
    /// use mesos::v1::Resource;
    ///
    /// let one = Resource::ports([31000..=31000]);
    /// assert_eq!(one, Resource::ranges("ports", [31000..=31000]));
    /// ```
    pub fn ports(ranges: impl IntoIterator<Item = RangeInclusive<u64>>) -> Self {
        Self::ranges("ports", ranges)
    }

    fn empty(name: impl Into<String>, r#type: Type) -> Self {
        Self {
            name: name.into(),
            r#type: r#type.into(),
            ..Self::default()
        }
    }

    /// Marks the resource as reserved for `role` by the agent's configuration. On a reserved
    /// resource, the new reservation refines the earlier one, and `role` must be below the earlier
    /// role.
    #[must_use]
    pub fn reserved_static(self, role: impl Into<String>) -> Self {
        self.reserved(ReservationType::Static, role.into(), None)
    }

    /// Marks the resource as reserved for `role` at run time, as a RESERVE operation does. On a
    /// reserved resource, the new reservation refines the earlier one, and `role` must be below the
    /// earlier role.
    ///
    /// `principal` is the principal that reserves: the framework's own principal, or `None` if the
    /// framework does not have one.
    #[must_use]
    pub fn reserved_dynamic<'a>(
        self,
        role: impl Into<String>,
        principal: impl Into<Option<&'a str>>,
    ) -> Self {
        self.reserved(ReservationType::Dynamic, role.into(), principal.into())
    }

    fn reserved(mut self, r#type: ReservationType, role: String, principal: Option<&str>) -> Self {
        self.reservations.push(ReservationInfo {
            r#type: Some(r#type.into()),
            role: Some(role),
            principal: principal.map(Into::into),
            labels: None,
        });
        self
    }

    /// Marks the resource as allocated to `role`, as in an offer.
    #[must_use]
    pub fn allocated_to(mut self, role: impl Into<String>) -> Self {
        self.allocation_info = Some(AllocationInfo {
            role: Some(role.into()),
        });
        self
    }

    /// Marks the resource as usable by several tasks at once. Only for persistent volumes.
    #[must_use]
    pub fn shared(mut self) -> Self {
        self.shared = Some(SharedInfo {});
        self
    }

    /// Marks the resource as revocable: Mesos can take it back from its tasks at any time.
    #[must_use]
    pub fn revocable(mut self) -> Self {
        self.revocable = Some(RevocableInfo {});
        self
    }

    /// Makes reserved `disk` a persistent volume, as a CREATE operation does. The source of the
    /// disk does not change.
    ///
    /// `id` is unique among the volumes of the role on one agent. `container_path` is the path in
    /// the container of the task, with write access; a relative path is inside the task's sandbox.
    /// `principal` is the principal that creates the volume: the framework's own principal, or
    /// `None` if the framework does not have one.
    #[must_use]
    pub fn persistent_volume<'a>(
        mut self,
        id: impl Into<String>,
        container_path: impl Into<String>,
        principal: impl Into<Option<&'a str>>,
    ) -> Self {
        let disk = self.disk.get_or_insert_default();
        disk.persistence = Some(Persistence {
            id: id.into(),
            principal: principal.into().map(Into::into),
        });
        disk.volume = Some(Volume {
            mode: Mode::Rw.into(),
            container_path: container_path.into(),
            ..Volume::default()
        });
        self
    }
}

/// Lets a method accept resources by value or by reference.
impl From<&Resource> for Resource {
    fn from(resource: &Resource) -> Self {
        resource.clone()
    }
}

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::*;
    use crate::v1::resource::DiskInfo;
    use crate::v1::resource::disk_info::{Source, source};
    use crate::v1::value::Range;

    #[test]
    fn each_constructor_sets_the_type_of_its_value() {
        let scalar = Resource::scalar("cpus", 0.5);
        assert_eq!(
            (scalar.name.as_str(), scalar.r#type()),
            ("cpus", Type::Scalar)
        );
        assert_eq!(scalar.scalar, Some(Scalar { value: 0.5 }));

        let ranges = Resource::ranges("ports", [31000..=31005]);
        assert_eq!(ranges.r#type(), Type::Ranges);
        let expected = Range {
            begin: 31000,
            end: 31005,
        };
        assert_eq!(
            ranges.ranges.map(|ranges| ranges.range),
            Some(vec![expected])
        );

        let set = Resource::set("disks", ["sda", "sdb"]);
        assert_eq!(set.r#type(), Type::Set);
        assert_eq!(
            set.set.map(|set| set.item),
            Some(vec!["sda".into(), "sdb".into()])
        );
    }

    #[test]
    fn an_unreserved_resource_has_no_field_of_the_old_format() {
        let decoded = Resource::decode(&*Resource::scalar("mem", 32.0).encode_to_vec()).unwrap();
        #[expect(deprecated, reason = "the old format is what must be absent")]
        let old = (decoded.role.clone(), decoded.reservation.clone());
        assert_eq!(old, (None, None));
        assert!(decoded.reservations.is_empty());
    }

    #[test]
    fn a_second_reservation_refines_the_first() {
        let resource = Resource::scalar("cpus", 1.0)
            .reserved_static("eng")
            .reserved_dynamic("eng/web", "ops")
            .reserved_dynamic("eng/web/shop", None);
        let stack: Vec<_> = resource
            .reservations
            .iter()
            .map(|r| (r.r#type(), r.role(), r.principal.as_deref()))
            .collect();
        assert_eq!(
            stack,
            [
                (ReservationType::Static, "eng", None),
                (ReservationType::Dynamic, "eng/web", Some("ops")),
                (ReservationType::Dynamic, "eng/web/shop", None),
            ]
        );
    }

    #[test]
    fn a_persistent_volume_keeps_the_source_of_its_disk() {
        let source = Source {
            r#type: source::Type::Mount.into(),
            ..Source::default()
        };
        let mut disk = Resource::scalar("disk", 64.0);
        disk.disk = Some(Box::new(DiskInfo {
            source: Some(source.clone()),
            ..DiskInfo::default()
        }));
        let disk = disk.persistent_volume("v1", "data", "ops").disk.unwrap();
        assert_eq!(disk.source, Some(source));
        let persistence = disk.persistence.unwrap();
        assert_eq!(
            (persistence.id.as_str(), persistence.principal()),
            ("v1", "ops")
        );
        let volume = disk.volume.unwrap();
        assert_eq!(
            (volume.mode(), volume.container_path.as_str()),
            (Mode::Rw, "data")
        );
    }

    #[test]
    fn marks_are_independent() {
        let resource = Resource::scalar("disk", 1.0).shared().allocated_to("web");
        assert!(resource.shared.is_some() && resource.revocable.is_none());
        assert_eq!(resource.allocation_info.unwrap().role(), "web");
        assert!(
            Resource::scalar("cpus", 1.0)
                .revocable()
                .revocable
                .is_some()
        );
    }
}
