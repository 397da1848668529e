//! From results to health (`src/checks/health_checker.cpp` in Mesos' tree).

use mesos_proto::v1::CheckStatusInfo;
use tokio::time::Instant;

use super::News;
use super::probe::Outcome;
use super::spec::Rule;

/// The health of one task.
#[derive(Debug)]
pub(super) struct Health {
    rule: Rule,
    began: Instant,
    /// Whether there has been no success yet.
    initializing: bool,
    failures: u32,
}

impl Health {
    pub(super) fn new(rule: Rule) -> Self {
        Self {
            rule,
            began: Instant::now(),
            initializing: true,
            failures: 0,
        }
    }

    /// What is new with this outcome.
    pub(super) fn judge(&mut self, outcome: Outcome, now: Instant) -> Option<News> {
        let healthy = match outcome {
            Outcome::Done(status) => is_healthy(&status),
            Outcome::Failed => false,
            Outcome::Unavailable => return None,
        };
        if healthy {
            let news = self.initializing || self.failures > 0;
            self.initializing = false;
            self.failures = 0;
            return news.then_some(News::Health {
                healthy: true,
                kill: false,
            });
        }
        if self.initializing && now.duration_since(self.began) <= self.rule.grace {
            return None;
        }
        self.failures = self.failures.saturating_add(1);
        Some(News::Health {
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
    use std::time::Duration;

    use mesos_proto::v1::check_status_info::{Http, Tcp};

    use super::*;

    fn tcp(succeeded: bool) -> Outcome {
        Outcome::Done(CheckStatusInfo {
            tcp: Some(Tcp {
                succeeded: Some(succeeded),
            }),
            ..Default::default()
        })
    }

    fn health(healthy: bool, kill: bool) -> Option<News> {
        Some(News::Health { healthy, kill })
    }

    #[test]
    fn failures_count_after_the_grace_period_or_the_first_success() {
        let rule = Rule {
            grace: Duration::from_secs(10),
            most_failures: 2,
        };
        let mut late = Health::new(rule);
        let now = late.began;
        assert_eq!(late.judge(tcp(false), now), None);
        let then = now + Duration::from_secs(11);
        assert_eq!(late.judge(Outcome::Unavailable, then), None);
        assert_eq!(late.judge(Outcome::Failed, then), health(false, false));
        assert_eq!(late.judge(tcp(false), then), health(false, true));

        let mut early = Health::new(rule);
        let now = early.began;
        assert_eq!(early.judge(tcp(true), now), health(true, false));
        assert_eq!(early.judge(tcp(true), now), None, "that is no news");
        assert_eq!(early.judge(tcp(false), now), health(false, false));
        assert_eq!(early.judge(tcp(true), now), health(true, false));
        let again = early.judge(tcp(false), now);
        assert_eq!(again, health(false, false), "in a row");
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
