//! `validateCheckInfo` and `validateHealthCheck` in src/common/validation.cpp.

use mesos_proto::v1::{CheckInfo, CommandInfo, HealthCheck, check_info, health_check};

use super::command;
use super::report::Report;
use super::rules::{IGNORED_FIELD, INVALID_CHECK};

pub(super) fn check(report: &mut Report<'_>, check: &CheckInfo) {
    use check_info::Type;
    report.within("check", |report| {
        match check.r#type() {
            Type::Command => match check.command.as_ref() {
                None => missing(report, "command", "COMMAND"),
                Some(body) => report.within("command", |report| runs(report, &body.command)),
            },
            Type::Http => match &check.http {
                None => missing(report, "http", "HTTP"),
                Some(http) => path(report, http.path.as_deref()),
            },
            Type::Tcp if check.tcp.is_none() => missing(report, "tcp", "TCP"),
            Type::Tcp => {}
            Type::Unknown => unknown(report),
        }
        let kind = check.r#type();
        others(
            report,
            &[
                ("command", check.command.is_some() && kind != Type::Command),
                ("http", check.http.is_some() && kind != Type::Http),
                ("tcp", check.tcp.is_some() && kind != Type::Tcp),
            ],
            kind == Type::Unknown,
        );
        times(
            report,
            &[
                ("delay_seconds", check.delay_seconds),
                ("interval_seconds", check.interval_seconds),
                ("timeout_seconds", check.timeout_seconds),
            ],
        );
    });
}

/// `of_mesos`: whether an executor of Mesos performs the check.
pub(super) fn health_check(report: &mut Report<'_>, check: &HealthCheck, of_mesos: bool) {
    use health_check::Type;
    let kind = health_check_type(check);
    report.within("health_check", |report| {
        match kind {
            Type::Command => match &check.command {
                None => missing(report, "command", "COMMAND"),
                Some(body) => runs(report, body),
            },
            Type::Http => match &check.http {
                None => missing(report, "http", "HTTP"),
                Some(http) => {
                    let scheme = http.scheme.as_deref().unwrap_or("http");
                    if !matches!(scheme, "http" | "https") {
                        let message = format!("the scheme {scheme:?} is not supported");
                        let remedy = "use http or https";
                        report.add(&INVALID_CHECK, "http.scheme", message, remedy);
                    }
                    path(report, http.path.as_deref());
                    if !http.statuses.is_empty() && of_mesos {
                        let message = "executors of Mesos accept every status from 200 to 399 and \
                                       ignore statuses";
                        let remedy = "remove statuses, or use a COMMAND health check";
                        report.add(&IGNORED_FIELD, "http.statuses", message, remedy);
                    }
                }
            },
            Type::Tcp if check.tcp.is_none() => missing(report, "tcp", "TCP"),
            Type::Tcp => {}
            Type::Unknown => unknown(report),
        }
        others(
            report,
            &[
                ("command", check.command.is_some() && kind != Type::Command),
                ("http", check.http.is_some() && kind != Type::Http),
                ("tcp", check.tcp.is_some() && kind != Type::Tcp),
            ],
            kind == Type::Unknown,
        );
        times(
            report,
            &[
                ("delay_seconds", check.delay_seconds),
                ("grace_period_seconds", check.grace_period_seconds),
                ("interval_seconds", check.interval_seconds),
                ("timeout_seconds", check.timeout_seconds),
            ],
        );
    });
}

/// The type of a health check. A master derives a type that is not set from the body (`accept` in
/// src/master/master.cpp).
pub(super) fn health_check_type(check: &HealthCheck) -> health_check::Type {
    use health_check::Type;
    match (check.r#type, &check.command, &check.http) {
        (None, Some(_), None) => Type::Command,
        (None, None, Some(_)) => Type::Http,
        _ => check.r#type(),
    }
}

fn missing(report: &mut Report<'_>, field: &str, kind: &str) {
    let message = format!("a check of type {kind} must have {field}");
    report.add(&INVALID_CHECK, field, message, format!("set {field}"));
}

fn unknown(report: &mut Report<'_>) {
    let message = "the check has no type";
    report.add(
        &INVALID_CHECK,
        "type",
        message,
        "set type to COMMAND, HTTP or TCP",
    );
}

/// Bodies of another type than the check.
fn others(report: &mut Report<'_>, bodies: &[(&str, bool)], no_type: bool) {
    for (field, is_other) in bodies {
        if *is_other && !no_type {
            let message = format!("the check is of another type, so {field} is ignored");
            let remedy = format!("remove {field}, or change the type");
            report.add(&IGNORED_FIELD, field, message, remedy);
        }
    }
}

fn runs(report: &mut Report<'_>, body: &CommandInfo) {
    report.within("command", |report| {
        if body.value.is_none() {
            let message = "the command of the check has nothing to run";
            report.add(&INVALID_CHECK, "value", message, "set value");
        }
        command::command(report, "", body);
    });
}

fn path(report: &mut Report<'_>, path: Option<&str>) {
    if let Some(path) = path.filter(|path| !path.starts_with('/')) {
        let message = format!("the path {path:?} does not start with a slash");
        let remedy = format!("use {:?}", format!("/{path}"));
        report.add(&INVALID_CHECK, "http.path", message, remedy);
    }
}

fn times(report: &mut Report<'_>, times: &[(&str, Option<f64>)]) {
    for (field, seconds) in times {
        // NaN is not below 0, and Mesos accepts it.
        if let Some(seconds) = seconds.filter(|seconds| seconds.is_nan() || *seconds < 0.0) {
            let message = format!("{seconds} s is not a possible time");
            report.add(&INVALID_CHECK, field, message, "use a number of 0 or more");
        }
    }
}
