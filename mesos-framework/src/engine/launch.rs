//! What waits for offers, and what becomes of a launch.

use std::collections::BTreeSet;
use std::time::Duration;

use mesos_core::{Delivery, Error};
use mesos_placement::{Agent, Constraint, Field, Request, RunningTask};
use mesos_proto::v1::{FrameworkId, TaskId};

use super::attempt::Attempt;
use super::job::{Job, Phase};
use super::{Action, Engine, Name, Now, Step, Timer};
use crate::Workload;

/// How long a job waits for another agent than those of its failed attempts.
const AVOID: Duration = Duration::from_secs(3);

/// Something that can be launched now.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) name: Name,
    /// The id of the next launch.
    pub(crate) id: String,
    pub(crate) request: Request,
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
        let jobs = &self.jobs;
        let names = self
            .queue
            .first(most, |name| jobs.get(name)?.record.limit.as_ref());
        let mut later = Vec::new();
        let mut wanted = Vec::with_capacity(names.len());
        for name in names {
            let Some(job) = self.jobs.get(&name) else {
                continue;
            };
            let record = &job.record;
            let id = format!("{name}.{}-{}", record.number + 1, self.suffix);
            let mut request = record.spec.request(framework, [id.as_str().into()]);
            if let Phase::Ready { since, .. } = job.phase
                && !record.avoid.is_empty()
                && record.spec.retry.avoid_failed_agents
            {
                let until = since.saturating_add(AVOID);
                if now.at < until {
                    let values: BTreeSet<String> = record.avoid.iter().cloned().collect();
                    request = request.constraint(Constraint::NotIn {
                        field: Field::AgentId,
                        values,
                    });
                    later.push(until);
                }
            }
            let executor =
                matches!(&record.spec.workload, Workload::Task(task) if task.executor.is_some());
            wanted.push(Wanted {
                social: executor || !request.constraints().is_empty(),
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
        let spec = &self.jobs.get(&name)?.record.spec;
        Some(spec.request(framework, [TaskId::from(name.as_ref())]))
    }

    /// The tasks that may run, as constraints of other tasks see them.
    pub(crate) fn running(&self) -> Vec<RunningTask> {
        let running = |job: &Job| {
            let (spec, attempt) = (&job.record.spec, job.record.attempt.as_ref()?);
            let mut running = RunningTask::new(&spec.name, attempt.agent.clone());
            for task in spec.workload.tasks() {
                for (key, value) in &task.labels {
                    running = running.with_label(key, value);
                }
            }
            Some(match &spec.workload {
                Workload::Task(task) => match &task.executor {
                    Some(executor) => running.with_executor(executor.info(task.user.as_deref())),
                    None => running,
                },
                Workload::Pod(_) => running,
            })
        };
        self.jobs.values().filter_map(|job| running(job)).collect()
    }

    /// Puts jobs that were not placed behind the others, so that each job is tried.
    pub(crate) fn rotate(&mut self, names: impl IntoIterator<Item = Name>) {
        for name in names {
            if let Some(job) = self.jobs.get_mut(&name)
                && let Phase::Ready { since, place } = job.phase
            {
                self.queue.remove(job.record.spec.priority, place);
                let place = self.queue.push(&name, &job.record);
                job.phase = Phase::Ready { since, place };
            }
        }
    }

    /// Launches are about to be sent. A job that can no longer be launched is an error of the
    /// caller, who must not send its launch.
    pub(crate) fn launch(&mut self, launches: Vec<Launch>, now: Now) -> Step {
        let mut step = Step::default();
        for launch in launches {
            let Some(job) = self.jobs.get_mut(&launch.name) else {
                continue;
            };
            let Phase::Ready { place, .. } = job.phase else {
                continue;
            };
            let record = &mut job.record;
            self.queue.remove(record.spec.priority, place);
            self.queue.launched(record.limit.as_ref());
            record.number += 1;
            let first = record.started.is_none();
            record.started.get_or_insert(now.wall);
            record.attempt = Some(Attempt::new(launch.id, &launch.tasks, launch.agent));
            job.phase = Phase::Launched;
            for task in launch.tasks {
                self.tasks.insert(task.value, launch.name.clone());
            }
            if let Some(timeout) = record.spec.timeout.filter(|_| first) {
                let at = now.at.saturating_add(timeout);
                job.deadline = Some(at);
                self.timer(at, Timer::Timeout(launch.name.clone()));
            }
            self.save(&mut step, &launch.name);
            step.actions.push(Action::Changed(launch.name));
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
            let Some(job) = self.jobs.get_mut(name) else {
                continue;
            };
            let Some(attempt) = job.record.attempt.as_mut().filter(|one| one.id == *id) else {
                continue;
            };
            attempt.in_flight = false;
            let (agent, tasks) = (attempt.agent_id(), attempt.open().collect::<Vec<_>>());
            match result {
                Ok(()) if job.record.stop.is_some() => {
                    step.actions.push(Action::Kill(tasks, agent));
                }
                Ok(()) => {}
                Err(error) if error.delivery() == Delivery::Unknown => {
                    let asked = tasks.iter().map(|task| (task.clone(), agent.clone()));
                    step.actions.push(Action::Reconcile(asked.collect()));
                    if job.record.stop.is_some() {
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
