//! The backend: opening subscriptions.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode};
use mesos_core::backend::{Api, Backend, ExecutorApi, SchedulerApi, Subscription};
use mesos_core::executor::ExecutorEnvironment;
use mesos_core::{Capabilities, Endpoint, Error, ErrorKind, Master, Result, Scheme};
use mesos_proto::v1::{executor, scheduler};
use tokio::sync::{oneshot, watch};

use crate::auth::{Access, Credentials};
use crate::detect::{Detector, Sighting};
use crate::operator::OperatorClient;
use crate::pipeline::{CallQueue, SubscriptionHandle};
use crate::target::{Peer, Target};
use crate::transport::exchange::{self, Body};
use crate::transport::resolve::Resolver;
use crate::transport::settings::Settings;
#[cfg(feature = "tls")]
use crate::transport::tls::TlsConfig;
use crate::wire::answer::{self, Answer, Purpose, REASON_LIMIT, refusal};
use crate::wire::api::HttpApi;
use crate::wire::codec::Codec;
use crate::wire::redirect::{self, REDIRECTS};
use crate::wire::request::STREAM_ID;
use crate::wire::stream::{Events, Reader, Source};

/// The backend over Mesos' v1 HTTP API.
///
/// A scheduler needs the address of its masters, in any form that [`Master`] accepts. If one master
/// is named, it may be any master of the cluster: one that is not the leader redirects to it. An
/// executor needs the address of its agent ([`for_executor`](Self::for_executor)).
///
/// ```
/// use std::time::Duration;
/// use mesos::http::HttpBackend;
///
/// let backend = HttpBackend::new("http://10.0.0.1:5050".parse()?)
///     .response_timeout(Duration::from_secs(30));
/// # let _ = backend;
/// # Ok::<(), mesos::AddressError>(())
/// ```
///
/// A backend needs a tokio runtime with time and I/O enabled. Each subscription runs one task,
/// and the task that waits for its events reads and writes as well.
#[derive(Clone, Debug)]
pub struct HttpBackend {
    target: Target,
    settings: Settings,
}

impl HttpBackend {
    /// A backend with default settings. It sends and reads nothing before a subscription.
    ///
    /// If `master` names one [`Endpoint`], requests go to that endpoint. Otherwise the backend
    /// finds the leading master as [`detect`](crate::detect) describes.
    ///
    /// ```
    /// use mesos::http::HttpBackend;
    ///
    /// let backend = HttpBackend::new("http://m1:5050,http://m2:5050".parse()?);
    /// # let _ = backend;
    /// # Ok::<(), mesos::AddressError>(())
    /// ```
    pub fn new(master: Master) -> Self {
        Self::with_target(Target::new(master))
    }

    /// A backend for a scheduler that finds the leading master through a custom `detector`.
    pub fn with_detector(detector: impl Detector + 'static) -> Self {
        Self::with_target(Target::detected(Arc::new(detector)))
    }

    fn with_target(target: Target) -> Self {
        Self {
            target,
            settings: Settings::default(),
        }
    }

    /// A backend for an executor, configured by the environment that its agent set: the agent's
    /// address or unix socket (`MESOS_DOMAIN_SOCKET`), and the token for every request. If the
    /// agent uses TLS, the TLS settings come from the `LIBPROCESS_SSL_…` variables of this process,
    /// and the feature `tls` is required. An agent with Mesos' default ciphers needs the feature
    /// `tls-openssl`, which then uses OpenSSL.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if the address, the token or a `LIBPROCESS_SSL_…` variable is invalid.
    pub fn for_executor(environment: &ExecutorEnvironment) -> Result<Self> {
        let mut endpoint = Endpoint::from_pid(&environment.agent_pid)?;
        if environment.tls {
            endpoint = endpoint.with_scheme(Scheme::Https);
        }
        let mut backend = Self::new(endpoint.into());
        if let Some(token) = &environment.token {
            let credentials = Credentials::bearer(token).map_err(|fault| {
                let message = format!("MESOS_EXECUTOR_AUTHENTICATION_TOKEN: {fault}");
                Error::new(ErrorKind::Config, message)
            })?;
            backend = backend.credentials(credentials);
        }
        if let Some(path) = &environment.domain_socket {
            backend = backend.unix_socket(path);
        }
        #[cfg(feature = "tls")]
        if environment.tls
            && environment.domain_socket.is_none()
            && let Some(tls) = TlsConfig::from_libprocess_env()?
        {
            backend = backend.tls(tls);
        }
        Ok(backend)
    }

