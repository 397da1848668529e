//! The client for raw calls. It keeps one idle connection, and opens another one for each call that
//! runs beside another.

use std::sync::Mutex;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, StatusCode};
use mesos_core::{Delivery, Endpoint, Error, ErrorKind, Master, Result};
use mesos_proto::v1::{agent, master};

use crate::auth::{Access, Credentials};
use crate::detect::Sighting;
use crate::lock::lock;
use crate::target::{Peer, Target};
use crate::transport::connection::Connection;
use crate::transport::settings::Settings;
#[cfg(feature = "tls")]
use crate::transport::tls::TlsConfig;
use crate::wire::answer::{Answer, Purpose, media_type, refusal};
use crate::wire::codec::{Codec, Wire};
use crate::wire::redirect::{self, REDIRECTS};

pub(super) const PATH: &str = "/api/v1";

/// A client for raw calls of the operator API of the masters of a cluster, or of one agent.
///
/// [`MasterClient`](super::MasterClient) and [`AgentClient`](super::AgentClient) have a method for
/// each call, and retry calls. They are made from this client, which has the settings.
///
/// ```no_run
/// use mesos::http::OperatorClient;
/// use mesos::v1::master::{self, call::Type};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let client = OperatorClient::new("zk://10.0.0.1:2181/mesos".parse()?);
/// let call = master::Call {
///     r#type: Some(Type::GetVersion.into()),
///     ..Default::default()
/// };
/// if let Some(version) = client.call_master(&call).await?.get_version {
///     println!("Mesos {}", version.version_info.version);
/// }
/// # Ok(())
/// # }
/// ```
///
/// [`HttpBackend::operator`](crate::HttpBackend::operator) gives a client with the settings of a
/// scheduler's backend.
///
/// A call uses the idle connection of the client, or opens a connection. Calls can be made at the
/// same time: each then has its own connection, and one connection is kept for later calls. Dropping
/// the future of a call closes its connection; whether the call took effect is then unknown.
#[derive(Debug)]
pub struct OperatorClient {
    target: Target,
    settings: Settings,
    session: Mutex<Session>,
}

/// The peer of the last call that was answered, and an idle connection.
#[derive(Debug, Default)]
struct Session {
    last: Option<Route>,
    /// Whether any call was answered.
    answered: bool,
    connection: Option<(Endpoint, Connection)>,
}

/// A call as it is sent.
struct Body {
    bytes: Bytes,
    codec: Codec,
}

/// How a peer was found.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Route {
    /// The endpoint that was asked first.
    first: Endpoint,
    /// The endpoint that answered, possibly after redirects.
    at: Endpoint,
}

impl OperatorClient {
    /// A client of the leading master, with default settings. It sends nothing before the first
    /// call.
    pub fn new(master: Master) -> Self {
        Self::with(Target::new(master), Settings::default())
    }

    /// A client of one agent or master, with default settings. It sends nothing before the first
    /// call.
    pub fn for_endpoint(endpoint: Endpoint) -> Self {
        Self::new(endpoint.into())
    }

    pub(crate) fn with(target: Target, settings: Settings) -> Self {
        Self {
            target,
            settings,
            session: Mutex::default(),
        }
    }

    /// The encoding of messages (default: protobuf).
    #[must_use]
    pub fn codec(self, codec: Codec) -> Self {
        self.change(|settings| settings.codec = codec)
    }

    /// The time limit for opening a connection, including name resolution (default: 10 s).
    #[must_use]
    pub fn connect_timeout(self, timeout: Duration) -> Self {
        self.change(|settings| settings.connect_timeout = timeout)
    }

    /// The time limit for the head of a response, and again for its body (default: 75 s).
    #[must_use]
    pub fn response_timeout(self, timeout: Duration) -> Self {
        self.change(|settings| settings.response_timeout = timeout)
    }

    /// The size limit for a response, in bytes (default:
    /// [`DEFAULT_LIMIT`](crate::recordio::DEFAULT_LIMIT)).
    #[must_use]
    pub fn max_record_size(self, bytes: u64) -> Self {
        self.change(|settings| settings.max_record_size = bytes)
    }

    /// The credentials for every request.
    #[must_use]
    pub fn credentials(self, credentials: Credentials) -> Self {
        self.change(|settings| settings.credentials = Some(credentials))
    }

    /// Trusted CAs and a client certificate for `https://` (default: the CAs that the system
    /// trusts). It also makes `https` the scheme of a [`Master`] that does not decide, as for
    /// [`HttpBackend::tls`](crate::HttpBackend::tls).
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(mut self, tls: TlsConfig) -> Self {
        self.target.prefer_https();
        self.change(|settings| settings.set_tls(tls))
    }

    fn change(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(&mut self.settings);
        Self::with(self.target, self.settings)
    }

