//! The backend: subscribing, and what is set up around a subscription.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode};
use hyper::body::Incoming as Body;
use mesos_core::backend::{Api, Backend, ExecutorApi, SchedulerApi, Subscription};
use mesos_core::executor::ExecutorEnvironment;
use mesos_core::{Capabilities, Endpoint, Error, ErrorKind, Master, Result, Scheme};
use mesos_proto::v1::{executor, scheduler};
use tokio::sync::{oneshot, watch};

use crate::auth::{Access, Credentials};
use crate::detect::{Detector, Sighting};
use crate::operator::OperatorClient;
use crate::pipeline::{Bound, Line};
use crate::target::{Peer, Target};
use crate::transport::connection::{Connection, STREAM_ID};
use crate::transport::settings::Settings;
#[cfg(feature = "tls")]
use crate::transport::tls::TlsConfig;
use crate::wire::answer::{self, Answer, Purpose, REASON_LIMIT, refusal};
use crate::wire::api::HttpApi;
use crate::wire::codec::Codec;
use crate::wire::redirect::{self, REDIRECTS};
use crate::wire::stream::{Events, Reader};

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
/// A backend needs a tokio runtime with time and I/O enabled. Each subscription runs two tasks.
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

    /// A backend for an executor, from what its agent put into the
    /// environment: the agent's address or unix socket
    /// (`MESOS_DOMAIN_SOCKET`), and the token that goes with every request. If
    /// the agent has TLS, the settings are those of `LIBPROCESS_SSL_…` in this
    /// process' environment, and the feature `tls` is needed.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if the address, the token or a `LIBPROCESS_SSL_…`
    /// variable cannot be used.
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

    /// Who this framework or executor is to Mesos, in every request.
    ///
    /// Mesos wants the principal to be the one in `FrameworkInfo` too.
    #[must_use]
    pub fn credentials(mut self, credentials: Credentials) -> Self {
        self.settings.credentials = Some(credentials);
        self
    }

    /// Whom to believe at `https://` (default: the system's authorities).
    ///
    /// It also makes `https://` the scheme of a [`Master`] that names none, like
    /// a leader that is found in ZooKeeper, unless [`Master::scheme`] says
    /// otherwise. An [`Endpoint`] always has one. To do as Mesos' own library
    /// does, which goes by `LIBPROCESS_SSL_ENABLED`:
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
        self.settings.tls = tls;
        self
    }

    /// Connects to a unix socket in place of the endpoint's host and port, as
    /// executors do whose agent says so. TLS is never spoken there.
    ///
    /// Of an agent only paths below its libprocess id can be asked for there
    /// (src/slave/slave.cpp), so the endpoint needs that prefix.
    #[must_use]
    pub fn unix_socket(mut self, path: impl AsRef<Path>) -> Self {
        self.settings.unix_socket = Some(path.as_ref().into());
        self
    }

    /// How messages are encoded (default: protobuf).
    #[must_use]
    pub fn codec(mut self, codec: Codec) -> Self {
        self.settings.codec = codec;
        self
    }

    /// How long opening a connection may take, name resolution included
    /// (default: 10 s).
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.settings.connect_timeout = timeout;
        self
    }

    /// How long the head of a response may take, and the first event of a
    /// scheduler's subscription after it (default: 75 s, as
    /// docs/scheduler-http-api.md advises). For a call that is under way behind
    /// others the time begins with the answer to the one before it. A
    /// scheduler's call that gets no answer in this time fails with an unknown
    /// fate and ends its subscription, as the same document advises; so do those
    /// that were written behind it, and the rest is not sent.
    #[must_use]
    pub fn response_timeout(mut self, timeout: Duration) -> Self {
        self.settings.response_timeout = timeout;
        self
    }

    /// The longest event to take, in bytes (default:
    /// [`DEFAULT_LIMIT`](crate::recordio::DEFAULT_LIMIT), which says why). A
    /// longer one ends the subscription with an error that names this limit.
    #[must_use]
    pub fn max_record_size(mut self, bytes: u64) -> Self {
        self.settings.max_record_size = bytes;
        self
    }

    /// After how many of the master's heartbeat intervals without a single byte
    /// a subscription counts as lost (default: 5, at least 1). Time in which
    /// the queue of events is full does not count. Executors' subscriptions
    /// are not watched: their heartbeats are 30 minutes apart.
    #[must_use]
    pub fn missed_heartbeats(mut self, count: u32) -> Self {
        self.settings.missed_heartbeats = count.max(1);
        self
    }

    /// How many events may wait for the consumer (default: 64, at least 1).
    /// When so many do, the socket is not read until there is room.
    #[must_use]
    pub fn event_queue(mut self, events: usize) -> Self {
        self.settings.event_queue = events.max(1);
        self
    }

    /// How many calls may wait for their turn (default: 128, at least 1). When
    /// so many do, making a call waits until there is room.
    #[must_use]
    pub fn call_queue(mut self, calls: usize) -> Self {
        self.settings.call_queue = calls.max(1);
        self
    }

    /// How many calls may be under way at once, written and not answered
    /// (default: 8192, at least 1). They are handled and answered in their
    /// order whatever this is, since Mesos does not take a connection's requests
    /// in another one; more of them make calls independent of the round trip.
    ///
    /// With 1 each call is written after the one before it was answered: for
    /// what is between here and Mesos, and does not take pipelined requests.
    /// Of calls under way on a connection that breaks the fate is unknown, so
    /// the fewer there are the fewer that is. UPDATE_FRAMEWORK and TEARDOWN
    /// never have a call behind them under way.
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

    /// Subscribes at `first`, or where it redirects to; says where that was.
    async fn open<A: HttpApi>(
        &self,
        first: &Endpoint,
        what: &'static str,
        body: &Bytes,
    ) -> Result<(Endpoint, Subscription<A>)> {
        let settings = &self.settings;
        let mut access = Access::of(settings).await?;
        let mut endpoint = first.clone();
        let mut redirects = 0;
        let mut missing: Option<Error> = None;
        while redirects <= REDIRECTS {
            let mut connection = Connection::open(&endpoint, settings).await?;
            let response = connection
                .post(A::PATH, access.header(), body.clone())
                .await?;
            tracing::debug!(api = A::NAME, %endpoint, status = %response.status(), "{what}");
            match response.status() {
                StatusCode::OK => {
                    let subscription = self.accept(endpoint.clone(), connection, response)?;
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

    /// Checks that a 200 is that of a Mesos, and sets up the subscription.
    fn accept<A: HttpApi>(
        &self,
        endpoint: Endpoint,
        connection: Connection,
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
        let (over, ended) = watch::channel(());
        let (verdict, condemned) = oneshot::channel();
        let reader = Reader {
            body: response.into_body(),
            condemned: Some(condemned),
            peer: peer.clone(),
            settings: self.settings.clone(),
        };
        let events = Events::<A>::start(reader, connection, over);
        let calls = Line::<A>::open(Bound {
            endpoint,
            settings: self.settings.clone(),
            stream_id: stream_id.filter(|_| A::STREAM_ID),
            over: ended,
            verdict,
        });
        Ok(Subscription {
            events: Box::new(events),
            calls: Arc::new(calls),
            peer,
        })
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
                // Who does not lead any more may be slow to say so.
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
                "an executor cannot subscribe at a master; give it the address of its agent, as \
                 HttpBackend::for_executor does",
            ));
        };
        let what = ExecutorApi::call_name(&call);
        let body = self.settings.codec.encode(&call)?;
        let (_, subscription) = self.open(agent, what, &body).await?;
        Ok(subscription)
    }
}