    /// The credentials for every request.
    ///
    /// Mesos requires that the principal is also the one in `FrameworkInfo`. The driver fills in the
    /// principal, or ends if [`Framework::principal`](mesos_core::Framework::principal) differs.
    ///
    /// A peer that refuses fixed credentials with 401 ends the driver, at a later subscription too:
    /// Mesos' own library does the same, and a master reads its credentials only when it starts.
    /// Use a [`TokenProvider`](crate::TokenProvider) for credentials that change.
    #[must_use]
    pub fn credentials(mut self, credentials: Credentials) -> Self {
        self.settings.credentials = Some(credentials);
        self
    }

    /// Trusted CAs and a client certificate for `https://` (default: the CAs that the system
    /// trusts).
    ///
    /// It also makes `https` the scheme of a [`Master`] without one, such as a leader from
    /// ZooKeeper, unless [`Master::with_scheme`] was called. To follow `LIBPROCESS_SSL_ENABLED`, as
    /// Mesos' own library does, use the example.
    ///
    /// A driver that was never subscribed ends if the certificate of every master is refused, or if
    /// no master has a cipher suite in common with this program. A driver that was subscribed once
    /// retries: [`TlsConfig`] says how to end it.
    ///
    /// ```
    /// use mesos::http::{HttpBackend, TlsConfig};
    ///
    /// let mut backend = HttpBackend::new("10.0.0.1:5050".parse()?);
    /// if let Some(tls) = TlsConfig::from_libprocess_env()? {
    ///     backend = backend.tls(tls);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(mut self, tls: TlsConfig) -> Self {
        self.target.prefer_https();
        self.settings.set_tls(tls);
        self
    }

    /// Connects to a unix socket instead of the endpoint's host and port. An agent may require this
    /// of its executors. TLS is not used on the socket.
    ///
    /// An agent serves only the paths below its libprocess id there (src/slave/slave.cpp), so the
    /// endpoint needs that prefix.
    #[must_use]
    pub fn unix_socket(mut self, path: impl AsRef<Path>) -> Self {
        self.settings.unix_socket = Some(path.as_ref().into());
        self
    }

    /// Resolves host names with `lookup` instead of the system's resolver. The function receives a
    /// host and a port, and returns the addresses in the order in which they are tried. It runs on
    /// another thread, inside the tokio runtime, once for each subscription: the calls of a subscription go to the
    /// address that accepted the subscription.
    ///
    /// If `lookup` fails, connecting fails with the retryable kind
    /// [`Transport`](ErrorKind::Transport). The time limit is
    /// [`connect_timeout`](Self::connect_timeout).
    #[must_use]
    pub fn resolver(
        mut self,
        lookup: impl Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static,
    ) -> Self {
        self.settings.resolver = Resolver::custom(lookup);
        self
    }

    /// The encoding of messages (default: protobuf).
    #[must_use]
    pub fn codec(mut self, codec: Codec) -> Self {
        self.settings.codec = codec;
        self
    }

    /// The time limit for opening a connection, including name resolution (default: 10 s).
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.settings.connect_timeout = timeout;
        self
    }

    /// The time limit for the head of a response, and again for the first event of a scheduler's
    /// subscription (default: 75 s, the advice of docs/scheduler-http-api.md). For a pipelined call,
    /// the time starts with the answer to the call before it.
    ///
    /// A scheduler's call without an answer in this time fails with
    /// [`Delivery::Unknown`](mesos_core::Delivery::Unknown) and ends its subscription, as the same
    /// document advises. Calls that were written after it fail in the same way, and queued calls are
    /// not sent.
    #[must_use]
    pub fn response_timeout(mut self, timeout: Duration) -> Self {
        self.settings.response_timeout = timeout;
        self
    }

    /// The size limit for an event, in bytes (default:
    /// [`DEFAULT_LIMIT`](crate::recordio::DEFAULT_LIMIT), which has the reason). A larger event ends
    /// the subscription with an error that names this limit.
    #[must_use]
    pub fn max_record_size(mut self, bytes: u64) -> Self {
        self.settings.max_record_size = bytes;
        self
    }

    /// The number of the master's heartbeat intervals without a single byte after which a
    /// subscription counts as lost (default: 5, at least 1). The time during which the event queue is
    /// full does not count, and neither does a time during which this process stood still. An executor's subscription has no such limit: its heartbeats are 30
    /// minutes apart.
    #[must_use]
    pub fn missed_heartbeats(mut self, count: u32) -> Self {
        self.settings.missed_heartbeats = count.max(1);
        self
    }

    /// The capacity of the event queue (default: 1024, at least 1). While the queue is full, the
    /// backend does not read from the socket.
    #[must_use]
    pub fn event_queue(mut self, events: usize) -> Self {
        self.settings.event_queue = events.max(1);
        self
    }

    /// The capacity of the event queue in bytes, as the events arrive (default: 64 MiB). While the
    /// events in the queue have more bytes, the backend does not read from the socket. An event that
    /// is larger than this limit waits until the queue is empty.
    #[must_use]
    pub fn event_queue_bytes(mut self, bytes: usize) -> Self {
        self.settings.event_queue_bytes = bytes;
        self
    }

    /// The capacity of the call queue (default: 1024, at least 1). While the queue is full, making a
    /// call waits.
    #[must_use]
    pub fn call_queue(mut self, calls: usize) -> Self {
        self.settings.call_queue = calls.max(1);
        self
    }

    /// The number of calls that may be in flight: written, but not answered (default: 8192, at least
    /// 1). Mesos handles and answers the requests of a connection in order, so this number does not
    /// change the order. A larger number makes the throughput independent of the round-trip time.
    ///
    /// With 1, each call is written after the answer to the one before it. Use 1 if a proxy in front
    /// of Mesos does not support pipelined requests. When a connection breaks, the result of all
    /// calls in flight is unknown and the subscription ends. Fewer calls in flight mean fewer unknown
    /// results. After two breaks with several calls in flight, the backend uses 1
    /// until a connection has lasted for ten minutes.
    /// UPDATE_FRAMEWORK and TEARDOWN are always the last call in flight.
    #[must_use]
    pub fn pipeline(mut self, calls: usize) -> Self {
        self.settings.pipeline = calls.max(1);
        self
    }

    /// A client of the operator API of the same masters or agent, with the same TLS settings,
    /// credentials, codec and limits. An executor uses it for its agent's containers.
    pub fn operator(&self) -> OperatorClient {
        OperatorClient::with(self.target.separate(), self.settings.clone())
    }

    /// A client of the operator API of another master or agent, with the same TLS settings,
    /// credentials, codec and limits.
    pub fn operator_at(&self, endpoint: Endpoint) -> OperatorClient {
        let mut settings = self.settings.clone();
        settings.unix_socket = None;
        OperatorClient::with(Target::new(endpoint.into()), settings)
    }

    /// The endpoint that requests go to, unless the backend has to find the leader.
    pub fn endpoint(&self) -> Option<&Endpoint> {
        self.target.endpoint()
    }

    /// Subscribes at `first` or at the endpoint that it redirects to; returns the endpoint.
    async fn open<A: HttpApi>(
        &self,
        first: &Endpoint,
        what: &'static str,
        body: &Bytes,
    ) -> Result<(Endpoint, Subscription<A>)> {
        let settings = &self.settings;
        let mut access = Access::new(settings).await?;
        let mut endpoint = first.clone();
        let mut redirects = 0;
        let mut missing: Option<Error> = None;
        while redirects <= REDIRECTS {
            let (response, address) =
                exchange::post(&endpoint, settings, A::PATH, access.header(), body).await?;
            tracing::debug!(api = A::NAME, %endpoint, status = %response.status(), "{what}");
            match response.status() {
                StatusCode::OK => {
                    let subscription = self.accept(endpoint.clone(), address, response)?;
                    access.accepted();
                    return Ok((endpoint, subscription));
                }
                StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT => {
                    endpoint = redirect::target(&endpoint, response.headers(), A::PATH)
                        .map_err(|error| error.with_status(response.status().as_u16()))?;
                    redirects += 1;
                }
                StatusCode::UNAUTHORIZED if access.renew().await? => {}
                _ => {
                    let limit = settings.response_timeout;
                    let mut answer = Answer::read(&endpoint, response, REASON_LIMIT, limit).await;
                    access.annotate(&mut answer);
                    let error = refusal(what, Purpose::Subscribe, &endpoint, A::PATH, &answer);
                    let error = access.refused(error);
                    if error.status() != Some(404) {
                        return Err(error);
                    }
                    // The first answer is about the address that the user wrote.
                    if let Some(missing) = missing {
                        return Err(missing);
                    }
                    match A::other_prefix(&endpoint) {
                        Some(other) => endpoint = other,
                        None => return Err(error),
                    }
                    missing = Some(error);
                }
            }
        }
        Err(redirect::undecided(first, &endpoint))
    }

    /// Checks that the response with status 200 comes from Mesos, and sets up the subscription.
    fn accept<A: HttpApi>(
        &self,
        endpoint: Endpoint,
        address: Option<SocketAddr>,
        response: Response<Body>,
    ) -> Result<Subscription<A>> {
        let peer = endpoint.to_string();
        let foreign = |how: String| {
            let message = format!(
                "{peer} answered SUBSCRIBE with 200, but {how}; it is not a {}",
                A::PEER
            );
            Err(Error::new(ErrorKind::Protocol, message).with_status(200))
        };
        let codec = self.settings.codec;
        match answer::media_type(response.headers()) {
            Some(found) if found == codec.media_type() => {}
            Some(found) => {
                return foreign(format!(
                    "with {found:?} instead of {:?}",
                    codec.media_type()
                ));
            }
            None => return foreign("without a Content-Type".to_owned()),
        }
        let stream_id: Option<HeaderValue> = response.headers().get(STREAM_ID).cloned();
        if A::STREAM_ID && stream_id.is_none() {
            return foreign("without a Mesos-Stream-Id".to_owned());
        }
        let (open, ended) = watch::channel(());
        let (fatal, failed_call) = oneshot::channel();
        let reader = Reader {
            body: response.into_body(),
            fatal_error: Some(failed_call),
            source: Source {
                what: format!("event from {peer}"),
                peer: peer.clone(),
                settings: self.settings.clone(),
            },
        };
        let (calls, writer) = CallQueue::<A>::open(SubscriptionHandle {
            endpoint,
            address,
            settings: self.settings.clone(),
            stream_id: stream_id.filter(|_| A::STREAM_ID),
            ended,
            fatal,
        });
        let events = Events::<A>::start(reader, open, writer);
        Ok(Subscription::new(events, Arc::new(calls), peer))
    }
}

