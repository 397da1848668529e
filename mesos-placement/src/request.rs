//! Requests: what to place.

use mesos_core::resources::Resources;
use mesos_proto::v1::{CommandInfo, ExecutorInfo, Resource, TaskId, TaskInfo};

use crate::{Constraint, Field, Ports, Reservations, Volume};

/// One task: what it needs, and what it is.
///
/// ```
/// use mesos::placement::{Ports, TaskTemplate};
/// use mesos::v1::CommandInfo;
///
/// let web = TaskTemplate::new("web", "cpus:1;mem:256".parse()?)
///     .command(CommandInfo::sh("exec ./serve --port $PORT_HTTP"))
///     .ports(Ports::any(1).named(["http"]));
/// # Ok::<(), mesos::resources::ParseError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TaskTemplate {
    pub(crate) template: TaskInfo,
    pub(crate) resources: Resources,
    pub(crate) ports: Vec<Ports>,
    pub(crate) volumes: Vec<Volume>,
    pub(crate) check_port: Option<String>,
    pub(crate) health_check_port: Option<String>,
}

impl TaskTemplate {
    /// A task with this name that needs these resources.
    ///
    /// A resource of a role, such as `cpus(web):1`, is taken only from resources that are reserved
    /// for exactly this role. For the others see [`Request::reservations`].
    pub fn new(name: impl Into<String>, resources: Resources) -> TaskTemplate {
        TaskTemplate {
            template: TaskInfo {
                name: name.into(),
                ..TaskInfo::default()
            },
            resources,
            ..TaskTemplate::default()
        }
    }

    /// Uses everything of `template`, except its id, its agent and its resources.
    ///
    /// The name of the task becomes the name of the template. An executor in the template is
    /// ignored: see [`Request::executor`].
    #[must_use]
    pub fn template(mut self, template: TaskInfo) -> TaskTemplate {
        self.template = template;
        self
    }

    /// Sets the command of the task.
    #[must_use]
    pub fn command(mut self, command: CommandInfo) -> TaskTemplate {
        self.template.command = Some(command);
        self
    }

    /// Adds a label. Constraints of other requests can refer to the label.
    #[must_use]
    pub fn label(mut self, key: impl Into<String>, value: impl Into<String>) -> TaskTemplate {
        let labels = self.template.labels.get_or_insert_default();
        labels.add(key, value.into());
        self
    }

    /// Adds ports.
    #[must_use]
    pub fn ports(mut self, ports: Ports) -> TaskTemplate {
        self.ports.push(ports);
        self
    }

    /// Adds a disk or a volume.
    #[must_use]
    pub fn volume(mut self, volume: Volume) -> TaskTemplate {
        self.volumes.push(volume);
        self
    }

    /// Lets the check of the template connect to the port with this name.
    ///
    /// The template has a check of type HTTP or TCP, whose number of the port is replaced.
    #[must_use]
    pub fn check_port(mut self, name: impl Into<String>) -> TaskTemplate {
        self.check_port = Some(name.into());
        self
    }

    /// As [`check_port`](Self::check_port), for the health check of the template.
    #[must_use]
    pub fn health_check_port(mut self, name: impl Into<String>) -> TaskTemplate {
        self.health_check_port = Some(name.into());
        self
    }

    /// The name of the task.
    pub fn name(&self) -> &str {
        &self.template.name
    }

    /// The resources of the task, without ports and volumes that were added by
    /// [`ports`](Self::ports) and [`volume`](Self::volume).
    pub fn resources(&self) -> &Resources {
        &self.resources
    }
}

/// A number of equal instances to place: tasks, or groups of tasks.
///
/// ```
/// use mesos::placement::{Constraint, Field, Request, TaskTemplate};
///
/// let web = TaskTemplate::new("web", "cpus:1;mem:256".parse()?);
/// let request = Request::new(web)
///     .instances(30)
///     .constraint(Constraint::group_by(Field::attribute("rack"), 3));
/// # Ok::<(), mesos::resources::ParseError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    pub(crate) name: String,
    pub(crate) tasks: Vec<TaskTemplate>,
    pub(crate) grouped: bool,
    pub(crate) executor: Option<ExecutorInfo>,
    pub(crate) instances: u32,
    pub(crate) ids: Vec<TaskId>,
    pub(crate) constraints: Vec<Constraint>,
    pub(crate) priority: i32,
    pub(crate) role: Option<String>,
    pub(crate) reservations: Reservations,
    pub(crate) revocable: Vec<(String, Revocable)>,
    pub(crate) reserve: Option<Reserve>,
}

