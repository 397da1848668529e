//! An executor from a handful of words.

use std::fmt::Display;
use std::time::Duration;

use bytes::Bytes;

use crate::v1::executor_info::Type;
use crate::v1::{
    CommandInfo, ContainerInfo, DiscoveryInfo, ExecutorId, ExecutorInfo, FrameworkId, Resource,
};

impl ExecutorInfo {
    /// Starts an executor with an id, unique among those of the framework on
    /// one agent. With a command it is a program of one's own (CUSTOM),
    /// without one Mesos' default executor (DEFAULT), which runs task groups.
    ///
    /// ```
    /// use mesos_proto::v1::executor_info::Type;
    /// use mesos_proto::v1::{CommandInfo, ExecutorInfo};
    ///
    /// let own = ExecutorInfo::builder("worker")
    ///     .command(CommandInfo::argv(["/opt/worker"]))
    ///     .cpus(0.1)
    ///     .mem(32.0)
    ///     .build();
    /// assert_eq!(own.r#type(), Type::Custom);
    /// assert_eq!(ExecutorInfo::builder("pod").build().r#type(), Type::Default);
    /// ```
    pub fn builder(id: impl Into<ExecutorId>) -> ExecutorInfoBuilder {
        ExecutorInfoBuilder {
            executor: Self {
                executor_id: id.into(),
                ..Self::default()
            },
        }
    }
}

/// Builds an [`ExecutorInfo`]; see [`ExecutorInfo::builder`].
///
/// A second task for an executor that is alive has to come with the very same
/// description, or Mesos answers TASK_ERROR: build it once and clone it.
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct ExecutorInfoBuilder {
    executor: ExecutorInfo,
}

impl ExecutorInfoBuilder {
    /// Requests a resource. Each call adds to the resources of earlier calls.
    pub fn resource(mut self, resource: Resource) -> Self {
        self.executor.resources.push(resource);
        self
    }

    /// Requests several resources. Each call adds to the resources of earlier calls.
    ///
    /// Accepts a `Vec<Resource>`, an array, and the sum type `Resources` of `mesos`, by value or
    /// by reference.
    ///
    /// ```
    /// use mesos::resources::Resources;
    /// use mesos::v1::{ExecutorInfo};
    ///
    /// let mut offered: Resources = "cpus:4;mem:1024".parse()?;
    /// let taken = offered.take(&"cpus:1;mem:32".parse()?)?;
    /// let info = ExecutorInfo::builder("web").resources(taken).build();
    /// assert_eq!(info.resources.len(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn resources<R: Into<Resource>>(mut self, resources: impl IntoIterator<Item = R>) -> Self {
        let resources = resources.into_iter().map(Into::into);
        self.executor.resources.extend(resources);
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

    /// The program that is the executor.
    pub fn command(mut self, command: CommandInfo) -> Self {
        self.executor.command = Some(command);
        self
    }

    /// A name for people to see.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.executor.name = Some(name.into());
        self
    }

    /// The framework it belongs to. LAUNCH_GROUP asks for it; for LAUNCH the
    /// master fills it.
    pub fn framework(mut self, id: impl Into<FrameworkId>) -> Self {
        self.executor.framework_id = Some(id.into());
        self
    }

    /// The container to run in.
    pub fn container(mut self, container: ContainerInfo) -> Self {
        self.executor.container = Some(container);
        self
    }

    /// Bytes that the executor finds in its own description.
    pub fn data(mut self, data: impl Into<Bytes>) -> Self {
        self.executor.data = Some(data.into());
        self
    }

    /// How long the executor has between being told to shut down and being
    /// killed. Without it the agent's setting counts, 5 seconds by default.
    pub fn shutdown_grace(mut self, grace: Duration) -> Self {
        self.executor.shutdown_grace_period = Some(grace.into());
        self
    }

    /// Adds a label.
    pub fn label(mut self, key: impl Into<String>, value: impl Display) -> Self {
        self.executor.labels.get_or_insert_default().add(key, value);
        self
    }

    /// How others find the executor.
    pub fn discovery(mut self, discovery: DiscoveryInfo) -> Self {
        self.executor.discovery = Some(discovery);
        self
    }

    /// The executor, of type CUSTOM with a command and DEFAULT without one.
    pub fn build(self) -> ExecutorInfo {
        let r#type = match self.executor.command {
            Some(_) => Type::Custom,
            None => Type::Default,
        };
        ExecutorInfo {
            r#type: Some(r#type.into()),
            ..self.executor
        }
    }
}

impl From<ExecutorInfoBuilder> for ExecutorInfo {
    fn from(builder: ExecutorInfoBuilder) -> Self {
        builder.build()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_was_said_is_in_the_executor() {
        let executor = ExecutorInfo::builder("e1")
            .name("worker")
            .framework("f1")
            .disk(16.0)
            .resources([Resource::scalar("gpus", 1.0)])
            .data(vec![1, 2])
            .label("a", "b")
            .shutdown_grace(Duration::from_secs(7))
            .build();
        assert_eq!(executor.executor_id, "e1");
        assert_eq!(executor.name(), "worker");
        assert_eq!(executor.framework_id.unwrap(), "f1");
        let names: Vec<_> = executor.resources.iter().map(|r| r.name.as_str()).collect();
        assert_eq!(names, ["disk", "gpus"]);
        assert_eq!(executor.data.as_deref(), Some(&[1, 2][..]));
        assert_eq!(executor.labels.unwrap().get("a"), Some("b"));
        assert_eq!(
            executor.shutdown_grace_period.unwrap().nanoseconds,
            7_000_000_000
        );
    }
}