#[async_trait]
impl Backend<SchedulerApi> for HttpBackend {
    fn name(&self) -> &'static str {
        "http"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::all()
    }

    async fn subscribe(&self, call: scheduler::Call) -> Result<Subscription<SchedulerApi>> {
        let what = SchedulerApi::call_name(&call);
        let body = self.settings.codec.encode(&call)?;
        let leader = match &self.target.peer {
            Peer::Endpoint(master) => {
                let (_, subscription) = self.open(master, what, &body).await?;
                return Ok(subscription);
            }
            Peer::Leader(leader) => leader,
        };
        let sighting = leader.find(self.settings.connect_timeout).await?;
        let mut errors = Vec::new();
        for master in sighting.masters() {
            let opened = tokio::select! {
                biased;
                opened = self.open(master, what, &body) => opened,
                // A former leader may be slow to redirect.
                error = sighting.moved(master) => return Err(error),
            };
            match opened {
                Ok((at, subscription)) => {
                    let master = master.clone();
                    return Ok(sighting.follow(&master, at, subscription));
                }
                Err(error) if error.is_retryable() => errors.push(error),
                Err(error) => return Err(error),
            }
        }
        Err(Sighting::failed(what, errors))
    }

    fn principal(&self) -> Option<&str> {
        self.settings.credentials.as_ref()?.principal()
    }

    async fn leader_changed(&self) {
        match &self.target.peer {
            Peer::Endpoint(_) => std::future::pending().await,
            Peer::Leader(leader) => leader.changed().await,
        }
    }
}

#[async_trait]
impl Backend<ExecutorApi> for HttpBackend {
    fn name(&self) -> &'static str {
        "http"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::all()
    }

    async fn subscribe(&self, call: executor::Call) -> Result<Subscription<ExecutorApi>> {
        let Peer::Endpoint(agent) = &self.target.peer else {
            return Err(Error::new(
                ErrorKind::Config,
                "an executor cannot subscribe at a master; use its agent's address, as \
                 HttpBackend::for_executor does",
            ));
        };
        let what = ExecutorApi::call_name(&call);
        let body = self.settings.codec.encode(&call)?;
        let (_, subscription) = self.open(agent, what, &body).await?;
        Ok(subscription)
    }
}
