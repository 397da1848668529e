//! Finding an agent through its master.

use std::sync::Arc;

use mesos_core::{Endpoint, Error, ErrorKind, Result};
use mesos_proto::v1::master::response::get_agents::Agent;
use mesos_proto::v1::{AgentId, AgentInfo};

use super::{AgentClient, Caller, Found};
use crate::operator::MasterClient;

/// The port of an agent whose master does not report another one
/// (`AgentInfo.port` in include/mesos/v1/mesos.proto).
const PORT: i32 = 5051;

impl MasterClient {
    /// A client of the agent with this id, at the address that the agent registered with. The client
    /// has the settings of this client, and TLS if this client uses TLS.
    ///
    /// The call requests all agents (GET_AGENTS), because Mesos has no call for one agent. For many
    /// agents, use [`agent_client`](Self::agent_client).
    ///
    /// # Errors
    /// [`ErrorKind::Rejected`] if the master does not have the agent: its id is wrong, or the agent
    /// is unreachable, gone, or has not registered with a new leader yet. Otherwise the errors of
    /// [`get_agents`](Self::get_agents) and [`agent_client`](Self::agent_client).
    pub async fn agent(&self, id: impl Into<AgentId>) -> Result<AgentClient> {
        let id = id.into();
        let found = self.get_agents().await?;
        let is_it = |info: &AgentInfo| info.id.as_ref() == Some(&id);
        if let Some(agent) = found.agents.iter().find(|agent| is_it(&agent.agent_info)) {
            return self.agent_client(agent);
        }
        let message = match found.recovered_agents.iter().find(|info| is_it(info)) {
            Some(info) => format!(
                "agent {id} on {} has not registered with the leading master yet",
                info.hostname
            ),
            None => format!(
                "the master does not have agent {id} among its {} agents; the agent may be \
                 unreachable or gone",
                found.agents.len()
            ),
        };
        Err(Error::new(ErrorKind::Rejected, message))
    }

    /// A client of an agent that [`get_agents`](Self::get_agents) returned. It sends nothing.
    ///
    /// The address is the libprocess address of the agent, such as `slave(1)@10.0.0.5:5051`, or its
    /// host name if the master does not report the former.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if the address is invalid.
    pub fn agent_client(&self, agent: &Agent) -> Result<AgentClient> {
        let info = &agent.agent_info;
        let client = &self.caller.client;
        let mut endpoint: Endpoint = match &agent.pid {
            Some(pid) => Endpoint::from_pid(pid)?,
            None => format!("{}:{}", info.hostname, info.port.unwrap_or(PORT)).parse()?,
        };
        // Mesos has one setting for the TLS of all its processes, LIBPROCESS_SSL_ENABLED.
        if let Some(master) = client.last() {
            endpoint = endpoint.with_scheme(master.scheme());
        }
        Ok(AgentClient {
            caller: Caller {
                client: Arc::new(client.at(endpoint.clone())),
                retry_for: self.caller.retry_for,
            },
            found: info.id.clone().map(|id| Arc::new(Found { id, endpoint })),
        })
    }
}
