//! Where a process is told who it is: credentials files, and the environment of
//! an executor.

use mesos_core::executor::ExecutorEnvironment;

use super::{SECRET, line};
use crate::auth::{Credentials, file};
use crate::endpoint::Endpoint;

/// The first line is the principal that is wanted, if it is not empty; the rest
/// is the file.
///
/// # Panics
/// If a secret shows in an error or in what is made of it.
pub fn credentials_file(data: &[u8]) {
    let (principal, content) = line(data);
    let principal = String::from_utf8_lossy(principal);
    let principal = Some(&*principal).filter(|principal| !principal.is_empty());
    let credentials = match file::parse(content) {
        Ok(credentials) => credentials,
        Err(fault) => {
            assert!(!fault.contains(SECRET), "{fault}");
            return;
        }
    };
    // A principal is no secret, and may be the same.
    let public = principal.is_some_and(|principal| principal.contains(SECRET))
        || credentials.iter().any(|(name, _)| name.contains(SECRET));
    let shown = match file::choose(credentials.clone(), principal) {
        Err(fault) => fault,
        Ok(one) => {
            assert!(credentials.contains(&one));
            assert!(principal.is_none_or(|principal| principal == one.0));
            match Credentials::basic(one.0, one.1) {
                Ok(credentials) => format!("{credentials:?}"),
                Err(error) => format!("{error:?}"),
            }
        }
    };
    assert!(public || !shown.contains(SECRET), "{shown}");
}

/// One variable in each line, `NAME=VALUE`.
///
/// # Panics
/// If the token shows, or a duration is longer than Mesos has them.
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
