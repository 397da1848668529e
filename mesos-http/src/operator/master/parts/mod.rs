//! GET_STATE in parts: the answer is decoded while it is received.

mod field;
mod fields;
#[cfg(feature = "json")]
mod json;

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use mesos_core::{Endpoint, Error, ErrorKind, Result};
use mesos_proto::v1::master::call::Type;
use mesos_proto::v1::master::response::{get_agents, get_executors, get_frameworks};
use mesos_proto::v1::{AgentInfo, Task};

use self::field::Field;
use self::fields::Fields;
#[cfg(feature = "json")]
use self::json::Objects;
use super::{MasterClient, of};
use crate::detect::Sighting;
use crate::operator::OperatorClient;
use crate::operator::caller::Repeat;
use crate::target::Peer;
use crate::transport::connection::Connection;
use crate::transport::patience::timeout;
use crate::transport::settings::Settings;
use crate::wire::codec::{Codec, Wire};

/// An object of the state of the master.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum StatePart {
    /// A registered agent.
    Agent(Box<get_agents::Agent>),
    /// An agent that has not returned since the election of the master.
    RecoveredAgent(Box<AgentInfo>),
    /// A framework.
    Framework(Box<get_frameworks::Framework>),
    /// A framework that has ended.
    CompletedFramework(Box<get_frameworks::Framework>),
    /// An executor.
    Executor(Box<get_executors::Executor>),
    /// A task.
    Task(Box<Task>),
    /// A task on an unreachable agent.
    UnreachableTask(Box<Task>),
    /// A task that has ended. In protobuf, Mesos 1.11.0 omits those of frameworks that have ended.
    CompletedTask(Box<Task>),
}

/// The state of the master, part by part, from [`MasterClient::get_state_parts`].
#[derive(Debug)]
pub struct StateParts {
    at: Endpoint,
    settings: Settings,
    body: Incoming,
    position: Position,
    received: BytesMut,
    /// The number of bytes that were received.
    size: u64,
    has_ended: bool,
    _connection: Connection,
}

/// The position in the answer.
#[derive(Debug)]
enum Position {
    Protobuf(Fields),
    #[cfg(feature = "json")]
    Json(Objects),
}

impl Position {
    fn new(codec: Codec) -> Self {
        match codec {
            Codec::Protobuf => Self::Protobuf(Fields::default()),
            #[cfg(feature = "json")]
            Codec::Json => Self::Json(Objects::default()),
        }
    }

    fn next(&mut self, received: &mut BytesMut) -> Result<Option<(Field, Bytes)>, &'static str> {
        match self {
            Self::Protobuf(fields) => fields.next(received),
            #[cfg(feature = "json")]
            Self::Json(objects) => objects.next(received),
        }
    }

    fn end(&self) -> Result<(), &'static str> {
        match self {
            Self::Protobuf(fields) => fields.end(),
            #[cfg(feature = "json")]
            Self::Json(objects) => objects.end(),
        }
    }
}

impl MasterClient {
    /// GET_STATE, decoded while it is received: the objects in the order of the answer. Memory then
    /// does not depend on the size of the cluster, if the program does not keep the objects.
    ///
    /// The answer has the encoding of the client. In protobuf, which is faster, Mesos 1.11.0 omits the
    /// completed tasks of frameworks that have ended, as [`get_tasks`](Self::get_tasks) describes. A
    /// client with [`codec`](crate::OperatorClient::codec)`(Codec::Json)` receives them.
    ///
    /// ```no_run
    /// use mesos::operator::{MasterClient, StatePart};
    ///
    /// # async fn example(master: MasterClient) -> mesos::Result<()> {
    /// let (mut parts, mut cpus) = (master.get_state_parts().await?, 0.0);
    /// while let Some(part) = parts.next().await? {
    ///     if let StatePart::Agent(agent) = part {
    ///         let found = agent.total_resources.iter().filter(|found| found.name == "cpus");
    ///         cpus += found.filter_map(|found| found.scalar).map(|found| found.value).sum::<f64>();
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Those of [`get_state`](Self::get_state) up to the first byte of the answer, with its retries.
    /// Later failures are errors of [`StateParts::next`].
    pub async fn get_state_parts(&self) -> Result<StateParts> {
        let mut attempts = self
            .caller
            .attempts(Type::GetState.as_str_name(), Repeat::Always);
        loop {
            match StateParts::open(&self.caller.client).await {
                Ok(parts) => return Ok(parts),
                Err(error) => attempts.failed(error).await?,
            }
        }
    }
}

