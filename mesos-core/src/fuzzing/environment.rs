//! Fuzzes the environment of an executor.

use super::SECRET;
use crate::address::Endpoint;
use crate::executor::ExecutorEnvironment;

/// Parses an environment with one variable in each line: `NAME=VALUE`.
///
/// # Panics
/// Printed text contains the token, or a duration is longer than the maximum of Mesos.
pub fn executor_environment(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let variables: Vec<(String, String)> = text
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let public = |(name, value): &(String, String)| {
        name != "MESOS_EXECUTOR_AUTHENTICATION_TOKEN" && value.contains(SECRET)
    };
    let public = variables.iter().any(public);
    let environment = match ExecutorEnvironment::parse(variables) {
        Ok(environment) => environment,
        Err(error) => {
            assert!(!error.faults.is_empty());
            assert!(public || !error.to_string().contains(SECRET), "{error}");
            return;
        }
    };
    for duration in [
        environment.recovery_timeout,
        environment.subscription_backoff_max,
        environment.shutdown_grace_period,
    ] {
        assert!(i64::try_from(duration.as_nanos()).is_ok(), "{duration:?}");
    }
    let shown = format!("{environment:?}");
    assert!(public || !shown.contains(SECRET), "{shown}");
    let _ = Endpoint::from_pid(&environment.agent_pid);
}
