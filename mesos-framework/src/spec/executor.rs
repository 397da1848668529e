//! Custom executors.

use std::collections::BTreeMap;
use std::time::Duration;

use mesos_core::resources::Resources;
use mesos_proto::v1::ExecutorInfo;
use serde::{Deserialize, Serialize};

use super::parts::is_default;
use super::task::least;
use super::text::{optional_duration, resources, texts};
use super::{Command, UriSpec};

/// An executor of the framework, which runs tasks.
///
/// Tasks with equal executors on one agent share one process, with the resources of the executor.
/// The resources are `cpus:0.1;mem:32` by default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ExecutorSpec {
    /// The id. Two executors of a framework with one id must be equal.
    pub id: String,
    /// The program.
    pub command: Command,
    /// The environment of the program.
    #[serde(default, with = "texts", skip_serializing_if = "is_default")]
    pub env: BTreeMap<String, String>,
    /// Files that the agent fetches before the program starts.
    #[serde(default, skip_serializing_if = "is_default")]
    pub uris: Vec<UriSpec>,
    /// What the executor needs besides its tasks.
    #[serde(default = "least", with = "resources")]
    pub resources: Resources,
    /// The time between the shutdown request and SIGKILL; 5 s by default.
    #[serde(
        default,
        with = "optional_duration",
        skip_serializing_if = "Option::is_none"
    )]
    pub shutdown_grace: Option<Duration>,
}

impl ExecutorSpec {
    /// An executor with an id that runs a program.
    pub fn new(id: impl Into<String>, command: impl Into<Command>) -> Self {
        Self {
            id: id.into(),
            command: command.into(),
            env: BTreeMap::new(),
            uris: Vec::new(),
            resources: least(),
            shutdown_grace: None,
        }
    }

    /// Sets a variable of the environment.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: impl ToString) -> Self {
        self.env.insert(name.into(), value.to_string());
        self
    }

    /// Adds a file that the agent fetches. Text is the address.
    #[must_use]
    pub fn uri(mut self, uri: impl Into<UriSpec>) -> Self {
        self.uris.push(uri.into());
        self
    }

    /// Sets what the executor needs besides its tasks.
    #[must_use]
    pub fn resources(mut self, resources: Resources) -> Self {
        self.resources = resources;
        self
    }

    /// Sets the time between the shutdown request and SIGKILL.
    #[must_use]
    pub fn shutdown_grace(mut self, grace: Duration) -> Self {
        self.shutdown_grace = Some(grace);
        self
    }

    pub(crate) fn info(&self, user: Option<&str>) -> ExecutorInfo {
        let mut command = self.command.info();
        for (name, value) in &self.env {
            command = command.with_env(name, value);
        }
        command.uris = self.uris.iter().map(UriSpec::info).collect();
        command.user = user.map(str::to_owned);
        let executor = ExecutorInfo::builder(self.id.as_str())
            .command(command)
            .resources(self.resources.clone());
        match self.shutdown_grace {
            Some(grace) => executor.shutdown_grace(grace).build(),
            None => executor.build(),
        }
    }
}
