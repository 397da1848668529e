//! Changing who resources are reserved for and allocated to.
//!
//! These change the identity of entries, so that some become the same and are added up. Nothing is
//! asked of Mesos: to reserve for real, send the result in an offer operation.

use mesos_proto::v1::Resource;
use mesos_proto::v1::resource::{AllocationInfo, ReservationInfo};

use super::Resources;
use super::validate::{InvalidResource, validate};

impl Resources {
    /// Marks all as allocated to `role`, as the master does in an offer; an earlier mark is
    /// replaced.
    pub fn allocate(&mut self, role: &str) {
        self.rewrite(|resource| {
            resource.allocation_info = Some(AllocationInfo {
                role: Some(role.to_owned()),
            })
        });
    }

    /// Removes the mark of [`allocate`](Resources::allocate): what an agent has, rather than what a
    /// role was given.
    pub fn unallocate(&mut self) {
        self.rewrite(|resource| resource.allocation_info = None);
    }

    /// The same without any reservation.
    ///
    /// ```
    /// use mesos_core::resources::Resources;
    ///
    /// let some: Resources = "cpus(a):1;cpus(b):2;mem(a):5".parse()?;
    /// assert_eq!(some.to_unreserved().to_string(), "cpus:3; mem:5");
    /// # Ok::<(), mesos_core::resources::ParseError>(())
    /// ```
    #[must_use]
    pub fn to_unreserved(&self) -> Resources {
        let mut result = self.clone();
        result.rewrite(|resource| resource.reservations.clear());
        result
    }

    /// The same with one more reservation on top of each stack: what a RESERVE operation makes of
    /// them.
    ///
    /// # Errors
    /// [`InvalidResource`] where the reservation lacks a type or a role, is STATIC on top of
    /// another, or its role is not below that of the present reservation.
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

    /// The same without the uppermost reservation of each: what an UNRESERVE operation leaves. What
    /// is not reserved stays as it is.
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