    /// Makes a call to the leading master. A master that is not the leader redirects to it, and
    /// the client stays with the leader as long as it answers.
    ///
    /// A call that is only accepted for processing (202) gives an empty response. Of several
    /// masters, the next one is tried if one cannot be reached or refuses temporarily.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] for SUBSCRIBE, whose response is a stream. Otherwise the kind of
    /// the response, with its status.
    pub async fn call_master(&self, call: &master::Call) -> Result<master::Response> {
        use master::call::Type;
        let name = call.r#type().as_str_name();
        if call.r#type() == Type::Subscribe {
            return Err(streams(name));
        }
        let (_, response) = self.call(call, name, self.settings.codec).await?;
        Ok(response)
    }

    /// Makes a call to an agent; see [`call_master`](Self::call_master).
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] for the calls that attach to a container, whose request or
    /// response is a stream.
    pub async fn call_agent(&self, call: &agent::Call) -> Result<agent::Response> {
        use agent::call::Type;
        let name = call.r#type().as_str_name();
        if matches!(
            call.r#type(),
            Type::AttachContainerInput
                | Type::AttachContainerOutput
                | Type::LaunchNestedContainerSession
        ) {
            return Err(streams(name));
        }
        let (_, response) = self.call(call, name, self.settings.codec).await?;
        Ok(response)
    }

    /// Makes a call in this encoding; returns the status and the message of the response.
    pub(super) async fn call<R: Wire>(
        &self,
        call: &impl Wire,
        name: &'static str,
        codec: Codec,
    ) -> Result<(StatusCode, R)> {
        let body = Body {
            bytes: codec.encode(call)?,
            codec,
        };
        let first = match &self.target.peer {
            Peer::Endpoint(endpoint) => vec![endpoint.clone()],
            Peer::Leader(leader) => {
                let sighting = leader.find(self.settings.connect_timeout).await?;
                sighting.masters().to_vec()
            }
        };
        let mut errors = Vec::new();
        let last = lock(&self.session).last.take();
        for route in routes(first, last) {
            let (at, result) = self.request(route.at, name, &body).await;
            match result {
                Ok(response) => {
                    let first = route.first;
                    let mut session = lock(&self.session);
                    (session.last, session.answered) = (Some(Route { first, at }), true);
                    return Ok(response);
                }
                Err(error) if error.is_retryable() && error.delivery() != Delivery::Unknown => {
                    errors.push(error);
                }
                Err(error) => return Err(error),
            }
        }
        Err(Sighting::failed(name, errors))
    }

    /// Makes a call to `at`, or to the endpoint that it redirects to; returns the last one.
    async fn request<R: Wire>(
        &self,
        mut at: Endpoint,
        name: &'static str,
        body: &Body,
    ) -> (Endpoint, Result<(StatusCode, R)>) {
        let first = at.clone();
        for _ in 0..=REDIRECTS {
            let answer = match self.post(&at, body).await {
                Ok(answer) => answer,
                Err(error) => return (at, Err(error)),
            };
            tracing::debug!(endpoint = %at, status = %answer.status, "{name}");
            match answer.status {
                StatusCode::OK | StatusCode::ACCEPTED => {
                    let result = match answer.fault {
                        Some(fault) => Err(fault),
                        None => decode(&at, name, body.codec, answer),
                    };
                    return (at, result);
                }
                StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT => {
                    match redirect::target(&at, &answer.headers, PATH) {
                        Ok(leader) => at = leader,
                        Err(error) => {
                            let status = answer.status.as_u16();
                            return (at, Err(error.with_status(status)));
                        }
                    }
                }
                _ => {
                    let error = refusal(name, Purpose::Operator, &at, PATH, &answer);
                    return (at, Err(error));
                }
            }
        }
        let error = redirect::undecided(&first, &at);
        (at, Err(error))
    }

    /// Sends `body` and reads the answer; once more if the answer is 401 and other credentials are
    /// available. Dropping the future closes the connection.
    async fn post(&self, at: &Endpoint, body: &Body) -> Result<Answer> {
        let mut access = Access::new(&self.settings).await?;
        loop {
            let authorization = access.header();
            let mut answer = self.exchange(at, authorization, body).await?;
            if answer.status == StatusCode::UNAUTHORIZED && access.renew().await? {
                continue;
            }
            access.annotate(&mut answer);
            return Ok(answer);
        }
    }

    async fn exchange(
        &self,
        at: &Endpoint,
        authorization: Option<&HeaderValue>,
        body: &Body,
    ) -> Result<Answer> {
        let kept = lock(&self.session).connection.take();
        let kept = kept.filter(|(peer, _)| peer == at);
        let (mut connection, kept) = match kept {
            Some((_, connection)) => (connection, true),
            None => (self.open(at).await?, false),
        };
        let response = match connection
            .post_as(PATH, authorization, body.bytes.clone(), body.codec)
            .await
        {
            // The peer closed the connection after the last request.
            Err(error) if kept && error.delivery() == Delivery::NotSent => {
                connection = self.open(at).await?;
                connection
                    .post_as(PATH, authorization, body.bytes.clone(), body.codec)
                    .await?
            }
            response => response?,
        };
        let settings = &self.settings;
        let (limit, timeout) = (settings.max_record_size, settings.response_timeout);
        let answer = Answer::read(at, response, limit, timeout).await;
        if answer.fault.is_none() {
            // One of several that were used at the same time is enough.
            lock(&self.session).connection = Some((at.clone(), connection));
        }
        Ok(answer)
    }

    async fn open(&self, at: &Endpoint) -> Result<Connection> {
        Connection::open(at, &self.settings).await
    }
}

