//! How a master checks a request, in the order of `Http::scheduler` in src/master/http.cpp. Rule 8
//! is in `validate`; rules 11 to 17 are in `cluster/calls.rs`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mesos_core::backend::SchedulerApi;
use mesos_proto::v1::scheduler::Call;
use mesos_proto::v1::scheduler::call::Type;

use super::clock::Action;
use super::{Inner, Received, Stream, validate};
use crate::wire::{self, Control, Encoding, Reaction, Service, decode};

pub(super) type Response = wire::Response<SchedulerApi>;

/// The path of the API, below the prefix and `/master`.
pub(crate) const PATH: &str = "/api/v1/scheduler";

/// The role of a master, which decides how the master answers requests.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MasterRole {
    /// The leader.
    Leading,
    /// The leader, which is still reading the registry: answers 503.
    Recovering,
    /// A follower of the leader at `host:port`: answers 307.
    Following(String),
    /// A follower without a known leader: answers 503.
    NoLeader,
    /// A follower that cannot resolve the leader's host name: answers 500.
    LeaderUnknownByName,
    /// Just started, without HTTP routes: answers 404.
    Starting,
}

impl Service for Inner {
    type Api = SchedulerApi;

    fn control(&self) -> &Control<SchedulerApi> {
        &self.control
    }

    async fn execute(&self, request: &Received, muted: bool) -> Option<Response> {
        match self.settings.upstream {
            Some(upstream) if self.role() == MasterRole::Leading => {
                match self.relay(upstream, request, muted).await {
                    Ok(response) => Some(response),
                    Err(error) => {
                        tracing::debug!(%error, %upstream, "cannot forward a request");
                        None
                    }
                }
            }
            _ => Some(self.respond(request, muted)),
        }
    }

    fn disturb(&self) -> Option<Reaction> {
        self.chaos.disturb()
    }

    fn respond(&self, request: &Received, muted: bool) -> Response {
        let path = request.path.split('?').next().unwrap_or_default();
        let role = self.role();
        let Some(rest) = path.strip_prefix(self.settings.prefix.as_str()) else {
            return Response::not_found();
        };
        let rest = rest.strip_prefix("/master").unwrap_or(rest);
        if role == MasterRole::Starting {
            return Response::not_found();
        }
        match rest.strip_suffix('/').unwrap_or(rest) {
            PATH => self.scheduler(request, path, &role, muted),
            "/redirect" => self.redirect("", &role),
            _ => Response::not_found(),
        }
    }
}

impl Inner {
    fn scheduler(
        &self,
        request: &Received,
        path: &str,
        role: &MasterRole,
        muted: bool,
    ) -> Response {
        // 0: libprocess authenticates the request before the master handles it.
        let principal = match self.principal(request) {
            Ok(principal) => principal,
            Err(refusal) => return refusal,
        };
        // 2 and 3
        match role {
            MasterRole::Leading => {}
            MasterRole::Recovering => {
                return Response::text(503, "Master has not finished recovery");
            }
            _ => return self.redirect(path, role),
        }
        // 4
        if let Some(refusal) = Response::unless_post(&request.method) {
            return refusal;
        }
        // 5, 6, 7
        let Some(content_type) = request.header("content-type") else {
            return Response::text(400, "Expecting 'Content-Type' to be present");
        };
        let call: Call = match decode(content_type, &request.body) {
            Some(Ok(call)) => call,
            Some(Err(why)) => return Response::text(400, why),
            None => {
                let text = "Expecting 'Content-Type' of application/json or application/x-protobuf";
                return Response::text(415, text);
            }
        };
        // 8
        if let Err(why) = validate::call(&call, principal.as_deref()) {
            let text = format!("Failed to validate scheduler::Call: {why}");
            return Response::text(400, text);
        }
        // 9
        let mut encoding = Encoding::Json;
        if matches!(call.r#type(), Type::Subscribe | Type::ReconcileOperations) {
            match Encoding::acceptable(request.header("accept")) {
                Some(acceptable) => encoding = acceptable,
                None => {
                    let text = "Expecting 'Accept' to allow 'application/x-protobuf' or \
                                'application/json'";
                    return Response::text(406, text);
                }
            }
        }
        // 11 to 17
        let Some(mut subscribe) = call
            .subscribe
            .clone()
            .filter(|_| call.r#type() == Type::Subscribe)
        else {
            let mut cluster = self.cluster();
            let (status, text) = cluster.call(call, principal.as_deref(), request.stream_id());
            return Response::text(status, text);
        };
        // 10
        if request.stream_id().is_some() {
            let text = "Subscribe calls should not include the 'Mesos-Stream-Id' header";
            return Response::text(400, text);
        }
        if subscribe.framework_info.principal.is_none() {
            subscribe.framework_info.principal = principal;
        }
        let clock = self.clock.clone();
        let over = move |stream| clock.now(Action::StreamClosed(stream));
        let (stream, events) = Stream::open(self.nature.uuid().to_string(), encoding, muted, over);
        self.cluster().subscribe(subscribe, &stream);
        let response = Response {
            events: Some(events),
            ..Response::text(200, "")
        }
        .header("Content-Type", encoding.media_type())
        .header("Mesos-Stream-Id", stream.id());
        self.control.streams.push(stream);
        response
    }

    /// The authenticated principal, if this master requires authentication.
    fn principal(&self, request: &Received) -> Result<Option<String>, Response> {
        let Some(credentials) = &self.settings.credentials else {
            return Ok(None);
        };
        let given = request
            .header("authorization")
            .and_then(|value| value.strip_prefix("Basic "))
            .and_then(|value| STANDARD.decode(value).ok())
            .and_then(|value| String::from_utf8(value).ok());
        let principal = given.as_deref().and_then(|given| {
            let (principal, secret) = given.split_once(':')?;
            (credentials.get(principal)? == secret).then(|| principal.to_owned())
        });
        principal.map(Some).ok_or_else(|| {
            Response::text(401, "")
                .header("WWW-Authenticate", "Basic realm=\"mesos-master-scheduler\"")
        })
    }

    /// Redirects to the leader, with the same path and without a scheme: the scheme of the request
    /// applies.
    fn redirect(&self, path: &str, role: &MasterRole) -> Response {
        let leader = match role {
            MasterRole::Following(leader) => leader.clone(),
            MasterRole::LeaderUnknownByName => {
                return Response::text(500, "Failed to get the hostname of the leader");
            }
            MasterRole::Leading | MasterRole::Recovering => self.address.to_string(),
            MasterRole::NoLeader | MasterRole::Starting => {
                return Response::text(503, "No leader elected");
            }
        };
        Response::text(307, "").header("Location", format!("//{leader}{path}"))
    }
}
