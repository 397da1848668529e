//! The client of one agent.

mod containers;
mod find;
mod launch;
mod nested;
mod process;
mod providers;
mod session;
mod state;

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use mesos_core::{Delivery, Endpoint, Error, ErrorKind, Result};
use mesos_proto::v1::AgentId;
use mesos_proto::v1::agent::{Call, Response, call::Type};

pub use self::launch::{ContainerFilter, ContainerLaunch, Launched};
pub use self::session::{
    ContainerExit, ContainerInput, ContainerOutput, ContainerSession, SessionControl, TtySize,
};
use super::OperatorClient;
use super::caller::{Caller, Repeat, missing};

/// A client of one agent with a method for each call of the agent's operator API.
///
/// [`MasterClient::agent`](super::MasterClient::agent) finds an agent by its id:
///
/// ```no_run
/// # use mesos::operator::MasterClient;
/// # async fn example(master: MasterClient, id: mesos::v1::AgentId) -> mesos::Result<()> {
/// let agent = master.agent(id).await?;
/// for container in agent.get_containers().await? {
///     println!("{}", container.container_id);
/// }
/// # Ok(())
/// # }
/// ```
///
/// The names of the methods, their results, retries and concurrency are those of
/// [`MasterClient`](super::MasterClient). While an agent recovers from a restart, it answers 503, and
/// the client repeats the call.
///
/// # Errors
/// Each method returns the errors of [`OperatorClient::call_agent`], and
/// [`ErrorKind::Protocol`] if the response lacks its body. If the agent was found through the master
/// and cannot be reached, the error has the id and the address.
#[derive(Clone, Debug)]
pub struct AgentClient {
    pub(super) caller: Caller,
    /// The agent, if the client was made for its id.
    found: Option<Arc<Found>>,
}

/// An agent that was found through its master.
#[derive(Debug)]
struct Found {
    id: AgentId,
    endpoint: Endpoint,
}

impl AgentClient {
    /// A client of the agent at `endpoint`, with default settings. It sends nothing before the first
    /// call. For other settings, convert an [`OperatorClient`].
    pub fn new(endpoint: Endpoint) -> Self {
        OperatorClient::for_endpoint(endpoint).into()
    }

    /// How long a call is repeated after temporary failures (default: 15 s, or the value of the
    /// master's client). Zero disables retries.
    #[must_use]
    pub fn retry_for(mut self, limit: Duration) -> Self {
        self.caller.retry_for = limit;
        self
    }

    /// The client for raw calls, which does not repeat calls.
    pub fn raw(&self) -> &Arc<OperatorClient> {
        &self.caller.client
    }

    /// The id of the agent, if [`MasterClient::agent`](super::MasterClient::agent) made this client.
    pub fn agent_id(&self) -> Option<&AgentId> {
        self.found.as_ref().map(|found| &found.id)
    }

    /// The address of the agent.
    pub fn endpoint(&self) -> Option<&Endpoint> {
        self.caller.client.target().endpoint()
    }

    /// Makes a call that changes nothing, and takes `body` out of the response.
    async fn get<T>(&self, call: Call, body: fn(Response) -> Option<T>) -> Result<T> {
        let (_, response) = self.call(&self.caller, &call, Repeat::Always).await?;
        body(response).ok_or_else(|| missing("agent", call.r#type().as_str_name()))
    }

    /// As [`get`](Self::get), for a body without required fields. Mesos omits such a body if it
    /// would be empty (`getContainers` in src/slave/http.cpp): then the type is enough.
    async fn list<T: Default>(&self, call: Call, body: fn(Response) -> Option<T>) -> Result<T> {
        let name = call.r#type().as_str_name();
        let (_, response) = self.call(&self.caller, &call, Repeat::Always).await?;
        let empty = (response.r#type().as_str_name() == name).then(T::default);
        body(response)
            .or(empty)
            .ok_or_else(|| missing("agent", name))
    }

    /// Makes a call whose answer may take any time.
    async fn wait<T>(&self, call: Call, body: fn(Response) -> Option<T>) -> Result<T> {
        let patient = Caller {
            client: Arc::new(self.caller.client.patient()),
            retry_for: self.caller.retry_for,
        };
        let (_, response) = self.call(&patient, &call, Repeat::Always).await?;
        body(response).ok_or_else(|| missing("agent", call.r#type().as_str_name()))
    }

    /// Makes a call that changes something; returns the status.
    async fn set(&self, call: Call, repeat: Repeat) -> Result<StatusCode> {
        let (status, _) = self.call(&self.caller, &call, repeat).await?;
        Ok(status)
    }

    async fn call(
        &self,
        caller: &Caller,
        call: &Call,
        repeat: Repeat,
    ) -> Result<(StatusCode, Response)> {
        let name = call.r#type().as_str_name();
        let called = caller.call(call, name, repeat).await;
        called.map_err(|error| self.explain(error))
    }

    /// Adds the agent to an error that says that the agent cannot be reached.
    pub(super) fn explain(&self, error: Error) -> Error {
        use ErrorKind::{Timeout, Tls, Transport};
        let unreached = error.delivery() == Delivery::NotSent
            && matches!(error.kind(), Transport | Tls | Timeout);
        match &self.found {
            Some(found) if unreached => {
                let Found { id, endpoint } = &**found;
                let message = format!(
                    "cannot reach agent {id} at {endpoint}, the address that its master reports"
                );
                let kind = error.kind();
                let explained = Error::new(kind, message).with_delivery(Delivery::NotSent);
                explained.with_source(error)
            }
            _ => error,
        }
    }
}

impl From<OperatorClient> for AgentClient {
    fn from(client: OperatorClient) -> Self {
        Arc::new(client).into()
    }
}

impl From<Arc<OperatorClient>> for AgentClient {
    fn from(client: Arc<OperatorClient>) -> Self {
        Self {
            caller: Caller::new(client),
            found: None,
        }
    }
}

/// The client for raw calls, as [`files`](crate::files) takes it.
impl From<AgentClient> for Arc<OperatorClient> {
    fn from(client: AgentClient) -> Self {
        client.caller.client
    }
}

/// A call of this type without a body.
fn of(r#type: Type) -> Call {
    Call {
        r#type: Some(r#type.into()),
        ..Default::default()
    }
}
