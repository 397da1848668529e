//! New jobs.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use mesos_core::Error;
use mesos_proto::v1::TaskState;

use super::job::{DoneRecord, Job, Limit};
use super::keep::config;
use super::packed::Packed;
use super::unit::{Kind, Phase, Unit};
use super::{Engine, Name, Now, Step};
use crate::{JobSpec, Outcome};

/// What became of a job that was submitted.
#[derive(Clone, Debug)]
pub(crate) enum Submitted {
    /// The job is new, or it was submitted before and has not ended.
    Live(Name),
    /// The job was submitted before and has ended.
    Done(Arc<Outcome>),
}

impl Engine {
    /// Adds jobs, all or none. `done` has those of these jobs and of their dependencies that have
    /// ended. A job with a known name and an equal specification is the known job.
    ///
    /// # Errors
    /// A name with another specification, a dependency that does not exist, or dependencies in a
    /// circle.
    pub(crate) fn submit(
        &mut self,
        specs: Vec<JobSpec>,
        limit: Option<&Limit>,
        done: &BTreeMap<String, DoneRecord>,
        now: Now,
    ) -> Result<(Step, Vec<Submitted>), Error> {
        self.check(&specs, done)?;
        let mut packed = self.pack(&specs, done)?;
        if let Some(limit) = limit {
            self.queue.set_limit(limit);
        }
        let mut step = Step::default();
        let mut added = Vec::new();
        let mut submitted = Vec::with_capacity(specs.len());
        for JobSpec { name, .. } in &specs {
            if let Some(record) = done.get(name) {
                submitted.push(Submitted::Done(Arc::new(record.outcome.clone())));
                continue;
            }
            let name = match packed.remove(name.as_str()) {
                Some(spec) => {
                    let name = Name::from(name.as_str());
                    let job = Job::new(spec, limit.cloned());
                    self.add(name.clone(), Kind::Job(Box::new(job)));
                    self.save(&mut step, &name);
                    added.push(name.clone());
                    name
                }
                None => {
                    let known = self.units.get_key_value(name.as_str());
                    let name = known.map_or_else(|| name.as_str().into(), |(name, _)| name.clone());
                    self.regroup(&mut step, &name, limit);
                    name
                }
            };
            submitted.push(Submitted::Live(name));
        }
        for name in &added {
            self.depend(&mut step, name, now);
        }
        for name in added {
            let failed = self.job(&name).and_then(Unit::job).and_then(|job| {
                let after = job.record.spec.after.iter();
                let mut ended = after.filter_map(|one| done.get(one));
                let failed = ended.find(|record| !record.outcome.is_success())?;
                let message = format!(
                    "not started, because the job {:?} ended with {}",
                    failed.outcome.name,
                    failed.outcome.state.as_str_name()
                );
                Some(job.ended(TaskState::TaskDropped, message, now.wall))
            });
            if let Some(outcome) = failed {
                self.finish(&mut step, &name, outcome, now);
            }
        }
        Ok((step, submitted))
    }