/// Whether a task may use resources that Mesos can take back while the task runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Revocable {
    /// Never.
    #[default]
    Never,
    /// If the other resources are not enough. Mesos does not accept both kinds of one resource in a
    /// task and its executor (`validateRevocableAndNonRevocableResources` in
    /// src/master/validation.cpp), so an instance gets only one kind.
    Allowed,
    /// Always.
    Only,
}

/// A reservation to make for the resources of a task before the launch.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Reserve {
    pub(crate) role: String,
    pub(crate) principal: Option<String>,
}

impl Request {
    /// One instance of a task. The name of the request is the name of the task.
    pub fn new(task: TaskTemplate) -> Request {
        Request {
            name: task.name().to_owned(),
            tasks: vec![task],
            grouped: false,
            executor: None,
            instances: 1,
            ids: Vec::new(),
            constraints: Vec::new(),
            priority: 0,
            role: None,
            reservations: Reservations::default(),
            revocable: Vec::new(),
            reserve: None,
        }
    }

    /// One instance of a group of tasks that one executor runs together (LAUNCH_GROUP). All tasks
    /// of an instance are placed on one agent, or none.
    ///
    /// The resources of `executor` are shared by the tasks of the group: they are taken once. The
    /// executor needs at least 0.01 cpus, 32 mem and some disk (`validateExecutor` of task groups in
    /// src/master/validation.cpp), a `type`, and a `framework_id`
    /// ([`Operation::launch_group`](mesos_proto::v1::offer::Operation::launch_group)). Each
    /// instance gets an executor with its own id: the id of `executor`, a dot, and the id of the
    /// instance.
    pub fn group(
        name: impl Into<String>,
        executor: ExecutorInfo,
        tasks: impl IntoIterator<Item = TaskTemplate>,
    ) -> Request {
        Request {
            name: name.into(),
            tasks: tasks.into_iter().collect(),
            grouped: true,
            executor: Some(executor),
            ..Request::new(TaskTemplate::default())
        }
    }

    /// Runs the tasks in this executor. Its resources are taken once per agent: they are not taken
    /// if the executor runs on the agent already.
    #[must_use]
    pub fn executor(mut self, executor: ExecutorInfo) -> Request {
        self.executor = Some(executor);
        self
    }

    /// Sets the number of instances, 1 by default.
    ///
    /// The id of an instance is made from the name of the request, the id of an offer and a number,
    /// so it is unique.
    #[must_use]
    pub fn instances(mut self, instances: u32) -> Request {
        self.instances = instances;
        self.ids.clear();
        self
    }

    /// Places one instance for each id.
    ///
    /// The id is the task's id. In a group, it is followed by a dot and the name of the task.
    #[must_use]
    pub fn ids<I: Into<TaskId>>(mut self, ids: impl IntoIterator<Item = I>) -> Request {
        self.ids = ids.into_iter().map(Into::into).collect();
        self.instances = u32::try_from(self.ids.len()).unwrap_or(u32::MAX);
        self
    }

    /// Sets the name of the request, which is the name of the task or group by default.
    #[must_use]
    pub fn renamed(mut self, name: impl Into<String>) -> Request {
        self.name = name.into();
        self
    }

    /// Adds a constraint. All constraints of a request must hold.
    #[must_use]
    pub fn constraint(mut self, constraint: Constraint) -> Request {
        self.constraints.push(constraint);
        self
    }

    /// Sets the priority, 0 by default. Requests with a higher priority are placed first.
    #[must_use]
    pub fn priority(mut self, priority: i32) -> Request {
        self.priority = priority;
        self
    }

    /// Uses only offers that are allocated to this role.
    #[must_use]
    pub fn role(mut self, role: impl Into<String>) -> Request {
        self.role = Some(role.into());
        self
    }

    /// Selects which reservations may be used, for resources without a role in their text.
    #[must_use]
    pub fn reservations(mut self, reservations: Reservations) -> Request {
        self.reservations = reservations;
        self
    }

