//! A builder for executors.

use std::fmt::Display;
use std::time::Duration;

use bytes::Bytes;

use crate::v1::executor_info::Type;
use crate::v1::{
    CommandInfo, ContainerInfo, DiscoveryInfo, ExecutorId, ExecutorInfo, FrameworkId, Resource,
};

impl ExecutorInfo {
    /// Starts an executor with an id, unique among the executors of the framework on one agent. An
    /// executor with a command is a custom program (CUSTOM). An executor without a command is the
    /// default executor of Mesos (DEFAULT), which runs task groups.
    ///
    /// ```
    /// use mesos::v1::executor_info::Type;
    /// use mesos::v1::{CommandInfo, ExecutorInfo};
    ///
    /// let custom = ExecutorInfo::builder("worker")
    ///     .command(CommandInfo::argv(["/opt/worker"]))
    ///     .cpus(0.1)
    ///     .mem(32.0)
    ///     .build();
    /// assert_eq!(custom.r#type(), Type::Custom);
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
/// Every task for a running executor needs an identical description of the executor. Mesos rejects
/// a different one by TASK_ERROR. Build the executor once and clone it.
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

    /// Sets the program of the executor.
    pub fn command(mut self, command: CommandInfo) -> Self {
        self.executor.command = Some(command);
        self
    }

    /// Sets a display name.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.executor.name = Some(name.into());
        self
    }

    /// Sets the framework of the executor. LAUNCH_GROUP requires it; for LAUNCH the master sets it.
    pub fn framework(mut self, id: impl Into<FrameworkId>) -> Self {
        self.executor.framework_id = Some(id.into());
        self
    }

    /// Sets the container of the executor.
    pub fn container(mut self, container: ContainerInfo) -> Self {
        self.executor.container = Some(container);
        self
    }

    /// Sets bytes that the executor receives in its description.
    pub fn data(mut self, data: impl Into<Bytes>) -> Self {
        self.executor.data = Some(data.into());
        self
    }

    /// Sets the time between the shutdown request and the kill of the executor. The default is the
    /// agent's setting `--executor_shutdown_grace_period`, which is 5 seconds by default.
    pub fn shutdown_grace(mut self, grace: Duration) -> Self {
        self.executor.shutdown_grace_period = Some(grace.into());
        self
    }

    /// Adds a label. The value is anything that can be displayed.
    pub fn label(mut self, key: impl Into<String>, value: impl Display) -> Self {
        self.executor.labels.get_or_insert_default().add(key, value);
        self
    }

    /// Sets how service discovery announces the executor.
    pub fn discovery(mut self, discovery: DiscoveryInfo) -> Self {
        self.executor.discovery = Some(discovery);
        self
    }

    /// Returns the executor, of type CUSTOM with a command and DEFAULT without one.
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
    fn all_settings_reach_the_executor() {
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
