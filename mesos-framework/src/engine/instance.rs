//! One instance of a service.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use mesos_placement::{Constraint, Request};
use mesos_proto::v1::{FrameworkId, TaskId};
use serde::{Deserialize, Serialize};

use super::attempt::{Attempt, End, LastEnd};
use super::job::Limit;
use super::unit::{Phase, Runs, Unit};
use super::{Engine, Name, Now, Step};
use crate::service::{InstanceState, InstanceStatus};
use crate::{ServiceSpec, Workload};

/// What is stored about an instance, in `live/instance/SERVICE/NUMBER`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct InstanceRecord {
    pub(crate) generation: u32,
    /// The ends in a row that came soon after the start.
    #[serde(default)]
    pub(crate) early: u32,
    /// All ends.
    #[serde(default)]
    pub(crate) ends: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) last_end: Option<LastEnd>,
    /// Since when the task runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) running: Option<SystemTime>,
    /// Since when the task runs and is healthy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) healthy: Option<SystemTime>,
    /// Since when the task is unreachable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) unreachable: Option<SystemTime>,
    /// Whether another instance has the place of this one, which is unreachable.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) replaced: bool,
    #[serde(default)]
    pub(crate) runs: Runs,
}

#[derive(Clone, Debug)]
pub(crate) struct Instance {
    pub(crate) service: Name,
    pub(crate) id: u32,
    pub(crate) record: InstanceRecord,
    /// The specification of the generation.
    pub(crate) spec: Arc<ServiceSpec>,
    pub(crate) limit: Arc<Limit>,
    /// When the task began to run. `before` is the time before this process started.
    pub(crate) running: Option<Since>,
    pub(crate) unreachable: Option<Since>,
    /// Since when the instance runs and is healthy; or since when it is not so, or not known to be
    /// so since the start of this process.
    pub(crate) health: Health,
    /// Since when the instance was healthy for the process before.
    was_healthy: Option<Since>,
    /// Whether the task is being killed because its agent is drained.
    pub(crate) drained: bool,
    /// Whether the instance was replaced and came back.
    pub(crate) returned: bool,
}

/// A moment, which may be before the start of the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Since {
    at: Duration,
    before: Duration,
}

impl Since {
    fn now(now: Now) -> Self {
        Self {
            at: now.at,
            before: Duration::ZERO,
        }
    }

    /// A clock that was set back makes this later, and never earlier.
    pub(crate) fn recovered(time: SystemTime, now: Now) -> Self {
        Self {
            at: now.at,
            before: now.wall.duration_since(time).unwrap_or(Duration::ZERO),
        }
    }

    /// How long ago this was.
    pub(crate) fn passed(self, now: Now) -> Duration {
        let since = now.at.saturating_sub(self.at);
        since.saturating_add(self.before)
    }

