//! A builder for tasks.

use std::fmt::Display;
use std::time::Duration;

use bytes::Bytes;

use crate::v1::value::Scalar;
use crate::v1::{
    AgentId, CheckInfo, CommandInfo, ContainerInfo, DiscoveryInfo, ExecutorInfo, HealthCheck,
    KillPolicy, Labels, Resource, TaskGroupInfo, TaskId, TaskInfo,
};

impl TaskInfo {
    /// Starts a task with a name. The web interface shows the name, which need not be unique.
    ///
    /// ```
    /// use mesos::v1::{CommandInfo, TaskInfo};
    ///
    /// let task = TaskInfo::builder("hello")
    ///     .command(CommandInfo::sh("echo hello"))
    ///     .cpus(0.1)
    ///     .mem(32.0)
    ///     .build();
    /// assert_eq!(task.name, "hello");
    /// assert_eq!(task.resources.len(), 2);
    /// ```
    pub fn builder(name: impl Into<String>) -> TaskInfoBuilder {
        TaskInfoBuilder {
            task: Self {
                name: name.into(),
                ..Self::default()
            },
        }
    }
}

/// The task alone, so that calls accept one task like a list of tasks:
/// `driver.launch(offer, task)`.
impl IntoIterator for TaskInfo {
    type Item = Self;
    type IntoIter = std::iter::Once<Self>;

    fn into_iter(self) -> Self::IntoIter {
        std::iter::once(self)
    }
}

/// Builds a [`TaskInfo`]; see [`TaskInfo::builder`].
///
/// The builder does not validate the task. Mesos validates it (for example exactly one of command
/// and executor for LAUNCH, at least one resource) and reports an invalid task by TASK_ERROR.
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct TaskInfoBuilder {
    task: TaskInfo,
}

impl TaskInfoBuilder {
    /// Requests a resource. Each call adds to the resources of earlier calls.
    pub fn resource(mut self, resource: Resource) -> Self {
        self.task.resources.push(resource);
        self
    }

    /// Requests several resources. Each call adds to the resources of earlier calls.
    ///
    /// Accepts a `Vec<Resource>`, an array, and the sum type `Resources` of `mesos`, by value or
    /// by reference.
    ///
    /// ```
    /// use mesos::resources::Resources;
    /// use mesos::v1::{TaskInfo};
    ///
    /// let mut offered: Resources = "cpus:4;mem:1024".parse()?;
    /// let taken = offered.take(&"cpus:1;mem:32".parse()?)?;
    /// let info = TaskInfo::builder("web").resources(taken).build();
    /// assert_eq!(info.resources.len(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn resources<R: Into<Resource>>(mut self, resources: impl IntoIterator<Item = R>) -> Self {
        let resources = resources.into_iter().map(Into::into);
        self.task.resources.extend(resources);
        self
    }

    /// Requests CPUs. A fraction is possible (0.1). Mesos keeps three decimals.
    pub fn cpus(self, number: f64) -> Self {
        self.resource(Resource::scalar("cpus", number))
    }

    /// Requests memory, in MiB.
    pub fn mem(self, mebibytes: f64) -> Self {
        self.resource(Resource::scalar("mem", mebibytes))
    }

    /// Requests disk space for the sandbox, in MiB.
    pub fn disk(self, mebibytes: f64) -> Self {
        self.resource(Resource::scalar("disk", mebibytes))
    }

    /// Requests GPUs. Mesos accepts only whole numbers (`src/master/validation.cpp`).
    ///
    /// The framework needs the capability GPU_RESOURCES. Without the capability, the framework
    /// does not receive offers of agents with GPUs, unless the master runs with
    /// `--no-filter_gpu_resources`. A task that uses GPUs which were not offered ends with
    /// TASK_ERROR.
    pub fn gpus(self, number: u32) -> Self {
        self.resource(Resource::scalar("gpus", number.into()))
    }

    /// Sets the id. It must be unique among the framework's tasks, and should not be reused.
    /// Without an id `build` creates a random one.
    pub fn id(mut self, id: impl Into<TaskId>) -> Self {
        self.task.task_id = id.into();
        self
    }

    /// Sets the agent of the offer. If unset, the driver copies it from the offer at the launch.
    pub fn agent(mut self, id: impl Into<AgentId>) -> Self {
        self.task.agent_id = id.into();
        self
    }

    /// Sets the command, which the agent's command executor runs.
    pub fn command(mut self, command: CommandInfo) -> Self {
        self.task.command = Some(command);
        self
    }

    /// Sets the executor of the task, instead of a command.
    pub fn executor(mut self, executor: ExecutorInfo) -> Self {
        self.task.executor = Some(executor);
        self
    }

    /// Sets the container of the task.
    pub fn container(mut self, container: ContainerInfo) -> Self {
        self.task.container = Some(container);
        self
    }

    /// Sets the health check, which kills the task after several failures.
    pub fn health_check(mut self, check: HealthCheck) -> Self {
        self.task.health_check = Some(check);
        self
    }

    /// Sets the check, which the executor runs at intervals and reports in status updates.
    pub fn check(mut self, check: CheckInfo) -> Self {
        self.task.check = Some(check);
        self
    }

    /// Sets the time between SIGTERM and SIGKILL when the task is killed. The default of the
    /// command executor is 3 seconds.
    pub fn kill_grace(mut self, grace: Duration) -> Self {
        self.task.kill_policy = Some(KillPolicy::grace(grace));
        self
    }

    /// Ends the task with TASK_FAILED if it runs longer than `time`. Since 1.6.
    pub fn max_completion_time(mut self, time: Duration) -> Self {
        self.task.max_completion_time = Some(time.into());
        self
    }

    /// Sets bytes for the executor. The command executor ignores them.
    pub fn data(mut self, data: impl Into<Bytes>) -> Self {
        self.task.data = Some(data.into());
        self
    }

    /// Adds a label. The value is anything that can be displayed.
    pub fn label(mut self, key: impl Into<String>, value: impl Display) -> Self {
        let labels: &mut Labels = self.task.labels.get_or_insert_default();
        labels.add(key, value);
        self
    }

    /// Sets how service discovery announces the task.
    pub fn discovery(mut self, discovery: DiscoveryInfo) -> Self {
        self.task.discovery = Some(discovery);
        self
    }

    /// Sets how much `cpus` or `mem` (MiB) the task can use at most, beyond its resources. Infinity
    /// is allowed. The agent needs the capability TASK_RESOURCE_LIMITS. Since 1.10.
    pub fn limit(mut self, name: impl Into<String>, value: f64) -> Self {
        self.task.limits.insert(name.into(), Scalar { value });
        self
    }

    /// Returns the task. A task without an id gets a random one.
    pub fn build(self) -> TaskInfo {
        let mut task = self.task;
        if task.task_id.as_str().is_empty() {
            task.task_id = TaskId::random();
        }
        task
    }
}