    /// States whether the resource with this name may be revocable.
    #[must_use]
    pub fn revocable(mut self, resource: impl Into<String>, revocable: Revocable) -> Request {
        let resource = resource.into();
        self.revocable.retain(|(name, _)| *name != resource);
        self.revocable.push((resource, revocable));
        self
    }

    /// Reserves the resources of the tasks for `role` with a RESERVE operation before the launch.
    ///
    /// Resources that are reserved for `role` already are used as they are. Reservations for roles
    /// above `role` are refined; that needs the framework capability RESERVATION_REFINEMENT. Mesos
    /// keeps the reservation after the task has ended. `principal` must be the principal of the
    /// framework, if it has one.
    #[must_use]
    pub fn reserve(mut self, role: impl Into<String>, principal: Option<&str>) -> Request {
        self.reserve = Some(Reserve {
            role: role.into(),
            principal: principal.map(str::to_owned),
        });
        self
    }

    /// The name of the request.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The number of instances to place.
    pub fn count(&self) -> u32 {
        self.instances
    }

    /// The tasks of one instance.
    pub fn tasks(&self) -> &[TaskTemplate] {
        &self.tasks
    }

    /// The constraints, all of which must hold.
    pub fn constraints(&self) -> &[Constraint] {
        &self.constraints
    }

    /// The role whose offers are used; `None` for any role.
    pub fn role_of_offers(&self) -> Option<&str> {
        self.role.as_deref()
    }

    /// The executor of the tasks.
    pub fn executor_info(&self) -> Option<&ExecutorInfo> {
        self.executor.as_ref()
    }

    /// The labels that every instance avoids, with the fields.
    pub(crate) fn avoids(&self) -> impl Iterator<Item = (&str, &str, &Field)> {
        self.constraints.iter().flat_map(Constraint::avoids)
    }

    /// Which kind of a resource is taken. Mesos accepts only one kind for all tasks of an instance
    /// and their executor, so [`Revocable::Allowed`] can leave no choice.
    pub(crate) fn kind(&self, wanted: &Resource) -> Revocable {
        match wanted.revocable {
            Some(_) => Revocable::Only,
            None => self.revocability(&wanted.name),
        }
    }

    pub(crate) fn revocability(&self, name: &str) -> Revocable {
        let mut settings = self.revocable.iter();
        match settings.find(|(of, _)| of == name) {
            Some((_, Revocable::Allowed)) => {
                let set = self.explicit_kinds(name);
                set.last().unwrap_or(Revocable::Allowed)
            }
            Some((_, setting)) => *setting,
            None => Revocable::Never,
        }
    }

    /// The kinds that the parts of the request have whatever the settings are.
    fn explicit_kinds(&self, name: &str) -> impl Iterator<Item = Revocable> {
        let of_tasks = self.tasks.iter().flat_map(|task| task.resources.iter());
        let of_executor = self.executor.iter().flat_map(|one| &one.resources);
        let revocable = of_tasks
            .chain(of_executor)
            .filter(move |one| one.name == name && one.revocable.is_some());
        let fixed = self.tasks.iter().filter(move |task| match name {
            "disk" => !task.volumes.is_empty(),
            "ports" => !task.ports.is_empty(),
            _ => false,
        });
        let revocable = revocable.map(|_| Revocable::Only);
        revocable.chain(fixed.map(|_| Revocable::Never))
    }

    /// The kinds of the resources with this name that the tasks need.
    pub(crate) fn kinds_of(&self, name: &str) -> impl Iterator<Item = Revocable> {
        let plain = self.tasks.iter().flat_map(|task| task.resources.iter());
        let plain = plain.filter(move |one| one.name == name);
        let plain = plain.map(|one| self.kind(one));
        plain.chain(self.explicit_kinds(name))
    }

    /// The names of the resources of the tasks and the executor.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        let of_tasks = self.tasks.iter().flat_map(|task| task.resources.iter());
        let of_executor = self.executor.iter().flat_map(|one| &one.resources);
        of_tasks.chain(of_executor).map(|one| one.name.as_str())
    }

    pub(crate) fn is_gpu(&self) -> bool {
        let of_tasks = |task: &TaskTemplate| task.resources.gpus().is_some_and(|gpus| gpus > 0.0);
        self.tasks.iter().any(of_tasks)
    }
}
