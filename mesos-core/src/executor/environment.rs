//! The environment variables that an agent sets for its executor
//! (`executorEnvironment` in `src/slave/slave.cpp`).

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use mesos_proto::v1::{AgentId, ExecutorId, FrameworkId};

use super::duration::parse_duration;
use super::grace::OnGraceTimeout;
use super::token::{self, Token};

/// The maximum length in bytes of the path of a unix socket, with the final zero
/// (`src/common/domain_sockets.hpp`).
const SOCKET_PATH_MAX: usize = 108;

/// The parsed environment of an executor, and the settings of its driver. All
/// fields can be changed before the driver starts.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ExecutorEnvironment {
    /// `MESOS_FRAMEWORK_ID`.
    pub framework_id: FrameworkId,
    /// `MESOS_EXECUTOR_ID`.
    pub executor_id: ExecutorId,
    /// `MESOS_SLAVE_ID`, if set.
    pub agent_id: Option<AgentId>,
    /// The agent's libprocess address, `MESOS_SLAVE_PID`: `slave(1)@10.0.0.1:5051`.
    pub agent_pid: String,
    /// The sandbox as the executor sees it: `MESOS_SANDBOX`, else `MESOS_DIRECTORY`.
    pub sandbox: Option<String>,
    /// Whether the executor should outlive its agent: `MESOS_CHECKPOINT` is `1`.
    pub checkpoint: bool,
    /// How long to wait for a lost agent: `MESOS_RECOVERY_TIMEOUT`. Measured from
    /// the loss of the subscription to the next SUBSCRIBED. Used only with
    /// `checkpoint`.
    pub recovery_timeout: Duration,
    /// How long a restarted agent waits for its executors, and the maximum delay
    /// between attempts in Mesos: `MESOS_SUBSCRIPTION_BACKOFF_MAX`. The driver
    /// waits at most half of this time, so that it always subscribes in time.
    pub subscription_backoff_max: Duration,
    /// The time from SHUTDOWN to the agent's SIGKILL:
    /// `MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD`.
    pub shutdown_grace_period: Duration,
    /// What the driver does if tasks are still running after the grace period.
    pub on_grace_timeout: OnGraceTimeout,
    /// How long the first subscription may take. Default 60 s, the default after
    /// which an agent kills an executor that has not subscribed
    /// (`--executor_registration_timeout`). The agent does not send its setting
    /// to executors.
    pub registration_timeout: Duration,
    /// How long [`stop`](crate::ExecutorDriver::stop) waits for the last
    /// acknowledgements. Default 60 s, as in Mesos' executors
    /// (`src/launcher/executor.cpp`).
    pub flush_timeout: Duration,
    /// A file for the tasks and updates that the agent has not acknowledged, so
    /// that they survive this process. The next process with the same file
    /// repeats them. Default `None`: the journal is only in memory. The sandbox
    /// is a good place for the file:
    ///
    /// ```
    /// use mesos::executor::ExecutorEnvironment;
    ///
    /// # fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let mut environment = ExecutorEnvironment::from_env()?;
    /// let sandbox = environment.sandbox.clone().ok_or("no sandbox")?;
    /// environment.journal = Some(std::path::Path::new(&sandbox).join("journal"));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// A task is written and synced before [`launch`](crate::Executor::launch)
    /// is called, and an update before `update` returns. Only the owner can read
    /// the file. It belongs to one executor, and its process locks it.
    ///
    /// A crash or a power failure can leave incomplete entries at the end, which
    /// were never confirmed. The driver truncates the file at the first of them.
    /// Damage in front of a confirmed entry, a file of another executor, or a
    /// directory that this process cannot read ends the driver with
    /// [`ErrorKind::Store`](crate::ErrorKind::Store) before it subscribes. A
    /// full or broken disk ends the driver later with the same error: the tasks
    /// are shut down, and updates from then on are only in memory.
    ///
    /// The directory must be readable and writable: the driver compacts the file
    /// by replacing it. The file has at most four times the size of its live entries, or 64 KiB.
    pub journal: Option<PathBuf>,
    /// `MESOS_EXECUTOR_AUTHENTICATION_TOKEN`. Mesos' tokens do not expire and are
    /// not renewed (`src/authentication/executor/jwt_secret_generator.cpp` signs
    /// the ids of framework, executor and container, but no time). An agent that
    /// rejects a token, for example after a restart with another key, always
    /// rejects it. That ends the driver with
    /// [`ErrorKind::Unauthorized`](crate::ErrorKind::Unauthorized).
    pub token: Option<Token>,
    /// The agent's unix socket, used instead of TCP: `MESOS_DOMAIN_SOCKET`.
    pub domain_socket: Option<String>,
    /// Whether the agent uses TLS: `LIBPROCESS_SSL_ENABLED`.
    pub tls: bool,
}

