//! The allocation of offers, and the handling of offers that are not accepted.

use std::time::Duration;

use mesos_core::resources::Resources;
use mesos_proto::v1::scheduler::call;
use mesos_proto::v1::{self, AgentId, Filters, FrameworkId, OfferId, resource};
use tokio::time::Instant;

use super::super::clock::Action;
use super::Cluster;
use super::constraints;
use super::records::Filter;
use crate::events;

/// `MIN_CPUS` and `MIN_MEM` in src/master/constants.hpp: an agent with less of both is not offered.
const MIN_CPUS: f64 = 0.01;
const MIN_MEM: f64 = 32.0;

/// The longest filter (src/master/allocator/mesos/hierarchical.cpp).
const MAX_REFUSAL: Duration = Duration::from_secs(365 * 24 * 3600);

/// An offer that was neither used nor withdrawn.
pub(super) struct OutstandingOffer {
    pub(super) framework_id: FrameworkId,
    pub(super) agent_id: AgentId,
    pub(super) role: String,
    /// Without their allocation.
    pub(super) resources: Resources,
}

impl Cluster {
    /// Schedules an allocation.
    pub(super) fn request_allocation(&mut self) {
        if self.settings.cluster && !self.allocating {
            self.allocating = true;
            self.clock
                .after(self.settings.allocation_interval, Action::Allocate);
        }
    }

    /// The resources of an agent that are neither used nor offered.
    fn free(&self, agent_id: &AgentId) -> Resources {
        let Some(state) = self.agents.get(agent_id.as_str()) else {
            return Resources::new();
        };
        let mut free = &state.total - &state.used;
        for offer in self.offers.values() {
            if offer.agent_id == *agent_id {
                free -= &offer.resources;
            }
        }
        free
    }

    /// Offers all free resources of an agent to the first framework that may have them. The
    /// frameworks take turns.
    pub(super) fn allocate(&mut self) {
        let now = Instant::now();
        for framework in self.frameworks.values_mut() {
            framework.filters.retain(|filter| filter.until > now);
        }
        let ids: Vec<String> = self.frameworks.keys().cloned().collect();
        if ids.is_empty() {
            return;
        }
        self.turn = (self.turn + 1) % ids.len();
        for place in 0..ids.len() {
            let id = &ids[(self.turn + place) % ids.len()];
            let offers = self.offers_for(&FrameworkId::from(id));
            if !offers.is_empty() {
                self.send(&FrameworkId::from(id), events::offers(offers));
            }
        }
    }

    fn offers_for(&mut self, framework_id: &FrameworkId) -> Vec<v1::Offer> {
        let mut offers = Vec::new();
        let Some(framework) = self.frameworks.get(framework_id.as_str()) else {
            return offers;
        };
        if framework.stream.is_none() {
            return offers;
        }
        let multi_role = framework.multi_role();
        for role in framework.roles() {
            let agents: Vec<AgentId> = self
                .agents
                .values()
                .filter(|state| state.connected)
                .map(|state| state.agent.id.clone())
                .collect();
            for agent_id in agents {
                if let Some(resources) = self.offerable(framework_id, &role, &agent_id) {
                    offers.push(self.make_offer(
                        framework_id,
                        &role,
                        &agent_id,
                        resources,
                        multi_role,
                    ));
                }
            }
        }
        offers
    }

    fn offerable(
        &self,
        framework_id: &FrameworkId,
        role: &str,
        agent_id: &AgentId,
    ) -> Option<Resources> {
        let framework = self.frameworks.get(framework_id.as_str())?;
        let agent = self.agents.get(agent_id.as_str())?;
        if framework.suppressed.contains(role)
            || !constraints::admit(&framework.constraints, role, &agent.agent)
        {
            return None;
        }
        let resources = self.free(agent_id).allocatable_to(role);
        let worth_it = resources.cpus().is_some_and(|cpus| cpus >= MIN_CPUS)
            || resources.mem().is_some_and(|mem| mem >= MIN_MEM);
        if !worth_it {
            return None;
        }
        let refused = framework.filters.iter().any(|filter| {
            filter.role == role
                && filter.agent_id == *agent_id
                && filter.refused.contains(&resources)
        });
        (!refused).then_some(resources)
    }

    fn make_offer(
        &mut self,
        framework_id: &FrameworkId,
        role: &str,
        agent_id: &AgentId,
        resources: Resources,
        multi_role: bool,
    ) -> v1::Offer {
        let id = format!("{}-O{}", self.info.id, self.offers_so_far);
        self.offers_so_far += 1;
        let mut offered = resources.clone();
        if multi_role {
            offered.allocate(role);
        }
        let agent = self.agents.get(agent_id.as_str());
        let executor_ids = self
            .frameworks
            .get(framework_id.as_str())
            .map(|framework| framework.executors_on(agent_id))
            .unwrap_or_default();
        let offer = v1::Offer {
            id: OfferId::from(&id),
            framework_id: framework_id.clone(),
            agent_id: agent_id.clone(),
            hostname: agent
                .map(|state| state.agent.hostname.clone())
                .unwrap_or_default(),
            attributes: agent
                .map(|state| state.agent.attributes.clone())
                .unwrap_or_default(),
            resources: offered.into(),
            executor_ids,
            allocation_info: multi_role.then(|| resource::AllocationInfo {
                role: Some(role.to_owned()),
            }),
            ..Default::default()
        };
        let outstanding = OutstandingOffer {
            framework_id: framework_id.clone(),
            agent_id: agent_id.clone(),
            role: role.to_owned(),
            resources,
        };
        self.offers.insert(id, outstanding);
        offer
    }

