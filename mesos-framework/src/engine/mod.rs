//! The state of all jobs, as a state machine without I/O and without a clock.
//!
//! Each method receives the time and what happened. It changes the state in memory at once, and
//! returns a [`Step`]: the changes to store, and the actions to carry out *after* the changes are
//! stored. An update is acknowledged after the changes of its step are stored.
//!
//! A new engine on the stored changes continues wherever the old engine was cut off:
//! * A launch is stored before its ACCEPT is sent. If the process ends in between, the master does
//!   not know the task, and the job waits for offers again.
//! * An end is stored before its update is acknowledged. Until then Mesos repeats the update.

pub(crate) mod attempt;
mod end;
pub(crate) mod job;
mod launch;
mod queue;
mod recover;
mod submit;
#[cfg(test)]
mod tests;
mod update;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use mesos_core::store::Change;
use mesos_proto::v1::{AgentId, TaskId};
use serde::Serialize;

use self::job::{DoneRecord, Job, Phase};
use self::queue::Queue;
use crate::Outcome;

pub(crate) use self::launch::{Launch, Wanted};
pub(crate) use self::submit::Submitted;
pub(crate) use self::update::Handled;

/// The name of a job, shared by all tables.
pub(crate) type Name = Arc<str>;

pub(crate) const LIVE_JOB: &str = "live/job/";
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
}

/// What a timer is for. A timer that is out of date does nothing.
#[derive(Clone, Debug)]
enum Timer {
    Retry(Name),
    Timeout(Name),
    /// A job accepts the agents of its failed attempts again.
    Place,
}

#[derive(Debug)]
pub(crate) struct Engine {
    /// Makes the task ids of this process unique, even if the store was restored from a backup.
    suffix: String,
    jobs: HashMap<Name, Box<Job>>,
    /// The jobs that wait for the end of a job.
    dependents: HashMap<Name, Vec<Name>>,
    /// The attempt of each task that may run.
    tasks: HashMap<String, Name>,
    queue: Queue,
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

    /// Stores what is known about a job.
    fn save(&self, step: &mut Step, name: &Name) {
        if let Some(job) = self.jobs.get(name) {
            Self::put(step, format!("{LIVE_JOB}{name}"), &job.record);
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
                Timer::Place => {}
                Timer::Retry(name) => {
                    let phase = self.jobs.get(&name).map(|job| job.phase);
                    if matches!(phase, Some(Phase::Delayed(at)) if at <= now.at) {
                        self.ready(&mut step, &name, now);
                    }
                }
                Timer::Timeout(name) => self.timed_out(&mut step, &name, now),
            }
        }
        step
    }

    /// Puts a job into the queue for offers.
    fn ready(&mut self, step: &mut Step, name: &Name, now: Now) {
        let Some(job) = self.jobs.get_mut(name) else {
            return;
        };
        let place = self.queue.push(name, &job.record);
        job.phase = Phase::Ready {
            since: now.at,
            place,
        };
        step.actions.push(Action::Changed(name.clone()));
    }

    /// Delays the next launch of a job, or puts the job into the queue.
    fn again(&mut self, step: &mut Step, name: &Name, delay: Duration, now: Now) {
        if delay.is_zero() {
            return self.ready(step, name, now);
        }
        let at = now.at.saturating_add(delay);
        if let Some(job) = self.jobs.get_mut(name) {
            job.phase = Phase::Delayed(at);
            self.timer(at, Timer::Retry(name.clone()));
            step.actions.push(Action::Changed(name.clone()));
        }
    }

    pub(crate) fn job(&self, name: &str) -> Option<&Job> {
        self.jobs.get(name).map(|job| &**job)
    }

    pub(crate) fn jobs(&self) -> impl Iterator<Item = (&str, &Job)> {
        self.jobs.iter().map(|(name, job)| (&**name, &**job))
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &Name> {
        self.jobs.keys()
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
