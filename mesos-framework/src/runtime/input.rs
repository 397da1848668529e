//! What the program requests.

use std::collections::BTreeMap;
use std::sync::Arc;

use mesos_core::{Error, ErrorKind, HandlerResult, Result};
use tokio::sync::watch;

use super::command::Watched;
use super::listener::{BatchListener, Counts};
use super::{Command, Driver, Effect, Runtime};
use crate::engine::job::{DoneRecord, Limit};
use crate::engine::{DONE_JOB, Step, Submitted};
use crate::{JobDetails, JobList, JobSpec, JobStatus, JobSummary};

/// What a program gets when its request is stored.
pub(super) fn then(then: impl FnOnce() + Send + 'static) -> Vec<Effect> {
    vec![Effect::Then(Box::new(then))]
}

impl Runtime {
    pub(super) async fn command(&mut self, driver: &Driver, command: Command) -> HandlerResult {
        match command {
            Command::Stored(effects) => {
                for effect in effects {
                    self.effect(driver, effect);
                }
                self.work_soon(driver);
            }
            Command::Work => self.work(driver),
            Command::Tick => {
                self.tick = None;
                let step = self.engine.tick(self.now());
                self.store(driver, step, Vec::new());
            }
            Command::Answered(launches, result) => {
                let result = result.as_ref().copied();
                let step = self.engine.answered(&launches, result, self.now());
                self.store(driver, step, Vec::new());
            }
            Command::Submit(spec, reply) => match self.submit(vec![*spec], None).await {
                Ok((step, mut submitted)) => {
                    let watched = submitted.pop().map(|one| self.watched(one));
                    self.store(
                        driver,
                        step,
                        then(move || {
                            if let Some(watched) = watched {
                                let _ = reply.send(Ok(watched));
                            }
                        }),
                    );
                }
                Err(error) => drop(reply.send(Err(error))),
            },
            Command::SubmitAll(specs, limit, listener, counts) => {
                self.submit_all(driver, specs, limit.as_ref(), &listener, &counts)
                    .await;
            }
            Command::Watch { name, kill, reply } => {
                let watched = self.known(&name).await;
                let step = match (kill, &watched) {
                    (true, Ok(_)) => self.engine.kill(&name, self.now()).unwrap_or_default(),
                    _ => Step::default(),
                };
                self.store(driver, step, then(move || drop(reply.send(watched))));
            }
            Command::Forget(name, reply) => {
                let result = self.forget(&name).await;
                let (step, result) = match result {
                    Ok(step) => (step, Ok(())),
                    Err(error) => (Step::default(), Err(error)),
                };
                self.store(driver, step, then(move || drop(reply.send(result))));
            }
            Command::Reports(name, reply) => {
                drop(reply.send(self.history.of(&name).cloned().collect()));
            }
            Command::List(filter, reply) => {
                let mut list = JobList::select(
                    self.engine.jobs().map(|(name, unit)| (&**name, unit)),
                    &filter,
                );
                (list.counts.finished, list.counts.failed) = self.timeline.ends();
                drop(reply.send(list));
            }
            Command::Describe(name, reply) => drop(reply.send(self.describe(&name).await)),
            Command::Keep(spec, reply) => self.keep(driver, *spec, reply).await,
            Command::Service(name, request, reply) => {
                let result = self.engine.change_service(&name, request, self.now());
                self.answer_service(driver, result, reply);
            }
            Command::Services(reply) => drop(reply.send(self.all_services())),
            Command::DescribeService(name, reply) => {
                drop(reply.send(self.describe_service(&name)));
            }
            Command::StopAll(reply) => {
                self.stopping = true;
                self.remove_services(driver);
                let names: Vec<_> = self.engine.jobs().map(|(name, _)| name.clone()).collect();
                for name in names {
                    if let Some(step) = self.engine.kill(&name, self.now()) {
                        self.store(driver, step, Vec::new());
                    }
                }
                self.store(
                    driver,
                    Step::default(),
                    then(move || reply.send(()).unwrap_or_default()),
                );
            }
            Command::Flush(reply) => {
                self.stopping = true;
                self.store(
                    driver,
                    Step::default(),
                    then(move || reply.send(()).unwrap_or_default()),
                );
            }
        }
        Ok(())
    }