/// All faults of an executor's environment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "invalid executor environment (was this program started by a Mesos agent?): {}",
    faults.join("; ")
)]
#[non_exhaustive]
pub struct EnvironmentError {
    /// One text for each missing or invalid variable.
    pub faults: Vec<String>,
}

impl ExecutorEnvironment {
    /// Parses the environment of this process. The token stays in it: see
    /// [`from_env_scrubbed`](Self::from_env_scrubbed).
    ///
    /// # Errors
    /// All faults at once.
    pub fn from_env() -> Result<Self, EnvironmentError> {
        Self::of_process(std::env::vars_os(), None)
    }

    /// Same as [`from_env`](Self::from_env), but also erases the token, so that
    /// neither child processes nor `/proc/<pid>/environ` contain it. Call it
    /// first in `main`.
    ///
    /// A running process can erase a variable only for its children, and not
    /// safely while other threads may read the environment. Therefore, if the
    /// token is set, this process executes its own program again: `execve` with
    /// the same arguments, the same process id and an environment without the
    /// token. The new program receives the token through a pipe. Other systems
    /// than unix do not have `execve`; there, this is `from_env`.
    ///
    /// # Errors
    /// All faults at once. One of them may be that the token cannot be erased.
    pub fn from_env_scrubbed() -> Result<Self, EnvironmentError> {
        let token = token::take().map_err(|fault| EnvironmentError {
            faults: vec![fault],
        })?;
        Self::of_process(std::env::vars_os(), token)
    }

