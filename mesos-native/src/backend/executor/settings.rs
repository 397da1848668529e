//! The environment of libmesos's executor driver (`MesosExecutorDriver::start` in
//! `src/exec/exec.cpp`), and the checks of values for which libmesos would end the process.

use std::collections::BTreeMap;
use std::env;
use std::net::SocketAddrV4;
use std::time::Duration;

use mesos_core::executor::{ExecutorEnvironment, parse_duration};
use mesos_core::{Error, ErrorKind, Result};

const GRACE: &str = "MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD";
const LOCAL: &str = "MESOS_LOCAL";

/// Effectively unlimited: the driver in mesos-core ends the process group.
const UNLIMITED: &str = "3650days";

/// The validated settings of an executor.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    agent_pid: String,
    agent: SocketAddrV4,
    /// The environment for libmesos. `None` if libmesos reads that of the process.
    variables: Option<BTreeMap<String, String>>,
}

impl Settings {
    /// `accepts_environment`: whether libmesos accepts an environment other than that of the process.
    ///
    /// # Errors
    /// [`ErrorKind::Config`]: libmesos would end the process, or read another value.
    pub(super) fn new(
        environment: &ExecutorEnvironment,
        accepts_environment: bool,
    ) -> Result<Self> {
        let process = env::vars_os().filter_map(|(name, value)| {
            let name = name.into_string().ok()?;
            let relevant = name.starts_with("MESOS_");
            relevant.then(|| Some((name, value.into_string().ok()?)))?
        });
        Self::with(environment, accepts_environment, process.collect())
    }

    fn with(
        environment: &ExecutorEnvironment,
        accepts_environment: bool,
        mut process: BTreeMap<String, String>,
    ) -> Result<Self> {
        let pid = &environment.agent_pid;
        // libmesos ends the process for an address that it cannot parse or resolve.
        let agent = pid.split_once('@').and_then(|(_, at)| at.parse().ok());
        let agent = agent.ok_or_else(|| {
            refused(format!(
                "MESOS_SLAVE_PID is `{pid}`; libmesos requires `slave(1)@ip:port` with an IPv4 \
                 address"
            ))
        })?;
        let Some(agent_id) = &environment.agent_id else {
            return Err(refused("MESOS_SLAVE_ID is not set; libmesos requires it"));
        };
        let directory = process.get("MESOS_DIRECTORY");
        let Some(directory) = directory.or(environment.sandbox.as_ref()).cloned() else {
            return Err(refused("MESOS_DIRECTORY is not set; libmesos requires it"));
        };
        let settings = [
            ("MESOS_SLAVE_PID", pid.clone()),
            ("MESOS_SLAVE_ID", agent_id.value.clone()),
            ("MESOS_FRAMEWORK_ID", environment.framework_id.value.clone()),
            ("MESOS_EXECUTOR_ID", environment.executor_id.value.clone()),
            ("MESOS_DIRECTORY", directory),
            (
                "MESOS_CHECKPOINT",
                u8::from(environment.checkpoint).to_string(),
            ),
            ("MESOS_RECOVERY_TIMEOUT", text(environment.recovery_timeout)),
            (GRACE, text(environment.shutdown_grace_period)),
        ];
        if !accepts_environment {
            for (name, wanted) in &settings {
                let actual = process.get(*name).map(String::as_str);
                if !same(name, actual, wanted, environment.checkpoint) {
                    return Err(refused(format!(
                        "{name} is {wanted:?} in the executor's settings and {actual:?} in the \
                         environment of this process; libmesos before Mesos 1.7 reads only the \
                         latter, so keep the value of the environment"
                    )));
                }
            }
            if process.contains_key(LOCAL) {
                return Err(refused(format!(
                    "{LOCAL} is set, so libmesos would drop the last updates of a shutdown; unset it"
                )));
            }
        }
        process.remove(LOCAL);
        process.extend(settings.map(|(name, value)| (name.to_owned(), value)));
        process.insert(GRACE.to_owned(), UNLIMITED.to_owned());
        Ok(Self {
            agent_pid: pid.clone(),
            agent,
            variables: accepts_environment.then_some(process),
        })
    }

    pub(super) fn agent(&self) -> SocketAddrV4 {
        self.agent
    }

    pub(super) fn agent_pid(&self) -> &str {
        &self.agent_pid
    }

    /// Name, value, name, value, …; `None` if libmesos reads the environment of the process.
    pub(super) fn texts(&self) -> Option<Vec<String>> {
        let variables = self.variables.as_ref()?.iter();
        Some(
            variables
                .flat_map(|(name, value)| [name.clone(), value.clone()])
                .collect(),
        )
    }
}