    /// Withdraws all offers of a framework without an event.
    pub(super) fn withdraw_offers(&mut self, framework_id: &FrameworkId) {
        self.offers
            .retain(|_, offer| offer.framework_id != *framework_id);
        self.inverse_offers
            .retain(|_, offer| offer.framework_id != *framework_id);
    }

    pub(super) fn rescind_offers_of(&mut self, agent_id: &AgentId) {
        let ids: Vec<OfferId> = self
            .offers
            .iter()
            .filter(|(_, offer)| offer.agent_id == *agent_id)
            .map(|(id, _)| OfferId::from(id))
            .collect();
        for id in ids {
            self.rescind(&id);
        }
    }

    /// Withdraws an offer and sends RESCIND.
    pub(crate) fn rescind(&mut self, offer_id: &OfferId) -> bool {
        let Some(offer) = self.offers.remove(offer_id.as_str()) else {
            return false;
        };
        self.send(&offer.framework_id, events::rescind(offer_id));
        true
    }

    /// DECLINE. Offers of other frameworks are ignored.
    pub(super) fn decline(&mut self, framework_id: &FrameworkId, decline: &call::Decline) {
        for id in &decline.offer_ids {
            let own = self
                .offers
                .get(id.as_str())
                .is_some_and(|offer| offer.framework_id == *framework_id);
            if !own {
                tracing::warn!(offer = %id, "ignoring the decline of an offer that is not valid");
                continue;
            }
            if let Some(offer) = self.offers.remove(id.as_str()) {
                let OutstandingOffer {
                    role,
                    agent_id,
                    resources,
                    ..
                } = offer;
                self.refuse(
                    framework_id,
                    role,
                    agent_id,
                    resources,
                    decline.filters.as_ref(),
                );
            }
        }
    }

    /// Returns the resources of an offer. They are not offered to the role for the time in
    /// `filters`.
    pub(super) fn refuse(
        &mut self,
        framework_id: &FrameworkId,
        role: String,
        agent_id: AgentId,
        refused: Resources,
        filters: Option<&Filters>,
    ) {
        let wait = refusal(filters);
        self.request_allocation();
        if wait.is_zero() || refused.is_empty() {
            return;
        }
        // Not shorter than the time until the next allocation.
        let wait = wait.max(self.settings.allocation_interval);
        if let Some(framework) = self.frameworks.get_mut(framework_id.as_str()) {
            framework.filters.push(Filter {
                role,
                agent_id,
                refused,
                until: Instant::now() + wait,
            });
            self.clock
                .after(wait + Duration::from_millis(1), Action::FilterExpired);
        }
    }

    /// REVIVE. The call has no effect if one of its roles is invalid.
    pub(super) fn revive(&mut self, framework_id: &FrameworkId, revive: &call::Revive) {
        let Some(roles) = self.wanted_roles(framework_id, &revive.roles) else {
            return;
        };
        if let Some(framework) = self.frameworks.get_mut(framework_id.as_str()) {
            framework.suppressed.retain(|role| !roles.contains(role));
            framework
                .filters
                .retain(|filter| !roles.contains(&filter.role));
        }
        self.request_allocation();
    }

    /// SUPPRESS. The call has no effect if one of its roles is invalid.
    pub(super) fn suppress(&mut self, framework_id: &FrameworkId, suppress: &call::Suppress) {
        let Some(roles) = self.wanted_roles(framework_id, &suppress.roles) else {
            return;
        };
        if let Some(framework) = self.frameworks.get_mut(framework_id.as_str()) {
            framework.suppressed.extend(roles);
        }
    }

    fn wanted_roles(&self, framework_id: &FrameworkId, named: &[String]) -> Option<Vec<String>> {
        let own = self.frameworks.get(framework_id.as_str())?.roles();
        if named.is_empty() {
            return Some(own);
        }
        if let Some(strange) = named.iter().find(|role| !own.contains(role)) {
            tracing::warn!(role = %strange, "dropping a call: the role is not one of the framework's roles");
            return None;
        }
        Some(named.to_vec())
    }

    /// The ids of all outstanding offers.
    pub(crate) fn all_offers(&self) -> Vec<OfferId> {
        self.offers.keys().map(OfferId::from).collect()
    }

    /// The ids of the outstanding offers of a framework.
    pub(crate) fn offers_of(&self, framework_id: &FrameworkId) -> Vec<OfferId> {
        self.offers
            .iter()
            .filter(|(_, offer)| offer.framework_id == *framework_id)
            .map(|(id, _)| OfferId::from(id))
            .collect()
    }
}

/// 5 s if the time is absent or negative; at most a year.
pub(super) fn refusal(filters: Option<&Filters>) -> Duration {
    const DEFAULT: Duration = Duration::from_secs(5);
    let Some(seconds) = filters.and_then(|filters| filters.refuse_seconds) else {
        return DEFAULT;
    };
    if seconds.is_nan() || seconds < 0.0 {
        return DEFAULT;
    }
    Duration::try_from_secs_f64(seconds).map_or(MAX_REFUSAL, |wait| wait.min(MAX_REFUSAL))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_lasts_5_seconds_by_default() {
        let seconds = |seconds| {
            refusal(Some(&Filters {
                refuse_seconds: seconds,
            }))
        };
        assert_eq!(refusal(None), Duration::from_secs(5));
        assert_eq!(seconds(None), Duration::from_secs(5));
        assert_eq!(seconds(Some(-1.0)), Duration::from_secs(5));
        assert_eq!(seconds(Some(0.0)), Duration::ZERO);
        assert_eq!(seconds(Some(0.5)), Duration::from_millis(500));
        assert_eq!(seconds(Some(1e12)), MAX_REFUSAL);
        assert_eq!(seconds(Some(f64::INFINITY)), MAX_REFUSAL);
    }
}
