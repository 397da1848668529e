//! Services: what always runs.

use std::time::Duration;

use mesos_placement::Request;
use mesos_proto::v1::{FrameworkId, TaskId};
use serde::{Deserialize, Serialize};

use super::parts::is_default;
use super::text::duration;
use super::workload::{from_keys, into_keys};
use super::{PodSpec, TaskSpec, Workload};

/// A number of equal tasks or pods that always run. An instance that ends is replaced.
///
/// ```
/// use mesos::framework::{ServiceSpec, TaskSpec};
/// use mesos::placement::{Constraint, Field};
///
/// let task = TaskSpec::shell("web", "exec ./serve --port $PORT_HTTP")
///     .port("http")
///     .constraint(Constraint::Unique(Field::attribute("rack")));
/// let service = ServiceSpec::new(task).instances(3);
/// assert_eq!(service.name, "web");
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Keys", into = "Keys")]
#[non_exhaustive]
pub struct ServiceSpec {
    /// The name, unique among the jobs and services of a framework.
    pub name: String,
    /// What an instance runs.
    pub workload: Workload,
    /// The number of instances; 1 by default.
    pub instances: u32,
    /// When an instance that ended is replaced.
    pub restart: RestartPolicy,
    /// How a new specification replaces the old instances.
    pub update: UpdatePolicy,
    /// How long an instance may be unreachable until it is replaced; 5 minutes by default.
    pub unreachable_after: Duration,
}

/// When an instance that ended is replaced: after a delay that grows while instances end early.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct RestartPolicy {
    /// The delay after the first end; 1 s by default.
    #[serde(with = "duration")]
    pub first_delay: Duration,
    /// By how much the delay grows, from 1; 2 by default.
    pub factor: f64,
    /// The longest delay; 5 minutes by default.
    #[serde(with = "duration")]
    pub max_delay: Duration,
    /// How long an instance must run so that its end counts as the first again; 1 minute by
    /// default.
    #[serde(with = "duration")]
    pub stable_after: Duration,
    /// After this number of early ends in a row, the service counts as a crash loop; 5 by default.
    pub crash_loop_after: u32,
}

impl Default for RestartPolicy {
    fn default() -> Self {
        Self {
            first_delay: Duration::from_secs(1),
            factor: 2.0,
            max_delay: Duration::from_secs(300),
            stable_after: Duration::from_secs(60),
            crash_loop_after: 5,
        }
    }
}

impl RestartPolicy {
    /// Sets the delay after the first end.
    #[must_use]
    pub fn first_delay(mut self, delay: Duration) -> Self {
        self.first_delay = delay;
        self
    }

    /// Sets by how much the delay grows, from 1.
    #[must_use]
    pub fn factor(mut self, factor: f64) -> Self {
        self.factor = factor;
        self
    }

    /// Sets the longest delay.
    #[must_use]
    pub fn max_delay(mut self, delay: Duration) -> Self {
        self.max_delay = delay;
        self
    }

    /// Sets how long an instance must run so that its end counts as the first again.
    #[must_use]
    pub fn stable_after(mut self, time: Duration) -> Self {
        self.stable_after = time;
        self
    }

    /// Sets after how many early ends in a row the service counts as a crash loop, from 1.
    #[must_use]
    pub fn crash_loop_after(mut self, ends: u32) -> Self {
        self.crash_loop_after = ends;
        self
    }

    /// The delay after this number of early ends in a row, from 1.
    pub fn delay(&self, ends: u32) -> Duration {
        super::delay::growing(self.first_delay, self.factor, self.max_delay, ends)
    }
}

/// How a new specification of a service replaces the old instances.
///
/// The update of a service without instances is complete at once, because there is nothing to
/// replace: the health of the new specification is not judged. Instances that are added later have
/// the new specification, and a rollback restores the one before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct UpdatePolicy {
    /// The order; rolling by default.
    pub strategy: UpdateStrategy,
    /// How many instances a rolling update replaces at a time, from 1; 1 by default.
    pub batch: u32,
    /// Whether a rolling update starts a new instance before it stops an old one; false by default.
    /// Then there are up to `batch` instances more.
    pub start_first: bool,
    /// How long a new instance must run, and be healthy if it has a health check, so that the
    /// update continues; 10 s by default.
    #[serde(with = "duration")]
    pub healthy_for: Duration,
    /// How long a new instance may take until this is so; 10 minutes by default. After that the
    /// update has failed.
    #[serde(with = "duration")]
    pub timeout: Duration,
    /// What happens when the update has failed; pause by default.
    pub on_failure: OnFailure,
}

/// The order of an update.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum UpdateStrategy {
    /// A few instances at a time.
    #[default]
    Rolling,
    /// All new instances start beside the old ones. The old ones stop when all new ones are
    /// healthy.
    BlueGreen,
}

