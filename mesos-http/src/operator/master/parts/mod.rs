//! GET_STATE in parts: the answer is decoded while it is received.

mod fields;

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use mesos_core::{Endpoint, Error, ErrorKind, Result};
use mesos_proto::v1::master::response::{get_agents, get_executors, get_frameworks};
use mesos_proto::v1::master::{Response, call::Type, response};
use mesos_proto::v1::{AgentInfo, Task};

use self::fields::{Field, Fields};
use super::{MasterClient, missing, of};
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
    /// A task that has ended.
    CompletedTask(Box<Task>),
}

/// The state of the master, part by part, from [`MasterClient::get_state_parts`].
#[derive(Debug)]
pub struct StateParts {
    at: Endpoint,
    settings: Settings,
    body: Incoming,
    /// `None` for JSON, which is decoded as a whole.
    fields: Option<Fields>,
    received: BytesMut,
    /// The number of bytes that were received.
    size: u64,
    ready: VecDeque<StatePart>,
    has_ended: bool,
    _connection: Connection,
}

impl MasterClient {
    /// GET_STATE, decoded while it is received: the objects in the order of the answer. Memory then
    /// does not depend on the size of the cluster, if the program does not keep the objects. With
    /// [`Codec::Json`] the whole answer is decoded first.
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
            fields: (settings.codec == Codec::Protobuf).then(Fields::default),
            received: BytesMut::new(),
            size: 0,
            ready: VecDeque::new(),
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
            if let Some(part) = self.ready.pop_front() {
                return Ok(Some(part));
            }
            if let Some(fields) = &mut self.fields {
                let taken = fields.next(&mut self.received);
                if let Some((field, bytes)) = taken.map_err(|why| self.invalid(why))? {
                    return self.decode(field, bytes).map(Some);
                }
            }
            if self.has_ended {
                let is_whole = self.fields.as_ref().is_none_or(Fields::is_at_end);
                return match is_whole && self.received.is_empty() {
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
                match self.fields {
                    Some(_) => Ok(()),
                    None => self.decode_all(),
                }
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

    /// Decodes an answer in JSON.
    fn decode_all(&mut self) -> Result<()> {
        let body = std::mem::take(&mut self.received).freeze();
        let response: Response = *self.object(body)?;
        let state = response.get_state;
        let state = state.ok_or_else(|| missing("master", Type::GetState.as_str_name()))?;
        let ready = &mut self.ready;
        let response::GetState {
            get_tasks,
            get_executors,
            get_frameworks,
            get_agents,
        } = state;
        let tasks = get_tasks.unwrap_or_default();
        ready.extend(boxed(tasks.tasks, StatePart::Task));
        ready.extend(boxed(tasks.unreachable_tasks, StatePart::UnreachableTask));
        ready.extend(boxed(tasks.completed_tasks, StatePart::CompletedTask));
        let executors = get_executors.unwrap_or_default().executors;
        ready.extend(boxed(executors, StatePart::Executor));
        let frameworks = get_frameworks.unwrap_or_default();
        ready.extend(boxed(frameworks.frameworks, StatePart::Framework));
        let completed = frameworks.completed_frameworks;
        ready.extend(boxed(completed, StatePart::CompletedFramework));
        let agents = get_agents.unwrap_or_default();
        ready.extend(boxed(agents.agents, StatePart::Agent));
        ready.extend(boxed(agents.recovered_agents, StatePart::RecoveredAgent));
        Ok(())
    }

    fn invalid(&self, why: &str) -> Error {
        let message = format!("cannot read the state from {}: {why}", self.at);
        Error::new(ErrorKind::Protocol, message)
    }
}

fn boxed<T>(objects: Vec<T>, part: fn(Box<T>) -> StatePart) -> impl Iterator<Item = StatePart> {
    objects
        .into_iter()
        .map(move |object| part(Box::new(object)))
}
