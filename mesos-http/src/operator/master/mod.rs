//! The client of the leading master.

mod agents;
mod maintenance;
mod parts;
mod process;
mod resources;
mod roles;
mod state;

use std::sync::Arc;
use std::time::Duration;

use mesos_core::{Master, Result};
use mesos_proto::v1::master::{Call, Response, call::Type};

pub use self::agents::DrainOptions;
pub use self::parts::{StatePart, StateParts};
use super::OperatorClient;
use super::caller::{Caller, Repeat, missing};
use crate::wire::codec::Codec;

/// A client of the leading master with a method for each call of the operator API.
///
/// The methods have the names of the calls. A method returns the body of the response, and `()` for
/// a call whose response has no body.
///
/// ```no_run
/// use mesos::operator::MasterClient;
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let master = MasterClient::new("zk://10.0.0.1:2181/mesos".parse()?);
/// println!("Mesos {}", master.get_version().await?.version);
/// for agent in master.get_agents().await?.agents {
///     println!("{}", agent.agent_info.hostname);
/// }
/// # Ok(())
/// # }
/// ```
///
/// # The leader
/// The client finds the leader as [`detect`](crate::detect) describes, follows redirects, and stays
/// with the leader as long as the leader answers.
///
/// # Retries
/// A call that fails temporarily is repeated for up to [`retry_for`](Self::retry_for), with
/// exponential backoff. A call that changes nothing is repeated after each temporary failure. A call
/// that changes something is repeated only if the master did not act: the call was not sent, or the
/// master answered 503 or is not the leader. Until the first answer, failures that a wrong address
/// usually causes are reported at once.
///
/// # Encoding
/// The calls have the encoding of the client, except GET_TASKS and GET_STATE:
/// [`get_tasks`](Self::get_tasks) has the reason.
///
/// # Concurrency
/// Clones share one idle connection. Calls can be made at the same time: each then has its own
/// connection, and one connection is kept. The order in which the master handles them is not
/// defined. Dropping the future of a call closes its connection; whether the call took effect is
/// then unknown.
///
/// # Errors
/// Each method returns the errors of [`OperatorClient::call_master`], and
/// [`ErrorKind::Protocol`](mesos_core::ErrorKind::Protocol) if the response lacks its body.
/// [`ErrorKind::Rejected`](mesos_core::ErrorKind::Rejected) has the status and the reason of the
/// master.
#[derive(Clone, Debug)]
pub struct MasterClient {
    pub(super) caller: Caller,
}

impl MasterClient {
    /// A client with default settings. It sends nothing before the first call.
    ///
    /// For other settings, convert an [`OperatorClient`]:
    ///
    /// ```
    /// use mesos::http::{Credentials, OperatorClient};
    /// use mesos::operator::MasterClient;
    ///
    /// let client = OperatorClient::new("http://10.0.0.1:5050".parse()?)
    ///     .credentials(Credentials::basic("operator", "secret")?);
    /// let master = MasterClient::from(client);
    /// # let _ = master;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new(master: Master) -> Self {
        OperatorClient::new(master).into()
    }

    /// How long a call is repeated after temporary failures (default: 15 s). Zero disables retries.
    #[must_use]
    pub fn retry_for(mut self, limit: Duration) -> Self {
        self.caller.retry_for = limit;
        self
    }

    /// The client for raw calls, which does not repeat calls.
    pub fn raw(&self) -> &Arc<OperatorClient> {
        &self.caller.client
    }

    /// Makes a call that changes nothing, and takes `body` out of the response.
    async fn get<T>(&self, call: Call, body: fn(Response) -> Option<T>) -> Result<T> {
        let name = call.r#type().as_str_name();
        let (_, response) = self.caller.call(&call, name, Repeat::Always).await?;
        body(response).ok_or_else(|| missing("master", name))
    }

    /// As [`get`](Self::get), for a body without required fields. Mesos omits such a body if it
    /// would be empty (`getWeights` in src/master/weights_handler.cpp): then the type is enough.
    async fn list<T: Default>(&self, call: Call, body: fn(Response) -> Option<T>) -> Result<T> {
        let codec = self.raw().settings().codec;
        self.list_in(codec, call, body).await
    }

    /// As [`list`](Self::list), in the encoding in which Mesos reports all tasks.
    async fn complete<T: Default>(&self, call: Call, body: fn(Response) -> Option<T>) -> Result<T> {
        #[cfg(feature = "json")]
        let codec = Codec::Json;
        #[cfg(not(feature = "json"))]
        let codec = Codec::Protobuf;
        self.list_in(codec, call, body).await
    }

    async fn list_in<T: Default>(
        &self,
        codec: Codec,
        call: Call,
        body: fn(Response) -> Option<T>,
    ) -> Result<T> {
        let name = call.r#type().as_str_name();
        let (_, response) = self
            .caller
            .call_as::<Response>(&call, name, Repeat::Always, codec)
            .await?;
        let empty = (response.r#type().as_str_name() == name).then(T::default);
        body(response)
            .or(empty)
            .ok_or_else(|| missing("master", name))
    }

    /// Makes a call that changes something.
    async fn set(&self, call: Call) -> Result<()> {
        let name = call.r#type().as_str_name();
        let called = self.caller.call::<Response>(&call, name, Repeat::IfRefused);
        called.await.map(|_| ())
    }
}

impl From<OperatorClient> for MasterClient {
    fn from(client: OperatorClient) -> Self {
        Arc::new(client).into()
    }
}

impl From<Arc<OperatorClient>> for MasterClient {
    fn from(client: Arc<OperatorClient>) -> Self {
        Self {
            caller: Caller::new(client),
        }
    }
}

/// A call of this type without a body.
fn of(r#type: Type) -> Call {
    Call {
        r#type: Some(r#type.into()),
        ..Default::default()
    }
}
