//! Weights and quotas of roles.

use mesos_core::Result;
use mesos_proto::v1::WeightInfo;
use mesos_proto::v1::master::{Call, call, call::Type};
use mesos_proto::v1::quota::{QuotaConfig, QuotaRequest, QuotaStatus};

use super::{MasterClient, of};

impl MasterClient {
    /// GET_WEIGHTS: the weights that were set. Other roles have weight 1.
    pub async fn get_weights(&self) -> Result<Vec<WeightInfo>> {
        let body = self.list(of(Type::GetWeights), |response| response.get_weights);
        Ok(body.await?.weight_infos)
    }

    /// UPDATE_WEIGHTS: changes the weights of these roles; other roles keep their weights. If the
    /// weight of an active role changes, the master rescinds all offers.
    pub async fn update_weights(
        &self,
        weights: impl IntoIterator<Item = WeightInfo>,
    ) -> Result<()> {
        self.set(Call {
            update_weights: Some(call::UpdateWeights {
                weight_infos: weights.into_iter().collect(),
            }),
            ..of(Type::UpdateWeights)
        })
        .await
    }

    /// GET_QUOTA: the quotas that were set.
    pub async fn get_quota(&self) -> Result<QuotaStatus> {
        let body = self.get(of(Type::GetQuota), |response| response.get_quota);
        Ok(body.await?.status)
    }

    /// UPDATE_QUOTA: replaces the quotas of these roles, all or, if one is invalid, nothing (since
    /// Mesos 1.8). Other roles keep their quotas. A quota without guarantees and limits removes the
    /// quota of its role. The status of an error is 400 if the cluster has too few resources for all
    /// guarantees, or if a role already uses more than its new limit; see
    /// [`force_update_quota`](Self::force_update_quota).
    pub async fn update_quota(&self, quotas: impl IntoIterator<Item = QuotaConfig>) -> Result<()> {
        self.quota(quotas, None).await
    }

    /// UPDATE_QUOTA with `force`: as [`update_quota`](Self::update_quota), without the checks for
    /// enough resources.
    pub async fn force_update_quota(
        &self,
        quotas: impl IntoIterator<Item = QuotaConfig>,
    ) -> Result<()> {
        self.quota(quotas, Some(true)).await
    }

    async fn quota(
        &self,
        quotas: impl IntoIterator<Item = QuotaConfig>,
        force: Option<bool>,
    ) -> Result<()> {
        self.set(Call {
            update_quota: Some(call::UpdateQuota {
                force,
                quota_configs: quotas.into_iter().collect(),
            }),
            ..of(Type::UpdateQuota)
        })
        .await
    }

    /// SET_QUOTA: sets the quota of a role without a quota. Mesos has deprecated this call; it
    /// serves masters before 1.8. The status of an error is 409 if the cluster has too few resources
    /// for all guarantees, unless the request says `force`.
    // Deprecated in the schema.
    #[allow(deprecated)]
    pub async fn set_quota(&self, request: QuotaRequest) -> Result<()> {
        self.set(Call {
            set_quota: Some(call::SetQuota {
                quota_request: request,
            }),
            ..of(Type::SetQuota)
        })
        .await
    }

    /// REMOVE_QUOTA: removes the quota of a role. Mesos has deprecated this call; it serves masters
    /// before 1.8.
    // Deprecated in the schema.
    #[allow(deprecated)]
    pub async fn remove_quota(&self, role: impl Into<String>) -> Result<()> {
        self.set(Call {
            remove_quota: Some(call::RemoveQuota { role: role.into() }),
            ..of(Type::RemoveQuota)
        })
        .await
    }
}
