//! The interface of programs: a runner of jobs and services.

mod batch;
mod builder;
mod job;
mod service;

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use mesos_core::lint::{Lint, Linter};
use mesos_core::store::Change;
use mesos_core::{Error, ErrorKind, Framework, Result, SchedulerDriver, error_chain};
use mesos_placement::Unplaced;
use mesos_proto::v1::TaskState;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

pub use self::batch::{Progress, RunAll};
pub use self::builder::{RunnerBuilder, UnknownTasks};
pub use self::job::{JobHandle, Run};
pub use self::service::ServiceHandle;
use crate::engine::job::{DoneRecord, Job, JobRecord};
use crate::engine::{DONE_JOB, LIVE, LIVE_JOB};
use crate::runtime::{Command, Driver, Store};
use crate::store::parts;
use crate::view::{JobDetails, JobFilter, JobList, Timeline};
use crate::{HeldOffer, InvalidSpec, JobSpec, OfferPool, Outcome, TimelineEvent};

/// Runs jobs on Mesos, until each of them has ended, and keeps services running. Clones are handles
/// on one runner.
///
/// ```no_run
/// use std::time::Duration;
/// use mesos::framework::{Runner, TaskSpec};
/// use mesos::http::HttpBackend;
/// use mesos::Framework;
///
/// # async fn example() -> Result<(), mesos::BoxError> {
/// let framework = Framework::with_failover_timeout("hello", Duration::from_secs(3600));
/// let backend = HttpBackend::new("http://10.0.0.1:5050".parse()?);
/// let runner = Runner::builder(framework).start(backend).await?;
/// let outcome = runner.run(TaskSpec::shell("hello", "echo hello")).await?;
/// println!("{:?} on {:?}", outcome.state, outcome.agent);
/// runner.stop().await?;
/// # Ok(())
/// # }
/// ```
///
/// # What survives
/// With a [state](RunnerBuilder::state) on disk, the process can end at any moment. A new runner
/// with the same state takes over: it finds what ended in between, adopts the tasks that run, and
/// launches again what never arrived. A program simply submits its jobs again: a job with a known
/// name and an equal specification is the known job, whether it waits, runs or has ended.
///
/// # Ends
/// [`stop`](Self::stop) kills everything and removes the framework. [`detach`](Self::detach)
/// leaves everything for the next runner. Dropping all handles does nothing: the runner works on
/// until the runtime of the program ends, which is like a `detach`.
#[derive(Clone)]
pub struct Runner {
    shared: Arc<Shared>,
}

struct Shared {
    driver: Driver,
    store: Store,
    linter: Linter,
    failure: watch::Receiver<Option<String>>,
    name: String,
    pool: OfferPool,
    timeline: Timeline,
    /// The tasks that use the store. They end after the driver.
    tasks: Mutex<Vec<JoinHandle<()>>>,
    /// Why this process does not lead any more.
    lost: Arc<OnceLock<Error>>,
}

impl Runner {
    /// Starts the description of a runner.
    pub fn builder(framework: Framework) -> RunnerBuilder {
        RunnerBuilder::new(framework)
    }

    /// Runs a job until it has ended. An outcome that is not a success is not an error.
    ///
    /// Nothing happens before the result is awaited. Dropping the future then detaches: the job
    /// continues, unless [`Run::cancel_on_drop`] was called.
    ///
    /// # Errors
    /// Those of [`submit`](Self::submit), and the reason if the runner ends before the job.
    pub fn run(&self, job: impl Into<JobSpec>) -> Run {
        Run::new(self.clone(), job.into())
    }

    /// Submits a job. When this returns, the job is stored.
    ///
    /// A job with a known name and an equal specification is the known job, also if it has ended.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for an invalid specification, for a known name with another
    /// specification, and for a dependency that does not exist; [`ErrorKind::Store`] if the state cannot be read;
    /// [`ErrorKind::Closed`], or the reason, if the runner has ended.
    pub async fn submit(&self, job: impl Into<JobSpec>) -> Result<JobHandle> {
        let job = Box::new(job.into());
        self.validate(&job)?;
        let watched = self.request(|reply| Command::Submit(job, reply)).await?;
        Ok(JobHandle::new(self.clone(), watched?))
    }

