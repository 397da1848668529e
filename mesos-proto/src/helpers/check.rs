//! Checks and health checks of tasks.

use std::time::Duration;

use crate::v1::check_info;
use crate::v1::health_check::{self, HttpCheckInfo, TcpCheckInfo};
use crate::v1::{CheckInfo, CommandInfo, HealthCheck};

/// The executor runs a health check at intervals. It reports each change in
/// `TaskStatus.healthy`, and kills the task after several failures in a row. The executors of
/// Mesos support health checks; a custom executor has to implement them.
///
/// Durations are seconds in floating point in the message. Mesos validates a health check in
/// `src/checks/health_checker.cpp`.
///
/// ```
/// use std::time::Duration;
/// use mesos::v1::{CommandInfo, HealthCheck, TaskInfo};
///
/// let task = TaskInfo::builder("web")
///     .command(CommandInfo::sh("exec ./serve --port 31000"))
///     .health_check(
///         HealthCheck::http(31000, "/health")
///             .with_interval(Duration::from_secs(5))
///             .with_grace_period(Duration::from_secs(60)),
///     )
///     .build();
/// assert_eq!(task.health_check.unwrap().interval_seconds(), 5.0);
/// ```
impl HealthCheck {
    /// Runs a command in the namespaces of the task. Exit status 0 is healthy.
    pub fn command(command: CommandInfo) -> Self {
        Self {
            command: Some(command),
            ..Self::new(health_check::Type::Command)
        }
    }

    /// Sends a GET to the task's loopback address. The statuses 200 to 399 are healthy.
    ///
    /// `path` begins with `/`.
    pub fn http(port: u16, path: impl Into<String>) -> Self {
        Self::with_scheme("http", port, path.into())
    }

    /// Sends a GET over TLS, like [`http`](Self::http). Mesos does not verify the certificate.
    pub fn https(port: u16, path: impl Into<String>) -> Self {
        Self::with_scheme("https", port, path.into())
    }

    /// Connects to the port on the task's loopback address. A connection is healthy.
    pub fn tcp(port: u16) -> Self {
        Self {
            tcp: Some(TcpCheckInfo {
                port: port.into(),
                ..TcpCheckInfo::default()
            }),
            ..Self::new(health_check::Type::Tcp)
        }
    }

    fn with_scheme(scheme: &str, port: u16, path: String) -> Self {
        Self {
            http: Some(HttpCheckInfo {
                scheme: Some(scheme.to_owned()),
                port: port.into(),
                path: Some(path),
                ..HttpCheckInfo::default()
            }),
            ..Self::new(health_check::Type::Http)
        }
    }

    fn new(r#type: health_check::Type) -> Self {
        Self {
            r#type: Some(r#type.into()),
            ..Self::default()
        }
    }

    /// Sets the time between the start of the task and the first check. The default is 15 s.
    #[must_use]
    pub fn with_delay(mut self, delay: Duration) -> Self {
        self.delay_seconds = Some(delay.as_secs_f64());
        self
    }

    /// Sets the time between the end of a check and the start of the next one. The default is
    /// 10 s.
    #[must_use]
    pub fn with_interval(mut self, interval: Duration) -> Self {
        self.interval_seconds = Some(interval.as_secs_f64());
        self
    }

    /// Sets the time after which a check counts as failed. The default is 20 s; zero means no
    /// timeout.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout_seconds = Some(timeout.as_secs_f64());
        self
    }

    /// Sets how long after the start of the task failures do not count, until the first success.
    /// The delay is part of this time. The default is 10 s.
    #[must_use]
    pub fn with_grace_period(mut self, period: Duration) -> Self {
        self.grace_period_seconds = Some(period.as_secs_f64());
        self
    }

    /// Sets how many failures in a row kill the task. The default is 3.
    #[must_use]
    pub fn with_consecutive_failures(mut self, number: u32) -> Self {
        self.consecutive_failures = Some(number);
        self
    }
}

