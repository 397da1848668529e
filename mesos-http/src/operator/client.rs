//! A client of one peer, over one connection: opened when it is needed and again when it broke;
//! requests go one after the other.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, StatusCode};
use mesos_core::{Delivery, Error, ErrorKind, Result};
use mesos_proto::v1::{agent, master};
use tokio::sync::Mutex;

use crate::auth::{Access, Credentials};
use crate::endpoint::Endpoint;
use crate::transport::connection::Connection;
use crate::transport::settings::Settings;
#[cfg(feature = "tls")]
use crate::transport::tls::TlsConfig;
use crate::wire::answer::{Answer, Purpose, refusal};
use crate::wire::codec::{Codec, Wire};
use crate::wire::redirect::{self, REDIRECTS};

const PATH: &str = "/api/v1";

/// A client of one master or agent.
///
/// ```no_run
/// use mesos_http::OperatorClient;
/// use mesos_proto::v1::master::{self, call::Type};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let client = OperatorClient::new("http://10.0.0.1:5050".parse()?);
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
/// Calls share one connection and go one at a time, in the order in which they
/// got hold of it. Dropping the future of a call closes the connection; whether
/// the call had its effect is not known then.
#[derive(Debug)]
pub struct OperatorClient {
    settings: Settings,
    caller: Mutex<Caller>,
}

impl OperatorClient {
    /// A client with default settings. Nothing is sent before the first call.
    pub fn new(endpoint: Endpoint) -> Self {
        Self::with(endpoint, Settings::default())
    }

    pub(crate) fn with(endpoint: Endpoint, settings: Settings) -> Self {
        let caller = Mutex::new(Caller::new(endpoint, settings.clone()));
        Self { settings, caller }
    }

    /// How messages are encoded (default: protobuf).
    #[must_use]
    pub fn codec(self, codec: Codec) -> Self {
        self.change(|settings| settings.codec = codec)
    }

    /// How long the head of a response may take, and the rest of it after that
    /// (default: 75 s).
    #[must_use]
    pub fn response_timeout(self, timeout: Duration) -> Self {
        self.change(|settings| settings.response_timeout = timeout)
    }

    /// The longest response to take, in bytes (default:
    /// [`DEFAULT_LIMIT`](crate::recordio::DEFAULT_LIMIT)).
    #[must_use]
    pub fn record_limit(self, bytes: u64) -> Self {
        self.change(|settings| settings.record_limit = bytes)
    }

    /// Who this client is to its peer, in every request.
    #[must_use]
    pub fn credentials(self, credentials: Credentials) -> Self {
        self.change(|settings| settings.credentials = Some(credentials))
    }

    /// Whom to believe at `https://` (default: the system's authorities).
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(self, tls: TlsConfig) -> Self {
        self.change(|settings| settings.tls = tls)
    }

    fn change(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(&mut self.settings);
        Self::with(self.caller.into_inner().endpoint, self.settings)
    }

    /// Makes a call to a master. One that is not the leader redirects to it,
    /// and the client stays with the leader.
    ///
    /// A call that is only taken for processing (202) gives an empty response.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] for SUBSCRIBE, whose answer is a stream; the
    /// answer's kind otherwise, with its status.
    pub async fn call_master(&self, call: &master::Call) -> Result<master::Response> {
        use master::call::Type;
        let streams = call.r#type() == Type::Subscribe;
        self.call(call, call.r#type().as_str_name(), streams).await
    }

    /// Makes a call to an agent; see [`call_master`](Self::call_master).
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] for the calls that attach to a container,
    /// which are streams.
    pub async fn call_agent(&self, call: &agent::Call) -> Result<agent::Response> {
        use agent::call::Type;
        let streams = matches!(
            call.r#type(),
            Type::AttachContainerInput
                | Type::AttachContainerOutput
                | Type::LaunchNestedContainerSession
        );
        self.call(call, call.r#type().as_str_name(), streams).await
    }

    async fn call<R: Wire>(&self, call: &impl Wire, name: &str, streams: bool) -> Result<R> {
        if streams {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!("{name} is a stream, which this client does not offer"),
            ));
        }
        let settings = &self.settings;
        let body = settings.codec.encode(call)?;
        let mut caller = self.caller.lock().await;
        let first = caller.endpoint.clone();
        for _ in 0..=REDIRECTS {
            let Answer {
                status,
                headers,
                body,
                fault,
                advice,
            } = caller
                .post(PATH, body.clone(), settings.record_limit)
                .await?;
            tracing::debug!(endpoint = %caller.endpoint, %status, "{name}");
            match (status, fault) {
                (StatusCode::OK | StatusCode::ACCEPTED, Some(fault)) => return Err(fault),
                (StatusCode::OK | StatusCode::ACCEPTED, None) => {
                    let what = format!("the answer of {} to {name}", caller.endpoint);
                    return settings.codec.decode(body, &what);
                }
                (StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT, _) => {
                    let leader = redirect::target(&caller.endpoint, &headers, PATH)
                        .map_err(|error| error.with_status(status.as_u16()))?;
                    *caller = Caller::new(leader, settings.clone());
                }
                (_, fault) => {
                    let answer = Answer {
                        status,
                        headers,
                        body,
                        fault,
                        advice,
                    };
                    let purpose = Purpose::Operator;
                    return Err(refusal(name, purpose, &caller.endpoint, PATH, &answer));
                }
            }
        }
        Err(redirect::undecided(&first, &caller.endpoint))
    }
}

/// One peer and one connection to it.
#[derive(Debug)]
struct Caller {
    endpoint: Endpoint,
    settings: Settings,
    connection: Option<Connection>,
}

impl Caller {
    fn new(endpoint: Endpoint, settings: Settings) -> Self {
        Self {
            endpoint,
            settings,
            connection: None,
        }
    }

    /// Sends `body` to `path` and reads the answer, at most `limit` bytes of
    /// its body; once more if the answer is 401 and there are other credentials
    /// to be had. Dropping the future closes the connection.
    async fn post(&mut self, path: &str, body: Bytes, limit: u64) -> Result<Answer> {
        let settings = self.settings.clone();
        let mut access = Access::of(&settings).await?;
        loop {
            let authorization = access.header();
            let mut answer = self
                .exchange(path, authorization, body.clone(), limit)
                .await?;
            if answer.status == StatusCode::UNAUTHORIZED && access.renew().await? {
                continue;
            }
            access.judge(&mut answer);
            return Ok(answer);
        }
    }

    async fn exchange(
        &mut self,
        path: &str,
        authorization: Option<&HeaderValue>,
        body: Bytes,
        limit: u64,
    ) -> Result<Answer> {
        let (mut connection, kept) = match self.connection.take() {
            Some(connection) => (connection, true),
            None => (self.open().await?, false),
        };
        let response = match connection.post(path, authorization, body.clone()).await {
            // The peer closed it since the last request: no loss, a new one does.
            Err(error) if kept && error.delivery() == Delivery::NotSent => {
                connection = self.open().await?;
                connection.post(path, authorization, body).await?
            }
            response => response?,
        };
        let answer = Answer::read(
            &self.endpoint,
            response,
            limit,
            self.settings.response_timeout,
        )
        .await;
        if answer.fault.is_none() {
            self.connection = Some(connection);
        }
        Ok(answer)
    }

    async fn open(&self) -> Result<Connection> {
        Connection::open(&self.endpoint, &self.settings).await
    }
}
