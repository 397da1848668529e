//! The calls for nested containers that Mesos has deprecated. They serve agents before 1.5; newer
//! agents have the calls of `containers` for every container.

use mesos_core::Result;
use mesos_proto::v1::agent::{Call, call, call::Type, response};
use mesos_proto::v1::{CommandInfo, ContainerId, ContainerInfo};

use super::containers::nested;
use super::{AgentClient, Launched, Repeat, of};

// Deprecated in the schema, and the only calls that agents before 1.5 know.
#[allow(deprecated)]
impl AgentClient {
    /// LAUNCH_NESTED_CONTAINER: as [`launch_container`](Self::launch_container), for a nested
    /// container. Mesos has deprecated this call; it serves agents before 1.5.
    pub async fn launch_nested_container(
        &self,
        container: impl Into<ContainerId>,
        command: impl Into<Option<CommandInfo>>,
        info: impl Into<Option<ContainerInfo>>,
    ) -> Result<Launched> {
        let call = Call {
            launch_nested_container: Some(call::LaunchNestedContainer {
                container_id: nested(container.into(), "launched by this call")?,
                command: command.into(),
                container: info.into(),
            }),
            ..of(Type::LaunchNestedContainer)
        };
        self.set(call, Repeat::Always).await.map(Launched::of)
    }

    /// WAIT_NESTED_CONTAINER: as [`wait_container`](Self::wait_container), for a nested container.
    /// Mesos has deprecated this call; it serves agents before 1.5.
    pub async fn wait_nested_container(
        &self,
        container: impl Into<ContainerId>,
    ) -> Result<response::WaitNestedContainer> {
        let call = Call {
            wait_nested_container: Some(call::WaitNestedContainer {
                container_id: nested(container.into(), "awaited by this call")?,
            }),
            ..of(Type::WaitNestedContainer)
        };
        self.wait(call, |response| response.wait_nested_container)
            .await
    }

    /// KILL_NESTED_CONTAINER: as [`kill_container`](Self::kill_container), for a nested container.
    /// Mesos has deprecated this call; it serves agents before 1.5.
    pub async fn kill_nested_container(
        &self,
        container: impl Into<ContainerId>,
        signal: impl Into<Option<i32>>,
    ) -> Result<()> {
        let call = Call {
            kill_nested_container: Some(call::KillNestedContainer {
                container_id: nested(container.into(), "killed by this call")?,
                signal: signal.into(),
            }),
            ..of(Type::KillNestedContainer)
        };
        self.set(call, Repeat::IfRefused).await.map(drop)
    }

    /// REMOVE_NESTED_CONTAINER: as [`remove_container`](Self::remove_container). Mesos has deprecated
    /// this call; it serves agents before 1.5.
    pub async fn remove_nested_container(&self, container: impl Into<ContainerId>) -> Result<()> {
        let call = Call {
            remove_nested_container: Some(call::RemoveNestedContainer {
                container_id: nested(container.into(), "removed")?,
            }),
            ..of(Type::RemoveNestedContainer)
        };
        self.set(call, Repeat::IfRefused).await.map(drop)
    }
}