    /// Finds mistakes before anything starts.
    fn validate(&self, job: &JobSpec) -> Result<()> {
        accepted(&job.name, job.validate(&self.shared.linter))?;
        self.check_size("job", &job.name, job, 1)
    }

    /// Refuses what could never be stored.
    fn check_size(
        &self,
        what: &str,
        name: &str,
        spec: &impl serde::Serialize,
        copies: usize,
    ) -> Result<()> {
        let largest = parts::largest(&*self.shared.store, copies);
        if self.shared.store.commit_limit() == usize::MAX {
            return Ok(());
        }
        let size = serde_json::to_vec(spec).map_or(0, |json| json.len());
        if size <= largest {
            return Ok(());
        }
        let message = format!(
            "the description of the {what} {name:?} has {size} bytes, but the state accepts \
             {largest}; move files to uris, or keep the state in a file"
        );
        Err(Error::new(ErrorKind::Config, message))
    }

    /// Runs several jobs. The result is a stream of their outcomes, in the order of their ends.
    /// Jobs can depend on each other in any order, but not in a circle.
    ///
    /// Nothing happens before the stream is polled. Then all jobs are submitted, or none of them.
    pub fn run_all<S: Into<JobSpec>>(&self, jobs: impl IntoIterator<Item = S>) -> RunAll {
        RunAll::new(self.clone(), jobs.into_iter().map(Into::into).collect())
    }

    /// A handle on a job that was submitted, also by an earlier run of the program.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if the job does not exist; otherwise as [`submit`](Self::submit).
    pub async fn job(&self, name: impl Into<String>) -> Result<JobHandle> {
        self.watch(name.into(), false).await
    }

    async fn watch(&self, name: String, kill: bool) -> Result<JobHandle> {
        let watch = |reply| Command::Watch { name, kill, reply };
        let watched = self.request(watch).await?;
        Ok(JobHandle::new(self.clone(), watched?))
    }

    /// Kills a job with the kill policy of its task, and waits for its end: until Mesos has
    /// confirmed that the task has ended. The kill is repeated until then. Dropping the future
    /// does not take the kill back.
    ///
    /// The outcome can be a success, if the task ended before the kill arrived. Jobs that wait for
    /// this job end, too.
    ///
    /// # Errors
    /// As [`job`](Self::job).
    pub async fn kill(&self, name: impl Into<String>) -> Result<Outcome> {
        self.watch(name.into(), true).await?.outcome().await
    }

    /// Removes a job that has ended from the state, so that its name can be used again.
    /// Forgetting a name that is not known does nothing.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if the job has not ended; otherwise as [`submit`](Self::submit).
    pub async fn forget(&self, name: impl Into<String>) -> Result<()> {
        let name = name.into();
        self.request(|reply| Command::Forget(name, reply)).await?
    }

    /// Why a job or an instance of a service is not placed: the last reports, the newest first.
    /// Empty if nothing of this name waits for offers.
    ///
    /// # Errors
    /// The reason, if the runner has ended.
    pub async fn reports(&self, name: impl Into<String>) -> Result<Vec<Unplaced>> {
        let name = name.into();
        self.request(|reply| Command::Reports(name, reply)).await
    }

    /// Why the last commit to the state failed; `None` while the state can be written. While it
    /// cannot, nothing is launched and no end is acknowledged. The commit is repeated.
    pub fn state_failure(&self) -> watch::Receiver<Option<String>> {
        self.shared.failure.clone()
    }

    /// The health of the connection to Mesos.
    pub fn health(&self) -> mesos_core::scheduler::Health {
        self.shared.driver.health()
    }

    /// The id of the framework, once Mesos has assigned it.
    pub fn framework_id(&self) -> Option<mesos_proto::v1::FrameworkId> {
        self.shared.driver.framework_id()
    }

    /// The name of the framework.
    pub fn framework_name(&self) -> &str {
        &self.shared.name
    }

