//! Settings of a fake agent.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use mesos_proto::v1::{ExecutorId, FrameworkId, FrameworkInfo};

use super::FakeAgent;
use crate::log::DEFAULT_TIMEOUT;

#[derive(Clone)]
pub(super) struct Settings {
    pub(super) address: SocketAddr,
    pub(super) unix_socket: Option<PathBuf>,
    pub(super) framework: FrameworkInfo,
    pub(super) executor_id: ExecutorId,
    pub(super) checkpoint: bool,
    recovery_timeout: Duration,
    backoff_max: Duration,
    grace: Duration,
    pub(super) token: Option<String>,
    /// A valid token of another executor of this agent.
    pub(super) foreign_token: Option<String>,
    pub(super) scripted: bool,
    pub(super) heartbeat: Duration,
    pub(super) timeout: Duration,
}

/// Does not show the tokens.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("address", &self.address)
            .field("unix_socket", &self.unix_socket)
            .field("executor_id", &self.executor_id)
            .finish_non_exhaustive()
    }
}

impl Settings {
    pub(super) fn framework_id(&self) -> FrameworkId {
        self.framework.id.clone().unwrap_or_default()
    }

    pub(super) fn variables(&self, address: SocketAddr) -> Vec<(String, String)> {
        let milliseconds = |time: Duration| format!("{}ms", time.as_millis());
        let mut variables = vec![
            ("MESOS_FRAMEWORK_ID", self.framework_id().value),
            ("MESOS_EXECUTOR_ID", self.executor_id.value.clone()),
            ("MESOS_SLAVE_ID", AGENT_ID.to_owned()),
            ("MESOS_SLAVE_PID", format!("slave(1)@{address}")),
            ("MESOS_AGENT_ENDPOINT", address.to_string()),
            ("MESOS_CHECKPOINT", u8::from(self.checkpoint).to_string()),
            (
                "MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD",
                milliseconds(self.grace),
            ),
        ];
        if self.checkpoint {
            variables.extend([
                (
                    "MESOS_RECOVERY_TIMEOUT",
                    milliseconds(self.recovery_timeout),
                ),
                (
                    "MESOS_SUBSCRIPTION_BACKOFF_MAX",
                    milliseconds(self.backoff_max),
                ),
            ]);
        }
        if let Some(token) = &self.token {
            variables.push(("MESOS_EXECUTOR_AUTHENTICATION_TOKEN", token.clone()));
        }
        if let Some(path) = &self.unix_socket {
            variables.push(("MESOS_DOMAIN_SOCKET", path.display().to_string()));
        }
        let variables = variables.into_iter();
        variables
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    }
}

/// The id of every fake agent.
pub(super) const AGENT_ID: &str = "agent";

/// Settings of a [`FakeAgent`]; [`start`](Self::start) starts it.
#[derive(Clone, Debug)]
#[must_use = "nothing listens before start"]
pub struct Builder(Settings);

impl Builder {
    pub(super) fn new() -> Self {
        let framework = FrameworkInfo {
            id: Some("framework".into()),
            ..FrameworkInfo::new("user", "framework")
        };
        Self(Settings {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            unix_socket: None,
            framework,
            executor_id: "executor".into(),
            checkpoint: true,
            // RECOVERY_TIMEOUT, EXECUTOR_REREGISTRATION_TIMEOUT,
            // DEFAULT_EXECUTOR_SHUTDOWN_GRACE_PERIOD and
            // DEFAULT_EXECUTOR_HEARTBEAT_INTERVAL in src/slave/constants.hpp.
            recovery_timeout: Duration::from_secs(15 * 60),
            backoff_max: Duration::from_secs(2),
            grace: Duration::from_secs(5),
            heartbeat: Duration::from_secs(30 * 60),
            token: None,
            foreign_token: None,
            scripted: false,
            timeout: DEFAULT_TIMEOUT,
        })
    }

    /// Sets the address to listen on. Default: 127.0.0.1 and a free port.
    pub fn address(mut self, address: SocketAddr) -> Self {
        self.0.address = address;
        self
    }

    /// Also listens on this unix socket, and passes the path to the executor. As on a real agent,
    /// only paths below the agent's libprocess id are served there.
    #[cfg(unix)]
    pub fn unix_socket(mut self, path: impl Into<PathBuf>) -> Self {
        self.0.unix_socket = Some(path.into());
        self
    }

    /// Sets the framework of the executor. Default: a framework with the id `framework` and no
    /// capabilities.
    pub fn framework(mut self, framework: FrameworkInfo) -> Self {
        self.0.framework = framework;
        self
    }

    /// Sets the id of the executor. Default: `executor`.
    pub fn executor(mut self, executor_id: impl Into<ExecutorId>) -> Self {
        self.0.executor_id = executor_id.into();
        self
    }

    /// Sets whether the framework uses checkpointing. Default: true.
    pub fn checkpoint(mut self, checkpoint: bool) -> Self {
        self.0.checkpoint = checkpoint;
        self
    }

    /// Sets how long the executor waits for a lost agent. Default: 15 minutes.
    pub fn recovery_timeout(mut self, timeout: Duration) -> Self {
        self.0.recovery_timeout = timeout;
        self
    }

    /// Sets the maximum delay between attempts to subscribe. Default: 2 s.
    pub fn subscription_backoff_max(mut self, max: Duration) -> Self {
        self.0.backoff_max = max;
        self
    }

    /// Sets how long the executor may take to shut down. Default: 5 s.
    pub fn shutdown_grace_period(mut self, grace: Duration) -> Self {
        self.0.grace = grace;
        self
    }

    /// Gives the executor this token and refuses requests without the token, as an agent with
    /// `--authenticate_http_executors` does. To test an executor with a missing or wrong token,
    /// change its environment.
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.0.token = Some(token.into());
        self
    }

    /// Accepts this token as the valid token of another executor.
    pub fn token_of_another(mut self, token: impl Into<String>) -> Self {
        self.0.foreign_token = Some(token.into());
        self
    }

    /// Starts a scripted agent: it checks and answers requests and accepts subscriptions. What the
    /// executor sends has no effect, and nothing is acknowledged automatically.
    pub fn scripted(mut self) -> Self {
        self.0.scripted = true;
        self
    }

    /// Sets the interval of heartbeats. Default: 30 minutes, as on every agent.
    pub fn heartbeat(mut self, interval: Duration) -> Self {
        self.0.heartbeat = interval;
        self
    }

    /// Sets how long the `expect` methods wait before they panic. Default: 10 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.0.timeout = timeout;
        self
    }

    /// Starts the agent. The agent is listening when this returns.
    ///
    /// # Errors
    /// If an address cannot be bound.
    pub async fn start(self) -> io::Result<FakeAgent> {
        FakeAgent::with(self.0).await
    }
}
