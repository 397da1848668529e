//! Reservations and persistent volumes.

use mesos_core::Result;
use mesos_proto::v1::master::{Call, call, call::Type};
use mesos_proto::v1::{AgentId, Resource, value};

use super::{MasterClient, of};

/// The master answers these calls with 202 after it has sent the operation to the agent.
impl MasterClient {
    /// RESERVE_RESOURCES: adds the last reservation of each resource to resources of an agent.
    ///
    /// `Ok` means that the operation was sent to the agent. The status of an error is 400 for an
    /// unknown agent or an invalid reservation, and 409 if the agent does not have these resources
    /// free. This also holds for the other methods that change resources.
    pub async fn reserve_resources<R: Into<Resource>>(
        &self,
        agent: impl Into<AgentId>,
        resources: impl IntoIterator<Item = R>,
    ) -> Result<()> {
        self.re_reserve_resources(agent, [] as [Resource; 0], resources)
            .await
    }

    /// RESERVE_RESOURCES with a source: changes the reservations of `source` into those of
    /// `resources`, in one step (since Mesos 1.10).
    pub async fn re_reserve_resources<S: Into<Resource>, R: Into<Resource>>(
        &self,
        agent: impl Into<AgentId>,
        source: impl IntoIterator<Item = S>,
        resources: impl IntoIterator<Item = R>,
    ) -> Result<()> {
        self.set(Call {
            reserve_resources: Some(call::ReserveResources {
                agent_id: agent.into(),
                source: source.into_iter().map(Into::into).collect(),
                resources: resources.into_iter().map(Into::into).collect(),
            }),
            ..of(Type::ReserveResources)
        })
        .await
    }

    /// UNRESERVE_RESOURCES: removes the last reservation of each resource. A resource with a
    /// persistent volume is refused.
    pub async fn unreserve_resources<R: Into<Resource>>(
        &self,
        agent: impl Into<AgentId>,
        resources: impl IntoIterator<Item = R>,
    ) -> Result<()> {
        self.set(Call {
            unreserve_resources: Some(call::UnreserveResources {
                agent_id: agent.into(),
                resources: resources.into_iter().map(Into::into).collect(),
            }),
            ..of(Type::UnreserveResources)
        })
        .await
    }

    /// CREATE_VOLUMES: creates persistent volumes. Each is reserved disk with the new persistence.
    pub async fn create_volumes<R: Into<Resource>>(
        &self,
        agent: impl Into<AgentId>,
        volumes: impl IntoIterator<Item = R>,
    ) -> Result<()> {
        self.set(Call {
            create_volumes: Some(call::CreateVolumes {
                agent_id: agent.into(),
                volumes: volumes.into_iter().map(Into::into).collect(),
            }),
            ..of(Type::CreateVolumes)
        })
        .await
    }

    /// DESTROY_VOLUMES: destroys persistent volumes and their data. A volume that a task uses is
    /// refused.
    pub async fn destroy_volumes<R: Into<Resource>>(
        &self,
        agent: impl Into<AgentId>,
        volumes: impl IntoIterator<Item = R>,
    ) -> Result<()> {
        self.set(Call {
            destroy_volumes: Some(call::DestroyVolumes {
                agent_id: agent.into(),
                volumes: volumes.into_iter().map(Into::into).collect(),
            }),
            ..of(Type::DestroyVolumes)
        })
        .await
    }

    /// GROW_VOLUME: adds `addition` to a persistent volume (since Mesos 1.6). The addition is disk
    /// with the same reservations and the same source. Experimental in Mesos.
    pub async fn grow_volume(
        &self,
        agent: impl Into<AgentId>,
        volume: impl Into<Resource>,
        addition: impl Into<Resource>,
    ) -> Result<()> {
        self.set(Call {
            grow_volume: Some(call::GrowVolume {
                agent_id: Some(agent.into()),
                volume: volume.into(),
                addition: addition.into(),
            }),
            ..of(Type::GrowVolume)
        })
        .await
    }

    /// SHRINK_VOLUME: frees `mebibytes` MiB of a persistent volume (since Mesos 1.6). The number is
    /// above zero and below the size of the volume, and is rounded to three decimals. Experimental
    /// in Mesos.
    pub async fn shrink_volume(
        &self,
        agent: impl Into<AgentId>,
        volume: impl Into<Resource>,
        mebibytes: f64,
    ) -> Result<()> {
        self.set(Call {
            shrink_volume: Some(call::ShrinkVolume {
                agent_id: Some(agent.into()),
                volume: volume.into(),
                subtract: value::Scalar { value: mebibytes },
            }),
            ..of(Type::ShrinkVolume)
        })
        .await
    }
}