/// What happens when an update has failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// The update pauses, until the program resumes or rolls back.
    #[default]
    Pause,
    /// The old specification is restored.
    Rollback,
}

impl Default for UpdatePolicy {
    fn default() -> Self {
        Self {
            strategy: UpdateStrategy::Rolling,
            batch: 1,
            start_first: false,
            healthy_for: Duration::from_secs(10),
            timeout: Duration::from_secs(600),
            on_failure: OnFailure::Pause,
        }
    }
}

impl UpdatePolicy {
    /// Replaces this number of instances at a time, from 1.
    pub fn rolling(batch: u32) -> Self {
        Self {
            batch,
            ..Self::default()
        }
    }

    /// Starts all new instances beside the old ones.
    pub fn blue_green() -> Self {
        Self {
            strategy: UpdateStrategy::BlueGreen,
            ..Self::default()
        }
    }

    /// Sets whether a rolling update starts a new instance before it stops an old one.
    #[must_use]
    pub fn start_first(mut self, first: bool) -> Self {
        self.start_first = first;
        self
    }

    /// Sets how long a new instance must be healthy, so that the update continues.
    #[must_use]
    pub fn healthy_for(mut self, time: Duration) -> Self {
        self.healthy_for = time;
        self
    }

    /// Sets how long a new instance may take until it is healthy.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets what happens when the update has failed.
    #[must_use]
    pub fn on_failure(mut self, on_failure: OnFailure) -> Self {
        self.on_failure = on_failure;
        self
    }
}

impl ServiceSpec {
    /// A service with one instance. Its name is the name of the task or the pod.
    pub fn new(workload: impl Into<Workload>) -> Self {
        let workload = workload.into();
        Self {
            name: workload.name().to_owned(),
            workload,
            instances: 1,
            restart: RestartPolicy::default(),
            update: UpdatePolicy::default(),
            unreachable_after: unreachable_after(),
        }
    }

    /// Sets the name.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Sets the number of instances.
    #[must_use]
    pub fn instances(mut self, instances: u32) -> Self {
        self.instances = instances;
        self
    }

    /// Sets when an instance that ended is replaced.
    #[must_use]
    pub fn restart(mut self, restart: RestartPolicy) -> Self {
        self.restart = restart;
        self
    }

    /// Sets how a new specification replaces the old instances.
    #[must_use]
    pub fn update(mut self, update: UpdatePolicy) -> Self {
        self.update = update;
        self
    }

    /// Sets how long an instance may be unreachable until it is replaced.
    #[must_use]
    pub fn unreachable_after(mut self, time: Duration) -> Self {
        self.unreachable_after = time;
        self
    }

    /// What a [`Placer`](mesos_placement::Placer) has to place: an instance for each id. The name
    /// of the request is the name of the service.
    pub fn request(
        &self,
        framework_id: &FrameworkId,
        ids: impl IntoIterator<Item = TaskId>,
    ) -> Request {
        let request = self.workload.request(framework_id, ids);
        request.renamed(&self.name)
    }
}

impl From<TaskSpec> for ServiceSpec {
    fn from(task: TaskSpec) -> Self {
        Self::new(task)
    }
}

impl From<PodSpec> for ServiceSpec {
    fn from(pod: PodSpec) -> Self {
        Self::new(pod)
    }
}

impl From<Workload> for ServiceSpec {
    fn from(workload: Workload) -> Self {
        Self::new(workload)
    }
}

fn unreachable_after() -> Duration {
    Duration::from_secs(300)
}

/// A service as it is written in files.
#[derive(Serialize, Deserialize)]
#[serde(rename = "a service", deny_unknown_fields)]
struct Keys {
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    task: Option<TaskSpec>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pod: Option<PodSpec>,
    #[serde(default = "one")]
    instances: u32,
    #[serde(default, skip_serializing_if = "is_default")]
    restart: RestartPolicy,
    #[serde(default, skip_serializing_if = "is_default")]
    update: UpdatePolicy,
    #[serde(default = "unreachable_after", with = "duration")]
    unreachable_after: Duration,
}

fn one() -> u32 {
    1
}

impl TryFrom<Keys> for ServiceSpec {
    type Error = String;

    fn try_from(keys: Keys) -> Result<Self, String> {
        let owner = format!("the service {:?}", keys.name);
        let workload = from_keys(&owner, keys.task, keys.pod)?;
        Ok(Self {
            workload: workload.named(&keys.name),
            name: keys.name,
            instances: keys.instances,
            restart: keys.restart,
            update: keys.update,
            unreachable_after: keys.unreachable_after,
        })
    }
}

impl From<ServiceSpec> for Keys {
    fn from(service: ServiceSpec) -> Self {
        let (task, pod) = into_keys(service.workload);
        Self {
            name: service.name,
            task,
            pod,
            instances: service.instances,
            restart: service.restart,
            update: service.update,
            unreachable_after: service.unreachable_after,
        }
    }
}
