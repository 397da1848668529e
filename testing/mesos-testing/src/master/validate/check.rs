//! `validateCheckInfo` and `validateHealthCheck` in src/common/validation.cpp.

use mesos_proto::v1::{CheckInfo, CommandInfo, HealthCheck, check_info, health_check};

use super::container::command;
use super::{Check, Within as _, refuse};

/// `validateCheckInfo`.
pub(super) fn check(check: &CheckInfo) -> Check {
    use check_info::Type;
    if check.r#type.is_none() {
        return refuse("CheckInfo must specify 'type'");
    }
    match check.r#type() {
        Type::Command => {
            let Some(body) = &check.command else {
                return refuse("Expecting 'command' to be set for COMMAND check");
            };
            runs(&body.command, "Command check", "Check")?;
        }
        Type::Http => match &check.http {
            None => return refuse("Expecting 'http' to be set for HTTP check"),
            Some(http) => path(http.path.as_deref(), "HTTP check")?,
        },
        Type::Tcp if check.tcp.is_none() => {
            return refuse("Expecting 'tcp' to be set for TCP check");
        }
        Type::Tcp => {}
        Type::Unknown => return refuse("'UNKNOWN' is not a valid check type"),
    }
    not_negative(&[
        ("delay_seconds", check.delay_seconds),
        ("interval_seconds", check.interval_seconds),
        ("timeout_seconds", check.timeout_seconds),
    ])
}

/// `validateHealthCheck`.
pub(super) fn health_check(check: &HealthCheck) -> Check {
    use health_check::Type;
    if check.r#type.is_none() {
        return refuse("HealthCheck must specify 'type'");
    }
    match check.r#type() {
        Type::Command => {
            let Some(body) = &check.command else {
                return refuse("Expecting 'command' to be set for COMMAND health check");
            };
            runs(body, "Command health check", "Health check")?;
        }
        Type::Http => {
            let Some(http) = &check.http else {
                return refuse("Expecting 'http' to be set for HTTP health check");
            };
            if let Some(scheme) = &http.scheme
                && !matches!(scheme.as_str(), "http" | "https")
            {
                return Err(format!("Unsupported HTTP health check scheme: '{scheme}'"));
            }
            path(http.path.as_deref(), "HTTP health check")?;
        }
        Type::Tcp if check.tcp.is_none() => {
            return refuse("Expecting 'tcp' to be set for TCP health check");
        }
        Type::Tcp => {}
        Type::Unknown => return refuse("'UNKNOWN' is not a valid health check type"),
    }
    not_negative(&[
        ("delay_seconds", check.delay_seconds),
        ("grace_period_seconds", check.grace_period_seconds),
        ("interval_seconds", check.interval_seconds),
        ("timeout_seconds", check.timeout_seconds),
    ])
}

fn runs(body: &CommandInfo, what: &str, whose: &str) -> Check {
    if body.value.is_none() {
        let missing = match body.shell() {
            true => "'shell command'",
            false => "'executable path'",
        };
        return Err(format!("{what} must contain {missing}"));
    }
    command(body).within(&format!("{whose}'s `CommandInfo` is invalid"))
}

fn path(path: Option<&str>, what: &str) -> Check {
    match path {
        Some(path) if !path.starts_with('/') => {
            Err(format!("The path '{path}' of {what} must start with '/'"))
        }
        _ => Ok(()),
    }
}

fn not_negative(times: &[(&str, Option<f64>)]) -> Check {
    for (name, seconds) in times {
        if seconds.is_some_and(|seconds| seconds < 0.0) {
            return Err(format!("Expecting '{name}' to be non-negative"));
        }
    }
    Ok(())
}
