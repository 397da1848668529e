//! Framework descriptions. `mesos-core` has a builder with more checks.

use crate::v1::FrameworkInfo;
use crate::v1::framework_info::Capability;
use crate::v1::framework_info::capability::Type;

impl From<Type> for Capability {
    fn from(r#type: Type) -> Self {
        Self {
            r#type: Some(r#type.into()),
        }
    }
}

impl FrameworkInfo {
    /// A framework with the defaults of Mesos: no capabilities, the role `*`, and a failover
    /// timeout of zero, so all tasks are killed as soon as the scheduler disconnects.
    ///
    /// `user` is the user of the tasks on the agents. An empty user means the user of the
    /// scheduler's process, but only with libmesos. Over HTTP the user is required.
    pub fn new(user: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            user: user.into(),
            name: name.into(),
            ..Self::default()
        }
    }

    /// Adds a capability, unless it is present.
    #[must_use]
    pub fn with_capability(mut self, r#type: Type) -> Self {
        if !self.has_capability(r#type) {
            self.capabilities.push(r#type.into());
        }
        self
    }

    /// Whether the framework has a capability.
    pub fn has_capability(&self, r#type: Type) -> bool {
        let number = Some(i32::from(r#type));
        self.capabilities
            .iter()
            .any(|capability| capability.r#type == number)
    }

    /// Adds a role, and the capability MULTI_ROLE. The master rejects `roles` without this
    /// capability.
    ///
    /// ```
    /// use mesos::v1::FrameworkInfo;
    /// use mesos::v1::framework_info::capability::Type;
    ///
    /// let info = FrameworkInfo::new("nobody", "shop").with_role("web").with_role("batch");
    /// assert_eq!(info.roles, ["web", "batch"]);
    /// assert!(info.has_capability(Type::MultiRole));
    /// ```
    #[must_use]
    pub fn with_role(mut self, role: impl Into<String>) -> Self {
        self.roles.push(role.into());
        self.with_capability(Type::MultiRole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_capability_occurs_once() {
        let info = FrameworkInfo::new("u", "n")
            .with_capability(Type::PartitionAware)
            .with_capability(Type::PartitionAware)
            .with_role("a")
            .with_role("b");
        assert_eq!(
            info.capabilities,
            [Type::PartitionAware.into(), Type::MultiRole.into()]
        );
        assert!(!info.has_capability(Type::GpuResources));
    }
}
