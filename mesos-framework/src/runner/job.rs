//! One job, as a program sees it.

use std::future::IntoFuture;
use std::pin::Pin;

use mesos_core::Result;
use tokio::sync::{oneshot, watch};

use super::Runner;
use crate::runtime::Command;
use crate::runtime::command::Watched;
use crate::{JobSpec, JobStatus, Outcome};

/// A job that is about to run: await it. Made by [`Runner::run`].
#[derive(Debug)]
#[must_use = "nothing happens before this is awaited"]
pub struct Run {
    runner: Runner,
    job: JobSpec,
    cancel: bool,
}

impl Run {
    pub(super) fn new(runner: Runner, job: JobSpec) -> Self {
        Self {
            runner,
            job,
            cancel: false,
        }
    }

    /// Kills the job if the future is dropped before the job has ended. The kill is repeated until
    /// it is confirmed.
    pub fn cancel_on_drop(mut self) -> Self {
        self.cancel = true;
        self
    }
}

impl IntoFuture for Run {
    type Output = Result<Outcome>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<Outcome>> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            // Before the job is submitted: the future may be dropped while the state is written.
            let guard = self
                .cancel
                .then(|| KillOnDrop::new(&self.runner, [self.job.name.clone()]));
            let handle = self.runner.submit(self.job).await;
            let outcome = match handle {
                Ok(handle) => handle.outcome().await,
                Err(error) => Err(error),
            };
            // A job that was refused is of others.
            if let Some(guard) = guard {
                guard.disarm();
            }
            outcome
        })
    }
}

/// Kills jobs when it is dropped.
#[derive(Debug)]
pub(super) struct KillOnDrop {
    runner: Runner,
    names: Vec<String>,
}

impl KillOnDrop {
    pub(super) fn new(runner: &Runner, names: impl IntoIterator<Item = String>) -> Self {
        Self {
            runner: runner.clone(),
            names: names.into_iter().collect(),
        }
    }

    pub(super) fn disarm(mut self) {
        self.names.clear();
    }
}

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        for name in self.names.drain(..) {
            // Nobody waits for the answer. A runner that has ended cannot kill.
            let (reply, _) = oneshot::channel();
            let kill = Command::Watch {
                name,
                kill: true,
                reply,
            };
            let _ = self.runner.send(kill);
        }
    }
}

/// A handle on a job. Dropping it does nothing to the job.
#[derive(Clone, Debug)]
pub struct JobHandle {
    runner: Runner,
    name: String,
    status: watch::Receiver<JobStatus>,
}

impl JobHandle {
    pub(super) fn new(runner: Runner, (name, status): Watched) -> Self {
        Self {
            runner,
            name,
            status,
        }
    }

    /// The name of the job.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The present state.
    pub fn status(&self) -> JobStatus {
        self.status.borrow().clone()
    }

    /// Waits for another state than the last one that this handle returned here. States in between
    /// may be skipped. Cancel safe.
    ///
    /// # Errors
    /// The job has ended, and its end was returned before; or the reason, if the runner has ended.
    pub async fn changed(&mut self) -> Result<JobStatus> {
        match self.status.changed().await {
            Ok(()) => Ok(self.status.borrow_and_update().clone()),
            Err(_) if self.status.borrow().outcome().is_some() => Err(mesos_core::Error::new(
                mesos_core::ErrorKind::Closed,
                format!("the job {:?} has ended", self.name),
            )),
            Err(_) => Err(self.runner.ended().await),
        }
    }

    /// Waits for the end of the job. Cancel safe.
    ///
    /// # Errors
    /// The reason, if the runner ends before the job.
    pub async fn outcome(&self) -> Result<Outcome> {
        let mut status = self.status.clone();
        let ended = status.wait_for(|status| status.outcome().is_some()).await;
        let outcome = ended.ok().and_then(|status| status.outcome().cloned());
        match outcome {
            Some(outcome) => Ok(outcome),
            None => Err(self.runner.ended().await),
        }
    }

    /// Kills the job and waits for its end, as [`Runner::kill`].
    ///
    /// # Errors
    /// The reason, if the runner ends before the job.
    pub async fn kill(&self) -> Result<Outcome> {
        self.runner.kill(&self.name).await
    }
}
