//! Who a framework is. `mesos-core` has a fuller way to say it.

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
    /// A framework with Mesos' own defaults for everything else: no
    /// capabilities, role `*`, and all its tasks killed as soon as its
    /// scheduler is disconnected.
    ///
    /// `user` is who its tasks run as on the agents. Empty means the user that
    /// the scheduler runs as only with libmesos; over HTTP name one.
    pub fn new(user: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            user: user.into(),
            name: name.into(),
            ..Self::default()
        }
    }

    /// Adds a capability, unless it is there.
    #[must_use]
    pub fn with_capability(mut self, r#type: Type) -> Self {
        if !self.has_capability(r#type) {
            self.capabilities.push(r#type.into());
        }
        self
    }

    /// Whether it has a capability.
    pub fn has_capability(&self, r#type: Type) -> bool {
        let number = Some(i32::from(r#type));
        self.capabilities
            .iter()
            .any(|capability| capability.r#type == number)
    }

    /// Subscribes to a role, beside the others; adds the capability
    /// MULTI_ROLE, without which the master refuses `roles`.
    ///
    /// ```
    /// use mesos_proto::v1::FrameworkInfo;
    /// use mesos_proto::v1::framework_info::capability::Type;
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
    fn a_capability_is_there_once() {
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