impl StateParts {
    /// One attempt, at each master that is known.
    async fn open(client: &Arc<OperatorClient>) -> Result<Self> {
        let name = Type::GetState.as_str_name();
        let settings = client.settings();
        let call = settings.codec.encode(&of(Type::GetState))?;
        let leader = match &client.target().peer {
            Peer::Endpoint(master) => return Self::at(client, master, name, &call).await,
            Peer::Leader(leader) => leader,
        };
        let sighting = leader.find(settings.connect_timeout).await?;
        let mut errors = Vec::new();
        for master in sighting.masters() {
            match Self::at(client, master, name, &call).await {
                Ok(parts) => return Ok(parts),
                Err(error) if error.is_retryable() => errors.push(error),
                Err(error) => return Err(error),
            }
        }
        Err(Sighting::failed(name, errors))
    }

    async fn at(
        client: &OperatorClient,
        master: &Endpoint,
        name: &'static str,
        call: &Bytes,
    ) -> Result<Self> {
        let (at, connection, response) = client.open_stream(master, name, call).await?;
        let settings = client.settings().clone();
        Ok(Self {
            at,
            body: response.into_body(),
            position: Position::new(settings.codec),
            received: BytesMut::new(),
            size: 0,
            has_ended: false,
            settings,
            _connection: connection,
        })
    }

    /// The next object; `None` at the end of the state. Cancel safe.
    ///
    /// # Errors
    /// The connection broke, the answer is longer than
    /// [`max_record_size`](crate::OperatorClient::max_record_size), or it cannot be decoded.
    pub async fn next(&mut self) -> Result<Option<StatePart>> {
        loop {
            let taken = self.position.next(&mut self.received);
            if let Some((field, bytes)) = taken.map_err(|why| self.invalid(why))? {
                return self.decode(field, bytes).map(Some);
            }
            if self.has_ended {
                self.position.end().map_err(|why| self.invalid(why))?;
                return match self.received.is_empty() {
                    true => Ok(None),
                    false => Err(self.invalid("the answer ends early")),
                };
            }
            self.read().await?;
        }
    }

    /// Reads more bytes.
    async fn read(&mut self) -> Result<()> {
        let limit = self.settings.response_timeout;
        let at = &self.at;
        match timeout(limit, self.body.frame()).await {
            Err(_) => {
                let message = format!("received nothing from {at} for {limit:?}");
                Err(Error::new(ErrorKind::Timeout, message))
            }
            Ok(Some(Err(source))) => {
                let message = format!("the connection to {at} broke while its answer was read");
                Err(Error::new(ErrorKind::Transport, message).with_source(source))
            }
            Ok(Some(Ok(frame))) => {
                if let Ok(data) = frame.into_data() {
                    self.size += data.len() as u64;
                    if self.size > self.settings.max_record_size {
                        return Err(self.invalid("it is longer than `max_record_size`"));
                    }
                    self.received.extend_from_slice(&data);
                }
                Ok(())
            }
            Ok(None) => {
                self.has_ended = true;
                Ok(())
            }
        }
    }

    fn decode(&self, field: Field, bytes: Bytes) -> Result<StatePart> {
        Ok(match field {
            Field::Agent => StatePart::Agent(self.object(bytes)?),
            Field::RecoveredAgent => StatePart::RecoveredAgent(self.object(bytes)?),
            Field::Framework => StatePart::Framework(self.object(bytes)?),
            Field::CompletedFramework => StatePart::CompletedFramework(self.object(bytes)?),
            Field::Executor => StatePart::Executor(self.object(bytes)?),
            Field::Task => StatePart::Task(self.object(bytes)?),
            Field::UnreachableTask => StatePart::UnreachableTask(self.object(bytes)?),
            Field::CompletedTask => StatePart::CompletedTask(self.object(bytes)?),
        })
    }

    fn object<M: Wire>(&self, bytes: Bytes) -> Result<Box<M>> {
        let what = format!("state from {}", self.at);
        self.settings.codec.decode_boxed(bytes, &what)
    }

    fn invalid(&self, why: &str) -> Error {
        let message = format!("cannot read the state from {}: {why}", self.at);
        Error::new(ErrorKind::Protocol, message)
    }
}
