//! What the program requests.

use std::sync::Arc;

use mesos_core::{Error, ErrorKind, Result};
use tokio::sync::watch;

use super::command::Watched;
use super::listener::{BatchListener, Counts};
use super::load::Loaded;
use super::{Command, Driver, Effect, Runtime};
use crate::engine::job::Limit;
use crate::engine::{DONE_JOB, Step, Submitted};
use crate::{JobDetails, JobList, JobSpec, JobStatus, JobSummary};

/// What a program gets when its request is stored.
pub(super) fn then(then: impl FnOnce() + Send + 'static) -> Vec<Effect> {
    vec![Effect::Then(Box::new(then))]
}

impl Runtime {
    /// Answers a request. `loaded` has what is stored about the names that the request is about.
    pub(super) fn answer(&mut self, driver: &Driver, command: Command, loaded: &Loaded) {
        match command {
            Command::Loaded(command, loaded, result) => {
                self.loaded(driver, *command, loaded, result);
            }
            Command::Stored(effects) => {
                self.carry_out(driver, effects);
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
            Command::Submit(spec, reply) => match self.submit(vec![*spec], None, loaded) {
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
                let jobs = (specs, limit.as_ref());
                self.submit_all(driver, jobs, &listener, &counts, loaded);
            }
            Command::Watch { name, kill, reply } => {
                let watched = self.known(&name, loaded);
                let step = match (kill, &watched) {
                    (true, Ok(_)) => self.engine.kill(&name, self.now()).unwrap_or_default(),
                    _ => Step::default(),
                };
                self.store(driver, step, then(move || drop(reply.send(watched))));
            }
            Command::Forget(name, reply) => {
                let result = self.forget(&name);
                let (step, result) = match result {
                    Ok(step) => (step, Ok(())),
                    Err(error) => (Step::default(), Err(error)),
                };
                self.store(driver, step, then(move || drop(reply.send(result))));
            }
            Command::Reports(name, reply) => {
                let mut reports = self.engine.reports(&name);
                reports.extend(self.engine.service_reports(&name));
                drop(reply.send(reports));
            }
            Command::List(filter, reply) => {
                let mut list = JobList::select(
                    self.engine.jobs().map(|(name, unit)| (&**name, unit)),
                    &filter,
                );
                (list.counts.finished, list.counts.failed) = self.timeline.ends();
                drop(reply.send(list));
            }
            Command::Describe(name, reply) => drop(reply.send(self.describe(&name, loaded))),
            Command::Keep(spec, reply) => self.keep(driver, *spec, reply, loaded),
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
    }

    fn submit(
        &mut self,
        specs: Vec<JobSpec>,
        limit: Option<&Limit>,
        loaded: &Loaded,
    ) -> Result<(Step, Vec<Submitted>)> {
        if self.stopping {
            return Err(Error::new(ErrorKind::Closed, "the runner is stopping"));
        }
        let done = loaded
            .iter()
            .filter_map(|(name, record)| Some((name.clone(), record.clone()?)));
        self.engine
            .submit(specs, limit, &done.collect(), self.now())
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

    fn known(&mut self, name: &str, loaded: &Loaded) -> Result<Watched> {
        if self.engine.job(name).is_some() {
            return Ok(self.watched(Submitted::Live(name.into())));
        }
        match loaded.get(name) {
            Some(Some(record)) => Ok(ended(Arc::new(record.outcome.clone()))),
            _ => Err(unknown(name)),
        }
    }

    fn describe(&self, name: &str, loaded: &Loaded) -> Result<JobDetails> {
        let bug = || Error::new(ErrorKind::Store, format!("cannot decode the job {name:?}"));
        if let Some(unit) = self.engine.job(name)
            && let Some(job) = unit.job()
        {
            return Ok(JobDetails {
                summary: JobSummary::new(name, unit),
                spec: job.record.spec.unpack().ok_or_else(bug)?,
                reports: self.engine.reports(name),
            });
        }
        let record = loaded.get(name).cloned().flatten();
        let record = record.ok_or_else(|| unknown(name))?;
        Ok(JobDetails {
            summary: JobSummary::ended(record.outcome),
            spec: record.spec.unpack().ok_or_else(bug)?,
            reports: Vec::new(),
        })
    }

    fn submit_all(
        &mut self,
        driver: &Driver,
        (specs, limit): (Vec<JobSpec>, Option<&Limit>),
        listener: &BatchListener,
        counts: &Arc<Counts>,
        loaded: &Loaded,
    ) {
        // The program may have dropped the stream, so nobody may listen.
        match self.submit(specs, limit, loaded) {
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

    fn forget(&mut self, name: &str) -> Result<Step> {
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
