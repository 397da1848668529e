//! What an agent tells its executor through environment variables
//! (`executorEnvironment` in `src/slave/slave.cpp`).

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use mesos_proto::v1::{AgentId, ExecutorId, FrameworkId};

use super::duration::parse_duration;

/// The environment of an executor, parsed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ExecutorEnvironment {
    /// `MESOS_FRAMEWORK_ID`.
    pub framework_id: FrameworkId,
    /// `MESOS_EXECUTOR_ID`.
    pub executor_id: ExecutorId,
    /// `MESOS_SLAVE_ID`, where given.
    pub agent_id: Option<AgentId>,
    /// The agent's libprocess address, `MESOS_SLAVE_PID`: `slave(1)@10.0.0.1:5051`.
    pub agent_pid: String,
    /// The sandbox as the executor sees it: `MESOS_SANDBOX`, else `MESOS_DIRECTORY`.
    pub sandbox: Option<String>,
    /// Whether the executor should outlive its agent: `MESOS_CHECKPOINT` is `1`.
    pub checkpoint: bool,
    /// How long to wait for a lost agent: `MESOS_RECOVERY_TIMEOUT`.
    pub recovery_timeout: Duration,
    /// Bound of the wait between attempts: `MESOS_SUBSCRIPTION_BACKOFF_MAX`.
    pub subscription_backoff_max: Duration,
    /// From SHUTDOWN to the agent's SIGKILL: `MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD`.
    pub shutdown_grace_period: Duration,
    /// `MESOS_EXECUTOR_AUTHENTICATION_TOKEN`.
    pub token: Option<Token>,
    /// The agent's unix socket, to be used in place of TCP: `MESOS_DOMAIN_SOCKET`.
    pub domain_socket: Option<String>,
    /// Whether the agent speaks TLS: `LIBPROCESS_SSL_ENABLED`.
    pub tls: bool,
}

/// A bearer token. Its value shows in no `Debug` output.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// Wraps the text of a token.
    pub fn new(token: impl Into<String>) -> Self {
        Self(token.into())
    }

    /// The text, for the `Authorization` header only.
    pub fn secret(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(***)")
    }
}

/// Everything that is wrong with an executor's environment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not started by a Mesos agent, or with a broken environment: {}",
    faults.join("; ")
)]
pub struct EnvironmentError {
    /// One sentence for each variable that is missing or malformed.
    pub faults: Vec<String>,
}

impl ExecutorEnvironment {
    /// Parses this process' environment.
    ///
    /// # Errors
    /// All faults at once.
    pub fn from_env() -> Result<Self, EnvironmentError> {
        Self::parse(std::env::vars_os().filter_map(|(name, value)| {
            // Mesos writes UTF-8; other variables are none of our business.
            Some((name.into_string().ok()?, value.into_string().ok()?))
        }))
    }

    /// Parses `variables`.
    ///
    /// # Errors
    /// All faults at once.
    pub fn parse(
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, EnvironmentError> {
        let mut reader = Reader {
            variables: variables.into_iter().collect(),
            faults: Vec::new(),
        };
        let framework_id = reader.required("MESOS_FRAMEWORK_ID");
        let executor_id = reader.required("MESOS_EXECUTOR_ID");
        let agent_pid = reader.required("MESOS_SLAVE_PID");
        if !agent_pid.is_empty() && !agent_pid.contains('@') {
            reader.faults.push(format!(
                "MESOS_SLAVE_PID: expected `slave(1)@ip:port`, found `{agent_pid}`"
            ));
        }
        // Anything but `1` is off, as in Mesos (`src/executor/executor.cpp`).
        let checkpoint = reader.optional("MESOS_CHECKPOINT").as_deref() == Some("1");
        let environment = Self {
            framework_id: FrameworkId {
                value: framework_id,
            },
            executor_id: ExecutorId { value: executor_id },
            agent_id: reader
                .optional("MESOS_SLAVE_ID")
                .map(|value| AgentId { value }),
            agent_pid,
            sandbox: reader
                .optional("MESOS_SANDBOX")
                .or_else(|| reader.optional("MESOS_DIRECTORY")),
            checkpoint,
            recovery_timeout: reader.duration("MESOS_RECOVERY_TIMEOUT", "15mins", checkpoint),
            subscription_backoff_max: reader.duration(
                "MESOS_SUBSCRIPTION_BACKOFF_MAX",
                "2secs",
                checkpoint,
            ),
            shutdown_grace_period: reader.duration(
                "MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD",
                "5secs",
                false,
            ),
            token: reader
                .optional("MESOS_EXECUTOR_AUTHENTICATION_TOKEN")
                .map(Token),
            domain_socket: reader.optional("MESOS_DOMAIN_SOCKET"),
            tls: matches!(
                reader.optional("LIBPROCESS_SSL_ENABLED").as_deref(),
                Some("1" | "true")
            ),
        };
        if reader.faults.is_empty() {
            Ok(environment)
        } else {
            Err(EnvironmentError {
                faults: reader.faults,
            })
        }
    }
}

struct Reader {
    variables: HashMap<String, String>,
    faults: Vec<String>,
}

impl Reader {
    fn optional(&self, name: &str) -> Option<String> {
        self.variables
            .get(name)
            .filter(|value| !value.is_empty())
            .cloned()
    }

