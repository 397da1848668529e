//! The state of all jobs and services, as a state machine without I/O and without a clock.
//!
//! Each method receives the time and what happened. It changes the state in memory at once, and
//! returns a [`Step`]: the changes to store, and the actions to carry out *after* the changes are
//! stored. The update of an end is acknowledged after the changes of its step are stored.
//!
//! A new engine on the stored changes continues wherever the old engine was cut off:
//! * A launch is stored before its ACCEPT is sent. If the process ends in between, the master does
//!   not know the task, and the job waits for offers again.
//! * An end is stored before its update is acknowledged. Until then Mesos repeats the update.
//! * What is known of a task that runs is lost if the process ends before it is stored.
//!   Reconciliation reports it again.
//!
//! A job and an instance of a service are [units](unit): what is launched, killed and recovered.
//! What happens to a service is decided by [`judge`](Engine::judge), from nothing but the service
//! and its instances. So it does not matter where an update of a service was cut off.

pub(crate) mod attempt;
mod candidates;
mod end;
mod instance;
pub(crate) mod job;
mod judge;
mod keep;
mod launch;
mod leave;
pub(crate) mod packed;
mod plan;
mod queue;
mod recover;
mod room;
mod service;
mod submit;
#[cfg(test)]
mod tests;
pub(crate) mod unit;
mod update;
mod waiting;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use mesos_core::store::Change;
use mesos_proto::v1::{AgentId, TaskId};
use serde::Serialize;

use self::job::{DoneRecord, Job};
use self::queue::{Need, Queue};
use self::service::Service;
use self::unit::{Kind, Phase, Unit};
use crate::Outcome;

pub(crate) use self::keep::{Request as ServiceRequest, unknown_service};
pub(crate) use self::launch::Launch;
pub(crate) use self::room::Room;
pub(crate) use self::submit::Submitted;
pub(crate) use self::update::Handled;
pub(crate) use self::waiting::WantedUnit;

/// The name of a job, of a service or of an instance, shared by all tables.
pub(crate) type Name = Arc<str>;

/// The beginning of the keys of everything that an engine continues with.
pub(crate) const LIVE: &str = "live/";
pub(crate) const LIVE_JOB: &str = "live/job/";
pub(crate) const LIVE_SERVICE: &str = "live/service/";
pub(crate) const LIVE_INSTANCE: &str = "live/instance/";
pub(crate) const DONE_JOB: &str = "done/job/";

/// The time: monotonic since the start of the engine, and of the clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Now {
    pub(crate) at: Duration,
    pub(crate) wall: SystemTime,
}

/// What has to follow a change of the state, in this order.
#[derive(Debug, Default)]
pub(crate) struct Step {
    /// To store, all or none.
    pub(crate) changes: Vec<Change>,
    /// To carry out when the changes are stored.
    pub(crate) actions: Vec<Action>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Action {
    /// Kill these tasks, until they have ended.
    Kill(Vec<TaskId>, AgentId),
    /// Request the states of these tasks, until they are answered.
    Reconcile(Vec<(TaskId, AgentId)>),
    /// The job is in another state.
    Changed(Name),
    /// The job has ended.
    Ended(Arc<Outcome>),
    /// The service is in another state, or was removed.
    Service(Name),
}

/// What a timer is for. A timer that is out of date does nothing.
#[derive(Clone, Debug)]
enum Timer {
    Retry(Name),
    Timeout(Name),
    /// A job accepts the agents of its failed attempts again.
    Place,
    Judge(Name),
}

#[derive(Debug)]
pub(crate) struct Engine {
    /// Makes the task ids of this process unique, even if the store was restored from a backup.
    suffix: String,
    units: HashMap<Name, Unit>,
    /// The number of units that were added.
    added: u64,
    services: BTreeMap<Name, Service>,
    /// The services that have to be judged.
    dirty: BTreeSet<Name>,
    /// The agents that are to be left, and why: the inverse offers.
    leaving: BTreeMap<String, BTreeSet<String>>,
    /// The jobs that wait for the end of a job.
    dependents: HashMap<Name, Vec<Name>>,
    /// The attempt of each task that may run.
    tasks: HashMap<String, Name>,
    queue: Queue,
    /// Whether a unit was added that keeps other tasks away. Placement then has to know what runs.
    avoiding: bool,
    /// Whether units that need the same can have different places.
    separate: bool,
    /// How many attempts use the custom executor with this id on this agent.
    executors: BTreeMap<(String, String), usize>,
    timers: BTreeMap<(Duration, u64), Timer>,
    timer_count: u64,
}

impl Engine {
    fn put(step: &mut Step, key: String, record: &impl Serialize) {
        // Records have text keys and no values that JSON does not know.
        match serde_json::to_vec(record) {
            Ok(json) => step.changes.push(Change::put(key, json)),
            Err(error) => tracing::error!(%error, key, "bug: cannot encode a record"),
        }
    }