    /// When `time` will have passed since this.
    pub(crate) fn end_of(self, time: Duration) -> Duration {
        self.at.saturating_add(time.saturating_sub(self.before))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Health {
    Good(Since),
    Bad(Duration),
}

impl Instance {
    pub(crate) fn new(
        (service, id): (Name, u32),
        record: InstanceRecord,
        spec: Arc<ServiceSpec>,
        limit: Arc<Limit>,
        now: Now,
    ) -> Self {
        let since = |time: SystemTime| Since::recovered(time, now);
        Self {
            service,
            id,
            spec,
            limit,
            running: record.running.map(since),
            unreachable: record.unreachable.map(since),
            health: Health::Bad(now.at),
            was_healthy: record.healthy.map(since),
            drained: false,
            returned: false,
            record,
        }
    }

    /// The name of the unit. The name of a job does not contain a slash.
    pub(crate) fn unit_name(service: &str, id: u32) -> Name {
        format!("{service}/{id}").into()
    }

    /// An agent with announced maintenance gets no new instance.
    pub(crate) fn request(&self, framework: &FrameworkId, id: TaskId) -> Request {
        let request = self.spec.request(framework, [id]);
        request.constraint(Constraint::Available)
    }

    /// Follows what is known about the attempt. Returns whether the record has changed.
    pub(super) fn observe(&mut self, now: Now) -> bool {
        let times = |record: &InstanceRecord| (record.running, record.healthy, record.unreachable);
        let before = times(&self.record);
        let attempt = self.record.runs.attempt.as_ref();
        let ran = attempt.is_some_and(|attempt| attempt.ran);
        let unreachable = attempt.is_some_and(Attempt::is_unreachable);
        if ran && self.running.is_none() {
            self.running = Some(Since::now(now));
            self.record.running = Some(now.wall);
        } else if attempt.is_none() {
            (self.running, self.record.running) = (None, None);
        }
        if !unreachable {
            (self.unreachable, self.record.unreachable) = (None, None);
        } else if self.unreachable.is_none() {
            self.unreachable = Some(Since::now(now));
            self.record.unreachable = Some(now.wall);
        }
        let good = attempt.is_some_and(|one| is_healthy(one, &self.spec.workload));
        // What this process learns first decides whether the time before it counts.
        let was_healthy = self.was_healthy.take();
        self.health = match (good, self.health) {
            (true, Health::Bad(_)) => Health::Good(was_healthy.unwrap_or(Since::now(now))),
            (false, Health::Good(_)) => Health::Bad(now.at),
            (_, same) => same,
        };
        self.record.healthy = match good {
            true => self.record.healthy.or(Some(now.wall)),
            false => None,
        };
        before != times(&self.record)
    }
}

/// Whether all tasks run, and those with a health check have passed it.
fn is_healthy(attempt: &Attempt, workload: &Workload) -> bool {
    let mut checked = workload
        .tasks()
        .iter()
        .map(|one| one.health_check.is_some());
    attempt.is_running()
        && !attempt.is_unreachable()
        && attempt.parts.iter().all(|part| {
            let checked = checked.next().unwrap_or(false);
            match part.seen.healthy {
                Some(healthy) => healthy,
                None => !checked,
            }
        })
}

impl Engine {
    /// What is known about the attempt of an instance has changed.
    pub(super) fn instance_changed(&mut self, step: &mut Step, name: &Name, now: Now) {
        let Some(unit) = self.units.get_mut(name) else {
            return;
        };
        let Some(instance) = unit.instance_mut() else {
            return;
        };
        let mut changed = instance.observe(now);
        self.dirty.insert(instance.service.clone());
        if instance.record.replaced && instance.unreachable.is_none() {
            instance.record.replaced = false;
            instance.returned = true;
            changed = true;
            if instance.record.runs.attempt.is_some() {
                self.queue.launched(Some(&instance.limit));
            }
        }
        if changed {
            self.save(step, name);
        }
    }

    /// The attempt of an instance ended. `end` is `None` if it was lost without its own fault.
    pub(super) fn instance_ended(
        &mut self,
        step: &mut Step,
        name: &Name,
        end: &End,
        own_fault: bool,
        now: Now,
    ) {
        self.forget_tasks(name);
        let Some(unit) = self.units.get_mut(name) else {
            return;
        };
        unit.misses = 0;
        let Some(instance) = unit.instance_mut() else {
            return;
        };
        self.dirty.insert(instance.service.clone());
        let agent = instance.record.runs.attempt.take().map(|one| one.agent.id);
        let ran = instance.running.map(|since| since.passed(now));
        instance.observe(now);
        let replaced = std::mem::take(&mut instance.record.replaced);
        if replaced || instance.record.runs.stop.is_some() {
            return self.remove_instance(step, name);
        }
        let record = &mut instance.record;
        record.ends = record.ends.saturating_add(1);
        record.last_end = Some(LastEnd::from(end));
        record.runs.avoid.clear();
        let own_fault = own_fault && !std::mem::take(&mut instance.drained);
        let mut delay = Duration::ZERO;
        if own_fault {
            let restart = &instance.spec.restart;
            let stable = ran.is_some_and(|time| time >= restart.stable_after);
            record.early = match stable {
                true => 1,
                false => record.early.saturating_add(1),
            };
            delay = restart.delay(record.early);
            record.runs.avoid.extend(agent);
        }
        self.again(step, name, delay, now);
        self.save(step, name);
    }

    /// The instance does not exist any more. It has no attempt.
    pub(super) fn remove_instance(&mut self, step: &mut Step, name: &Name) {
        self.forget_tasks(name);
        let Some(unit) = self.units.remove(name) else {
            return;
        };
        if let Phase::Ready { place, .. } = unit.phase {
            self.queue.remove(place);
        }
        let Some(instance) = unit.instance() else {
            return;
        };
        if let Some(service) = self.services.get_mut(&instance.service) {
            service.instances.remove(&instance.id);
        }
        self.dirty.insert(instance.service.clone());
        step.changes.push(mesos_core::store::Change::remove(format!(
            "{}{name}",
            super::LIVE_INSTANCE
        )));
    }
}

impl Unit {
    /// The state of the instance, as a program sees it.
    pub(crate) fn instance_status(&self, instance: &Instance) -> InstanceStatus {
        let record = &instance.record;
        let attempt = record.runs.attempt.as_ref();
        let state = match (attempt, self.phase) {
            (_, _) if record.replaced => InstanceState::Replaced,
            (Some(_), _) if record.runs.stop.is_some() => InstanceState::Stopping,
            (Some(attempt), _) if attempt.is_unreachable() => InstanceState::Unreachable,
            (Some(_), _) if matches!(instance.health, Health::Good(_)) => InstanceState::Ready,
            (Some(attempt), _) if attempt.is_running() => InstanceState::Unhealthy,
            (Some(_), _) => InstanceState::Launched,
            (None, Phase::Delayed(_)) => InstanceState::Delayed,
            (None, _) => InstanceState::Waiting,
        };
        InstanceStatus {
            number: instance.id,
            generation: record.generation,
            state,
            agent: attempt.map(|attempt| attempt.agent.clone()),
            task_ids: attempt
                .map(|attempt| attempt.parts.iter().map(|part| part.id.clone()).collect())
                .unwrap_or_default(),
            ends: record.ends,
            early_ends: record.early,
            last_end: record.last_end.as_ref().map(LastEnd::to_string),
        }
    }
}
