//! The health of a task by the results of its health check (`src/checks/health_checker.cpp` in Mesos' tree).

use std::time::Duration;

use mesos_proto::v1::CheckStatusInfo;

use super::StatusChange;
use super::probe::ProbeResult;
use super::spec::HealthRule;

/// The health of one task.
#[derive(Debug)]
pub(super) struct Health {
    rule: HealthRule,
    /// Whether no check has succeeded yet.
    initializing: bool,
    failures: u32,
}

impl Health {
    pub(super) fn new(rule: HealthRule) -> Self {
        Self {
            rule,
            initializing: true,
            failures: 0,
        }
    }

    /// The change that this result makes, `time` after the start of the checks.
    pub(super) fn evaluate(&mut self, result: ProbeResult, time: Duration) -> Option<StatusChange> {
        let healthy = match result {
            ProbeResult::Done(status) => is_healthy(&status),
            ProbeResult::Failed => false,
            ProbeResult::Unavailable => return None,
        };
        if healthy {
            let changed = self.initializing || self.failures > 0;
            self.initializing = false;
            self.failures = 0;
            return changed.then_some(StatusChange::Health {
                healthy: true,
                kill: false,
            });
        }
        if self.initializing && time <= self.rule.grace {
            return None;
        }
        self.failures = self.failures.saturating_add(1);
        Some(StatusChange::Health {
            healthy: false,
            kill: self.failures >= self.rule.most_failures,
        })
    }
}

fn is_healthy(status: &CheckStatusInfo) -> bool {
    let command = status.command.as_ref().and_then(|check| check.exit_code);
    let http = status.http.as_ref().and_then(|check| check.status_code);
    let tcp = status.tcp.as_ref().and_then(|check| check.succeeded);
    command == Some(0) || http.is_some_and(|code| (200..400).contains(&code)) || tcp == Some(true)
}

#[cfg(test)]
mod tests {
    use mesos_proto::v1::check_status_info::{Http, Tcp};

    use super::*;

    fn tcp(succeeded: bool) -> ProbeResult {
        ProbeResult::Done(CheckStatusInfo {
            tcp: Some(Tcp {
                succeeded: Some(succeeded),
            }),
            ..Default::default()
        })
    }

    fn health(healthy: bool, kill: bool) -> Option<StatusChange> {
        Some(StatusChange::Health { healthy, kill })
    }

    #[test]
    fn failures_count_after_the_grace_period_or_the_first_success() {
        let rule = HealthRule {
            grace: Duration::from_secs(10),
            most_failures: 2,
        };
        let mut late = Health::new(rule);
        let now = Duration::ZERO;
        assert_eq!(late.evaluate(tcp(false), now), None);
        let then = now + Duration::from_secs(11);
        assert_eq!(late.evaluate(ProbeResult::Unavailable, then), None);
        assert_eq!(
            late.evaluate(ProbeResult::Failed, then),
            health(false, false)
        );
        assert_eq!(late.evaluate(tcp(false), then), health(false, true));

        let mut early = Health::new(rule);
        assert_eq!(early.evaluate(tcp(true), now), health(true, false));
        assert_eq!(early.evaluate(tcp(true), now), None, "no change");
        assert_eq!(early.evaluate(tcp(false), now), health(false, false));
        assert_eq!(early.evaluate(tcp(true), now), health(true, false));
        let again = early.evaluate(tcp(false), now);
        assert_eq!(
            again,
            health(false, false),
            "consecutive failures start again"
        );
    }

    #[test]
    fn an_http_status_below_400_is_healthy() {
        for (code, expected) in [(199, false), (200, true), (399, true), (400, false)] {
            let status = CheckStatusInfo {
                http: Some(Http {
                    status_code: Some(code),
                }),
                ..Default::default()
            };
            assert_eq!(is_healthy(&status), expected, "{code}");
        }
    }
}