    fn add(&mut self, name: Name, kind: Kind) {
        self.added += 1;
        let unit = Unit::new(kind, self.added);
        let avoids = unit.avoids();
        self.units.insert(name, unit);
        if avoids && !self.avoiding {
            self.avoiding = true;
            self.sort_again();
        }
    }

    /// Stores what is known about a unit.
    fn save(&self, step: &mut Step, name: &Name) {
        match self.units.get(name).map(|unit| &unit.kind) {
            Some(Kind::Job(job)) => Self::put(step, format!("{LIVE_JOB}{name}"), &job.record),
            Some(Kind::Instance(instance)) => {
                Self::put(step, format!("{LIVE_INSTANCE}{name}"), &instance.record);
            }
            None => {}
        }
    }

    fn timer(&mut self, at: Duration, timer: Timer) {
        self.timer_count += 1;
        self.timers.insert((at, self.timer_count), timer);
    }

    /// When [`tick`](Self::tick) has something to do.
    pub(crate) fn next_timer(&self) -> Option<Duration> {
        self.timers.keys().next().map(|(at, _)| *at)
    }

    /// Lets time pass.
    pub(crate) fn tick(&mut self, now: Now) -> Step {
        let mut step = Step::default();
        while let Some(entry) = self.timers.first_entry() {
            if entry.key().0 > now.at {
                break;
            }
            match entry.remove() {
                Timer::Place => self.queue.gained(),
                Timer::Retry(name) => {
                    let phase = self.units.get(&name).map(|unit| unit.phase);
                    if matches!(phase, Some(Phase::Delayed(at)) if at <= now.at) {
                        self.ready(&mut step, &name, now);
                    }
                }
                Timer::Timeout(name) => self.timed_out(&mut step, &name, now),
                Timer::Judge(name) => {
                    if let Some(service) = self.services.get_mut(&name) {
                        service.wake = service.wake.filter(|at| *at > now.at);
                        self.dirty.insert(name);
                    }
                }
            }
        }
        step
    }

    /// Puts a unit into the queue for offers.
    fn ready(&mut self, step: &mut Step, name: &Name, now: Now) {
        let Some(unit) = self.units.get_mut(name) else {
            return;
        };
        let need = need(unit, self.avoiding, self.separate);
        let place = self.queue.push(name, need);
        unit.phase = Phase::Ready {
            since: now.at,
            place,
        };
        self.changed(step, name);
    }

    /// Delays the next launch of a unit, or puts the unit into the queue.
    fn again(&mut self, step: &mut Step, name: &Name, delay: Duration, now: Now) {
        if delay.is_zero() {
            return self.ready(step, name, now);
        }
        let at = now.at.saturating_add(delay);
        if let Some(unit) = self.units.get_mut(name) {
            unit.phase = Phase::Delayed(at);
            self.timer(at, Timer::Retry(name.clone()));
            self.changed(step, name);
        }
    }

    /// The unit is in another state.
    fn changed(&mut self, step: &mut Step, name: &Name) {
        match self.units.get(name).map(|unit| &unit.kind) {
            Some(Kind::Job(_)) => step.actions.push(Action::Changed(name.clone())),
            Some(Kind::Instance(instance)) => drop(self.dirty.insert(instance.service.clone())),
            None => {}
        }
    }

    /// A job that has not ended.
    pub(crate) fn job(&self, name: &str) -> Option<&Unit> {
        let unit = self.units.get(name)?;
        unit.job().map(|_| unit)
    }

    /// The jobs that have not ended.
    pub(crate) fn jobs(&self) -> impl Iterator<Item = (&Name, &Unit)> {
        self.units.iter().filter(|(_, unit)| unit.job().is_some())
    }

    /// Whether nothing waits for offers.
    pub(crate) fn is_idle(&self) -> bool {
        self.queue.is_empty()
    }

    /// The record of a job that has ended.
    fn done(step: &mut Step, job: Job, outcome: &Outcome) {
        let name = &outcome.name;
        step.changes
            .push(Change::remove(format!("{LIVE_JOB}{name}")));
        let record = DoneRecord {
            outcome: outcome.clone(),
            spec: job.record.spec,
        };
        Self::put(step, format!("{DONE_JOB}{name}"), &record);
    }
}

fn need(unit: &Unit, labels: bool, separate: bool) -> Need {
    match separate {
        true => unit.own_need(labels),
        false => unit.need(labels),
    }
}
