//! Carries out the plans of services.

use std::sync::Arc;
use std::time::Duration;

use mesos_core::store::Change;

use super::instance::{Health, Instance, InstanceRecord};
use super::job::Stop;
use super::plan::{Plan, Up, View, plan};
use super::unit::Kind;
use super::{Action, Engine, LIVE_SERVICE, Name, Now, Step, Timer};
use crate::OnFailure;

impl Engine {
    /// Whether [`judge`](Self::judge) has something to do.
    pub(crate) fn is_dirty(&self) -> bool {
        !self.dirty.is_empty()
    }

    /// Decides what happens to the services that have changed. To be called after each input, or
    /// after several.
    pub(crate) fn judge(&mut self, now: Now) -> Step {
        let mut step = Step::default();
        while let Some(name) = self.dirty.pop_first() {
            self.judge_service(&mut step, &name, now);
            let action = Action::Service(name);
            if !step.actions.contains(&action) {
                step.actions.push(action);
            }
        }
        step
    }

    fn judge_service(&mut self, step: &mut Step, name: &Name, now: Now) {
        let first = self.replace_unreachable(step, name, now);
        let Some(service) = self.services.get(name) else {
            return;
        };
        if service.record.removing {
            self.remove_all(step, name, now);
            self.wake(name, first);
            return;
        }
        let (views, stopping) = self.views(name);
        let Some(service) = self.services.get_mut(name) else {
            return;
        };
        let plan = plan(&service.record, views, stopping, now.at);
        if let Some(failure) = plan.failed {
            self.update_failed(step, name, failure, now);
            return;
        }
        self.wake(name, first.into_iter().chain(plan.wake).min());
        self.carry_out(step, name, plan, now);
    }

    fn carry_out(&mut self, step: &mut Step, name: &Name, plan: Plan, now: Now) {
        let Some(service) = self.services.get_mut(name) else {
            return;
        };
        let mut limit = (*service.limit).clone();
        limit.max = plan.most;
        self.queue.set_limit(&limit);
        let mut changed = false;
        if plan.complete {
            service.record.complete();
            changed = true;
        }
        let (generation, count) = plan.create;
        let mut created = Vec::new();
        if let Some(spec) = service.record.generation(generation).cloned() {
            for _ in 0..count {
                let id = service.record.next;
                service.record.next += 1;
                changed = true;
                let unit_name = Instance::unit_name(name, id);
                service.instances.insert(id, unit_name.clone());
                let record = InstanceRecord {
                    generation,
                    ..InstanceRecord::default()
                };
                let limit = Arc::clone(&service.limit);
                let instance =
                    Instance::new((name.clone(), id), record, Arc::clone(&spec), limit, now);
                created.push((unit_name, instance));
            }
        }
        let stopped: Vec<Name> = plan
            .stop
            .iter()
            .filter_map(|id| service.instances.get(id).cloned())
            .collect();
        changed |= self.collect_generations(name);
        if changed {
            self.save_service(step, name);
        }
        for unit in stopped {
            self.stop(step, &unit, Stop::Killed, now);
        }
        for (unit_name, instance) in created {
            self.add(unit_name.clone(), Kind::Instance(Box::new(instance)));
            self.save(step, &unit_name);
            self.ready(step, &unit_name, now);
        }
    }

    /// What the plan of a service has to know, and the number of instances of old generations that
    /// were killed and have not ended.
    fn views(&self, name: &Name) -> (Vec<View>, usize) {
        let Some(service) = self.services.get(name) else {
            return (Vec::new(), 0);
        };
        let mut stopping = 0;
        let mut views = Vec::with_capacity(service.instances.len());
        for unit in service.instances.values() {
            let unit = self.units.get(unit);
            let Some(instance) = unit.and_then(|unit| unit.instance()) else {
                continue;
            };
            let record = &instance.record;
            if record.replaced {
                continue;
            }
            if record.runs.stop.is_some() {
                stopping += usize::from(record.generation != service.record.target);
                continue;
            }
            let attempt = record.runs.attempt.as_ref();
            let up = match (attempt, instance.health) {
                (None, _) => Up::Waiting,
                (Some(_), Health::Good(_)) => Up::Ready,
                (Some(attempt), _) if attempt.is_unreachable() => Up::Unreachable,
                (Some(_), _) => Up::Launched,
            };
            let agent = attempt.map(|attempt| &attempt.agent.id);
            views.push(View {
                id: instance.id,
                generation: record.generation,
                up,
                leaving: instance.drained
                    || agent.is_some_and(|agent| self.leaving.contains_key(agent)),
                returned: instance.returned,
                early: record.early,
                health: instance.health,
            });
        }
        (views, stopping)
    }

