//! The checks that a task requests, validated as Mesos does (`validateCheckInfo` and
//! `validateHealthCheck` in `src/common/validation.cpp`): an invalid check is reported before the
//! task runs.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use mesos_proto::v1::network_info::Protocol;
use mesos_proto::v1::{
    CheckInfo, CheckStatusInfo, CommandInfo, HealthCheck, TaskInfo, check_info, check_status_info,
    health_check,
};

/// A check that is repeated.
#[derive(Clone, Debug)]
pub(crate) struct Spec {
    pub(super) probe: Probe,
    pub(super) delay: Duration,
    /// From the end of one check to the start of the next.
    pub(super) interval: Duration,
    /// `None`: a check may take any time.
    pub(super) timeout: Option<Duration>,
}

/// What a check examines.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Probe {
    Command(CommandInfo),
    Http(String),
    Tcp(SocketAddr),
}

/// The rules by which a task counts as unhealthy.
#[derive(Clone, Copy, Debug)]
pub(super) struct HealthRule {
    /// From the start of the task: until the first success, failures in this time do not count.
    pub(super) grace: Duration,
    /// The task is killed after this number of consecutive failures.
    pub(super) most_failures: u32,
}

/// The check and the health check of a task.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plan {
    pub(super) check: Option<Spec>,
    pub(super) health: Option<(Spec, HealthRule)>,
}

impl Plan {
    /// Validates the checks of a task.
    pub(crate) fn from_task(task: &TaskInfo) -> Result<Self> {
        let check = task.check.as_ref().map(check);
        let health = task.health_check.as_ref().map(health);
        Ok(Self {
            check: check.transpose().context("the task's check is invalid")?,
            health: health
                .transpose()
                .context("the task's health check is invalid")?,
        })
    }

    /// The check status in each task status before the check has a result.
    pub(crate) fn empty(&self) -> Option<CheckStatusInfo> {
        self.check.as_ref().map(Spec::empty)
    }
}

impl Spec {
    fn new(probe: Probe, delay: f64, interval: f64, timeout: f64) -> Result<Self> {
        let timeout = seconds("timeout_seconds", timeout)?;
        Ok(Self {
            probe,
            delay: seconds("delay_seconds", delay)?,
            interval: seconds("interval_seconds", interval)?,
            timeout: (!timeout.is_zero()).then_some(timeout),
        })
    }

    /// The check status without a result.
    pub(super) fn empty(&self) -> CheckStatusInfo {
        let mut status = CheckStatusInfo::default();
        match self.probe {
            Probe::Command(_) => {
                status.r#type = Some(check_info::Type::Command.into());
                status.command = Some(check_status_info::Command::default());
            }
            Probe::Http(_) => {
                status.r#type = Some(check_info::Type::Http.into());
                status.http = Some(check_status_info::Http::default());
            }
            Probe::Tcp(_) => {
                status.r#type = Some(check_info::Type::Tcp.into());
                status.tcp = Some(check_status_info::Tcp::default());
            }
        }
        status
    }
}

fn check(info: &CheckInfo) -> Result<Spec> {
    use check_info::Type;
    let probe = match info.r#type() {
        Type::Command => command(info.command.as_ref().map(|check| &check.command))?,
        Type::Http => {
            let http = info.http.as_ref();
            let http = http.context("a check of type HTTP needs the field `http`")?;
            url("http", Protocol::IPv4, http.port, http.path())?
        }
        Type::Tcp => {
            let tcp = info.tcp.as_ref();
            let tcp = tcp.context("a check of type TCP needs the field `tcp`")?;
            Probe::Tcp(address(Protocol::IPv4, tcp.port)?)
        }
        Type::Unknown => bail!("the type is missing: COMMAND, HTTP or TCP"),
    };
    Spec::new(
        probe,
        info.delay_seconds(),
        info.interval_seconds(),
        info.timeout_seconds(),
    )
}

fn health(info: &HealthCheck) -> Result<(Spec, HealthRule)> {
    use health_check::Type;
    let probe = match info.r#type() {
        Type::Command => command(info.command.as_ref())?,
        Type::Http => {
            let http = info.http.as_ref();
            let http = http.context("a health check of type HTTP needs the field `http`")?;
            let scheme = http.scheme.as_deref().unwrap_or("http");
            ensure!(
                ["http", "https"].contains(&scheme),
                "the scheme `{scheme}` is not supported, only http and https are"
            );
            url(scheme, http.protocol(), http.port, http.path())?
        }
        Type::Tcp => {
            let tcp = info.tcp.as_ref();
            let tcp = tcp.context("a health check of type TCP needs the field `tcp`")?;
            Probe::Tcp(address(tcp.protocol(), tcp.port)?)
        }
        Type::Unknown => bail!("the type is missing: COMMAND, HTTP or TCP"),
    };
    let spec = Spec::new(
        probe,
        info.delay_seconds(),
        info.interval_seconds(),
        info.timeout_seconds(),
    )?;
    let rule = HealthRule {
        grace: seconds("grace_period_seconds", info.grace_period_seconds())?,
        most_failures: info.consecutive_failures(),
    };
    Ok((spec, rule))
}

