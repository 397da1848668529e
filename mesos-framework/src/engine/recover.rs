//! An engine on what an earlier engine stored.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use mesos_core::BoxError;
use serde::de::DeserializeOwned;

use super::instance::{Instance, InstanceRecord};
use super::job::{Job, JobRecord};
use super::queue::Queue;
use super::service::{Service, ServiceRecord};
use super::unit::{Kind, Phase};
use super::{Action, Engine, LIVE_INSTANCE, LIVE_JOB, LIVE_SERVICE, Name, Now, Step, Timer};

impl Engine {
    /// An engine that continues with the entries `live/…` of a store. `suffix` must differ from
    /// that of all earlier engines.
    ///
    /// # Errors
    /// An entry cannot be read.
    pub(crate) fn recover(
        suffix: impl Into<String>,
        entries: impl IntoIterator<Item = (String, Bytes)>,
        now: Now,
    ) -> Result<(Self, Step), BoxError> {
        let mut engine = Self {
            suffix: suffix.into(),
            units: HashMap::new(),
            added: 0,
            avoiding: false,
            separate: false,
            executors: BTreeMap::new(),
            services: BTreeMap::new(),
            dirty: BTreeSet::new(),
            leaving: BTreeMap::new(),
            dependents: HashMap::new(),
            tasks: HashMap::new(),
            queue: Queue::default(),
            timers: BTreeMap::new(),
            timer_count: 0,
        };
        let mut names = Vec::new();
        let mut instances = Vec::new();
        for (key, value) in entries {
            if let Some(name) = key.strip_prefix(LIVE_JOB) {
                let record: JobRecord = read(&key, &value)?;
                let job = Job {
                    record,
                    deadline: None,
                };
                let name = Name::from(name);
                engine.add(name.clone(), Kind::Job(Box::new(job)));
                names.push(name);
            } else if let Some(name) = key.strip_prefix(LIVE_SERVICE) {
                let record: ServiceRecord = read(&key, &value)?;
                let service = Service::new(name, record);
                engine.queue.set_limit(&service.limit);
                engine.dirty.insert(name.into());
                engine.services.insert(name.into(), service);
            } else if key.starts_with(LIVE_INSTANCE) {
                // After the services.
                instances.push((key, value));
            }
        }
        for (key, value) in instances {
            names.push(engine.recover_instance(&key, &value, now)?);
        }
        let mut step = Step::default();
        for name in names {
            engine.resume(&mut step, &name, now);
        }
        Ok((engine, step))
    }

    fn recover_instance(&mut self, key: &str, value: &[u8], now: Now) -> Result<Name, BoxError> {
        let record: InstanceRecord = read(key, value)?;
        let name = key.strip_prefix(LIVE_INSTANCE).unwrap_or(key);
        let place = name
            .rsplit_once('/')
            .and_then(|(service, id)| Some((service, id.parse::<u32>().ok()?)));
        let known = place.and_then(|(service, id)| {
            let (name, service) = self.services.get_key_value(service)?;
            let spec = Arc::clone(service.record.generation(record.generation)?);
            Some((name.clone(), id, spec, Arc::clone(&service.limit)))
        });
        let Some((service, id, spec, limit)) = known else {
            return Err(format!(
                "the entry {key:?} of the state is of a service or a generation without an entry"
            )
            .into());
        };
        let name = Name::from(name);
        if let Some(service) = self.services.get_mut(&service) {
            service.instances.insert(id, name.clone());
        }
        let instance = Instance::new((service, id), record, spec, limit, now);
        self.add(name.clone(), Kind::Instance(Box::new(instance)));
        Ok(name)
    }

    fn resume(&mut self, step: &mut Step, name: &Name, now: Now) {
        let Some(unit) = self.units.get_mut(name) else {
            return;
        };
        if let Some(job) = unit.job_mut() {
            let record = &job.record;
            if let Some(limit) = &record.limit {
                self.queue.set_limit(limit);
            }
            let timeout = record.spec.timeout.zip(record.started);
            job.deadline = timeout.map(|(timeout, started)| {
                // A clock that was set back gives the whole time again, and never more.
                let passed = now.wall.duration_since(started).unwrap_or(Duration::ZERO);
                now.at.saturating_add(timeout.saturating_sub(passed))
            });
            if let Some(at) = job.deadline {
                self.timer(at, Timer::Timeout(name.clone()));
            }
        }
        let Some(unit) = self.units.get_mut(name) else {
            return;
        };
        let delay = match &unit.kind {
            Kind::Job(job) => match job.record.failures {
                0 => None,
                failures => Some(job.record.spec.retry.delay(failures)),
            },
            Kind::Instance(instance) => Some(match instance.record.early {
                0 => Duration::ZERO,
                early => instance.spec.restart.delay(early),
            }),
        };
        if let Some(attempt) = unit.attempt() {
            let agent = attempt.agent_id();
            for part in &attempt.parts {
                self.tasks.insert(part.id.clone(), name.clone());
            }
            let asked = attempt.open().map(|task| (task, agent.clone()));
            step.actions.push(Action::Reconcile(asked.collect()));
            if unit.runs().stop.is_some() {
                step.actions
                    .push(Action::Kill(attempt.open().collect(), agent));
            }
            self.queue.launched(unit.limit());
            unit.phase = Phase::Launched;
            self.executor_used(name);
        } else if let Some(delay) = delay {
            self.again(step, name, delay, now);
        } else {
            self.depend(step, name, now);
        }
    }
}

fn read<T: DeserializeOwned>(key: &str, value: &[u8]) -> Result<T, BoxError> {
    serde_json::from_slice(value)
        .map_err(|error| format!("cannot read the entry {key:?} of the state: {error}").into())
}
