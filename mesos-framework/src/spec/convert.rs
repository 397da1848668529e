//! From specifications to the requests of a placement.

use std::time::Duration;

use mesos_placement::{Ports, Request, TaskTemplate, Volume};
use mesos_proto::v1::check_info;
use mesos_proto::v1::container_info::DockerInfo;
use mesos_proto::v1::container_info::docker_info::Network;
use mesos_proto::v1::{
    CheckInfo, CommandInfo, ContainerInfo, DiscoveryInfo, ExecutorInfo, FrameworkId, HealthCheck,
    Secret, TaskId, TaskInfo,
};

use super::files::with_files;
use super::{
    CheckSpec, Command, Containerizer, HttpCheck, ImageSpec, NetworkSpec, PodSpec, PortRef,
    PortSpec, TaskSpec, Workload,
};

/// What an executor of a pod gets beyond the longest time that one of its tasks has to end.
const MARGIN: Duration = Duration::from_secs(2);

/// The time that an agent gives an executor by default (`EXECUTOR_SHUTDOWN_GRACE_PERIOD` in
/// src/slave/constants.hpp).
const SHUTDOWN_GRACE: Duration = Duration::from_secs(5);

impl Workload {
    /// What a [`Placer`](mesos_placement::Placer) has to place: an instance for each id.
    ///
    /// The name of the request is the name of the task or the pod. In a pod, the id of a task is
    /// the id of the instance, a dot, and the name of the task.
    ///
    /// The request of an invalid specification is invalid, too, or it is incomplete.
    pub fn request(
        &self,
        framework_id: &FrameworkId,
        ids: impl IntoIterator<Item = TaskId>,
    ) -> Request {
        let (request, constraints) = match self {
            Self::Task(task) => {
                let request = Request::new(task.template());
                let request = match &task.executor {
                    Some(executor) => request.executor(executor.info(task.user.as_deref())),
                    None => request,
                };
                (request, &task.constraints)
            }
            Self::Pod(pod) => {
                let tasks = pod.tasks.iter().map(TaskSpec::template);
                let request = Request::group(&pod.name, pod.executor(framework_id), tasks);
                (request, &pod.constraints)
            }
        };
        let request = constraints
            .iter()
            .cloned()
            .fold(request, Request::constraint);
        let request = match self.role() {
            Some(role) => request.role(role),
            None => request,
        };
        request.ids(ids)
    }
}

impl PodSpec {
    fn executor(&self, framework_id: &FrameworkId) -> ExecutorInfo {
        let executor = ExecutorInfo::builder(self.name.as_str())
            .framework(framework_id.clone())
            .resources(self.executor_resources.clone());
        let executor = match self.networks.is_empty() {
            true => executor,
            false => executor.container(with_networks(ContainerInfo::mesos(), &self.networks)),
        };
        let longest = self.tasks.iter().filter_map(|task| task.kill_grace).max();
        match longest.map(|grace| grace.saturating_add(MARGIN)) {
            Some(grace) if grace > SHUTDOWN_GRACE => executor.shutdown_grace(grace).build(),
            _ => executor.build(),
        }
    }
}

impl TaskSpec {
    pub(crate) fn template(&self) -> TaskTemplate {
        let mut template = TaskTemplate::new(&self.name, self.resources.clone());
        for port in &self.ports {
            template = template.ports(port.ports());
        }
        for volume in &self.volumes {
            if let Some(id) = &volume.persistent {
                template = template.volume(Volume::existing(id, &volume.path));
            }
        }
        if let Some(name) = self.check.as_ref().and_then(CheckSpec::port_name) {
            template = template.check_port(name);
        }
        if let Some(name) = self.health_check.as_ref().and_then(CheckSpec::port_name) {
            template = template.health_check_port(name);
        }
        template.template(self.info())
    }

    /// The task without its id, resources and numbers of ports.
    fn info(&self) -> TaskInfo {
        // Each attempt gets its own id. A random one here would only cost a system call.
        let mut task = TaskInfo::builder(&self.name).id(self.name.as_str());
        if let Some(command) = self.command_info() {
            task = task.command(command);
        }
        if let Some(container) = self.container() {
            task = task.container(container);
        }
        if let Some(check) = &self.check {
            task = task.check(check.check_info());
        }
        if let Some(check) = &self.health_check {
            task = task.health_check(check.health_check_info());
        }
        if let Some(grace) = self.kill_grace {
            task = task.kill_grace(grace);
        }
        if let Some(time) = self.max_completion_time {
            task = task.max_completion_time(time);
        }
        if let Some(data) = &self.data {
            task = task.data(data.clone());
        }
        for (key, value) in &self.labels {
            task = task.label(key, value);
        }
        if self.ports.iter().any(|port| port.name.is_some()) {
            task = task.discovery(DiscoveryInfo {
                name: Some(self.name.clone()),
                ..DiscoveryInfo::default()
            });
        }
        task.build()
    }

