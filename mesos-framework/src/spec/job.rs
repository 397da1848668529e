//! Jobs: what runs once, until it has ended well.

use std::time::Duration;

use mesos_placement::Request;
use mesos_proto::v1::{FrameworkId, TaskId};
use serde::{Deserialize, Serialize};

use super::parts::is_default;
use super::text::{duration, optional_duration};
use super::workload::{from_keys, into_keys};
use super::{PodSpec, TaskSpec, Workload};

/// A task or a pod that runs once, until it has ended well or its attempts are used up.
///
/// ```
/// use std::time::Duration;
/// use mesos::framework::{JobSpec, RetryPolicy, TaskSpec};
///
/// let job = JobSpec::new(TaskSpec::shell("train", "./train"))
///     .retry(RetryPolicy::attempts(3))
///     .timeout(Duration::from_secs(3600))
///     .after("fetch");
/// assert_eq!(job.name, "train");
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Keys", into = "Keys")]
#[non_exhaustive]
pub struct JobSpec {
    /// The name, unique among the jobs and services of a framework.
    pub name: String,
    /// What runs.
    pub workload: Workload,
    /// What happens after a failure.
    pub retry: RetryPolicy,
    /// The time from the start of the job to its end, over all attempts.
    pub timeout: Option<Duration>,
    /// The names of the jobs that must have ended well before this job starts.
    pub after: Vec<String>,
    /// Jobs with a higher priority are placed first; 0 by default.
    pub priority: i32,
}

/// What happens after an attempt has failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct RetryPolicy {
    /// How often the job is started at most, from 1; 1 by default.
    pub max_attempts: u32,
    /// The delay after the first failure; 1 s by default.
    #[serde(with = "duration")]
    pub first_delay: Duration,
    /// By how much the delay grows with each failure, from 1; 2 by default.
    pub factor: f64,
    /// The longest delay; 5 minutes by default.
    #[serde(with = "duration")]
    pub max_delay: Duration,
    /// Whether another agent is preferred after a failure; true by default.
    pub avoid_failed_agents: bool,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            max_attempts: 1,
            first_delay: Duration::from_secs(1),
            factor: 2.0,
            max_delay: Duration::from_secs(300),
            avoid_failed_agents: true,
        }
    }
}

impl RetryPolicy {
    /// The default, with this number of attempts, from 1.
    pub fn attempts(max_attempts: u32) -> Self {
        Self {
            max_attempts,
            ..Self::default()
        }
    }

    /// Sets the delay after the first failure.
    #[must_use]
    pub fn first_delay(mut self, delay: Duration) -> Self {
        self.first_delay = delay;
        self
    }

    /// Sets by how much the delay grows with each failure, from 1.
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

    /// Sets whether another agent is preferred after a failure.
    #[must_use]
    pub fn avoid_failed_agents(mut self, avoid: bool) -> Self {
        self.avoid_failed_agents = avoid;
        self
    }

    /// The delay after this number of failures, from 1.
    pub fn delay(&self, failures: u32) -> Duration {
        super::delay::growing(self.first_delay, self.factor, self.max_delay, failures)
    }
}

impl JobSpec {
    /// A job with one attempt. Its name is the name of the task or the pod.
    pub fn new(workload: impl Into<Workload>) -> Self {
        let workload = workload.into();
        Self {
            name: workload.name().to_owned(),
            workload,
            retry: RetryPolicy::default(),
            timeout: None,
            after: Vec::new(),
            priority: 0,
        }
    }

    /// Sets the name.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Sets what happens after a failure.
    #[must_use]
    pub fn retry(mut self, retry: RetryPolicy) -> Self {
        self.retry = retry;
        self
    }

    /// Sets the time from the start of the job to its end, over all attempts.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Starts the job only after the job with this name has ended well.
    #[must_use]
    pub fn after(mut self, job: impl Into<String>) -> Self {
        self.after.push(job.into());
        self
    }

    /// Sets the priority. Jobs with a higher priority are placed first.
    #[must_use]
    pub fn priority(mut self, priority: i32) -> Self {
        self.priority = priority;
        self
    }

    /// What a [`Placer`](mesos_placement::Placer) has to place: an instance for each id. The name
    /// of the request is the name of the job.
    pub fn request(
        &self,
        framework_id: &FrameworkId,
        ids: impl IntoIterator<Item = TaskId>,
    ) -> Request {
        let request = self.workload.request(framework_id, ids);
        request.renamed(&self.name).priority(self.priority)
    }
}

impl From<TaskSpec> for JobSpec {
    fn from(task: TaskSpec) -> Self {
        Self::new(task)
    }
}

impl From<PodSpec> for JobSpec {
    fn from(pod: PodSpec) -> Self {
        Self::new(pod)
    }
}

impl From<Workload> for JobSpec {
    fn from(workload: Workload) -> Self {
        Self::new(workload)
    }
}

/// A job as it is written in files.
#[derive(Serialize, Deserialize)]
#[serde(rename = "a job", deny_unknown_fields)]
struct Keys {
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    task: Option<TaskSpec>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pod: Option<PodSpec>,
    #[serde(default, skip_serializing_if = "is_default")]
    retry: RetryPolicy,
    #[serde(
        default,
        with = "optional_duration",
        skip_serializing_if = "Option::is_none"
    )]
    timeout: Option<Duration>,
    #[serde(default, skip_serializing_if = "is_default")]
    after: Vec<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    priority: i32,
}

impl TryFrom<Keys> for JobSpec {
    type Error = String;

    fn try_from(keys: Keys) -> Result<Self, String> {
        let workload = from_keys(&format!("the job {:?}", keys.name), keys.task, keys.pod)?;
        Ok(Self {
            workload: workload.named(&keys.name),
            name: keys.name,
            retry: keys.retry,
            timeout: keys.timeout,
            after: keys.after,
            priority: keys.priority,
        })
    }
}

impl From<JobSpec> for Keys {
    fn from(job: JobSpec) -> Self {
        let (task, pod) = into_keys(job.workload);
        Self {
            name: job.name,
            task,
            pod,
            retry: job.retry,
            timeout: job.timeout,
            after: job.after,
            priority: job.priority,
        }
    }
}
