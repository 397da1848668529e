//! Resource providers. Experimental in Mesos.

use mesos_core::Result;
use mesos_proto::v1::agent::response::get_resource_providers::ResourceProvider;
use mesos_proto::v1::agent::{Call, call, call::Type};
use mesos_proto::v1::{ResourceProviderId, ResourceProviderInfo};

use super::{AgentClient, Repeat, of};

impl AgentClient {
    /// GET_RESOURCE_PROVIDERS: the providers that are subscribed (since Mesos 1.5).
    pub async fn get_resource_providers(&self) -> Result<Vec<ResourceProvider>> {
        let call = of(Type::GetResourceProviders);
        let body = self.list(call, |response| response.get_resource_providers);
        Ok(body.await?.resource_providers)
    }

    /// ADD_RESOURCE_PROVIDER_CONFIG: adds a provider (since Mesos 1.5). `info` has no id. The agent
    /// starts the provider after the response. `Ok` also if an identical provider exists. The status
    /// of an error is 409 if another provider has this type and name.
    pub async fn add_resource_provider_config(&self, info: ResourceProviderInfo) -> Result<()> {
        let call = Call {
            add_resource_provider_config: Some(call::AddResourceProviderConfig { info }),
            ..of(Type::AddResourceProviderConfig)
        };
        self.set(call, Repeat::IfRefused).await.map(drop)
    }

    /// UPDATE_RESOURCE_PROVIDER_CONFIG: changes the provider with the type and name in `info` (since
    /// Mesos 1.5). `info` has no id. The agent restarts the provider after the response. The status
    /// of an error for an unknown provider is 409.
    pub async fn update_resource_provider_config(&self, info: ResourceProviderInfo) -> Result<()> {
        let call = Call {
            update_resource_provider_config: Some(call::UpdateResourceProviderConfig { info }),
            ..of(Type::UpdateResourceProviderConfig)
        };
        self.set(call, Repeat::IfRefused).await.map(drop)
    }

    /// REMOVE_RESOURCE_PROVIDER_CONFIG: removes the provider with this type and name (since Mesos
    /// 1.5). `Ok` also for an unknown provider.
    pub async fn remove_resource_provider_config(
        &self,
        r#type: impl Into<String>,
        name: impl Into<String>,
    ) -> Result<()> {
        let call = Call {
            remove_resource_provider_config: Some(call::RemoveResourceProviderConfig {
                r#type: r#type.into(),
                name: name.into(),
            }),
            ..of(Type::RemoveResourceProviderConfig)
        };
        self.set(call, Repeat::IfRefused).await.map(drop)
    }

    /// MARK_RESOURCE_PROVIDER_GONE: marks a provider as permanently gone (since Mesos 1.8). Its id
    /// becomes invalid. The status of an error is 500 while the provider still adds resources to the
    /// agent.
    pub async fn mark_resource_provider_gone(
        &self,
        provider: impl Into<ResourceProviderId>,
    ) -> Result<()> {
        let call = Call {
            mark_resource_provider_gone: Some(call::MarkResourceProviderGone {
                resource_provider_id: provider.into(),
            }),
            ..of(Type::MarkResourceProviderGone)
        };
        self.set(call, Repeat::IfRefused).await.map(drop)
    }
}
