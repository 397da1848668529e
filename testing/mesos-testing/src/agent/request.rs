//! How an agent checks a request, in the order of `Http::executor` in src/slave/http.cpp.

use std::sync::Arc;

use mesos_core::backend::ExecutorApi;
use mesos_proto::v1::executor::event;
use mesos_proto::v1::executor::{Call, call::Type};
use mesos_proto::v1::{AgentInfo, ContainerId, ExecutorInfo};

use super::builder::AGENT_ID;
use super::{Inner, Received, Reported, Stream, validate};
use crate::executor_events as events;
use crate::wire::{self, Control, Encoding, Service, decode};

type Response = wire::Response<ExecutorApi>;

/// The path of the API, with or without the agent's libprocess id before it.
const PATH: &str = "/api/v1/executor";
const PREFIX: &str = "/slave(1)";

/// The phase of an agent's life, which decides how the agent answers requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AgentPhase {
    /// Running.
    Ready,
    /// Just started, without HTTP routes: answers 404.
    Starting,
    /// Restarted, and reading its checkpoint: answers 503.
    Recovering,
    /// Restarted, and waiting for its executors: accepts SUBSCRIBE, and answers everything else
    /// with 503.
    Reconnecting,
}

/// The same agent behind its unix socket.
pub(super) struct OverUnixSocket(pub(super) Arc<Inner>);

impl Service for OverUnixSocket {
    type Api = ExecutorApi;

    fn control(&self) -> &Control<ExecutorApi> {
        &self.0.control
    }

    fn respond(&self, request: &Received, muted: bool) -> Response {
        match path(request).strip_prefix(PREFIX) {
            Some(PATH) => self.0.respond(request, muted),
            _ => Response::text(403, ""),
        }
    }
}

fn path(request: &Received) -> &str {
    request.path.split('?').next().unwrap_or_default()
}

impl Service for Inner {
    type Api = ExecutorApi;

    fn control(&self) -> &Control<ExecutorApi> {
        &self.control
    }

    fn respond(&self, request: &Received, muted: bool) -> Response {
        let path = path(request);
        let path = path.strip_prefix(PREFIX).unwrap_or(path);
        if path != PATH || self.phase() == AgentPhase::Starting {
            return Response::not_found();
        }
        match self.check(request) {
            Ok((call, Some(encoding))) => self.subscribe(call, encoding, muted),
            Ok((call, None)) => self.execute(call),
            Err(refusal) => refusal,
        }
    }
}