/// Lets a method accept a task or its builder.
impl From<TaskInfoBuilder> for TaskInfo {
    fn from(builder: TaskInfoBuilder) -> Self {
        builder.build()
    }
}

/// ```
/// use mesos::v1::{CommandInfo, TaskGroupInfo, TaskInfo};
///
/// let pod = TaskGroupInfo::from_iter([
///     TaskInfo::builder("web").command(CommandInfo::sh("./web")).cpus(1.0).mem(256.0),
///     TaskInfo::builder("log").command(CommandInfo::sh("./log")).cpus(0.1).mem(32.0),
/// ]);
/// assert_eq!(pod.tasks.len(), 2);
/// ```
impl<T: Into<TaskInfo>> FromIterator<T> for TaskGroupInfo {
    fn from_iter<I: IntoIterator<Item = T>>(tasks: I) -> Self {
        Self {
            tasks: tasks.into_iter().map(Into::into).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_without_an_id_gets_a_random_one() {
        let builder = TaskInfo::builder("t");
        let (a, b) = (builder.clone().build(), builder.build());
        assert_eq!(a.task_id.as_str().len(), 36);
        assert_ne!(a.task_id, b.task_id);
        assert_eq!(a.agent_id, "");
    }

    #[test]
    fn all_settings_reach_the_task() {
        let task = TaskInfo::builder("web")
            .id("t1")
            .agent("a1")
            .command(CommandInfo::sh("./web"))
            .cpus(0.5)
            .mem(64.0)
            .resource(Resource::ranges("ports", [31000..=31000]))
            .data("payload")
            .label("tier", "front")
            .label("color", "blue")
            .kill_grace(Duration::from_millis(1500))
            .max_completion_time(Duration::from_secs(60))
            .limit("mem", f64::INFINITY)
            .build();
        assert_eq!(
            (task.task_id.as_str(), task.agent_id.as_str()),
            ("t1", "a1")
        );
        assert_eq!(task.command.unwrap().value(), "./web");
        let names: Vec<_> = task.resources.iter().map(|r| r.name.as_str()).collect();
        assert_eq!(names, ["cpus", "mem", "ports"]);
        assert_eq!(task.data.as_deref(), Some(&b"payload"[..]));
        let labels = task.labels.unwrap();
        assert_eq!(
            (labels.get("tier"), labels.get("color")),
            (Some("front"), Some("blue"))
        );
        let grace = task.kill_policy.unwrap().grace_period.unwrap();
        assert_eq!(grace.nanoseconds, 1_500_000_000);
        assert_eq!(
            task.max_completion_time.unwrap().nanoseconds,
            60_000_000_000
        );
        assert_eq!(task.limits["mem"].value, f64::INFINITY);
    }
}