    /// Parses the environment of a program that an agent started.
    fn of_process(
        variables: impl Iterator<Item = (OsString, OsString)>,
        token: Option<Token>,
    ) -> Result<Self, EnvironmentError> {
        let mut faults = Vec::new();
        let mut utf8 = Vec::new();
        for (name, value) in variables {
            let Ok(name) = name.into_string() else {
                continue; // Mesos' names are ASCII.
            };
            match value.into_string() {
                Ok(value) => utf8.push((name, value)),
                Err(_) if name.starts_with("MESOS_") => faults.push(format!("{name} is not UTF-8")),
                Err(_) => {}
            }
        }
        // Set by an agent in the same process, for tests (`src/executor/executor.cpp`).
        let local = utf8.iter().any(|(name, _)| name == "MESOS_LOCAL");
        match Self::parse(utf8) {
            Ok(mut environment) if faults.is_empty() => {
                if !local {
                    environment.on_grace_timeout = OnGraceTimeout::KillProcessGroup;
                }
                environment.token = token.or(environment.token);
                Ok(environment)
            }
            Ok(_) => Err(EnvironmentError { faults }),
            Err(error) => {
                faults.extend(error.faults);
                Err(EnvironmentError { faults })
            }
        }
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
        if !agent_pid.is_empty() && !is_pid(&agent_pid) {
            reader.faults.push(format!(
                "MESOS_SLAVE_PID: expected `slave(1)@ip:port`, found `{agent_pid}`"
            ));
        }
        let domain_socket = reader.optional("MESOS_DOMAIN_SOCKET");
        if let Some(path) = &domain_socket
            && path.len() >= SOCKET_PATH_MAX
        {
            reader.faults.push(format!(
                "MESOS_DOMAIN_SOCKET: the path of a unix socket must be shorter than \
                 {SOCKET_PATH_MAX} bytes, but `{path}` has {}",
                path.len()
            ));
        }
        // Every value except `1` means off, as in Mesos (`src/executor/executor.cpp`).
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
                .map(Token::new),
            on_grace_timeout: OnGraceTimeout::default(),
            registration_timeout: Duration::from_secs(60),
            flush_timeout: Duration::from_secs(60),
            journal: None,
            domain_socket,
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

/// Whether `pid` is a libprocess id: `name@host:port`.
fn is_pid(pid: &str) -> bool {
    let Some((name, address)) = pid.split_once('@') else {
        return false;
    };
    let port = address
        .rsplit_once(':')
        .filter(|(host, _)| !host.is_empty());
    !name.is_empty() && port.is_some_and(|(_, port)| port.parse::<u16>().is_ok_and(|port| port > 0))
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
    fn checkpoint_is_on_only_for_1() {
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
    fn every_invalid_address_is_a_fault() {
        for pid in [
            "slave(1)",
            "@h:5051",
            "slave(1)@h",
            "slave(1)@:5051",
            "slave(1)@h:0",
            "a@h:x",
        ] {
            let error = parse(&[("MESOS_SLAVE_PID", pid)]).unwrap_err();
            assert!(
                error.faults[0].starts_with("MESOS_SLAVE_PID: expected"),
                "{error}"
            );
        }
        parse(&[("MESOS_SLAVE_PID", "slave(12)@[::1]:5051")]).unwrap();
        let long = "/".repeat(108);
        let error = parse(&[("MESOS_DOMAIN_SOCKET", &long)]).unwrap_err();
        assert!(error.faults[0].ends_with("has 108"), "{error}");
    }

    #[test]
    fn an_empty_environment_lists_the_variables_of_every_executor() {
        let error = ExecutorEnvironment::parse([]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "invalid executor environment (was this program started by a Mesos agent?): \
             MESOS_FRAMEWORK_ID is not set; MESOS_EXECUTOR_ID is not set; MESOS_SLAVE_PID is not \
             set"
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_value_that_is_not_utf8_is_a_fault_only_in_variables_of_mesos() {
        use std::os::unix::ffi::OsStringExt;
        let bytes = || OsString::from_vec(vec![0xff]);
        let variables = [("HOME", bytes()), ("MESOS_SLAVE_PID", bytes())];
        let variables = variables.map(|(name, value)| (OsString::from(name), value));
        let error = ExecutorEnvironment::of_process(variables.into_iter(), None).unwrap_err();
        assert_eq!(error.faults.len(), 4, "{error}");
        assert_eq!(error.faults[0], "MESOS_SLAVE_PID is not UTF-8");
    }

    #[test]
    fn only_a_program_of_a_remote_agent_kills_its_process_group() {
        let variables = || {
            let variables = [
                ("MESOS_FRAMEWORK_ID", "f"),
                ("MESOS_EXECUTOR_ID", "e"),
                ("MESOS_SLAVE_PID", "slave(1)@127.0.0.1:5051"),
            ];
            variables.map(|(name, value)| (OsString::from(name), OsString::from(value)))
        };
        let program = ExecutorEnvironment::of_process(variables().into_iter(), None).unwrap();
        assert_eq!(program.on_grace_timeout, OnGraceTimeout::KillProcessGroup);
        let local = [(OsString::from("MESOS_LOCAL"), OsString::from("1"))];
        let local = variables().into_iter().chain(local);
        let local = ExecutorEnvironment::of_process(local, None).unwrap();
        assert_eq!(local.on_grace_timeout, OnGraceTimeout::EndDriver);
        assert_eq!(
            parse(&[]).unwrap().on_grace_timeout,
            OnGraceTimeout::EndDriver
        );
    }

    #[test]
    fn debug_does_not_print_the_token() {
        let environment = parse(&[("MESOS_EXECUTOR_AUTHENTICATION_TOKEN", "s3cret")]).unwrap();
        assert_eq!(environment.token.as_ref().unwrap().secret(), "s3cret");
        assert!(!format!("{environment:?}").contains("s3cret"));
    }
}
