//! `validateCheckInfo` and `validateHealthCheck` in src/common/validation.cpp.

use mesos_proto::v1::health_check::HttpCheckInfo;
use mesos_proto::v1::{CheckInfo, CommandInfo, HealthCheck, check_info, health_check};

use super::command;
use super::report::Report;
use super::rules::{IGNORED_FIELD, INVALID_CHECK};

/// What a check and a health check have in common.
struct Form<'c> {
    kind: Kind,
    command: Option<&'c CommandInfo>,
    /// The path of an HTTP check.
    http: Option<Option<&'c str>>,
    has_tcp: bool,
    times: &'c [(&'c str, Option<f64>)],
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Unknown,
    Command,
    Http,
    Tcp,
}

pub(super) fn check(report: &mut Report<'_>, check: &CheckInfo) {
    use check_info::Type;
    let form = Form {
        kind: match check.r#type() {
            Type::Unknown => Kind::Unknown,
            Type::Command => Kind::Command,
            Type::Http => Kind::Http,
            Type::Tcp => Kind::Tcp,
        },
        command: check.command.as_ref().map(|body| &body.command),
        http: check.http.as_ref().map(|http| http.path.as_deref()),
        has_tcp: check.tcp.is_some(),
        times: &[
            ("delay_seconds", check.delay_seconds),
            ("interval_seconds", check.interval_seconds),
            ("timeout_seconds", check.timeout_seconds),
        ],
    };
    report.within("check", |report| {
        // The command is a field of the message `CheckInfo.Command`.
        form.report(report, |report, body| {
            report.within("command", |report| runs(report, body));
        });
    });
}

/// `of_mesos`: whether an executor of Mesos performs the check.
pub(super) fn health_check(report: &mut Report<'_>, check: &HealthCheck, of_mesos: bool) {
    use health_check::Type;
    let form = Form {
        kind: match health_check_type(check) {
            Type::Unknown => Kind::Unknown,
            Type::Command => Kind::Command,
            Type::Http => Kind::Http,
            Type::Tcp => Kind::Tcp,
        },
        command: check.command.as_ref(),
        http: check.http.as_ref().map(|http| http.path.as_deref()),
        has_tcp: check.tcp.is_some(),
        times: &[
            ("delay_seconds", check.delay_seconds),
            ("grace_period_seconds", check.grace_period_seconds),
            ("interval_seconds", check.interval_seconds),
            ("timeout_seconds", check.timeout_seconds),
        ],
    };
    report.within("health_check", |report| {
        if let (Kind::Http, Some(http)) = (form.kind, &check.http) {
            http_of_health(report, http, of_mesos);
        }
        form.report(report, runs);
    });
}

/// The fields that only an HTTP health check has.
fn http_of_health(report: &mut Report<'_>, http: &HttpCheckInfo, of_mesos: bool) {
    let scheme = http.scheme.as_deref().unwrap_or("http");
    if !matches!(scheme, "http" | "https") {
        let message = format!("the scheme {scheme:?} is not supported");
        let remedy = "use http or https";
        report.add(&INVALID_CHECK, "http.scheme", message, remedy);
    }
    if !http.statuses.is_empty() && of_mesos {
        let message = "executors of Mesos accept every status from 200 to 399 and ignore statuses";
        let remedy = "remove statuses, or use a COMMAND health check";
        report.add(&IGNORED_FIELD, "http.statuses", message, remedy);
    }
}

impl Form<'_> {
    fn report(&self, report: &mut Report<'_>, command: fn(&mut Report<'_>, &CommandInfo)) {
        match (self.kind, self.command, self.http) {
            (Kind::Command, Some(body), _) => command(report, body),
            (Kind::Command, None, _) => missing(report, "command", "COMMAND"),
            (Kind::Http, _, Some(http)) => path(report, http),
            (Kind::Http, _, None) => missing(report, "http", "HTTP"),
            (Kind::Tcp, ..) if !self.has_tcp => missing(report, "tcp", "TCP"),
            (Kind::Tcp, ..) => {}
            (Kind::Unknown, ..) => unknown(report),
        }
        let bodies = [
            (Kind::Command, "command", self.command.is_some()),
            (Kind::Http, "http", self.http.is_some()),
            (Kind::Tcp, "tcp", self.has_tcp),
        ];
        for (kind, field, is_set) in bodies {
            if is_set && kind != self.kind && self.kind != Kind::Unknown {
                let message = format!("the check is of another type, so {field} is ignored");
                let remedy = format!("remove {field}, or change the type");
                report.add(&IGNORED_FIELD, field, message, remedy);
            }
        }
        times(report, self.times);
    }
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