impl Inner {
    /// Returns the call if it is valid; with an encoding if the call is a SUBSCRIBE.
    fn check(&self, request: &Received) -> Result<(Call, Option<Encoding>), Response> {
        // 1: libprocess authenticates the request before the agent handles it.
        let foreign = self.authenticate(request)?;
        // 2
        let phase = self.phase();
        let recovering = || Response::text(503, "Agent has not finished recovery");
        if phase == AgentPhase::Recovering {
            return Err(recovering());
        }
        // 3
        if let Some(refusal) = Response::unless_post(&request.method) {
            return Err(refusal);
        }
        let Some(content_type) = request.header("content-type") else {
            let text = "Expecting 'Content-Type' to be present";
            return Err(Response::text(400, text));
        };
        let call: Call = match decode(content_type, &request.body) {
            Some(Ok(call)) => call,
            Some(Err(why)) => return Err(Response::text(400, why)),
            None => {
                let text = "Expecting 'Content-Type' of application/json or application/x-protobuf";
                return Err(Response::text(415, text));
            }
        };
        if let Err(why) = validate::call(&call) {
            let text = format!("Failed to validate Executor::Call: {why}");
            return Err(Response::text(400, text));
        }
        // 4 to 6
        let mut encoding = None;
        match call.r#type() {
            Type::Subscribe => {
                encoding = Encoding::acceptable(request.header("accept"));
                if encoding.is_none() {
                    let text = "Expecting 'Accept' to allow 'application/x-protobuf' or \
                                'application/json'";
                    return Err(Response::text(406, text));
                }
            }
            Type::Heartbeat => return Err(Response::text(202, "")),
            _ if phase == AgentPhase::Reconnecting => return Err(recovering()),
            _ => {}
        }
        // 7
        let forgotten = self.model().forgotten;
        if forgotten || call.framework_id != self.settings.framework_id() {
            return Err(Response::text(400, "Framework cannot be found"));
        }
        if call.executor_id != self.settings.executor_id {
            return Err(Response::text(400, "Executor cannot be found"));
        }
        // 8
        if foreign {
            let text = "Authenticated principal does not contain a claim of this executor";
            return Err(Response::text(403, text));
        }
        // 9
        if encoding.is_none() && !self.model().registered {
            return Err(Response::text(403, "Executor is not subscribed"));
        }
        Ok((call, encoding))
    }

    /// Whether the token belongs to another executor of this agent.
    fn authenticate(&self, request: &Received) -> Result<bool, Response> {
        let Some(token) = &self.settings.token else {
            return Ok(false);
        };
        let given = request.header("authorization");
        match given.and_then(|given| given.strip_prefix("Bearer ")) {
            Some(given) if given == token => Ok(false),
            Some(given) if Some(given) == self.settings.foreign_token.as_deref() => Ok(true),
            _ => Err(Response::text(401, "")
                .header("WWW-Authenticate", "Bearer realm=\"mesos-agent-executor\"")),
        }
    }

    /// 10, for SUBSCRIBE.
    fn subscribe(&self, call: Call, encoding: Encoding, muted: bool) -> Response {
        let model = Arc::clone(&self.model);
        let over = move |stream: Stream| {
            let model = model.lock();
            model
                .unwrap_or_else(std::sync::PoisonError::into_inner)
                .closed(&stream);
        };
        let (stream, body) = Stream::open(uuid::Uuid::new_v4().to_string(), encoding, muted, over);
        stream.set_owner(self.settings.executor_id.value.clone());
        let interval = self.settings.heartbeat;
        let beating = stream.clone();
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(interval).await;
                if !beating.heartbeat() {
                    break;
                }
            }
        });
        let granted = events::subscribed(self.subscribed());
        let mut updates = Vec::new();
        if self.settings.scripted {
            self.model().registered = true;
            stream.send(granted);
        } else {
            let subscribe = call.subscribe.unwrap_or_default();
            updates = self.model().subscribe(subscribe, &stream, granted);
        }
        for status in updates {
            self.updates.push(Reported(status));
        }
        self.control.streams.push(stream);
        Response {
            events: Some(body),
            ..Response::text(200, "")
        }
        .header("Content-Type", encoding.media_type())
    }

    /// 10, for all other calls.
    fn execute(&self, call: Call) -> Response {
        match (call.r#type(), call.update) {
            (Type::Update, Some(update)) => {
                let status = update.status;
                let is_new = self.settings.scripted || self.model().update(&status);
                if is_new {
                    self.updates.push(Reported(status));
                }
                Response::text(202, "")
            }
            (Type::Unknown, _) => Response::text(501, ""),
            _ => Response::text(202, ""),
        }
    }

    fn subscribed(&self) -> event::Subscribed {
        let framework_id = self.settings.framework_id();
        event::Subscribed {
            executor_info: ExecutorInfo::builder(self.settings.executor_id.clone())
                .framework(framework_id)
                .build(),
            framework_info: self.settings.framework.clone(),
            agent_info: AgentInfo {
                id: Some(AGENT_ID.into()),
                hostname: self.address.ip().to_string(),
                port: Some(i32::from(self.address.port())),
                ..Default::default()
            },
            container_id: Some(ContainerId {
                value: "container".to_owned(),
                ..Default::default()
            }),
        }
    }
}
