//! The agent's API for containers nested in the executor's container (`src/slave/http.cpp` in Mesos'
//! tree).

use std::time::Duration;

use mesos_core::error_chain;
use mesos_http::{HttpBackend, OperatorClient};
use mesos_proto::v1::agent::call::{
    KillContainer, LaunchContainer, RemoveContainer, Type, WaitContainer,
};
use mesos_proto::v1::agent::{Call, response};
use mesos_proto::v1::{ContainerId, TaskInfo};
use nix::sys::signal::Signal;
use tokio::sync::watch;
use tokio::time::sleep;

/// The time between attempts while the agent is not ready.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// Practically unlimited: a task may run for any time.
const TASK_TIME: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// Makes the calls.
#[derive(Debug)]
pub(super) struct Agent {
    backend: HttpBackend,
    /// Whether the executor is subscribed.
    connected: watch::Receiver<bool>,
}

/// The result of waiting for a container.
#[derive(Debug)]
pub(super) enum Waited {
    Ended(response::WaitContainer),
    /// The agent does not have the container, or not any more.
    Gone,
    /// The agent refuses the call.
    Refused(String),
}

impl Agent {
    /// `None` if `backend` has no endpoint.
    pub(super) fn new(backend: HttpBackend, connected: watch::Receiver<bool>) -> Option<Self> {
        backend.endpoint()?;
        Some(Self { backend, connected })
    }

    pub(super) fn connected(&self) -> &watch::Receiver<bool> {
        &self.connected
    }

    pub(super) fn is_connected(&self) -> bool {
        *self.connected.borrow()
    }

    /// A client with its own connection, so that no call waits for another one.
    fn client(&self) -> OperatorClient {
        self.backend.operator()
    }

    /// Starts a container.
    pub(super) async fn launch(&self, launch: LaunchContainer) -> Result<(), String> {
        let call = Call {
            r#type: Some(Type::LaunchContainer.into()),
            launch_container: Some(launch),
            ..Call::default()
        };
        // The call includes fetching the task's files.
        let client = self.client().response_timeout(TASK_TIME);
        let launched = client.call_agent(&call).await;
        launched.map(drop).map_err(|error| error_chain(&error))
    }

    /// Waits for a container's end, through restarts of the agent. Cancel safe.
    pub(super) async fn wait(&self, container_id: &ContainerId) -> Waited {
        let call = Call {
            r#type: Some(Type::WaitContainer.into()),
            wait_container: Some(WaitContainer {
                container_id: container_id.clone(),
            }),
            ..Call::default()
        };
        let mut connected = self.connected.clone();
        // Fails only when this program ends.
        while connected.wait_for(|connected| *connected).await.is_ok() {
            let client = self.client().response_timeout(TASK_TIME);
            match client.call_agent(&call).await {
                Ok(answer) => {
                    return Waited::Ended(answer.wait_container.unwrap_or_default());
                }
                Err(error) if error.status() == Some(404) => return Waited::Gone,
                // The agent is down, or has not recovered yet.
                Err(error) if error.is_retryable() => sleep(RETRY_AFTER).await,
                Err(error) => return Waited::Refused(error_chain(&error)),
            }
        }
        Waited::Gone
    }

    /// Sends a signal to a container's first process.
    pub(super) async fn kill(&self, container_id: ContainerId, signal: Signal) {
        let call = Call {
            r#type: Some(Type::KillContainer.into()),
            kill_container: Some(KillContainer {
                container_id: container_id.clone(),
                signal: Some(signal as i32),
            }),
            ..Call::default()
        };
        match self.client().call_agent(&call).await {
            Ok(_) => {}
            // The container has ended.
            Err(error) if error.status() == Some(404) => {}
            Err(error) => eprintln!(
                "cannot send {signal} to the container {}: {}",
                container_id.value,
                error_chain(&error)
            ),
        }
    }

    /// Removes a container that has ended, and its files.
    pub(super) async fn remove(&self, container_id: ContainerId) {
        let call = Call {
            r#type: Some(Type::RemoveContainer.into()),
            remove_container: Some(RemoveContainer { container_id }),
            ..Call::default()
        };
        if let Err(error) = self.client().call_agent(&call).await {
            eprintln!(
                "cannot remove the container of a check: {}",
                error_chain(&error)
            );
        }
    }
}

/// The call that launches a task's container, with the task's share of the executor's volumes
/// (`_launchGroup` in `src/launcher/default_executor.cpp`).
pub(super) fn launch_call(
    task: &TaskInfo,
    container_id: ContainerId,
    ip: Option<std::net::IpAddr>,
) -> LaunchContainer {
    use mesos_proto::v1::volume::source::{self, SandboxPath, sandbox_path};
    use mesos_proto::v1::{ContainerInfo, Volume, container_info, volume};

    let mut container = task.container.clone();
    let volumes = task.resources.iter().filter_map(|resource| {
        let volume = resource.disk.as_ref()?.volume.as_ref()?;
        Some(Volume {
            mode: volume.mode,
            container_path: volume.container_path.clone(),
            source: Some(volume::Source {
                r#type: Some(source::Type::SandboxPath.into()),
                sandbox_path: Some(SandboxPath {
                    r#type: Some(sandbox_path::Type::Parent.into()),
                    path: volume.container_path.clone(),
                }),
                ..volume::Source::default()
            }),
            ..Volume::default()
        })
    });
    for volume in volumes {
        let container = container.get_or_insert_with(|| ContainerInfo {
            r#type: container_info::Type::Mesos.into(),
            ..ContainerInfo::default()
        });
        container.volumes.push(volume);
    }
    let allocation = task.resources.first();
    let allocation = allocation.and_then(|resource| resource.allocation_info.as_ref());
    let mut command = task.command.clone().unwrap_or_default();
    if let Some(ip) = ip {
        command = command.with_env("MESOS_CONTAINER_IP", ip.to_string());
    }
    if let Some(role) = allocation.and_then(|allocation| allocation.role.clone()) {
        command = command.with_env("MESOS_ALLOCATION_ROLE", role);
    }
    LaunchContainer {
        container_id,
        command: Some(command),
        container,
        resources: task.resources.clone(),
        limits: task.limits.clone(),
    }
}
