//! Checks and health checks of a task.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::parts::is_default;
use super::text::optional_duration;
use super::{Command, PortRef};

/// A check or a health check: exactly one of `http`, `tcp` and `command`, and its times.
///
/// A health check kills the task after several failures in a row. A check only reports.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct CheckSpec {
    /// Sends a GET.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http: Option<HttpCheck>,
    /// Connects to this port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tcp: Option<PortRef>,
    /// Runs a command in the container of the task; exit status 0 is healthy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<Command>,
    /// The time between the start of the task and the first check; 15 s by default.
    #[serde(with = "optional_duration", skip_serializing_if = "Option::is_none")]
    pub delay: Option<Duration>,
    /// The time between two checks; 10 s by default.
    #[serde(with = "optional_duration", skip_serializing_if = "Option::is_none")]
    pub interval: Option<Duration>,
    /// The time after which a check has failed; 20 s by default.
    #[serde(with = "optional_duration", skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Duration>,
    /// The time after the start of the task in which failures do not count; 10 s by default. Only
    /// for health checks.
    #[serde(with = "optional_duration", skip_serializing_if = "Option::is_none")]
    pub grace: Option<Duration>,
    /// The number of failures in a row after which the task is killed; 3 by default, and 0 for
    /// never. Only for health checks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failures: Option<u32>,
}

/// A GET of a check.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct HttpCheck {
    /// The port, on the loopback address of the task.
    pub port: PortRef,
    /// The path; `/` by default.
    #[serde(default = "root", skip_serializing_if = "is_root")]
    pub path: String,
    /// Whether the check uses TLS. Mesos does not verify the certificate. Only for health checks.
    #[serde(default, skip_serializing_if = "is_default")]
    pub tls: bool,
}

fn root() -> String {
    "/".to_owned()
}

fn is_root(path: &String) -> bool {
    path == "/"
}

impl CheckSpec {
    /// Sends a GET to the loopback address of the task. The statuses 200 to 399 are healthy.
    pub fn http(port: impl Into<PortRef>, path: impl Into<String>) -> Self {
        Self {
            http: Some(HttpCheck {
                port: port.into(),
                path: path.into(),
                tls: false,
            }),
            ..Self::default()
        }
    }

    /// Connects to a port of the task.
    pub fn tcp(port: impl Into<PortRef>) -> Self {
        Self {
            tcp: Some(port.into()),
            ..Self::default()
        }
    }

    /// Runs a command in the container of the task. Exit status 0 is healthy.
    pub fn command(command: impl Into<Command>) -> Self {
        Self {
            command: Some(command.into()),
            ..Self::default()
        }
    }

    /// Uses TLS for an HTTP health check.
    #[must_use]
    pub fn tls(mut self, tls: bool) -> Self {
        if let Some(http) = &mut self.http {
            http.tls = tls;
        }
        self
    }

    /// Sets the time between the start of the task and the first check.
    #[must_use]
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = Some(delay);
        self
    }

    /// Sets the time between two checks.
    #[must_use]
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = Some(interval);
        self
    }

    /// Sets the time after which a check has failed.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Sets the time after the start of the task in which failures do not count.
    #[must_use]
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = Some(grace);
        self
    }

    /// Sets the number of failures in a row after which the task is killed; 0 for never.
    #[must_use]
    pub fn failures(mut self, failures: u32) -> Self {
        self.failures = Some(failures);
        self
    }
}
