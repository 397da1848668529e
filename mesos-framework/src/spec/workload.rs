//! What a job or a service runs: a task or a pod.

use mesos_placement::Constraint;

use super::{PodSpec, TaskSpec, shape};

/// A task or a pod.
#[expect(
    clippy::large_enum_variant,
    reason = "almost all workloads are tasks, so a box would only cost an allocation"
)]
#[derive(Clone, Debug, PartialEq)]
pub enum Workload {
    /// One task.
    Task(TaskSpec),
    /// A group of tasks.
    Pod(PodSpec),
}

impl Workload {
    /// The name of the task or the pod.
    pub fn name(&self) -> &str {
        match self {
            Self::Task(task) => &task.name,
            Self::Pod(pod) => &pod.name,
        }
    }

    /// Sets the name, unless there is one.
    pub(crate) fn named(mut self, name: &str) -> Self {
        let own = match &mut self {
            Self::Task(task) => &mut task.name,
            Self::Pod(pod) => &mut pod.name,
        };
        if own.is_empty() {
            name.clone_into(own);
        }
        self
    }

    /// The tasks.
    pub fn tasks(&self) -> &[TaskSpec] {
        match self {
            Self::Task(task) => std::slice::from_ref(task),
            Self::Pod(pod) => &pod.tasks,
        }
    }

    fn constraints(&self) -> &[Constraint] {
        match self {
            Self::Task(task) => &task.constraints,
            Self::Pod(pod) => &pod.constraints,
        }
    }

    /// Whether its place depends on the tasks that run.
    pub(crate) fn is_social(&self) -> bool {
        self.constraints().iter().any(shape::is_social)
    }

    /// Whether it keeps other tasks away.
    pub(crate) fn avoids(&self) -> bool {
        self.constraints().iter().any(shape::avoids)
    }

    /// The id of its custom executor.
    pub(crate) fn executor_id(&self) -> Option<&str> {
        match self {
            Self::Task(task) => Some(&task.executor.as_ref()?.id),
            Self::Pod(_) => None,
        }
    }

    /// The role whose offers are used; `None` for any role of the framework.
    pub fn role(&self) -> Option<&str> {
        match self {
            Self::Task(task) => task.role.as_deref(),
            Self::Pod(pod) => pod.role.as_deref(),
        }
    }
}

impl From<TaskSpec> for Workload {
    fn from(task: TaskSpec) -> Self {
        Self::Task(task)
    }
}

impl From<PodSpec> for Workload {
    fn from(pod: PodSpec) -> Self {
        Self::Pod(pod)
    }
}

/// The keys `task` and `pod` of a job or service in a file. `owner` is the job or service, for
/// errors.
pub(crate) fn from_keys(
    owner: &str,
    task: Option<TaskSpec>,
    pod: Option<PodSpec>,
) -> Result<Workload, String> {
    match (task, pod) {
        (Some(task), None) => Ok(Workload::Task(task)),
        (None, Some(pod)) => Ok(Workload::Pod(pod)),
        (Some(_), Some(_)) => Err(format!(
            "{owner} has both a task and a pod; remove one of them"
        )),
        (None, None) => Err(format!(
            "{owner} has neither a task nor a pod; add the key task or pod"
        )),
    }
}

/// The opposite of [`from_keys`].
pub(crate) fn into_keys(workload: Workload) -> (Option<TaskSpec>, Option<PodSpec>) {
    match workload {
        Workload::Task(task) => (Some(task), None),
        Workload::Pod(pod) => (None, Some(pod)),
    }
}
