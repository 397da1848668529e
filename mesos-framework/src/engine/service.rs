//! What is known about a service.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::job::Limit;
use super::unit::shared;
use super::{Engine, Name};
use crate::service::{ServiceStatus, UpdateStatus};
use crate::{ServiceSpec, UpdateStrategy};

/// What is stored about a service, in `live/service/NAME`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ServiceRecord {
    /// What the program requested last. An update that was rolled back stays here, so that the
    /// same request after a restart of the program does not begin the update again.
    #[serde(with = "shared")]
    pub(crate) requested: Arc<ServiceSpec>,
    /// The specifications that instances have or can have again, the oldest first.
    pub(crate) generations: Vec<Generation>,
    /// The generation that the instances are to have.
    pub(crate) target: u32,
    /// The last generation that all instances had.
    pub(crate) stable: u32,
    /// The generation before that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) previous: Option<u32>,
    /// The number of instances, if the program changed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) scaled: Option<u32>,
    /// The number of the next instance.
    pub(crate) next: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) update: Option<UpdateRecord>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) rolled_back: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) removing: bool,
}

/// A specification of a service. A new generation has another task or pod.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Generation {
    pub(crate) number: u32,
    #[serde(with = "shared")]
    pub(crate) spec: Arc<ServiceSpec>,
}

/// An update in progress.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct UpdateRecord {
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) rollback: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) paused: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) failure: Option<String>,
}

#[derive(Clone, Debug)]
pub(crate) struct Service {
    pub(crate) record: ServiceRecord,
    pub(crate) instances: BTreeMap<u32, Name>,
    pub(crate) limit: Arc<Limit>,
    /// The timer that is set.
    pub(crate) wake: Option<Duration>,
}

impl Service {
    pub(crate) fn new(name: &str, record: ServiceRecord) -> Self {
        Self {
            limit: Arc::new(Limit {
                // The group of a batch does not contain a slash.
                group: format!("service/{name}"),
                max: record.wanted(),
            }),
            record,
            instances: BTreeMap::new(),
            wake: None,
        }
    }
}

impl ServiceRecord {
    pub(crate) fn new(spec: ServiceSpec) -> Self {
        let spec = Arc::new(spec);
        Self {
            requested: Arc::clone(&spec),
            generations: vec![Generation { number: 1, spec }],
            target: 1,
            stable: 1,
            previous: None,
            scaled: None,
            next: 1,
            update: None,
            rolled_back: None,
            removing: false,
        }
    }

    pub(crate) fn generation(&self, number: u32) -> Option<&Arc<ServiceSpec>> {
        let mut all = self.generations.iter();
        all.find(|one| one.number == number).map(|one| &one.spec)
    }

    /// The number of a new generation.
    pub(crate) fn next_generation(&self) -> u32 {
        let last = self.generations.iter().map(|one| one.number).max();
        last.unwrap_or(0).max(self.target) + 1
    }

    /// All instances have the present generation.
    pub(crate) fn complete(&mut self) {
        self.update = None;
        if self.stable == self.target {
            return;
        }
        let workload = |number| self.generation(number).map(|spec| &spec.workload);
        // After a restart, a rollback means the task or pod before.
        if workload(self.stable) != workload(self.target) {
            self.previous = Some(self.stable);
        }
        self.stable = self.target;
    }

    /// The specification that the service is to have.
    pub(crate) fn spec(&self) -> &Arc<ServiceSpec> {
        // The target is always among the generations.
        self.generation(self.target).unwrap_or(&self.requested)
    }

    /// The number of instances that there are to be.
    pub(crate) fn wanted(&self) -> u32 {
        self.scaled.unwrap_or_else(|| self.spec().instances)
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.update.as_ref().is_some_and(|update| update.paused)
    }

    /// How many instances there may be at a time.
    pub(crate) fn most(&self, moving: bool, old: usize) -> u32 {
        let (wanted, policy) = (self.wanted(), &self.spec().update);
        let old = u32::try_from(old).unwrap_or(u32::MAX);
        match policy.strategy {
            UpdateStrategy::BlueGreen if self.update.is_some() => {
                wanted.saturating_add(old.min(wanted))
            }
            _ if moving && self.surges() => wanted.saturating_add(policy.batch.min(wanted)),
            _ => wanted,
        }
    }

    /// Whether new instances start before old ones stop.
    pub(crate) fn surges(&self) -> bool {
        let policy = &self.spec().update;
        policy.start_first || policy.strategy == UpdateStrategy::BlueGreen
    }
}

impl Engine {
    pub(crate) fn service(&self, name: &str) -> Option<&Service> {
        self.services.get(name)
    }

    pub(crate) fn service_names(&self) -> impl Iterator<Item = &Name> {
        self.services.keys()
    }

    /// The state of a service, as a program sees it.
    pub(crate) fn service_status(&self, name: &str) -> Option<ServiceStatus> {
        let service = self.services.get(name)?;
        let record = &service.record;
        let units = service.instances.values();
        let units = units.filter_map(|name| self.units.get(name));
        let instances = units.filter_map(|unit| Some(unit.instance_status(unit.instance()?)));
        let instances: Vec<_> = instances.collect();
        let limit = record.spec().restart.crash_loop_after;
        Some(ServiceStatus {
            name: name.to_owned(),
            wanted: record.wanted(),
            crash_loop: instances
                .iter()
                .any(|one| one.generation == record.target && one.early_ends >= limit),
            instances,
            generation: record.target,
            update: record.update.as_ref().map(|update| UpdateStatus {
                rollback: update.rollback,
                paused: update.paused,
                failure: update.failure.clone(),
            }),
            rolled_back: record.rolled_back.clone(),
            removing: record.removing,
        })
    }
}