    fn required(&mut self, name: &str) -> String {
        self.optional(name).unwrap_or_else(|| {
            self.faults.push(format!("{name} is not set"));
            String::new()
        })
    }

    fn duration(&mut self, name: &str, default: &str, required: bool) -> Duration {
        let value = match self.optional(name) {
            Some(value) => value,
            None if required => self.required(name),
            None => default.to_owned(),
        };
        if value.is_empty() {
            return Duration::ZERO;
        }
        parse_duration(&value).unwrap_or_else(|fault| {
            self.faults.push(format!("{name}: {fault}"));
            Duration::ZERO
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(changes: &[(&str, &str)]) -> Result<ExecutorEnvironment, EnvironmentError> {
        let mut variables: HashMap<&str, &str> = HashMap::from([
            ("MESOS_FRAMEWORK_ID", "f"),
            ("MESOS_EXECUTOR_ID", "e"),
            ("MESOS_SLAVE_ID", "a"),
            ("MESOS_SLAVE_PID", "slave(1)@127.0.0.1:5051"),
        ]);
        variables.extend(changes.iter().copied());
        ExecutorEnvironment::parse(
            variables
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value.to_owned())),
        )
    }

    #[test]
    fn checkpoint_is_on_for_the_digit_one_only() {
        let rest = [
            ("MESOS_RECOVERY_TIMEOUT", "15mins"),
            ("MESOS_SUBSCRIPTION_BACKOFF_MAX", "1.5secs"),
        ];
        for (value, expected) in [("1", true), ("0", false), ("true", false), ("", false)] {
            let mut changes = rest.to_vec();
            changes.push(("MESOS_CHECKPOINT", value));
            assert_eq!(parse(&changes).unwrap().checkpoint, expected, "{value}");
        }
        let environment = parse(&rest).unwrap();
        assert_eq!(environment.recovery_timeout, Duration::from_secs(900));
        assert_eq!(
            environment.subscription_backoff_max,
            Duration::from_millis(1500)
        );
    }

    #[test]
    fn all_faults_are_listed_at_once() {
        let error = parse(&[
            ("MESOS_FRAMEWORK_ID", ""),
            ("MESOS_SLAVE_PID", "127.0.0.1:5051"),
            ("MESOS_CHECKPOINT", "1"),
            ("MESOS_RECOVERY_TIMEOUT", "soon"),
        ])
        .unwrap_err();
        let text = error.to_string();
        assert_eq!(error.faults.len(), 4, "{text}");
        for part in [
            "MESOS_FRAMEWORK_ID is not set",
            "MESOS_SLAVE_PID: expected `slave(1)@ip:port`, found `127.0.0.1:5051`",
            "MESOS_RECOVERY_TIMEOUT: expected a duration",
            "MESOS_SUBSCRIPTION_BACKOFF_MAX is not set",
        ] {
            assert!(text.contains(part), "`{part}` is not in: {text}");
        }
    }

    #[test]
    fn the_token_is_kept_out_of_debug_output() {
        let environment = parse(&[("MESOS_EXECUTOR_AUTHENTICATION_TOKEN", "s3cret")]).unwrap();
        assert_eq!(environment.token.as_ref().unwrap().secret(), "s3cret");
        assert!(!format!("{environment:?}").contains("s3cret"));
    }
}
