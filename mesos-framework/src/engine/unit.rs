//! What is launched: a job, or an instance of a service.

use std::cmp::Reverse;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use mesos_placement::Request;
use mesos_proto::v1::{FrameworkId, TaskId};
use serde::{Deserialize, Serialize};

use super::Name;
use super::attempt::Attempt;
use super::instance::Instance;
use super::job::{Job, Limit, Stop};
use super::queue::{Key, Need, Place};

/// What is stored about the launches of a unit.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Runs {
    /// The number of the last launch. Numbers are never used again.
    #[serde(default)]
    pub(crate) number: u32,
    /// The agents of failed attempts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) avoid: Vec<String>,
    /// Why the unit is to end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) stop: Option<Stop>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) attempt: Option<Attempt>,
}

/// A job that has not ended, or an instance of a service.
#[derive(Clone, Debug)]
pub(crate) struct Unit {
    pub(crate) kind: Kind,
    pub(crate) phase: Phase,
    /// Launches in a row that did not count.
    pub(crate) misses: u32,
    /// Differs between the units of one engine, also if they have one name after another.
    serial: u64,
}

#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Job(Box<Job>),
    Instance(Box<Instance>),
}

/// What a unit waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// For this number of other jobs.
    Blocked(usize),
    /// For the end of the delay after a failure.
    Delayed(Duration),
    /// For offers, since this time and with this place in the queue.
    Ready { since: Duration, place: Place },
    /// For the end of its attempt.
    Launched,
}

impl Unit {
    pub(crate) fn new(kind: Kind, serial: u64) -> Self {
        Self {
            kind,
            phase: Phase::Blocked(0),
            misses: 0,
            serial,
        }
    }

    pub(crate) fn job(&self) -> Option<&Job> {
        match &self.kind {
            Kind::Job(job) => Some(job),
            Kind::Instance(_) => None,
        }
    }

    pub(crate) fn job_mut(&mut self) -> Option<&mut Job> {
        match &mut self.kind {
            Kind::Job(job) => Some(job),
            Kind::Instance(_) => None,
        }
    }

    pub(crate) fn instance(&self) -> Option<&Instance> {
        match &self.kind {
            Kind::Job(_) => None,
            Kind::Instance(instance) => Some(instance),
        }
    }

    pub(crate) fn instance_mut(&mut self) -> Option<&mut Instance> {
        match &mut self.kind {
            Kind::Job(_) => None,
            Kind::Instance(instance) => Some(instance),
        }
    }

    pub(crate) fn runs(&self) -> &Runs {
        match &self.kind {
            Kind::Job(job) => &job.record.runs,
            Kind::Instance(instance) => &instance.record.runs,
        }
    }

    pub(crate) fn runs_mut(&mut self) -> &mut Runs {
        match &mut self.kind {
            Kind::Job(job) => &mut job.record.runs,
            Kind::Instance(instance) => &mut instance.record.runs,
        }
    }

    pub(crate) fn attempt(&self) -> Option<&Attempt> {
        self.runs().attempt.as_ref()
    }

    /// Whether the place depends on the tasks that run.
    pub(crate) fn is_social(&self) -> bool {
        match &self.kind {
            Kind::Job(job) => job.record.spec.social,
            Kind::Instance(instance) => instance.spec.workload.is_social(),
        }
    }

    /// Whether the unit keeps other tasks away.
    pub(crate) fn avoids(&self) -> bool {
        match &self.kind {
            Kind::Job(job) => job.record.spec.avoids,
            Kind::Instance(instance) => instance.spec.workload.avoids(),
        }
    }

    /// The name that constraints and reports of the placement see.
    pub(crate) fn request_name(&self) -> &str {
        match &self.kind {
            Kind::Job(job) => &job.record.spec.name,
            Kind::Instance(instance) => &instance.service,
        }
    }