/// Whether libmesos would read `actual` as `wanted`.
fn same(name: &str, actual: Option<&str>, wanted: &str, checkpoint: bool) -> bool {
    match name {
        "MESOS_CHECKPOINT" => (actual == Some("1")) == checkpoint,
        "MESOS_RECOVERY_TIMEOUT" if !checkpoint => true,
        "MESOS_RECOVERY_TIMEOUT" | GRACE => {
            // A missing variable means the default of libmesos, which mesos-core has, too.
            let default = if name == GRACE { "5secs" } else { "15mins" };
            parse_duration(actual.unwrap_or(default)).ok() == parse_duration(wanted).ok()
        }
        _ => actual == Some(wanted),
    }
}

/// A duration in the format of stout, whose maximum is 292 years.
fn text(duration: Duration) -> String {
    let longest = Duration::from_secs(100 * 365 * 24 * 3600);
    format!("{}ms", duration.min(longest).as_millis())
}

fn refused(text: impl Into<String>) -> Error {
    Error::new(ErrorKind::Config, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(changes: &[(&str, &str)]) -> BTreeMap<String, String> {
        let plain = [
            ("MESOS_FRAMEWORK_ID", "f"),
            ("MESOS_EXECUTOR_ID", "e"),
            ("MESOS_SLAVE_ID", "a"),
            ("MESOS_SLAVE_PID", "slave(1)@127.0.0.1:5051"),
            ("MESOS_DIRECTORY", "/sandbox"),
        ];
        let all = plain.iter().chain(changes).copied();
        let all = all.map(|(name, value)| (name.to_owned(), value.to_owned()));
        all.filter(|(_, value)| !value.is_empty()).collect()
    }

    fn environment(changes: &[(&str, &str)]) -> ExecutorEnvironment {
        ExecutorEnvironment::parse(variables(changes)).unwrap()
    }

    #[test]
    fn settings_for_which_libmesos_would_end_the_process_are_refused() {
        for (name, value) in [
            ("MESOS_SLAVE_PID", "slave(1)@agent.example:5051"),
            ("MESOS_SLAVE_PID", "slave(1)@[::1]:5051"),
        ] {
            let changes = [(name, value)];
            let error = Settings::with(&environment(&changes), true, variables(&changes));
            let error = error.unwrap_err().to_string();
            assert!(error.contains(name) && error.contains(value), "{error}");
        }
        let mut without = environment(&[]);
        without.agent_id = None;
        let error = Settings::with(&without, true, variables(&[])).unwrap_err();
        assert!(error.to_string().contains("MESOS_SLAVE_ID"), "{error}");
        let mut without = environment(&[]);
        without.sandbox = None;
        let error = Settings::with(&without, true, BTreeMap::new()).unwrap_err();
        assert!(error.to_string().contains("MESOS_DIRECTORY"), "{error}");
    }

    #[test]
    fn libmesos_gets_the_settings_and_no_variable_that_loses_updates() {
        let mut environment = environment(&[]);
        environment.recovery_timeout = Duration::from_millis(1500);
        environment.checkpoint = true;
        let process = variables(&[("MESOS_LOCAL", "1"), ("MESOS_QUIET", "1")]);
        let settings = Settings::with(&environment, true, process).unwrap();
        assert_eq!(settings.agent().to_string(), "127.0.0.1:5051");
        let variables = settings.variables.unwrap();
        assert_eq!(variables["MESOS_RECOVERY_TIMEOUT"], "1500ms");
        assert_eq!(variables["MESOS_CHECKPOINT"], "1");
        assert_eq!(variables["MESOS_QUIET"], "1");
        assert_eq!(variables[GRACE], UNLIMITED);
        assert!(!variables.contains_key("MESOS_LOCAL"));
    }

    #[test]
    fn an_old_libmesos_requires_the_same_values_in_the_environment_of_the_process() {
        let same = [(GRACE, "0.1mins"), ("MESOS_CHECKPOINT", "0")];
        let settings = Settings::with(&environment(&same), false, variables(&same)).unwrap();
        assert_eq!(settings.texts(), None);
        Settings::with(&environment(&[]), false, variables(&[])).unwrap();

        let mut changed = environment(&same);
        changed.shutdown_grace_period = Duration::from_secs(7);
        let error = Settings::with(&changed, false, variables(&same)).unwrap_err();
        assert!(error.to_string().contains(GRACE), "{error}");
        let other = variables(&[("MESOS_FRAMEWORK_ID", "other")]);
        Settings::with(&environment(&[]), false, other).unwrap_err();
        let local = variables(&[("MESOS_LOCAL", "1")]);
        Settings::with(&environment(&[]), false, local).unwrap_err();
    }
}
