//! Says what should run, and runs it: jobs and services on Mesos that survive the end of the
//! scheduler's process.
//!
//! # Jobs
//! A [`Runner`] is a whole framework. It subscribes, takes offers, places tasks, and follows each
//! job until it has ended. A job is a task or a pod with rules:
//!
//! ```no_run
//! use std::time::Duration;
//! use mesos::framework::store::RedbState;
//! use mesos::framework::{JobSpec, RetryPolicy, Runner, TaskSpec};
//! use mesos::http::HttpBackend;
//! use mesos::Framework;
//!
//! # async fn example() -> Result<(), mesos::BoxError> {
//! let framework = Framework::with_failover_timeout("batch", Duration::from_secs(24 * 3600));
//! let runner = Runner::builder(framework)
//!     .state(RedbState::open("batch.redb")?)
//!     .start(HttpBackend::new("http://10.0.0.1:5050".parse()?))
//!     .await?;
//!
//! // One job.
//! let outcome = runner.run(TaskSpec::shell("hello", "echo hello")).await?;
//! println!("{} after {} attempts", outcome.state.as_str_name(), outcome.attempts);
//!
//! // Many jobs, at most 50 at once.
//! let frame = |n: u32| {
//!     let task = TaskSpec::shell(format!("frame-{n}"), format!("./render {n}")).mem(512.0);
//!     JobSpec::new(task).retry(RetryPolicy::attempts(3))
//! };
//! let mut frames = runner.run_all((0..500).map(frame)).max_running(50);
//! while let Some(outcome) = frames.next().await {
//!     println!("{} {:?}", outcome?.name, frames.progress());
//! }
//!
//! // A job that waits for others, with a limit of time.
//! let film = TaskSpec::shell("film", "./join frames/*");
//! let film = JobSpec::new(film).after("frame-499").timeout(Duration::from_secs(600));
//! runner.run(film).await?;
//! runner.stop().await?;
//! # Ok(())
//! # }
//! ```
//!
//! * The name of a job is its key. Submitting the same job again attaches to the known job, also
//!   after a restart of the program, and also if the job has ended. So a program that is killed is
//!   simply started again.
//! * [`Runner::submit`] returns a [`JobHandle`] with the present [`JobStatus`].
//!   [`Runner::reports`] says why a job is not placed.
//! * [`Runner::kill`] waits until Mesos has confirmed the end of the task.
//! * [`Runner::stop`] ends everything, [`Runner::detach`] leaves everything for the next process.
//!
//! # Services
//! A service is a number of equal instances that always run. An instance that ends is started
//! again.
//!
//! ```no_run
//! use std::time::Duration;
//! use mesos::framework::{Runner, ServiceSpec, TaskSpec, UpdatePolicy};
//! use mesos::placement::{Constraint, Field};
//!
//! # async fn example(runner: Runner) -> Result<(), mesos::BoxError> {
//! let version = |version: u32| {
//!     let task = TaskSpec::shell("web", format!("exec ./serve-{version} --port $PORT_HTTP"))
//!         .port("http")
//!         .constraint(Constraint::Unique(Field::Hostname));
//!     let update = UpdatePolicy::rolling(1).healthy_for(Duration::from_secs(30));
//!     ServiceSpec::new(task).instances(3).update(update)
//! };
//! let web = runner.keep(version(1)).await?;
//! web.wait_ready().await?;
//!
//! // Two more, until another specification is kept.
//! web.scale(5).await?;
//!
//! // Another task: one instance after another is replaced, each after the one before is healthy.
//! runner.keep(version(2)).await?;
//! if let Err(error) = web.wait_ready().await {
//!     eprintln!("{error}");
//!     web.rollback().await?;
//! }
//! for instance in &web.status().instances {
//!     println!("{} {:?} {:?}", instance.number, instance.state, instance.last_end);
//! }
//! web.remove().await?;
//! # Ok(())
//! # }
//! ```
//!
//! * A service is stored, and continues after a restart of the program. Keeping the same
//!   specification again changes nothing.
//! * The delay before an instance is started again grows while it ends soon after its start
//!   ([`RestartPolicy`]). [`ServiceStatus::crash_loop`] shows an instance that does not stop ending.
//! * Constraints such as unique hold between the instances of a service, also during an update.
//! * An instance whose agent is unreachable for [`ServiceSpec::unreachable_after`] is replaced. If it
//!   comes back, the surplus instance is stopped.
//! * An update waits until new instances are healthy: those of tasks with a health check when the
//!   check succeeds, others when they run. [`UpdatePolicy`] has the order, the times, and what
//!   happens after a failure. An update continues after a restart of the program.
//! * If the operator drains an agent or announces its maintenance, the instances leave the agent as
//!   in an update: with [`UpdatePolicy::start_first`], the new instance starts first. New instances
//!   do not start there. Jobs stay until they end. The inverse offer is accepted when nothing of
//!   the framework is left on the agent.
//!
//! # What is guaranteed
//! * A launch is stored before its ACCEPT is sent, and an end is stored before its update is
//!   acknowledged. A process that is killed in between loses nothing.
//! * Each launch has its own task id. No launch is sent twice, and a job has at most one task that
//!   may run. The exception is a task on an agent that the master gave up (TASK_LOST, or TASK_GONE):
//!   such a task is replaced, and killed if it comes back.
//! * A service never has more instances than its number, and those that its update may add. The
//!   exception is an instance that was replaced while it was unreachable: it is stopped when it
//!   comes back. A new instance starts after the end of the old one was confirmed.
//! * All changes of a request are stored, or none, also if they are more than the store accepts in one
//!   commit: either all jobs of a [`Runner::run_all`] are submitted, or none of them.
//! * While the state cannot be written, nothing is launched and no end is acknowledged:
//!   [`Runner::state_failure`].
//! * Timers use a monotonic clock. After a restart, the time that is left of a timeout is computed
//!   from the clock of the machine, and is never longer than the timeout.
//!
//! # Several schedulers
//! With the same `ZooKeeperState` in several processes, one of them leads, and the others wait in
//! [`RunnerBuilder::start`]. The next process takes over with the framework's id and the state. A
//! runner that loses the lead ends ([`Runner::join`]), and can neither commit nor subscribe: a launch
//! or an acknowledged end needs a commit, and the store refuses commits of earlier leaders.
//! [`StateStore`](store::StateStore) has the methods for other stores.
//!
//! # The parts
//! * [`TaskSpec`], [`PodSpec`], [`JobSpec`] and [`ServiceSpec`] describe what runs. [`Manifest`] reads
//!   jobs and services from files.
//! * [`store`] has the stores for the state of a framework.
//! * [`OfferPool`] holds offers until a task needs them, and declines them in time.
//! * [`DemandController`] suppresses and revives the roles of the framework, and keeps the offer
//!   constraints of the master true.
//!
//! The last two also serve schedulers without a runner. They are values that can be cloned and
//! shared. The scheduler reports its events to them, and each has a future that makes the calls.
//!
//! ```
//! use std::time::Duration;
//! use mesos::framework::{DemandController, OfferPool, PoolPolicy};
//! use mesos::scheduler::Subscribed;
//! use mesos::v1::OfferId;
//! use mesos::{HandlerResult, Offer, Scheduler, SchedulerDriver};
//!
//! struct Web {
//!     pool: OfferPool,
//!     demand: DemandController,
//! }
//!
//! #[mesos::async_trait]
//! impl Scheduler for Web {
//!     async fn subscribed(&mut self, _: &SchedulerDriver, _: Subscribed) -> HandlerResult {
//!         self.pool.subscribed();
//!         self.demand.subscribed();
//!         Ok(())
//!     }
//!
//!     async fn offers(&mut self, _: &SchedulerDriver, offers: Vec<Offer>) -> HandlerResult {
//!         self.pool.add(offers);
//!         Ok(())
//!     }
//!
//!     async fn rescind(&mut self, _: &SchedulerDriver, offer_id: OfferId) -> HandlerResult {
//!         self.pool.rescind(&offer_id);
//!         Ok(())
//!     }
//! }
//! # let _ = |driver: SchedulerDriver, pool: OfferPool, demand: DemandController| async move {
//! // Beside the scheduler, until the driver ends:
//! tokio::join!(pool.decline_expired(&driver), demand.run(&driver));
//! # };
//! ```

