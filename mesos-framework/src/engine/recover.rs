//! An engine on what an earlier engine stored.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use bytes::Bytes;
use mesos_core::BoxError;

use super::job::{Job, JobRecord, Phase};
use super::queue::Queue;
use super::{Action, Engine, LIVE_JOB, Name, Now, Step, Timer};

impl Engine {
    /// An engine that continues with the entries `live/job/…` of a store. `suffix` must differ
    /// from that of all earlier engines.
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
            jobs: HashMap::new(),
            dependents: HashMap::new(),
            tasks: HashMap::new(),
            queue: Queue::default(),
            timers: BTreeMap::new(),
            timer_count: 0,
        };
        let mut names = Vec::new();
        for (key, value) in entries {
            let record: JobRecord = serde_json::from_slice(&value)
                .map_err(|error| format!("cannot read the entry {key:?} of the state: {error}"))?;
            let name = Name::from(key.strip_prefix(LIVE_JOB).unwrap_or(&key));
            let mut job = Job::new(record.spec.clone(), None);
            job.record = record;
            engine.jobs.insert(name.clone(), Box::new(job));
            names.push(name);
        }
        let mut step = Step::default();
        for name in names {
            engine.resume(&mut step, &name, now);
        }
        Ok((engine, step))
    }

    fn resume(&mut self, step: &mut Step, name: &Name, now: Now) {
        let Some(job) = self.jobs.get_mut(name) else {
            return;
        };
        let record = &job.record;
        if let Some(limit) = &record.limit {
            self.queue.set_limit(limit);
        }
        let deadline = record
            .spec
            .timeout
            .zip(record.started)
            .map(|(timeout, started)| {
                // A clock that was set back gives the whole time again, and never more.
                let passed = now.wall.duration_since(started).unwrap_or(Duration::ZERO);
                now.at.saturating_add(timeout.saturating_sub(passed))
            });
        job.deadline = deadline;
        if let Some(attempt) = &record.attempt {
            job.phase = Phase::Launched;
            self.queue.launched(record.limit.as_ref());
            let agent = attempt.agent_id();
            for part in &attempt.parts {
                self.tasks.insert(part.id.clone(), name.clone());
            }
            let asked = attempt.open().map(|task| (task, agent.clone()));
            step.actions.push(Action::Reconcile(asked.collect()));
            if record.stop.is_some() {
                step.actions
                    .push(Action::Kill(attempt.open().collect(), agent));
            }
        } else if record.failures > 0 {
            let delay = record.spec.retry.delay(record.failures);
            self.again(step, name, delay, now);
        } else {
            self.depend(step, name, now);
        }
        if let Some(at) = deadline {
            self.timer(at, Timer::Timeout(name.clone()));
        }
    }
}
