//! Groups of tasks.

use mesos_core::resources::Resources;
use mesos_placement::Constraint;
use mesos_proto::v1::Resource;
use serde::{Deserialize, Serialize};

use super::parts::is_default;
use super::text::resources;
use super::{NetworkSpec, TaskSpec};

/// A group of tasks that run together on one agent, in the default executor of Mesos (LAUNCH_GROUP).
/// If one of the tasks fails, Mesos ends the others.
///
/// Constraints and the role belong to the pod. The tasks have different names, and each task has
/// its own sandbox inside the sandbox of the pod.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct PodSpec {
    /// The name; in a file, the name of the job or service by default.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The tasks, at least one.
    pub tasks: Vec<TaskSpec>,
    /// What the executor needs besides its tasks: at least `cpus:0.01;mem:32;disk:1`.
    /// `cpus:0.1;mem:32;disk:8` by default.
    #[serde(default = "of_executor", with = "resources")]
    pub executor_resources: Resources,
    /// The networks that the pod joins, instead of the network of the agent. Its tasks share them.
    #[serde(default, skip_serializing_if = "is_default")]
    pub networks: Vec<NetworkSpec>,
    /// Where the pod may run. All constraints must hold.
    #[serde(default, skip_serializing_if = "is_default")]
    pub constraints: Vec<Constraint>,
    /// The role whose offers are used; any role of the framework by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
}

fn of_executor() -> Resources {
    let least = [("cpus", 0.1), ("mem", 32.0), ("disk", 8.0)];
    Resources::from_valid(least.map(|(name, amount)| Resource::scalar(name, amount))).0
}

impl PodSpec {
    /// A pod with a name and these tasks.
    pub fn new(name: impl Into<String>, tasks: impl IntoIterator<Item = TaskSpec>) -> Self {
        Self {
            name: name.into(),
            tasks: tasks.into_iter().collect(),
            executor_resources: of_executor(),
            networks: Vec::new(),
            constraints: Vec::new(),
            role: None,
        }
    }

    /// Sets what the executor needs besides its tasks.
    #[must_use]
    pub fn executor_resources(mut self, resources: Resources) -> Self {
        self.executor_resources = resources;
        self
    }

    /// Adds a network that the pod joins. Text is the name of the network.
    #[must_use]
    pub fn network(mut self, network: impl Into<NetworkSpec>) -> Self {
        self.networks.push(network.into());
        self
    }

    /// Adds a constraint. All constraints must hold.
    #[must_use]
    pub fn constraint(mut self, constraint: Constraint) -> Self {
        self.constraints.push(constraint);
        self
    }

    /// Uses only offers of this role.
    #[must_use]
    pub fn role(mut self, role: impl Into<String>) -> Self {
        self.role = Some(role.into());
        self
    }
}
