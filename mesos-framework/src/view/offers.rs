//! The offers that a runner holds.

use std::time::Duration;

use mesos_core::Offer;

/// An offer that waits for a task.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct HeldOffer {
    /// The id of the offer.
    pub id: String,
    /// The id of the agent.
    pub agent_id: String,
    /// The host name of the agent.
    pub hostname: String,
    /// The role that the offer is for.
    pub role: Option<String>,
    /// The resources, in the notation of Mesos: `cpus:4;mem:2048`.
    pub resources: String,
    /// The time until the offer is declined.
    pub expires_in: Duration,
}

impl HeldOffer {
    pub(crate) fn new(offer: &Offer, expires_in: Duration) -> Self {
        let resources = match offer.resources() {
            Ok(resources) => resources.to_string(),
            Err(error) => format!("{error:#}"),
        };
        let role = offer.allocation_info.as_ref();
        Self {
            id: offer.id.value.clone(),
            agent_id: offer.agent_id.value.clone(),
            hostname: offer.hostname.clone(),
            role: role.and_then(|info| info.role.clone()),
            resources,
            expires_in,
        }
    }
}
