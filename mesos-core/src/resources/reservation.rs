//! Changes of reservations and allocation.
//!
//! These methods change the identity of entries, so entries can become equal and are added up. They
//! do not contact Mesos. To reserve resources, send the result in an offer operation.

use mesos_proto::v1::Resource;
use mesos_proto::v1::resource::{AllocationInfo, ReservationInfo};

use super::Resources;
use super::validate::{InvalidResource, validate};

impl Resources {
    /// Marks all resources as allocated to `role`, as the master does in an offer. Replaces an
    /// earlier allocation.
    pub fn allocate(&mut self, role: &str) {
        self.rewrite(|resource| {
            resource.allocation_info = Some(AllocationInfo {
                role: Some(role.to_owned()),
            })
        });
    }

    /// Removes the allocation: the resources of an agent, instead of those that a role got.
    pub fn unallocate(&mut self) {
        self.rewrite(|resource| resource.allocation_info = None);
    }

    /// The resources without reservations.
    ///
    /// ```
    /// use mesos::resources::Resources;
    ///
    /// let some: Resources = "cpus(a):1;cpus(b):2;mem(a):5".parse()?;
    /// assert_eq!(some.to_unreserved().to_string(), "cpus:3; mem:5");
    /// # Ok::<(), mesos::resources::ParseError>(())
    /// ```
    #[must_use]
    pub fn to_unreserved(&self) -> Resources {
        let mut result = self.clone();
        result.rewrite(|resource| resource.reservations.clear());
        result
    }

    /// The resources with one more reservation on top of each stack, as after a RESERVE operation.
    ///
    /// # Errors
    /// [`InvalidResource`] if the reservation has no type or no role, if it is STATIC on top of
    /// another reservation, or if its role is not below the role of the current reservation.
    pub fn push_reservation(
        &self,
        reservation: &ReservationInfo,
    ) -> Result<Resources, InvalidResource> {
        let mut result = self.clone();
        result.rewrite(|resource| resource.reservations.push(reservation.clone()));
        result
            .entries
            .iter()
            .try_for_each(|entry| validate(&entry.resource))?;
        Ok(result)
    }

    /// The resources without the last reservation of each, as after an UNRESERVE operation.
    /// Unreserved resources do not change.
    #[must_use]
    pub fn pop_reservation(&self) -> Resources {
        let mut result = self.clone();
        result.rewrite(|resource| drop(resource.reservations.pop()));
        result
    }

    fn rewrite(&mut self, change: impl Fn(&mut Resource)) {
        for mut entry in std::mem::take(&mut self.entries) {
            change(&mut entry.resource);
            self.insert(entry);
        }
    }
}
