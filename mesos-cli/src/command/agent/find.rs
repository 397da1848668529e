//! The agents that the master knows, and the one that an argument means.

use anstyle::Style;
use mesos::v1::master::response::GetAgents;
use mesos::v1::master::response::get_agents::Agent;
use mesos::v1::{AgentId, AgentInfo, DrainState};

use crate::context::Context;
use crate::error::Error;
use crate::output::{BAD, Cell, GOOD, WARN};
use crate::resolve::{Candidate, resolve};

/// An agent as the master knows it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Known<'a> {
    /// Registered since the election of the master.
    Registered(&'a Agent),
    /// Known from the registry; it has not returned since the election.
    Recovered(&'a AgentInfo),
}

impl<'a> Known<'a> {
    pub(crate) fn info(self) -> &'a AgentInfo {
        match self {
            Self::Registered(agent) => &agent.agent_info,
            Self::Recovered(info) => info,
        }
    }

    pub(crate) fn id(self) -> &'a str {
        self.info().id.as_ref().map_or("", |id| &id.value)
    }

    /// The state in one word, with its style.
    pub(crate) fn state(self) -> Cell {
        let (text, style): (_, Style) = match self {
            Self::Recovered(_) => ("not returned", WARN),
            Self::Registered(agent) => {
                let drain = agent.drain_info.as_ref().map(|info| info.state());
                match drain {
                    Some(DrainState::Draining) => ("draining", WARN),
                    Some(DrainState::Drained) => ("drained", WARN),
                    _ if agent.deactivated == Some(true) => ("deactivated", WARN),
                    _ if !agent.active => ("disconnected", BAD),
                    _ => ("active", GOOD),
                }
            }
        };
        Cell::styled(text, style)
    }
}

/// All agents in an answer.
pub(crate) fn known(agents: &GetAgents) -> impl Iterator<Item = Known<'_>> {
    let registered = agents.agents.iter().map(Known::Registered);
    registered.chain(agents.recovered_agents.iter().map(Known::Recovered))
}

/// The agent that `wanted` means.
pub(crate) fn find<'a>(wanted: &str, agents: &'a GetAgents) -> Result<Known<'a>, Error> {
    let candidates = known(agents).map(|agent| Candidate {
        id: agent.id(),
        name: &agent.info().hostname,
        value: agent,
    });
    resolve("agent", wanted, candidates)
}

/// The id of the agent that `wanted` means. A complete id is accepted without a check, because the
/// master does not list unreachable agents.
pub(super) async fn id(wanted: &str, context: &Context) -> Result<AgentId, Error> {
    let agents = context.master()?.get_agents().await?;
    match find(wanted, &agents) {
        Ok(agent) => Ok(AgentId::from(agent.id())),
        Err(_) if is_complete(wanted) => Ok(AgentId::from(wanted)),
        Err(error) => Err(error),
    }
}

/// Whether this is an id as a master assigns it: a UUID, `-S` and a number
/// (`Master::newSlaveId` in src/master/master.cpp).
fn is_complete(id: &str) -> bool {
    let Some((uuid, number)) = id.rsplit_once("-S") else {
        return false;
    };
    uuid.len() == 36 && !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
}