    /// The stored forms of the jobs that are new. Nothing has changed yet if one of them fails.
    fn pack<'s>(
        &self,
        specs: &'s [JobSpec],
        done: &BTreeMap<String, DoneRecord>,
    ) -> Result<HashMap<&'s str, Packed>, Error> {
        let is_new = |name: &str| !done.contains_key(name) && !self.units.contains_key(name);
        let new = specs.iter().filter(|spec| is_new(&spec.name));
        new.map(|spec| Ok((spec.name.as_str(), Packed::new(spec)?)))
            .collect()
    }

    /// The job counts for the limit of a new group.
    fn regroup(&mut self, step: &mut Step, name: &Name, limit: Option<&Limit>) {
        let unit = self.units.get_mut(name);
        let (Some(job), Some(limit)) = (unit.and_then(|unit| unit.job_mut()), limit) else {
            return;
        };
        if job.record.limit.as_ref() == Some(limit) {
            return;
        }
        if job.record.runs.attempt.is_some() {
            self.queue.ended(job.record.limit.as_ref());
            self.queue.launched(Some(limit));
        }
        job.record.limit = Some(limit.clone());
        self.sort(name);
        self.save(step, name);
    }

    /// Waits for the dependencies of a job, or puts the job into the queue.
    pub(super) fn depend(&mut self, step: &mut Step, name: &Name, now: Now) {
        let Some(job) = self.units.get(name).and_then(|unit| unit.job()) else {
            return;
        };
        let after: BTreeSet<&String> = job.record.spec.after.iter().collect();
        let mut count = 0;
        for dependency in after {
            if let Some((dependency, _)) = self.units.get_key_value(dependency.as_str()) {
                let waiting = self.dependents.entry(dependency.clone()).or_default();
                waiting.push(name.clone());
                count += 1;
            }
        }
        if count == 0 {
            return self.ready(step, name, now);
        }
        if let Some(unit) = self.units.get_mut(name) {
            unit.phase = Phase::Blocked(count);
        }
    }

    fn check(&self, specs: &[JobSpec], done: &BTreeMap<String, DoneRecord>) -> Result<(), Error> {
        let mut new: HashMap<&str, &JobSpec> = HashMap::new();
        for spec in specs {
            if self.services.contains_key(spec.name.as_str()) {
                return Err(config(format!(
                    "the name {:?} is the name of a service; use another name for the job",
                    spec.name
                )));
            }
            let known = self.job(&spec.name).and_then(Unit::job);
            let ended = done.get(&spec.name).map(|record| &record.spec);
            let mut stored = known.map(|job| &job.record.spec).into_iter().chain(ended);
            let twin = new.insert(&spec.name, spec);
            let differs = stored.any(|stored| stored.unpack().as_ref() != Some(spec))
                || twin.is_some_and(|twin| twin != spec);
            if differs {
                return Err(config(format!(
                    "the job {:?} exists with another specification; use another name, or \
                     forget the job when it has ended",
                    spec.name
                )));
            }
        }
        for spec in specs {
            for dependency in &spec.after {
                let exists = new.contains_key(dependency.as_str())
                    || self.job(dependency).is_some()
                    || done.contains_key(dependency);
                if !exists {
                    return Err(config(format!(
                        "the job {:?} waits for the job {dependency:?}, which does not exist; \
                         submit it before, or in the same call",
                        spec.name
                    )));
                }
            }
        }
        match circle(&new) {
            Some(circle) => Err(config(format!(
                "the jobs wait for each other: {}; remove one of these dependencies",
                circle.join(" after ")
            ))),
            None => Ok(()),
        }
    }
}

/// Names that wait for each other; the last is the first again.
fn circle<'a>(specs: &HashMap<&'a str, &'a JobSpec>) -> Option<Vec<&'a str>> {
    let mut checked: BTreeSet<&str> = BTreeSet::new();
    let mut names: Vec<&&str> = specs.keys().collect();
    names.sort_unstable();
    for start in names {
        // Without recursion, because a chain can be as long as the list.
        let mut path: Vec<(&str, usize)> = vec![(start, 0)];
        let mut on_path: BTreeSet<&str> = BTreeSet::from([*start]);
        while let Some((name, next)) = path.last_mut() {
            let name = *name;
            let dependency = specs.get(name).and_then(|spec| spec.after.get(*next));
            *next += 1;
            match dependency {
                Some(one) if on_path.contains(one.as_str()) => {
                    let from = path.iter().position(|(name, _)| name == one)?;
                    let mut circle: Vec<&str> =
                        path[from..].iter().map(|(name, _)| *name).collect();
                    circle.push(circle[0]);
                    return Some(circle);
                }
                Some(one) => {
                    if let Some((&one, _)) = specs.get_key_value(one.as_str())
                        && !checked.contains(one)
                    {
                        path.push((one, 0));
                        on_path.insert(one);
                    }
                }
                None => {
                    checked.insert(name);
                    on_path.remove(name);
                    path.pop();
                }
            }
        }
    }
    None
}
