//! Containers: listing, launching, waiting, killing and removing.

use mesos_core::{Error, ErrorKind, Result};
use mesos_proto::v1::ContainerId;
use mesos_proto::v1::agent::response::{self, get_containers::Container};
use mesos_proto::v1::agent::{Call, call, call::Type};

use super::{AgentClient, ContainerFilter, ContainerLaunch, Launched, Repeat, of};

impl AgentClient {
    /// GET_CONTAINERS: the containers of executors, with their resource usage.
    pub async fn get_containers(&self) -> Result<Vec<Container>> {
        self.get_containers_with(ContainerFilter::new()).await
    }

    /// GET_CONTAINERS: the containers of executors and those that `filter` adds (since Mesos 1.5).
    pub async fn get_containers_with(&self, filter: ContainerFilter) -> Result<Vec<Container>> {
        let call = Call {
            get_containers: filter.into_message(),
            ..of(Type::GetContainers)
        };
        let body = self.list(call, |response| response.get_containers);
        Ok(body.await?.containers)
    }

    /// LAUNCH_CONTAINER: launches a container, standalone or nested in another (since Mesos 1.5).
    /// Executors, frameworks and the master do not know a standalone container: the caller has to
    /// manage it. The status of an error is 400 if the launch failed.
    ///
    /// The client repeats the call after each temporary failure: a second call does not launch a
    /// second container.
    pub async fn launch_container(&self, launch: ContainerLaunch) -> Result<Launched> {
        let call = Call {
            launch_container: Some(launch.into_message()),
            ..of(Type::LaunchContainer)
        };
        self.set(call, Repeat::Always).await.map(Launched::of)
    }

    /// WAIT_CONTAINER: waits for the end of a container, without a time limit (since Mesos 1.5). The
    /// call has its own connection, and is made again after the connection was lost, such as by a
    /// restart of the agent. The status of an error for an unknown container is 404.
    ///
    /// Cancel safe: the container continues.
    pub async fn wait_container(
        &self,
        container: impl Into<ContainerId>,
    ) -> Result<response::WaitContainer> {
        let call = Call {
            wait_container: Some(call::WaitContainer {
                container_id: container.into(),
            }),
            ..of(Type::WaitContainer)
        };
        self.wait(call, |response| response.wait_container).await
    }

    /// KILL_CONTAINER: sends a signal, such as 15, to a container; `None` sends SIGKILL (since Mesos
    /// 1.5). The status of an error is 404 if the container is unknown or has ended.
    pub async fn kill_container(
        &self,
        container: impl Into<ContainerId>,
        signal: impl Into<Option<i32>>,
    ) -> Result<()> {
        let call = Call {
            kill_container: Some(call::KillContainer {
                container_id: container.into(),
                signal: signal.into(),
            }),
            ..of(Type::KillContainer)
        };
        self.set(call, Repeat::IfRefused).await.map(drop)
    }

    /// REMOVE_CONTAINER: deletes the sandbox and the record of a nested container that has ended
    /// (since Mesos 1.5). `Ok` also if nothing is left. The status of an error is 500 while the
    /// container runs.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for a container without a parent, before anything is sent: such a call
    /// makes the agent abort (`remove` in src/slave/containerizer/mesos/containerizer.cpp).
    pub async fn remove_container(&self, container: impl Into<ContainerId>) -> Result<()> {
        let container_id = nested(container.into(), "removed")?;
        let call = Call {
            remove_container: Some(call::RemoveContainer { container_id }),
            ..of(Type::RemoveContainer)
        };
        self.set(call, Repeat::IfRefused).await.map(drop)
    }
}

/// The id, if it has a parent.
pub(super) fn nested(container: ContainerId, done: &str) -> Result<ContainerId> {
    if container.parent.is_some() {
        return Ok(container);
    }
    Err(Error::new(
        ErrorKind::Config,
        format!(
            "container {container} has no parent, and only a nested container can be {done}; add \
             the id of its parent, as ContainerId::child does"
        ),
    ))
}
