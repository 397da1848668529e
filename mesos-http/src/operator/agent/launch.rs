//! The arguments and results of calls about containers.

use http::StatusCode;
use mesos_proto::v1::agent::call;
use mesos_proto::v1::{CommandInfo, ContainerId, ContainerInfo, Resource, value};

/// Which containers are listed, in addition to those of executors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ContainerFilter {
    nested: bool,
    standalone: bool,
}

impl ContainerFilter {
    /// Only the containers of executors.
    pub fn new() -> Self {
        Self::default()
    }

    /// Also nested containers, such as those of a task group.
    #[must_use]
    pub fn nested(mut self) -> Self {
        self.nested = true;
        self
    }

    /// Also standalone containers.
    #[must_use]
    pub fn standalone(mut self) -> Self {
        self.standalone = true;
        self
    }

    /// `None` without additions: agents before 1.5 do not know the message.
    pub(super) fn into_message(self) -> Option<call::GetContainers> {
        (self != Self::new()).then_some(call::GetContainers {
            show_nested: Some(self.nested),
            show_standalone: Some(self.standalone),
        })
    }
}

/// A container to launch.
///
/// ```
/// use mesos::operator::ContainerLaunch;
/// use mesos::v1::{CommandInfo, ContainerId, Resource};
///
/// let id = ContainerId::random();
/// let launch = ContainerLaunch::new(&id)
///     .command(CommandInfo::sh("sleep 60"))
///     .resources([Resource::scalar("cpus", 0.1), Resource::scalar("mem", 32.0)]);
/// # let _ = launch;
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ContainerLaunch(call::LaunchContainer);

impl ContainerLaunch {
    /// A container with this id: up to 242 bytes, without dots, spaces, slashes and control
    /// characters. The container is nested if the id has a parent, which must run.
    pub fn new(id: impl Into<ContainerId>) -> Self {
        Self(call::LaunchContainer {
            container_id: id.into(),
            ..Default::default()
        })
    }

    /// The command of the container.
    #[must_use]
    pub fn command(mut self, command: CommandInfo) -> Self {
        self.0.command = Some(command);
        self
    }

    /// The settings of the container.
    #[must_use]
    pub fn container(mut self, container: ContainerInfo) -> Self {
        self.0.container = Some(container);
        self
    }

    /// The resources that the container can use. Those of a standalone container are unreserved,
    /// not revocable and without volumes, and Mesos does not account for them.
    #[must_use]
    pub fn resources(mut self, resources: impl IntoIterator<Item = Resource>) -> Self {
        self.0.resources = resources.into_iter().collect();
        self
    }

    /// The maximum of `cpus` or `mem` (MiB) of the container, infinity included (since Mesos 1.10).
    #[must_use]
    pub fn limit(mut self, resource: impl Into<String>, maximum: f64) -> Self {
        let limit = value::Scalar { value: maximum };
        self.0.limits.insert(resource.into(), limit);
        self
    }

    pub(super) fn into_message(self) -> call::LaunchContainer {
        self.0
    }
}

/// The result of launching a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Launched {
    /// The container was launched.
    New,
    /// A container with this id exists already. An earlier attempt of the same call may have
    /// launched it.
    AlreadyExists,
}

impl Launched {
    /// The agent answers 202 if the container exists (`launchContainer` in src/slave/http.cpp).
    pub(super) fn of(status: StatusCode) -> Self {
        match status {
            StatusCode::ACCEPTED => Self::AlreadyExists,
            _ => Self::New,
        }
    }
}