#[cfg(feature = "operator")]
impl OperatorClient {
    /// The same client without a limit for the time of a response, and with its own connection.
    pub(super) fn patient(&self) -> Self {
        let mut settings = self.settings.clone();
        settings.response_timeout = Duration::MAX;
        Self::with(self.target.separate(), settings)
    }

    /// A client of another master or agent with the same settings.
    pub(super) fn at(&self, endpoint: Endpoint) -> Self {
        let mut settings = self.settings.clone();
        settings.unix_socket = None;
        Self::with(Target::new(endpoint.into()), settings)
    }

    /// The endpoint that answered the last call.
    pub(super) fn last(&self) -> Option<Endpoint> {
        let session = lock(&self.session);
        session.last.as_ref().map(|route| route.at.clone())
    }

    /// Whether any call was answered.
    pub(super) fn has_answered(&self) -> bool {
        lock(&self.session).answered
    }

    /// Completes when a leader is known that was not known at the last attempt.
    pub(super) async fn leader_changed(&self) {
        match &self.target.peer {
            Peer::Endpoint(_) => std::future::pending().await,
            Peer::Leader(leader) => leader.changed().await,
        }
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(super) fn target(&self) -> &Target {
        &self.target
    }
}

/// The error for a call whose request or response is a stream.
fn streams(name: &str) -> Error {
    let message = format!("{name} is a stream, which this client does not support");
    Error::new(ErrorKind::Unsupported, message)
}

/// Decodes the body of a response in this encoding.
fn decode<R: Wire>(
    at: &Endpoint,
    name: &str,
    codec: Codec,
    answer: Answer,
) -> Result<(StatusCode, R)> {
    let (status, found) = (answer.status, media_type(&answer.headers));
    let what = format!("response to {name} from {at}");
    match codec.decode(answer.body, &what) {
        Ok(response) => Ok((status, response)),
        Err(error) => Err(match found {
            // Most servers that are not Mesos answer with a web page.
            Some(found) if found != codec.media_type() => Error::new(
                ErrorKind::Protocol,
                format!(
                    "{at} answered {name} with {}, but with {found:?} instead of {:?}; it is \
                     not a Mesos master or agent",
                    status.as_u16(),
                    codec.media_type()
                ),
            )
            .with_status(status.as_u16()),
            _ => error,
        }),
    }
}

/// The endpoints to try, in order: where the last call was answered, if that is still how the
/// leader is found, then each of `first`.
fn routes(first: Vec<Endpoint>, last: Option<Route>) -> Vec<Route> {
    let last = last.filter(|last| first.contains(&last.first));
    let direct = first.into_iter().map(|first| Route {
        at: first.clone(),
        first,
    });
    let mut routes: Vec<Route> = last.into_iter().collect();
    for route in direct {
        if !routes.contains(&route) {
            routes.push(route);
        }
    }
    routes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(first: &str, at: &str) -> Route {
        let endpoint = |text: &str| text.parse().expect("an address");
        Route {
            first: endpoint(first),
            at: endpoint(at),
        }
    }

    fn tried(first: &[&str], last: Option<Route>) -> Vec<Route> {
        let first = first.iter().map(|text| text.parse().expect("an address"));
        routes(first.collect(), last)
    }

    #[test]
    fn the_leader_of_the_last_call_is_tried_before_the_masters_that_redirect_to_it() {
        let last = route("m1", "m2");
        assert_eq!(
            tried(&["m1"], Some(last.clone())),
            [last, route("m1", "m1")]
        );
        let direct = route("m2", "m2");
        assert_eq!(
            tried(&["m1", "m2"], Some(direct.clone())),
            [direct, route("m1", "m1")]
        );
    }

    #[test]
    fn the_leader_of_the_last_call_is_forgotten_when_another_one_is_detected() {
        let last = route("m1", "m1");
        assert_eq!(tried(&["m3"], Some(last)), [route("m3", "m3")]);
    }
}