    /// Gives up instances that are unreachable for too long. Returns when the next one is due.
    fn replace_unreachable(&mut self, step: &mut Step, name: &Name, now: Now) -> Option<Duration> {
        let service = self.services.get(name)?;
        let after = service.record.spec().unreachable_after;
        let mut next: Option<Duration> = None;
        let mut due = Vec::new();
        for unit_name in service.instances.values() {
            let unit = self.units.get_mut(unit_name);
            let Some(instance) = unit.and_then(|unit| unit.instance_mut()) else {
                continue;
            };
            if let Some(since) = instance.unreachable
                && !instance.record.replaced
            {
                if since.passed(now) >= after {
                    self.queue.ended(Some(&instance.limit));
                    instance.record.replaced = true;
                    due.push(unit_name.clone());
                } else {
                    let at = since.end_of(after);
                    next = Some(next.map_or(at, |other| other.min(at)));
                }
            }
        }
        for name in due {
            self.save(step, &name);
        }
        next
    }

    /// Stops all instances, and removes the service after the last one.
    fn remove_all(&mut self, step: &mut Step, name: &Name, now: Now) {
        let Some(service) = self.services.get(name) else {
            return;
        };
        for unit in service.instances.values().cloned().collect::<Vec<_>>() {
            let replaced = self.units.get(&unit).and_then(|unit| unit.instance());
            // If a task that was given up comes back, it is in no record, and is killed.
            match replaced.is_some_and(|instance| instance.record.replaced) {
                true => self.remove_instance(step, &unit),
                false => self.stop(step, &unit, Stop::Killed, now),
            }
        }
        let empty = |service: &super::service::Service| service.instances.is_empty();
        if self.services.get(name).is_some_and(empty)
            && let Some(service) = self.services.remove(name)
        {
            self.queue.forget(&service.limit);
            self.dirty.remove(name);
            step.changes
                .push(Change::remove(format!("{LIVE_SERVICE}{name}")));
        }
    }

    fn update_failed(&mut self, step: &mut Step, name: &Name, failure: String, now: Now) {
        let Some(service) = self.services.get_mut(name) else {
            return;
        };
        tracing::warn!(service = %name, failure, "the update of the service has failed");
        let record = &mut service.record;
        let is_rollback = record.update.as_ref().is_some_and(|update| update.rollback);
        let on_failure = record.spec().update.on_failure;
        if on_failure == OnFailure::Rollback && !is_rollback && record.target != record.stable {
            let stable = record.stable;
            record.rolled_back = Some(failure);
            self.aim(step, name, stable, true, now);
        } else if let Some(update) = &mut record.update {
            update.paused = true;
            update.failure = Some(failure);
        }
        self.dirty.insert(name.clone());
        self.save_service(step, name);
    }

    /// Forgets the specifications that nothing needs any more.
    fn collect_generations(&mut self, name: &Name) -> bool {
        let Some(service) = self.services.get_mut(name) else {
            return false;
        };
        let units = &self.units;
        let used: Vec<u32> = service
            .instances
            .values()
            .filter_map(|unit| Some(units.get(unit)?.instance()?.record.generation))
            .collect();
        let record = &mut service.record;
        let roles = [Some(record.target), Some(record.stable), record.previous];
        let before = record.generations.len();
        record
            .generations
            .retain(|one| roles.contains(&Some(one.number)) || used.contains(&one.number));
        before != record.generations.len()
    }

    pub(super) fn save_service(&self, step: &mut Step, name: &Name) {
        if let Some(service) = self.services.get(name) {
            Self::put(step, format!("{LIVE_SERVICE}{name}"), &service.record);
        }
    }

    /// Judges the service again at this time.
    fn wake(&mut self, name: &Name, at: Option<Duration>) {
        let (Some(service), Some(at)) = (self.services.get_mut(name), at) else {
            return;
        };
        if service.wake.is_none_or(|planned| at < planned) {
            service.wake = Some(at);
            self.timer(at, Timer::Judge(name.clone()));
        }
    }
}
