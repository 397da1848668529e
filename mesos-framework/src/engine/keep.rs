//! What programs request about services.

use std::sync::Arc;

use mesos_core::{Error, ErrorKind};

use super::instance::Health;
use super::service::{Generation, Service, ServiceRecord, UpdateRecord};
use super::{Engine, Name, Now, Step};
use crate::ServiceSpec;

/// A change of a service.
#[derive(Clone, Debug)]
pub(crate) enum Request {
    /// Only shows the service.
    Show,
    Scale(u32),
    /// Also if this specification was rolled back.
    Update(Box<ServiceSpec>),
    Pause,
    Resume,
    Rollback,
    Restart,
    Remove,
}

impl Engine {
    /// Adds a service, or gives a known service another specification. A specification that was
    /// kept before changes nothing.
    ///
    /// # Errors
    /// The name is that of a job, or the service is being removed.
    pub(crate) fn keep(&mut self, spec: ServiceSpec, now: Now) -> Result<(Step, Name), Error> {
        if self.job(&spec.name).is_some() {
            return Err(config(format!(
                "the name {:?} is the name of a job; use another name for the service",
                spec.name
            )));
        }
        let mut step = Step::default();
        let Some((name, service)) = self.services.get_key_value(spec.name.as_str()) else {
            let name = Name::from(spec.name.as_str());
            let service = Service::new(&name, ServiceRecord::new(spec));
            self.queue.set_limit(&service.limit);
            self.services.insert(name.clone(), service);
            self.save_service(&mut step, &name);
            self.dirty.insert(name.clone());
            return Ok((step, name));
        };
        let name = name.clone();
        if *service.record.requested != spec || service.record.removing {
            self.change_spec(&mut step, &name, spec, now)?;
        }
        Ok((step, name))
    }

    /// Changes a service.
    ///
    /// # Errors
    /// The service does not exist, is being removed, or the change is not possible now.
    pub(crate) fn change_service(
        &mut self,
        name: &str,
        request: Request,
        now: Now,
    ) -> Result<(Step, Name), Error> {
        let mut step = Step::default();
        let known = self.services.get_key_value(name);
        let Some(name) = known.map(|(name, _)| name.clone()) else {
            return Err(unknown_service(name));
        };
        let Some(service) = self.services.get_mut(&name) else {
            return Ok((step, name));
        };
        let record = &mut service.record;
        if record.removing && !matches!(request, Request::Show | Request::Remove) {
            return Err(is_removed(&name));
        }
        match request {
            Request::Show => return Ok((step, name)),
            Request::Scale(instances) => record.scaled = Some(instances),
            Request::Remove => record.removing = true,
            Request::Update(spec) => self.change_spec(&mut step, &name, *spec, now)?,
            Request::Pause | Request::Resume => {
                let Some(update) = &mut record.update else {
                    return Err(config(format!(
                        "an update of the service {name:?} is not in progress"
                    )));
                };
                update.paused = matches!(request, Request::Pause);
                update.failure = None;
                if !update.paused {
                    self.restart_clocks(&mut step, &name, now);
                }
            }
            Request::Restart => {
                if record.is_paused() {
                    return Err(config(format!(
                        "the update of the service {name:?} is paused; resume it, or roll it back"
                    )));
                }
                // The same specification under another number.
                let spec = Arc::clone(record.spec());
                let number = record.next_generation();
                record.generations.push(Generation { number, spec });
                self.aim(&mut step, &name, number, false, now);
            }
            Request::Rollback => {
                let to = match record.target == record.stable {
                    true => record.previous,
                    false => Some(record.stable),
                };
                let Some(to) = to else {
                    return Err(config(format!(
                        "the service {name:?} has not had another specification that worked"
                    )));
                };
                record.rolled_back = None;
                self.aim(&mut step, &name, to, true, now);
            }
        }
        self.save_service(&mut step, &name);
        self.dirty.insert(name.clone());
        Ok((step, name))
    }

    fn change_spec(
        &mut self,
        step: &mut Step,
        name: &Name,
        spec: ServiceSpec,
        now: Now,
    ) -> Result<(), Error> {
        let Some(service) = self.services.get_mut(name) else {
            return Ok(());
        };
        let record = &mut service.record;
        if record.removing {
            return Err(is_removed(name));
        }
        if spec.name != **name {
            return Err(config(format!(
                "the specification is of the service {:?}, not of {name:?}; use keep",
                spec.name
            )));
        }
        let spec = Arc::new(spec);
        record.requested = Arc::clone(&spec);
        record.scaled = None;
        record.rolled_back = None;
        let mut same = record.generations.iter_mut().rev();
        let to = match same.find(|one| one.spec.workload == spec.workload) {
            Some(generation) => {
                generation.spec = Arc::clone(&spec);
                generation.number
            }
            None => {
                let number = record.next_generation();
                let spec = Arc::clone(&spec);
                record.generations.push(Generation { number, spec });
                number
            }
        };
        for unit in service.instances.values() {
            let unit = self.units.get_mut(unit);
            if let Some(instance) = unit.and_then(|unit| unit.instance_mut())
                && instance.record.generation == to
            {
                instance.spec = Arc::clone(&spec);
            }
        }
        if service.record.target != to {
            self.aim(step, name, to, false, now);
        }
        self.save_service(step, name);
        self.dirty.insert(name.clone());
        Ok(())
    }

    /// Begins an update to a generation.
    pub(super) fn aim(&mut self, step: &mut Step, name: &Name, to: u32, rollback: bool, now: Now) {
        if let Some(service) = self.services.get_mut(name) {
            service.record.target = to;
            service.record.update = Some(UpdateRecord {
                rollback,
                ..UpdateRecord::default()
            });
        }
        self.restart_clocks(step, name, now);
    }

    /// The instances of the present generation have the whole time again to become healthy.
    fn restart_clocks(&mut self, step: &mut Step, name: &Name, now: Now) {
        let Some(service) = self.services.get(name) else {
            return;
        };
        let target = service.record.target;
        for unit_name in service.instances.values() {
            let unit = self.units.get_mut(unit_name);
            let Some(instance) = unit.and_then(|unit| unit.instance_mut()) else {
                continue;
            };
            if instance.record.generation != target {
                continue;
            }
            if let Health::Bad(since) = &mut instance.health {
                *since = now.at;
            }
            if std::mem::take(&mut instance.record.early) > 0 {
                Self::put(
                    step,
                    format!("{}{unit_name}", super::LIVE_INSTANCE),
                    &instance.record,
                );
            }
        }
    }
}

pub(crate) fn unknown_service(name: &str) -> Error {
    config(format!("the service {name:?} does not exist"))
}

fn is_removed(name: &str) -> Error {
    config(format!(
        "the service {name:?} is being removed; wait for its end"
    ))
}

pub(super) fn config(message: String) -> Error {
    Error::new(ErrorKind::Config, message)
}
