//! One task.

use std::collections::BTreeMap;
use std::time::Duration;

use mesos_core::resources::Resources;
use mesos_placement::Constraint;
use mesos_proto::v1::Resource;
use serde::{Deserialize, Serialize};

use super::parts::is_default;
use super::text::{optional_duration, resources, texts, unique_map};
use super::{
    CheckSpec, Command, ExecutorSpec, FileSpec, ImageSpec, NetworkSpec, PortSpec, UriSpec,
    VolumeSpec,
};

/// One task: what it runs, what it needs, and where it may run.
///
/// ```
/// use std::time::Duration;
/// use mesos::framework::{CheckSpec, TaskSpec};
///
/// let web = TaskSpec::shell("web", "exec ./serve --port $PORT_HTTP")
///     .resources("cpus:0.5;mem:256".parse()?)
///     .uri("https://files.example/serve.tar.gz")
///     .port("http")
///     .health_check(CheckSpec::http("http", "/health"))
///     .kill_grace(Duration::from_secs(10));
/// # Ok::<(), mesos::resources::ParseError>(())
/// ```
///
/// The resources are `cpus:0.1;mem:32` by default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct TaskSpec {
    /// The name; in a file, the name of the job or service by default.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The command. A task has a command or an executor, or it runs the program of its image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<Command>,
    /// The custom executor that runs the task.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub executor: Option<ExecutorSpec>,
    /// Text for the custom executor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    /// The image. Without an image, the task sees the file system of the agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<ImageSpec>,
    /// The environment of the command.
    #[serde(with = "texts", skip_serializing_if = "is_default")]
    pub env: BTreeMap<String, String>,
    /// Variables of the environment whose values are secrets: the name of the variable, and the name
    /// of the secret.
    #[serde(
        deserialize_with = "unique_map::deserialize",
        skip_serializing_if = "is_default"
    )]
    pub secrets: BTreeMap<String, String>,
    /// Files that the agent fetches before the task starts.
    #[serde(skip_serializing_if = "is_default")]
    pub uris: Vec<UriSpec>,
    /// Files with their content, by their relative path in the sandbox.
    #[serde(
        deserialize_with = "unique_map::deserialize",
        skip_serializing_if = "is_default"
    )]
    pub files: BTreeMap<String, FileSpec>,
    /// What the task needs, without its ports.
    #[serde(with = "resources")]
    pub resources: Resources,
    /// The ports, in the order of `$PORT0`, `$PORT1` and so on.
    #[serde(skip_serializing_if = "is_default")]
    pub ports: Vec<PortSpec>,
    /// The networks that the container joins, instead of the network of the agent.
    #[serde(skip_serializing_if = "is_default")]
    pub networks: Vec<NetworkSpec>,
    /// What the container sees besides its sandbox.
    #[serde(skip_serializing_if = "is_default")]
    pub volumes: Vec<VolumeSpec>,
    /// Where the task may run. All constraints must hold.
    #[serde(skip_serializing_if = "is_default")]
    pub constraints: Vec<Constraint>,
    /// The time between SIGTERM and SIGKILL when the task is killed; 3 s by default.
    #[serde(with = "optional_duration", skip_serializing_if = "Option::is_none")]
    pub kill_grace: Option<Duration>,
    /// A check, whose result is only reported.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub check: Option<CheckSpec>,
    /// A health check, which kills the task after several failures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health_check: Option<CheckSpec>,
    /// The time after which the executor ends the task as failed.
    #[serde(with = "optional_duration", skip_serializing_if = "Option::is_none")]
    pub max_completion_time: Option<Duration>,
    /// Labels, to which constraints of other tasks can refer.
    #[serde(with = "texts", skip_serializing_if = "is_default")]
    pub labels: BTreeMap<String, String>,
    /// The user of the agent's machine; the user of the framework by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The role whose offers are used; any role of the framework by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// What builders were given and cannot store.
    #[serde(skip)]
    pub(crate) mistakes: Vec<String>,
}

/// What a task and an executor need by default.
pub(crate) fn least() -> Resources {
    let least = [Resource::scalar("cpus", 0.1), Resource::scalar("mem", 32.0)];
    Resources::from_valid(least).0
}

impl Default for TaskSpec {
    fn default() -> Self {
        Self {
            name: String::new(),
            command: None,
            executor: None,
            data: None,
            image: None,
            env: BTreeMap::new(),
            secrets: BTreeMap::new(),
            uris: Vec::new(),
            files: BTreeMap::new(),
            resources: least(),
            ports: Vec::new(),
            networks: Vec::new(),
            volumes: Vec::new(),
            constraints: Vec::new(),
            kill_grace: None,
            check: None,
            health_check: None,
            max_completion_time: None,
            labels: BTreeMap::new(),
            user: None,
            role: None,
            mistakes: Vec::new(),
        }
    }
}