    /// `None` is a bug, which is logged.
    pub(crate) fn request(&self, framework: &FrameworkId, id: TaskId) -> Option<Request> {
        match &self.kind {
            Kind::Job(job) => Some(job.record.spec.unpack()?.request(framework, [id])),
            Kind::Instance(instance) => Some(instance.request(framework, id)),
        }
    }

    /// The id of the next launch. An id of an instance has a number more than one of a job.
    pub(crate) fn next_id(&self, name: &Name, suffix: &str) -> String {
        let (next, serial) = (self.runs().number + 1, self.serial);
        match &self.kind {
            Kind::Job(_) => format!("{name}.{next}-{suffix}.{serial}"),
            Kind::Instance(instance) => {
                let Instance { service, id, .. } = &**instance;
                format!("{service}.{id}-{next}-{suffix}.{serial}")
            }
        }
    }

    /// The id of the custom executor of the task.
    pub(crate) fn executor_id(&self) -> Option<&str> {
        match &self.kind {
            Kind::Job(job) => job.record.spec.executor.as_deref(),
            Kind::Instance(instance) => instance.spec.workload.executor_id(),
        }
    }

    /// The agent and the custom executor of the attempt.
    pub(crate) fn executor_key(&self) -> Option<(String, String)> {
        let (attempt, id) = (self.attempt()?, self.executor_id()?);
        Some((attempt.agent.id.clone(), id.to_owned()))
    }

    /// What the queue has to know. With `labels`, units whose labels differ have different places.
    pub(crate) fn need(&self, labels: bool) -> Need {
        let social = labels || self.is_social();
        let avoids = !self.runs().avoid.is_empty() && self.avoids_failed_agents();
        // Instances come before all jobs.
        let (priority, shape, role, own) = match &self.kind {
            Kind::Job(job) => {
                let spec = &job.record.spec;
                let shape = match labels {
                    true => hash(&(spec.shape, spec.labels)),
                    false => spec.shape,
                };
                // A job is a request of its own, so that it has its own tasks and labels.
                let own = avoids || spec.social;
                (
                    Some(Reverse(spec.priority)),
                    shape,
                    spec.role.as_deref(),
                    own,
                )
            }
            Kind::Instance(instance) => {
                let workload = &instance.spec.workload;
                let shape = hash(&(&instance.service, workload.shape(), workload.labels()));
                (None, shape, workload.role(), avoids)
            }
        };
        Need {
            key: Key {
                priority,
                limit: self.limit().cloned(),
                shape,
                alone: own.then_some(self.serial),
            },
            social,
            role: role.map(str::to_owned),
        }
    }

    /// What the queue has to know if the unit is unlike all others.
    pub(crate) fn own_need(&self, labels: bool) -> Need {
        let mut need = self.need(labels);
        need.key.alone = Some(self.serial);
        need
    }

    pub(crate) fn limit(&self) -> Option<&Limit> {
        match &self.kind {
            Kind::Job(job) => job.record.limit.as_ref(),
            // An instance that was replaced does not count.
            Kind::Instance(instance) => (!instance.record.replaced).then(|| &*instance.limit),
        }
    }

    pub(crate) fn avoids_failed_agents(&self) -> bool {
        self.job()
            .is_none_or(|job| job.record.spec.retry.avoid_failed_agents)
    }

    /// The delay after this number of launches that had no effect, from 1.
    pub(crate) fn miss_delay(&self) -> Duration {
        match &self.kind {
            Kind::Job(job) => job.record.spec.retry.delay(self.misses),
            Kind::Instance(instance) => instance.spec.restart.delay(self.misses),
        }
    }
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// serde for values that are shared in memory.
pub(crate) mod shared {
    use super::Arc;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(crate) fn serialize<T: Serialize, S: Serializer>(
        value: &Arc<T>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        (**value).serialize(to)
    }

    pub(crate) fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Arc<T>, D::Error> {
        T::deserialize(from).map(Arc::new)
    }
}