/// The executor runs a check at intervals, and reports each new result in
/// `TaskStatus.check_status`. A check never kills the task. The executors of Mesos support checks;
/// a custom executor has to implement them.
///
/// Durations are seconds in floating point in the message. Mesos validates a check in
/// `src/checks/checker.cpp`.
///
/// ```
/// use mesos::v1::{CheckInfo, CommandInfo};
///
/// let check = CheckInfo::command(CommandInfo::sh("test -e ready"));
/// assert_eq!(check.delay_seconds(), 15.0);
/// ```
impl CheckInfo {
    /// Runs a command in the namespaces of the task. The exit status is the result.
    pub fn command(command: CommandInfo) -> Self {
        Self {
            command: Some(check_info::Command { command }),
            ..Self::new(check_info::Type::Command)
        }
    }

    /// Sends a GET to the task's loopback address. The status code is the result.
    ///
    /// `path` begins with `/`.
    pub fn http(port: u16, path: impl Into<String>) -> Self {
        Self {
            http: Some(check_info::Http {
                port: port.into(),
                path: Some(path.into()),
            }),
            ..Self::new(check_info::Type::Http)
        }
    }

    /// Connects to the port on the task's loopback address. The result is whether that succeeds.
    pub fn tcp(port: u16) -> Self {
        Self {
            tcp: Some(check_info::Tcp { port: port.into() }),
            ..Self::new(check_info::Type::Tcp)
        }
    }

    fn new(r#type: check_info::Type) -> Self {
        Self {
            r#type: Some(r#type.into()),
            ..Self::default()
        }
    }

    /// Sets the time between the start of the task and the first check. The default is 15 s.
    #[must_use]
    pub fn with_delay(mut self, delay: Duration) -> Self {
        self.delay_seconds = Some(delay.as_secs_f64());
        self
    }

    /// Sets the time between the end of a check and the start of the next one. The default is
    /// 10 s.
    #[must_use]
    pub fn with_interval(mut self, interval: Duration) -> Self {
        self.interval_seconds = Some(interval.as_secs_f64());
        self
    }

    /// Sets the time after which a check ends without a result. The default is 20 s; zero means no
    /// timeout.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout_seconds = Some(timeout.as_secs_f64());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_health_check_has_the_type_of_its_body() {
        let command = HealthCheck::command(CommandInfo::sh("true"));
        assert_eq!(command.r#type(), health_check::Type::Command);
        assert_eq!(command.command.unwrap().value(), "true");

        for (check, scheme) in [
            (HealthCheck::http(80, "/"), "http"),
            (HealthCheck::https(80, "/"), "https"),
        ] {
            assert_eq!(check.r#type(), health_check::Type::Http);
            let http = check.http.unwrap();
            assert_eq!((http.scheme(), http.port, http.path()), (scheme, 80, "/"));
        }

        let tcp = HealthCheck::tcp(81);
        assert_eq!(tcp.r#type(), health_check::Type::Tcp);
        assert_eq!(tcp.tcp.unwrap().port, 81);
    }

    #[test]
    fn the_times_of_a_health_check_are_seconds() {
        let check = HealthCheck::tcp(80)
            .with_delay(Duration::ZERO)
            .with_interval(Duration::from_millis(1500))
            .with_timeout(Duration::from_secs(2))
            .with_grace_period(Duration::from_secs(60))
            .with_consecutive_failures(1);
        assert_eq!(check.delay_seconds, Some(0.0));
        assert_eq!(check.interval_seconds, Some(1.5));
        assert_eq!(check.timeout_seconds, Some(2.0));
        assert_eq!(check.grace_period_seconds, Some(60.0));
        assert_eq!(check.consecutive_failures, Some(1));
    }

    #[test]
    fn each_check_has_the_type_of_its_body() {
        let command = CheckInfo::command(CommandInfo::sh("true"));
        assert_eq!(command.r#type(), check_info::Type::Command);
        assert_eq!(command.command.unwrap().command.value(), "true");
        let http = CheckInfo::http(80, "/ready");
        assert_eq!(http.r#type(), check_info::Type::Http);
        assert_eq!(http.http.unwrap().path(), "/ready");
        let tcp = CheckInfo::tcp(81).with_timeout(Duration::from_secs(1));
        assert_eq!(tcp.r#type(), check_info::Type::Tcp);
        assert_eq!(tcp.timeout_seconds, Some(1.0));
        assert_eq!(tcp.with_delay(Duration::ZERO).delay_seconds, Some(0.0));
    }
}