#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

mod demand;
mod engine;
mod outcome;
mod pool;
mod runner;
mod runtime;
mod service;
mod spec;
mod status;
pub mod store;
mod view;

pub use self::demand::DemandController;
pub use self::outcome::Outcome;
pub use self::pool::{OfferPool, PoolPolicy, TakenOffer};
pub use self::runner::{
    JobHandle, Progress, Run, RunAll, Runner, RunnerBuilder, ServiceHandle, UnknownTasks,
};
pub use self::service::{
    InstanceState, InstanceStatus, ServiceDetails, ServiceStatus, UpdateStatus,
};
pub use self::spec::{
    CheckSpec, Command, Containerizer, DockerVolume, ExecutorSpec, FileSpec, Format, HttpCheck,
    ImageSpec, InvalidSpec, JobSpec, Manifest, NetworkSpec, OnFailure, PodSpec, PortRef, PortSpec,
    ReadError, RestartPolicy, RetryPolicy, ServiceSpec, TaskSpec, UpdatePolicy, UpdateStrategy,
    UriSpec, VolumeSpec, Workload,
};
pub use self::status::JobStatus;
pub use self::view::{
    Happened, HeldOffer, JobCounts, JobDetails, JobFilter, JobList, JobState, JobSummary,
    TimelineEvent,
};
