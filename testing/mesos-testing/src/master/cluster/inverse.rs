//! Inverse offers: requests to free an agent for maintenance.

use mesos_proto::v1::{AgentId, Filters, FrameworkId, InverseOffer, OfferId, Unavailability};

use super::super::clock::Action;
use super::Cluster;
use super::offers::refusal;
use crate::events;

impl Cluster {
    /// Sends an inverse offer to every framework with a task or an offer on the agent.
    pub(crate) fn schedule_maintenance(
        &mut self,
        agent_id: &AgentId,
        unavailability: Unavailability,
    ) {
        let concerned: Vec<FrameworkId> = self
            .frameworks
            .values()
            .filter(|framework| {
                let id = framework.id();
                let offered = self
                    .offers
                    .values()
                    .any(|offer| offer.agent_id == *agent_id && offer.framework_id == id);
                let runs = framework
                    .tasks
                    .values()
                    .any(|task| task.agent_id == *agent_id);
                framework.stream.is_some() && (offered || runs)
            })
            .map(|framework| framework.id())
            .collect();
        for framework_id in concerned {
            let id = format!("{}-O{}", self.info.id, self.offers_so_far);
            self.offers_so_far += 1;
            let offer = InverseOffer {
                id: OfferId::from(&id),
                framework_id: framework_id.clone(),
                agent_id: Some(agent_id.clone()),
                unavailability,
                ..Default::default()
            };
            self.inverse_offers.insert(id, offer);
            self.send_inverse_offer(&framework_id, agent_id);
        }
    }

    pub(super) fn send_inverse_offer(&mut self, framework_id: &FrameworkId, agent_id: &AgentId) {
        let offer = self.inverse_offers.values().find(|offer| {
            offer.framework_id == *framework_id && offer.agent_id.as_ref() == Some(agent_id)
        });
        if let Some(offer) = offer.cloned() {
            self.send(framework_id, events::inverse_offers([offer]));
        }
    }

    /// ACCEPT_INVERSE_OFFERS and DECLINE_INVERSE_OFFERS only inform the operator. After either, the
    /// inverse offer is repeated when the time in `filters` is over.
    pub(super) fn answer_inverse_offers(
        &mut self,
        framework_id: &FrameworkId,
        ids: &[OfferId],
        filters: Option<&Filters>,
    ) {
        for id in ids {
            let Some(offer) = self.inverse_offers.get(id.as_str()) else {
                continue;
            };
            if let (true, Some(agent_id)) =
                (offer.framework_id == *framework_id, offer.agent_id.clone())
            {
                let again = Action::InverseOffer(framework_id.clone(), agent_id);
                self.clock.after(refusal(filters), again);
            }
        }
    }

    /// The maintenance is canceled.
    pub(crate) fn rescind_inverse_offers(&mut self, agent_id: &AgentId) {
        let ids: Vec<String> = self
            .inverse_offers
            .iter()
            .filter(|(_, offer)| offer.agent_id.as_ref() == Some(agent_id))
            .map(|(id, _)| id.clone())
            .collect();
        for id in ids {
            if let Some(offer) = self.inverse_offers.remove(&id) {
                self.send(&offer.framework_id, events::rescind_inverse_offer(&id));
            }
        }
    }
}