    /// The jobs that have not ended and match the filter, and the number of jobs in each state.
    ///
    /// The time grows with the number of jobs. The event loop of the runner does this, so a program
    /// with 100,000 jobs should not request this more than about once a second.
    ///
    /// # Errors
    /// The reason, if the runner has ended.
    pub async fn jobs(&self, filter: JobFilter) -> Result<JobList> {
        self.request(|reply| Command::List(filter, reply)).await
    }

    /// All that is known about a job, also about a job that has ended.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if the job does not exist; [`ErrorKind::Store`] if the state cannot
    /// be read; the reason, if the runner has ended.
    pub async fn describe(&self, name: impl Into<String>) -> Result<JobDetails> {
        let name = name.into();
        self.request(|reply| Command::Describe(name, reply)).await?
    }

    /// The offers that wait for tasks, those that expire first before the others.
    pub fn held_offers(&self) -> Vec<HeldOffer> {
        self.shared.pool.list()
    }

    /// What happened to jobs: the last 500 events since the start of the runner, the newest first.
    pub fn timeline(&self) -> Vec<TimelineEvent> {
        self.shared.timeline.events()
    }

    /// How jobs ended: the last 500 since the start of the runner, the newest first.
    /// [`describe`](Self::describe) also knows the jobs that ended before.
    pub fn ended_jobs(&self) -> Vec<Arc<Outcome>> {
        self.shared.timeline.ended_jobs()
    }

    /// Changes whenever [`jobs`](Self::jobs), [`timeline`](Self::timeline) or a report may have
    /// changed. The value itself has no meaning.
    pub fn activity(&self) -> watch::Receiver<u64> {
        self.shared.timeline.activity()
    }

    /// Kills everything and removes the framework from Mesos. Jobs that have not ended end with
    /// TASK_KILLED. Services are removed.
    ///
    /// # Errors
    /// The reason, if the runner had ended before; [`ErrorKind::Store`] if the state cannot be
    /// written for 20 seconds. Then the framework is not removed, new jobs are refused, and the
    /// runner tries further to write the state. Call this again later.
    pub async fn stop(&self) -> Result<()> {
        self.stored(Command::StopAll).await?;
        self.shared.driver.stop();
        self.shared.driver.join().await?;
        self.written().await?;
        self.end_all().await?;
        self.shared.store.release_lead().await;
        Ok(())
    }

    /// Ends the runner and leaves everything as it is, for the next runner with this state. Mesos
    /// keeps the tasks for the failover timeout of the framework.
    ///
    /// # Errors
    /// As [`stop`](Self::stop). A process that ends without this loses nothing.
    pub async fn detach(&self) -> Result<()> {
        self.stored(Command::Flush).await?;
        self.shared.driver.stop_for_failover();
        self.shared.driver.join().await?;
        self.written().await?;
        self.shared.store.release_lead().await;
        Ok(())
    }

    /// Waits until the runner has ended, by [`stop`](Self::stop), by [`detach`](Self::detach) or with
    /// an error. Cancel safe.
    ///
    /// # Errors
    /// The reason, if the runner has ended by itself. [`ErrorKind::TakenOver`]: this process does not
    /// lead any more. Start a new runner, or the process again, to wait for the lead.
    pub async fn join(&self) -> Result<()> {
        let end = self.shared.driver.join().await;
        match self.shared.lost.get() {
            Some(error) => Err(error.clone()),
            None => end.map(drop),
        }
    }

    /// As [`request`](Self::request), for what is answered when everything is stored. A state that
    /// cannot be written for [`PATIENCE`] is an error.
    async fn stored(&self, command: impl FnOnce(oneshot::Sender<()>) -> Command) -> Result<()> {
        tokio::select! {
            answer = self.request(command) => answer,
            error = self.state_fails() => Err(error),
        }
    }

