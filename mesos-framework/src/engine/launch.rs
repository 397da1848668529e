//! What becomes of a launch.

use std::time::Duration;

use mesos_core::{Delivery, Error};
use mesos_placement::Agent;
use mesos_proto::v1::TaskId;

use super::attempt::Attempt;
use super::unit::Phase;
use super::{Action, Engine, Name, Now, Step, Timer};

/// A launch that is about to be sent.
#[derive(Clone, Debug)]
pub(crate) struct Launch {
    pub(crate) name: Name,
    pub(crate) id: String,
    pub(crate) tasks: Vec<TaskId>,
    pub(crate) agent: Agent,
}

impl Engine {
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
            self.queue.launch(place);
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
            self.executor_used(&launch.name);
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