    async fn submit(
        &mut self,
        specs: Vec<JobSpec>,
        limit: Option<&Limit>,
    ) -> Result<(Step, Vec<Submitted>)> {
        if self.stopping {
            return Err(Error::new(ErrorKind::Closed, "the runner is stopping"));
        }
        let mut done = BTreeMap::new();
        for spec in &specs {
            for name in std::iter::once(&spec.name).chain(&spec.after) {
                if self.engine.job(name).is_none()
                    && !done.contains_key(name)
                    && let Some(record) = self.done(name).await?
                {
                    done.insert(name.clone(), record);
                }
            }
        }
        self.engine.submit(specs, limit, &done, self.now())
    }

    /// The record of a job that has ended.
    pub(super) async fn done(&self, name: &str) -> Result<Option<DoneRecord>> {
        let key = format!("{DONE_JOB}{name}");
        let failed = |error: mesos_core::BoxError| {
            let message = format!("cannot read the entry {key:?} of the state");
            Error::new(ErrorKind::Store, message).with_source(error)
        };
        let value = self.writer.read(&key).await.map_err(failed)?;
        let record = value.map(|value| serde_json::from_slice(&value));
        record.transpose().map_err(|error| failed(error.into()))
    }

    fn watched(&mut self, submitted: Submitted) -> Watched {
        match submitted {
            Submitted::Done(outcome) => ended(outcome),
            Submitted::Live(name) => {
                let status = self.engine.job(&name).map(|job| job.job_status());
                // A job whose dependency failed is over, and its end is about to be reported.
                let status = status.unwrap_or(JobStatus::Blocked);
                (name.to_string(), self.listeners.watch(&name, status))
            }
        }
    }

    async fn known(&mut self, name: &str) -> Result<Watched> {
        if self.engine.job(name).is_some() {
            return Ok(self.watched(Submitted::Live(name.into())));
        }
        match self.done(name).await? {
            Some(record) => Ok(ended(Arc::new(record.outcome))),
            None => Err(unknown(name)),
        }
    }

    async fn describe(&self, name: &str) -> Result<JobDetails> {
        let bug = || Error::new(ErrorKind::Store, format!("cannot decode the job {name:?}"));
        if let Some(unit) = self.engine.job(name)
            && let Some(job) = unit.job()
        {
            return Ok(JobDetails {
                summary: JobSummary::new(name, unit),
                spec: job.record.spec.unpack().ok_or_else(bug)?,
                reports: self.history.of(name).cloned().collect(),
            });
        }
        let record = self.done(name).await?.ok_or_else(|| unknown(name))?;
        Ok(JobDetails {
            summary: JobSummary::ended(record.outcome),
            spec: record.spec.unpack().ok_or_else(bug)?,
            reports: Vec::new(),
        })
    }

    async fn submit_all(
        &mut self,
        driver: &Driver,
        specs: Vec<JobSpec>,
        limit: Option<&Limit>,
        listener: &BatchListener,
        counts: &Arc<Counts>,
    ) {
        // The program may have dropped the stream, so nobody may listen.
        match self.submit(specs, limit).await {
            Ok((step, submitted)) => {
                for one in submitted {
                    match one {
                        Submitted::Done(outcome) => {
                            counts.ended(&outcome);
                            let _ = listener.send(Ok((*outcome).clone()));
                        }
                        Submitted::Live(name) => {
                            self.listeners
                                .batch(&name, listener.clone(), Arc::clone(counts));
                            let engine = &self.engine;
                            let status = || engine.job(&name).map(|job| job.job_status());
                            self.listeners.changed(&name, status);
                        }
                    }
                }
                self.store(driver, step, Vec::new());
            }
            Err(error) => drop(listener.send(Err(error))),
        }
    }

    async fn forget(&mut self, name: &str) -> Result<Step> {
        if self.engine.job(name).is_some() {
            let message = format!("the job {name:?} has not ended; kill it before");
            return Err(Error::new(ErrorKind::Config, message));
        }
        let key = format!("{DONE_JOB}{name}");
        Ok(Step {
            changes: vec![mesos_core::store::Change::remove(key)],
            actions: Vec::new(),
        })
    }
}

fn unknown(name: &str) -> Error {
    let message = format!("the job {name:?} does not exist");
    Error::new(ErrorKind::Config, message)
}

fn ended(outcome: Arc<crate::Outcome>) -> Watched {
    let name = outcome.name.clone();
    (
        name,
        watch::Sender::new(JobStatus::Ended(outcome)).subscribe(),
    )
}