impl TaskSpec {
    /// A task with a name, which does not run anything yet.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ..Self::default()
        }
    }

    /// A task that runs `sh -c LINE`.
    pub fn shell(name: impl Into<String>, line: impl Into<String>) -> Self {
        Self::new(name).command(Command::Shell(line.into()))
    }

    /// A task that runs a program with its arguments, without a shell.
    pub fn argv<S: Into<String>>(
        name: impl Into<String>,
        argv: impl IntoIterator<Item = S>,
    ) -> Self {
        Self::new(name).command(Command::argv(argv))
    }

    /// Sets the command. Text is a shell line.
    #[must_use]
    pub fn command(mut self, command: impl Into<Command>) -> Self {
        self.command = Some(command.into());
        self
    }

    /// Runs the task in a custom executor, instead of a command.
    #[must_use]
    pub fn executor(mut self, executor: ExecutorSpec) -> Self {
        self.executor = Some(executor);
        self
    }

    /// Sets text for the custom executor.
    #[must_use]
    pub fn data(mut self, data: impl Into<String>) -> Self {
        self.data = Some(data.into());
        self
    }

    /// Sets the image. Text is the name of a Docker image, for the Mesos containerizer.
    #[must_use]
    pub fn image(mut self, image: impl Into<ImageSpec>) -> Self {
        self.image = Some(image.into());
        self
    }

    /// Sets a variable of the environment.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: impl ToString) -> Self {
        self.env.insert(name.into(), value.to_string());
        self
    }

    /// Sets a variable of the environment to the secret with this name. The agent's secret resolver
    /// knows its value.
    #[must_use]
    pub fn secret(mut self, variable: impl Into<String>, secret: impl Into<String>) -> Self {
        self.secrets.insert(variable.into(), secret.into());
        self
    }

    /// Adds a file that the agent fetches. Text is the address.
    #[must_use]
    pub fn uri(mut self, uri: impl Into<UriSpec>) -> Self {
        self.uris.push(uri.into());
        self
    }

    /// Adds a file with its content, at a relative path in the sandbox.
    ///
    /// The command of the task gets a prologue for the shell that writes the files, so they are a
    /// part of the description of the task: they are visible in the state of Mesos, and all files
    /// of a task have at most 16 KiB together.
    #[must_use]
    pub fn file(mut self, path: impl Into<String>, file: impl Into<FileSpec>) -> Self {
        self.files.insert(path.into(), file.into());
        self
    }

    /// Sets all resources, without ports: `"cpus:1;mem:256".parse()?`.
    #[must_use]
    pub fn resources(mut self, resources: Resources) -> Self {
        self.resources = resources;
        self
    }

    /// Sets the CPUs. Mesos keeps three decimals.
    #[must_use]
    pub fn cpus(self, cpus: f64) -> Self {
        self.amount("cpus", cpus)
    }

    /// Sets the memory, in MiB.
    #[must_use]
    pub fn mem(self, mebibytes: f64) -> Self {
        self.amount("mem", mebibytes)
    }

    /// Sets the disk space of the sandbox, in MiB.
    #[must_use]
    pub fn disk(self, mebibytes: f64) -> Self {
        self.amount("disk", mebibytes)
    }

    /// Sets the GPUs, a whole number.
    #[must_use]
    pub fn gpus(self, gpus: f64) -> Self {
        self.amount("gpus", gpus)
    }

    fn amount(mut self, name: &str, amount: f64) -> Self {
        match Resources::try_from(Resource::scalar(name, amount)) {
            Ok(one) => self.resources = self.resources.filter(|other| other.name != name) + one,
            Err(error) => self.mistakes.push(format!("{name} {amount}: {error}")),
        }
        self
    }

    /// Adds a port. Text is the name of any free port.
    #[must_use]
    pub fn port(mut self, port: impl Into<PortSpec>) -> Self {
        self.ports.push(port.into());
        self
    }

    /// Adds a network that the container joins. Text is the name of the network.
    #[must_use]
    pub fn network(mut self, network: impl Into<NetworkSpec>) -> Self {
        self.networks.push(network.into());
        self
    }

    /// Adds a volume.
    #[must_use]
    pub fn volume(mut self, volume: VolumeSpec) -> Self {
        self.volumes.push(volume);
        self
    }

    /// Adds a constraint. All constraints must hold.
    #[must_use]
    pub fn constraint(mut self, constraint: Constraint) -> Self {
        self.constraints.push(constraint);
        self
    }

    /// Sets the time between SIGTERM and SIGKILL when the task is killed.
    #[must_use]
    pub fn kill_grace(mut self, grace: Duration) -> Self {
        self.kill_grace = Some(grace);
        self
    }

    /// Sets the check, whose result is only reported.
    #[must_use]
    pub fn check(mut self, check: CheckSpec) -> Self {
        self.check = Some(check);
        self
    }

    /// Sets the health check, which kills the task after several failures.
    #[must_use]
    pub fn health_check(mut self, check: CheckSpec) -> Self {
        self.health_check = Some(check);
        self
    }

    /// Sets the time after which the executor ends the task as failed.
    #[must_use]
    pub fn max_completion_time(mut self, time: Duration) -> Self {
        self.max_completion_time = Some(time);
        self
    }

    /// Sets a label.
    #[must_use]
    pub fn label(mut self, key: impl Into<String>, value: impl ToString) -> Self {
        self.labels.insert(key.into(), value.to_string());
        self
    }

    /// Sets the user of the agent's machine.
    #[must_use]
    pub fn user(mut self, user: impl Into<String>) -> Self {
        self.user = Some(user.into());
        self
    }

    /// Uses only offers of this role.
    #[must_use]
    pub fn role(mut self, role: impl Into<String>) -> Self {
        self.role = Some(role.into());
        self
    }
}