    async fn state_fails(&self) -> Error {
        let mut failure = self.shared.failure.clone();
        loop {
            // The writer may have ended, so that the answer decides.
            if failure.wait_for(Option::is_some).await.is_err() {
                return std::future::pending().await;
            }
            let recovered = failure.wait_for(Option::is_none);
            if tokio::time::timeout(PATIENCE, recovered).await.is_err() {
                let reason = failure.borrow().clone().unwrap_or_default();
                let message = format!(
                    "the state cannot be written: {reason}; make room or repair the store, and try \
                     again, or end the process, which leaves everything to the next one"
                );
                return Error::new(ErrorKind::Store, message);
            }
        }
    }

    /// Waits until everything is written. The scheduler, which writes, has ended.
    async fn written(&self) -> Result<()> {
        let tasks = &self.shared.tasks;
        let tasks = std::mem::take(&mut *tasks.lock().unwrap_or_else(PoisonError::into_inner));
        for task in tasks {
            if let Err(error) = task.await
                && !error.is_cancelled()
            {
                tracing::error!(%error, "a task that uses the state failed");
            }
        }
        match self.shared.lost.get() {
            Some(error) => Err(error.clone()),
            None => Ok(()),
        }
    }

    /// Records the end of what the teardown killed.
    async fn end_all(&self) -> Result<()> {
        let failed = |error: mesos_core::BoxError| {
            Error::new(ErrorKind::Store, "cannot record the end of the jobs").with_source(error)
        };
        let entries = self.shared.store.load(LIVE).await.map_err(failed)?;
        let mut changes = Vec::new();
        for (key, value) in entries {
            if !key.starts_with(LIVE_JOB) {
                changes.push(Change::remove(key));
                continue;
            }
            let record: JobRecord =
                serde_json::from_slice(&value).map_err(|error| failed(error.into()))?;
            let mut job = Job::new(record.spec.clone(), None);
            job.record = record;
            let message = "the framework was removed".to_owned();
            let now = std::time::SystemTime::now();
            let done = DoneRecord {
                outcome: job.ended(TaskState::TaskKilled, message, now),
                spec: job.record.spec,
            };
            let name = &done.outcome.name;
            let json = serde_json::to_vec(&done).map_err(|error| failed(error.into()))?;
            changes.push(Change::put(format!("{DONE_JOB}{name}"), json));
            changes.push(Change::remove(key));
        }
        match changes.is_empty() {
            true => Ok(()),
            false => parts::commit(&*self.shared.store, changes)
                .await
                .map_err(failed),
        }
    }

    async fn request<T>(&self, command: impl FnOnce(oneshot::Sender<T>) -> Command) -> Result<T> {
        let (reply, answer) = oneshot::channel();
        if self.shared.driver.send(command(reply)).is_err() {
            return Err(self.ended().await);
        }
        match answer.await {
            Ok(answer) => Ok(answer),
            Err(_) => Err(self.ended().await),
        }
    }

    /// Why the runner has ended.
    async fn ended(&self) -> Error {
        match self.join().await {
            Err(error) => error,
            Ok(()) => Error::new(ErrorKind::Closed, "the runner was stopped"),
        }
    }

    fn send(&self, command: Command) -> Result<()> {
        self.shared.driver.send(command)
    }
}

impl fmt::Debug for Runner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let driver: &SchedulerDriver<Command> = &self.shared.driver;
        f.debug_struct("Runner")
            .field("driver", driver)
            .field("state", &self.shared.store)
            .finish_non_exhaustive()
    }
}

/// How long the end of a runner waits for a state that cannot be written.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(20);

/// Logs the warnings about a valid specification. An invalid specification is an error.
fn accepted(name: &str, findings: Result<Vec<Lint>, InvalidSpec>) -> Result<()> {
    let invalid = |invalid: InvalidSpec| Error::new(ErrorKind::Config, invalid.to_string());
    for warning in findings.map_err(invalid)? {
        tracing::warn!(name, "{warning}");
    }
    Ok(())
}

/// A failure of the state at the start.
fn cannot_open(error: mesos_core::BoxError) -> Error {
    let text = error_chain(&*error);
    Error::new(
        ErrorKind::Store,
        format!("cannot start from the state: {text}"),
    )
}
