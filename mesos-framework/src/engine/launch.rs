//! What waits for offers, and what becomes of a launch.

use std::collections::BTreeSet;
use std::time::Duration;

use mesos_core::{Delivery, Error};
use mesos_placement::{Agent, Constraint, Field, Request, RunningTask};
use mesos_proto::v1::{FrameworkId, TaskId};

use super::attempt::Attempt;
use super::unit::{Phase, Unit};
use super::{Action, Engine, Name, Now, Step, Timer};

/// How long a job waits for another agent than those of its failed attempts.
const AVOID: Duration = Duration::from_secs(3);

/// Something that can be launched now.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) name: Name,
    /// The id of the next launch.
    pub(crate) id: String,
    pub(crate) request: Request,
    /// The name in reports.
    pub(crate) report: String,
    /// Whether the place depends on the tasks that run.
    pub(crate) social: bool,
}

/// A launch that is about to be sent.
#[derive(Clone, Debug)]
pub(crate) struct Launch {
    pub(crate) name: Name,
    pub(crate) id: String,
    pub(crate) tasks: Vec<TaskId>,
    pub(crate) agent: Agent,
}

impl Engine {
    /// What can be launched now, at most `most`, the most urgent first.
    pub(crate) fn wanted(&mut self, framework: &FrameworkId, most: usize, now: Now) -> Vec<Wanted> {
        let units = &self.units;
        let names = self.queue.first(most, |name| units.get(name)?.limit());
        let mut later = Vec::new();
        let mut wanted = Vec::with_capacity(names.len());
        for name in names {
            let Some(unit) = self.units.get(&name) else {
                continue;
            };
            let id = unit.next_id(&name, &self.suffix);
            let Some(mut request) = unit.request(framework, id.as_str().into()) else {
                continue;
            };
            let avoid = &unit.runs().avoid;
            if let Phase::Ready { since, .. } = unit.phase
                && !avoid.is_empty()
                && unit.avoids_failed_agents()
            {
                let until = since.saturating_add(AVOID);
                if now.at < until {
                    let values: BTreeSet<String> = avoid.iter().cloned().collect();
                    request = request.constraint(Constraint::NotIn {
                        field: Field::AgentId,
                        values,
                    });
                    later.push(until);
                }
            }
            wanted.push(Wanted {
                social: unit.is_social(),
                report: unit.request_name().to_owned(),
                name,
                id,
                request,
            });
        }
        for at in later {
            if !self
                .timers
                .range((at, 0)..=(at, u64::MAX))
                .any(|(_, t)| matches!(t, Timer::Place))
            {
                self.timer(at, Timer::Place);
            }
        }
        wanted
    }

    /// The first request that waits, also if its group is full. So the master continues to offer.
    pub(crate) fn first_waiting(&self, framework: &FrameworkId) -> Option<Request> {
        let name = self.queue.first(1, |_| None).pop()?;
        let unit = self.units.get(&name)?;
        unit.request(framework, TaskId::from(name.as_ref()))
    }

    /// Whether a unit may keep other tasks away, although these have no constraint.
    pub(crate) fn is_avoiding(&self) -> bool {
        self.avoiding
    }

    /// The tasks that may run, as constraints of other tasks see them.
    pub(crate) fn running(&self, framework: &FrameworkId) -> Vec<RunningTask> {
        let running = |unit: &Unit| {
            let attempt = unit.attempt()?;
            let request = unit.request(framework, TaskId::from(attempt.id.as_str()))?;
            Some(RunningTask::of(&request, attempt.agent.clone()))
        };
        self.units.values().filter_map(running).collect()
    }

    /// Puts units that were not placed behind the others, so that each unit is tried.
    pub(crate) fn rotate(&mut self, names: impl IntoIterator<Item = Name>) {
        for name in names {
            if let Some(unit) = self.units.get_mut(&name)
                && let Phase::Ready { since, place } = unit.phase
            {
                self.queue.remove(unit.priority(), place);
                let place = self.queue.push(&name, unit.priority());
                unit.phase = Phase::Ready { since, place };
            }
        }
    }

    /// Launches are about to be sent. A unit that can no longer be launched is an error of the
    /// caller, who must not send its launch.
    pub(crate) fn launch(&mut self, launches: Vec<Launch>, now: Now) -> Step {
        let mut step = Step::default();
        for launch in launches {
            let Some(unit) = self.units.get_mut(&launch.name) else {
                continue;
            };
            let Phase::Ready { place, .. } = unit.phase else {
                continue;
            };
            self.queue.remove(unit.priority(), place);
            self.queue.launched(unit.limit());
            unit.phase = Phase::Launched;
            let runs = unit.runs_mut();
            runs.number += 1;
            runs.attempt = Some(Attempt::new(launch.id, &launch.tasks, launch.agent));
            for task in launch.tasks {
                self.tasks.insert(task.value, launch.name.clone());
            }
            if let Some(job) = unit.job_mut() {
                let first = job.record.started.is_none();
                job.record.started.get_or_insert(now.wall);
                if let Some(timeout) = job.record.spec.timeout.filter(|_| first) {
                    let at = now.at.saturating_add(timeout);
                    job.deadline = Some(at);
                    self.timer(at, Timer::Timeout(launch.name.clone()));
                }
            }
            self.save(&mut step, &launch.name);
            self.changed(&mut step, &launch.name);
        }
        step
    }

    /// The call with these launches was answered.
    pub(crate) fn answered(
        &mut self,
        launches: &[(Name, String)],
        result: Result<(), &Error>,
        now: Now,
    ) -> Step {
        let mut step = Step::default();
        for (name, id) in launches {
            let Some(unit) = self.units.get_mut(name) else {
                continue;
            };
            let runs = unit.runs_mut();
            let stop = runs.stop.is_some();
            let Some(attempt) = runs.attempt.as_mut().filter(|one| one.id == *id) else {
                continue;
            };
            attempt.in_flight = false;
            let (agent, tasks) = (attempt.agent_id(), attempt.open().collect::<Vec<_>>());
            match result {
                Ok(()) if stop => {
                    step.actions.push(Action::Kill(tasks, agent));
                }
                Ok(()) => {}
                Err(error) if error.delivery() == Delivery::Unknown => {
                    let asked = tasks.iter().map(|task| (task.clone(), agent.clone()));
                    step.actions.push(Action::Reconcile(asked.collect()));
                    if stop {
                        step.actions.push(Action::Kill(tasks, agent));
                    }
                }
                // The launch did not arrive, so it did not happen.
                Err(_) => self.not_run(&mut step, name, Duration::ZERO, now),
            }
        }
        step
    }
}