    fn command_info(&self) -> Option<CommandInfo> {
        if self.executor.is_some() && self.command.is_none() {
            return None;
        }
        let command = match (&self.command, &self.image) {
            (Some(command), _) => with_files(command, &self.files).info(),
            // The program of the image.
            (None, Some(_)) => Command::Argv(Vec::new()).info(),
            (None, None) => return None,
        };
        let mut command = self.env.iter().fold(command, |command, (name, value)| {
            command.with_env(name, value)
        });
        for (name, secret) in &self.secrets {
            command = command.with_secret_env(name, Secret::reference(secret));
        }
        command.uris = self.uris.iter().map(super::UriSpec::info).collect();
        command.user.clone_from(&self.user);
        Some(command)
    }

    fn container(&self) -> Option<ContainerInfo> {
        let volumes = self.volumes.iter().filter(|one| one.persistent.is_none());
        let volumes: Vec<_> = volumes.map(super::VolumeSpec::info).collect();
        if self.image.is_none() && volumes.is_empty() && self.networks.is_empty() {
            return None;
        }
        let container = match &self.image {
            Some(image) => image.container(!self.networks.is_empty()),
            None => ContainerInfo::mesos(),
        };
        let container = volumes
            .into_iter()
            .fold(container, ContainerInfo::with_volume);
        Some(with_networks(container, &self.networks))
    }
}

fn with_networks(container: ContainerInfo, networks: &[NetworkSpec]) -> ContainerInfo {
    let networks = networks.iter().map(NetworkSpec::info);
    networks.fold(container, ContainerInfo::with_network)
}

impl ImageSpec {
    fn container(&self, has_network: bool) -> ContainerInfo {
        match self.containerizer {
            Containerizer::Mesos => {
                let image = mesos_proto::v1::Image::docker(&self.name);
                ContainerInfo::mesos().with_image(match self.always_pull {
                    true => image.with_cached(false),
                    false => image,
                })
            }
            Containerizer::Docker => {
                let docker = DockerInfo::new(&self.name);
                let docker = match self.always_pull {
                    true => docker.with_force_pull_image(true),
                    false => docker,
                };
                let docker = match has_network {
                    true => docker.with_network(Network::User),
                    false => docker,
                };
                ContainerInfo::docker(match self.privileged {
                    true => docker.with_privileged(true),
                    false => docker,
                })
            }
        }
    }
}

impl PortSpec {
    fn ports(&self) -> Ports {
        let ports = match (self.number, &self.range) {
            (Some(number), _) => Ports::fixed(number),
            (None, Some(range)) => Ports::within(1, [range.clone()]),
            (None, None) => Ports::any(1),
        };
        ports.named(self.name.iter().cloned())
    }
}

impl PortRef {
    /// The number; for a name, a number that the placement replaces.
    fn number(&self) -> u16 {
        match self {
            Self::Number(number) => *number,
            Self::Name(_) => 1,
        }
    }
}

impl CheckSpec {
    /// The port that the check connects to.
    pub(crate) fn port(&self) -> Option<&PortRef> {
        self.http
            .as_ref()
            .map(|http| &http.port)
            .or(self.tcp.as_ref())
    }

    fn port_name(&self) -> Option<&str> {
        match self.port() {
            Some(PortRef::Name(name)) => Some(name),
            _ => None,
        }
    }

    fn check_info(&self) -> CheckInfo {
        let check = match self {
            Self {
                http: Some(HttpCheck { port, path, .. }),
                ..
            } => CheckInfo::http(port.number(), path),
            Self {
                tcp: Some(port), ..
            } => CheckInfo::tcp(port.number()),
            Self {
                command: Some(command),
                ..
            } => CheckInfo::command(command.info()),
            // The lints report a check without a type.
            _ => CheckInfo {
                r#type: Some(check_info::Type::Unknown.into()),
                ..CheckInfo::default()
            },
        };
        let check = with(check, self.delay, CheckInfo::with_delay);
        let check = with(check, self.interval, CheckInfo::with_interval);
        with(check, self.timeout, CheckInfo::with_timeout)
    }

    fn health_check_info(&self) -> HealthCheck {
        let check = match self {
            Self {
                http:
                    Some(HttpCheck {
                        port,
                        path,
                        tls: true,
                    }),
                ..
            } => HealthCheck::https(port.number(), path),
            Self {
                http: Some(HttpCheck { port, path, .. }),
                ..
            } => HealthCheck::http(port.number(), path),
            Self {
                tcp: Some(port), ..
            } => HealthCheck::tcp(port.number()),
            Self {
                command: Some(command),
                ..
            } => HealthCheck::command(command.info()),
            _ => HealthCheck::default(),
        };
        let check = with(check, self.delay, HealthCheck::with_delay);
        let check = with(check, self.interval, HealthCheck::with_interval);
        let check = with(check, self.timeout, HealthCheck::with_timeout);
        let check = with(check, self.grace, HealthCheck::with_grace_period);
        with(check, self.failures, HealthCheck::with_consecutive_failures)
    }
}

/// Sets a field that may be absent.
fn with<T, V>(message: T, value: Option<V>, set: impl FnOnce(T, V) -> T) -> T {
    match value {
        Some(value) => set(message, value),
        None => message,
    }
}
