//! How attempts and jobs end.

use std::sync::Arc;
use std::time::Duration;

use mesos_proto::v1::TaskState;

use super::attempt::{End, LastEnd};
use super::job::Stop;
use super::unit::{Kind, Phase};
use super::{Action, Engine, Name, Now, Step};
use crate::Outcome;

impl Engine {
    /// The attempt of a unit is over: its tasks have no meaning from now on.
    pub(super) fn forget_tasks(&mut self, name: &Name) {
        let Some(unit) = self.units.get(name) else {
            return;
        };
        if let Some(attempt) = unit.attempt() {
            for part in &attempt.parts {
                self.tasks.remove(&part.id);
            }
            self.queue.ended(unit.limit());
            if let Some(key) = unit.executor_key()
                && let Some(count) = self.executors.get_mut(&key)
            {
                *count -= 1;
                if *count == 0 {
                    self.executors.remove(&key);
                }
            }
        }
    }

    /// The launch of a unit had no effect. It does not count as an attempt.
    pub(super) fn not_run(&mut self, step: &mut Step, name: &Name, delay: Duration, now: Now) {
        self.forget_tasks(name);
        let Some(unit) = self.units.get_mut(name) else {
            return;
        };
        unit.runs_mut().attempt = None;
        let mut replaced = false;
        if let Some(instance) = unit.instance_mut() {
            instance.observe(now);
            replaced = instance.record.replaced;
        }
        match unit.runs().stop {
            Some(stop) => self.stopped(step, name, stop, now),
            None if replaced => self.remove_instance(step, name),
            None => {
                self.again(step, name, delay, now);
                self.save(step, name);
            }
        }
    }

    /// The attempt of a unit ended without a result.
    pub(super) fn lost(&mut self, step: &mut Step, name: &Name, end: &End, now: Now) {
        let Some(unit) = self.units.get_mut(name) else {
            return;
        };
        if unit.attempt().is_some_and(|one| one.ran) {
            return match unit.kind {
                Kind::Job(_) => self.attempt_ended(step, name, 0, end, now),
                Kind::Instance(_) => self.instance_ended(step, name, end, false, now),
            };
        }
        if let Some(job) = unit.job_mut() {
            job.record.last_end = Some(LastEnd::from(end));
        }
        unit.misses = unit.misses.saturating_add(1);
        let delay = unit.miss_delay();
        self.not_run(step, name, delay, now);
    }

    /// The attempt of a unit ended with `end`, the end of its task `part`.
    pub(super) fn attempt_ended(
        &mut self,
        step: &mut Step,
        name: &Name,
        part: usize,
        end: &End,
        now: Now,
    ) {
        let Some(unit) = self.units.get_mut(name) else {
            return;
        };
        let Kind::Job(job) = &mut unit.kind else {
            return self.instance_ended(step, name, end, true, now);
        };
        unit.misses = 0;
        let record = &mut job.record;
        record.failures = record.failures.saturating_add(1);
        let good = end.state == TaskState::TaskFinished;
        let retry = &record.spec.retry;
        if good || record.runs.stop.is_some() || record.failures >= retry.max_attempts {
            let outcome = job.outcome(part, end, now.wall);
            return self.finish(step, name, outcome, now);
        }
        let delay = retry.delay(record.failures);
        record.last_end = Some(LastEnd::from(end));
        let runs = &mut record.runs;
        if let Some(agent) = runs.attempt.as_ref().map(|attempt| &attempt.agent.id)
            && !runs.avoid.contains(agent)
        {
            runs.avoid.push(agent.clone());
        }
        self.forget_tasks(name);
        if let Some(unit) = self.units.get_mut(name) {
            unit.runs_mut().attempt = None;
        }
        self.again(step, name, delay, now);
        self.save(step, name);
    }

    /// A unit that has no attempt ends because of `stop`.
    fn stopped(&mut self, step: &mut Step, name: &Name, stop: Stop, now: Now) {
        let Some(job) = self.units.get(name).and_then(|unit| unit.job()) else {
            return self.remove_instance(step, name);
        };
        let outcome = match stop {
            Stop::TimedOut => job.ended(TaskState::TaskFailed, job.timeout_text(), now.wall),
            Stop::Killed => {
                let message = "the job was killed while no task of it ran".to_owned();
                job.ended(TaskState::TaskKilled, message, now.wall)
            }
        };
        self.finish(step, name, outcome, now);
    }

    /// The job is over. Jobs that wait for it become ready, or end, too.
    pub(super) fn finish(&mut self, step: &mut Step, name: &Name, outcome: Outcome, now: Now) {
        let mut ended = vec![(name.clone(), outcome)];
        while let Some((name, outcome)) = ended.pop() {
            self.forget_tasks(&name);
            let Some(unit) = self.units.remove(&name) else {
                continue;
            };
            let phase = unit.phase;
            let Kind::Job(job) = unit.kind else {
                continue;
            };
            match phase {
                Phase::Ready { place, .. } => self.queue.remove(place),
                Phase::Blocked(_) => {
                    // Otherwise the ends would count twice for a later job with this name.
                    for dependency in &job.record.spec.after {
                        if let Some(waiting) = self.dependents.get_mut(dependency.as_str()) {
                            waiting.retain(|waiting| *waiting != name);
                        }
                    }
                }
                Phase::Delayed(_) | Phase::Launched => {}
            }
            Self::done(step, *job, &outcome);
            for dependent in self.dependents.remove(&name).unwrap_or_default() {
                let Some(unit) = self.units.get_mut(&dependent) else {
                    continue;
                };
                if let Some(job) = unit.job()
                    && !outcome.is_success()
                {
                    let message = format!(
                        "not started, because the job {name:?} ended with {}",
                        outcome.state.as_str_name()
                    );
                    let dropped = job.ended(TaskState::TaskDropped, message, now.wall);
                    ended.push((dependent, dropped));
                } else if let Phase::Blocked(count) = &mut unit.phase {
                    *count = count.saturating_sub(1);
                    if *count == 0 {
                        self.ready(step, &dependent, now);
                    }
                }
            }
            step.actions.push(Action::Ended(Arc::new(outcome)));
        }
    }

    /// Ends a job, with the kill policy of its tasks. Returns `None` if the job is not known.
    pub(crate) fn kill(&mut self, name: &str, now: Now) -> Option<Step> {
        self.job(name)?;
        let name = self.units.get_key_value(name)?.0.clone();
        let mut step = Step::default();
        self.stop(&mut step, &name, Stop::Killed, now);
        Some(step)
    }

    pub(super) fn timed_out(&mut self, step: &mut Step, name: &Name, now: Now) {
        let deadline = self.job(name).and_then(|unit| unit.job()?.deadline);
        // The timer may be of an earlier job with this name.
        let due = deadline.is_some_and(|at| at <= now.at);
        if due {
            self.stop(step, name, Stop::TimedOut, now);
        }
    }

    /// Ends a unit.
    pub(super) fn stop(&mut self, step: &mut Step, name: &Name, stop: Stop, now: Now) {
        let Some(unit) = self.units.get_mut(name) else {
            return;
        };
        let runs = unit.runs_mut();
        if runs.stop.is_some() {
            return;
        }
        runs.stop = Some(stop);
        let Some(attempt) = &runs.attempt else {
            return self.stopped(step, name, stop, now);
        };
        // Without its answer, the KILL could overtake the ACCEPT.
        let kill = (!attempt.in_flight)
            .then(|| Action::Kill(attempt.open().collect(), attempt.agent_id()));
        self.save(step, name);
        step.actions.extend(kill);
        self.changed(step, name);
    }
}
