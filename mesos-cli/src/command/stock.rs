//! The resources of an agent, for the commands that change reservations and volumes.

use mesos::resources::{Missing, Resources};
use mesos::v1::master::response::GetAgents;
use mesos::v1::master::response::get_agents::Agent;
use mesos::v1::{AgentId, Resource};

use super::agent::{Known, find};
use crate::error::{Code, Error};

/// A registered agent with its resources.
pub(super) struct Stock {
    pub(super) id: AgentId,
    pub(super) resources: Resources,
}

impl Stock {
    /// The agent that `wanted` means.
    pub(super) fn find(wanted: &str, agents: &GetAgents) -> Result<Self, Error> {
        match find(wanted, agents)? {
            Known::Registered(agent) => Ok(Self::of(agent)),
            Known::Recovered(info) => {
                let message = format!("agent {} has not returned to the master yet", info.hostname);
                Err(Error::new(Code::Failure, message).hint("repeat the command later"))
            }
        }
    }

    pub(super) fn of(agent: &Agent) -> Self {
        let (mut resources, _) = Resources::from_valid(agent.total_resources.iter().cloned());
        resources.unallocate();
        Self {
            id: agent.agent_info.id.clone().unwrap_or_default(),
            resources,
        }
    }

    /// What the agent has of `request`, among the resources for which `usable` returns true.
    pub(super) fn take(
        &self,
        request: &Resources,
        usable: impl FnMut(&Resource) -> bool,
    ) -> Result<Resources, Error> {
        let mut usable = self.resources.filter(usable);
        usable.take(request).map_err(|missing: Missing| {
            let message = format!("agent {}: {missing}", self.id);
            Error::new(Code::Failure, message)
        })
    }
}

/// Whether the resource is reserved for exactly `role`, at run time.
pub(super) fn is_reserved(resource: &Resource, role: &str) -> bool {
    use mesos::v1::resource::reservation_info::Type;
    let last = resource.reservations.last();
    last.is_some_and(|last| last.role() == role && last.r#type() == Type::Dynamic)
}

/// The id of the persistent volume, if the resource is one.
pub(super) fn volume_id(resource: &Resource) -> Option<&str> {
    let disk = resource.disk.as_ref()?;
    disk.persistence.as_ref().map(|volume| volume.id.as_str())
}

/// The role that the resource is reserved for; empty for an unreserved resource.
pub(super) fn role(resource: &Resource) -> &str {
    resource.reservations.last().map_or("", |last| last.role())
}

/// A size in MiB, or with a unit: `64`, `64MiB`, `1.5GiB`, `2TiB`.
pub(super) fn size(text: &str) -> Result<f64, String> {
    let lower = text.trim().to_ascii_lowercase();
    let units = [("tib", 1024.0 * 1024.0), ("gib", 1024.0), ("mib", 1.0)];
    let (number, factor) = units
        .into_iter()
        .find_map(|(unit, factor)| Some((lower.strip_suffix(unit)?, factor)))
        .unwrap_or((&lower, 1.0));
    match number.trim().parse::<f64>() {
        Ok(number) if number.is_finite() && number > 0.0 => Ok(number * factor),
        _ => Err("expected a size above 0 in MiB, or with a unit: 64, 64MiB, 1.5GiB".to_owned()),
    }
}