fn command(command: Option<&CommandInfo>) -> Result<Probe> {
    let command = command.context("a check of type COMMAND needs the field `command`")?;
    ensure!(command.value.is_some(), "the command has no `value`");
    Ok(Probe::Command(command.clone()))
}

fn url(scheme: &str, protocol: Protocol, port: u32, path: &str) -> Result<Probe> {
    ensure!(
        path.is_empty() || path.starts_with('/'),
        "the path `{path}` does not start with `/`"
    );
    let address = address(protocol, port)?;
    Ok(Probe::Http(format!("{scheme}://{address}{path}")))
}

/// The address of a task's port: tasks run on this machine.
fn address(protocol: Protocol, port: u32) -> Result<SocketAddr> {
    let ip: IpAddr = match protocol {
        Protocol::IPv4 => Ipv4Addr::LOCALHOST.into(),
        Protocol::IPv6 => Ipv6Addr::LOCALHOST.into(),
    };
    let port = u16::try_from(port).ok().filter(|port| *port > 0);
    Ok((ip, port.context("the port is not between 1 and 65535")?).into())
}

fn seconds(name: &str, value: f64) -> Result<Duration> {
    Duration::try_from_secs_f64(value)
        .with_context(|| format!("`{name}` is {value}, which is not a duration"))
}

#[cfg(test)]
mod tests {
    use mesos_proto::v1::health_check::{HttpCheckInfo, TcpCheckInfo};

    use super::*;

    fn with_health(health_check: HealthCheck) -> Result<Plan> {
        Plan::from_task(&TaskInfo {
            health_check: Some(health_check),
            ..TaskInfo::default()
        })
    }

    #[test]
    fn defaults_are_those_of_mesos() {
        let plan = with_health(HealthCheck {
            r#type: Some(health_check::Type::Tcp.into()),
            tcp: Some(TcpCheckInfo {
                port: 80,
                ..Default::default()
            }),
            ..Default::default()
        });
        let (spec, rule) = plan.unwrap().health.unwrap();
        let seconds = [spec.delay, spec.interval, spec.timeout.unwrap(), rule.grace];
        assert_eq!(seconds.map(|time| time.as_secs()), [15, 10, 20, 10]);
        assert_eq!(rule.most_failures, 3);
    }

    #[test]
    fn http_checks_connect_to_this_machine_by_either_protocol() {
        for (scheme, protocol, expected) in [
            (None, None, "http://127.0.0.1:8080/health"),
            (
                Some("https"),
                Some(Protocol::IPv6),
                "https://[::1]:8080/health",
            ),
        ] {
            let plan = with_health(HealthCheck {
                r#type: Some(health_check::Type::Http.into()),
                http: Some(HttpCheckInfo {
                    scheme: scheme.map(str::to_owned),
                    protocol: protocol.map(i32::from),
                    port: 8080,
                    path: Some("/health".into()),
                    ..Default::default()
                }),
                timeout_seconds: Some(0.0),
                ..Default::default()
            });
            let (spec, _) = plan.unwrap().health.unwrap();
            assert_eq!(spec.probe, Probe::Http(expected.into()));
            assert_eq!(spec.timeout, None);
        }
    }

    #[test]
    fn an_invalid_check_is_reported_with_its_field() {
        let http = |scheme: &str, path: &str| HealthCheck {
            r#type: Some(health_check::Type::Http.into()),
            http: Some(HttpCheckInfo {
                scheme: Some(scheme.into()),
                port: 1,
                path: Some(path.into()),
                ..Default::default()
            }),
            ..Default::default()
        };
        let command = HealthCheck {
            r#type: Some(health_check::Type::Command.into()),
            ..Default::default()
        };
        let port = HealthCheck {
            r#type: Some(health_check::Type::Tcp.into()),
            tcp: Some(TcpCheckInfo {
                port: 65536,
                ..Default::default()
            }),
            ..Default::default()
        };
        let delay = HealthCheck {
            delay_seconds: Some(-1.0),
            ..http("http", "")
        };
        for (check, expected) in [
            (HealthCheck::default(), "the type is missing"),
            (command, "needs the field `command`"),
            (http("ftp", ""), "scheme `ftp`"),
            (http("http", "x"), "does not start with `/`"),
            (port, "between 1 and 65535"),
            (delay, "`delay_seconds` is -1"),
        ] {
            let error = format!("{:#}", with_health(check).unwrap_err());
            assert!(error.contains(expected), "{error}");
        }
    }
}
