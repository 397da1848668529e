//! Tests of Mesos frameworks without a Mesos: no installation, no containers, no waiting.
//!
//! Everything runs in the process of the test, over real sockets on loopback, or without sockets in
//! virtual time. The scheduler or executor under test uses the same drivers as in production.
//!
//! | to test | use |
//! |---|---|
//! | a scheduler, by its effects | [`FakeMaster`] with [`Agent`]s and task [`Behavior`]s |
//! | a scheduler, call by call | [`Scenario`], with the events of [`events`] |
//! | a scheduler's failover | [`FakeMaster`], and [two drivers in turn](#testing-a-failover) |
//! | a scheduler over days, with faults at random times | [a simulation](#simulating-a-cluster): [`Builder::simulate`], [`Chaos`], [`seeds`](seeds()) |
//! | an executor | [`FakeAgent`], with the events of [`executor_events`] |
//! | failures of the network | [`FaultProxy`], [`Reaction`], [`Stream`], and [`RemoteHost`] for a host that vanishes (Linux, root) |
//! | a driver or a backend | [`Recorder`], [`ExecutorRecorder`] |
//!
//! # Testing a scheduler
//! A [`FakeMaster`] has a cluster in memory. The test names the agents and decides how tasks
//! behave. The scheduler subscribes to the master's [`url`](FakeMaster::url), receives offers and
//! launches tasks. This is a complete test:
//!
//! ```
//! use mesos::http::HttpBackend;
//! use mesos::v1::{CommandInfo, TaskInfo, TaskState};
//! use mesos::{
//!     Framework, HandlerResult, Offer, Scheduler, SchedulerDriver, StatusUpdate, StopReason,
//! };
//! use mesos_testing::{Agent, Behavior, FakeMaster};
//!
//! /// Runs one task, again until it finishes.
//! struct RunOnce {
//!     launched: bool,
//! }
//!
//! #[mesos::async_trait]
//! impl Scheduler for RunOnce {
//!     async fn offers(&mut self, driver: &SchedulerDriver, offers: Vec<Offer>) -> HandlerResult {
//!         if let Some(offer) = offers.into_iter().next().filter(|_| !self.launched) {
//!             self.launched = true;
//!             let task = TaskInfo::builder("job").command(CommandInfo::sh("run-the-job"));
//!             driver.launch(offer, [task.cpus(0.5).mem(32.0).build()]).await?;
//!         }
//!         Ok(())
//!     }
//!
//!     async fn update(&mut self, driver: &SchedulerDriver, update: &StatusUpdate) -> HandlerResult {
//!         match update.task_state() {
//!             Ok(TaskState::TaskFinished) => driver.stop(),
//!             _ if update.is_terminal() => {
//!                 self.launched = false;
//!                 driver.revive().await?;
//!             }
//!             _ => {}
//!         }
//!         Ok(())
//!     }
//! }
//!
//! # async fn test() -> Result<(), Box<dyn std::error::Error>> {
//! // The first attempt fails, the second one finishes.
//! let attempts = std::sync::atomic::AtomicU32::new(0);
//! let attempt = move || attempts.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
//! let master = FakeMaster::builder()
//!     .agent(Agent::new("a1").having("cpus:1;mem:128"))
//!     .tasks(move |_| match attempt() {
//!         0 => Behavior::fails("no space left"),
//!         _ => Behavior::finishes(),
//!     })
//!     .start()
//!     .await?;
//!
//! let backend = HttpBackend::new(master.url().parse()?);
//! let scheduler = RunOnce { launched: false };
//! let driver = SchedulerDriver::start(scheduler, Framework::ephemeral("test"), backend).detach();
//!
//! let first = master.expect_launched().await;
//! let second = master.expect_launched().await;
//! assert_eq!((first.name.as_str(), second.name.as_str()), ("job", "job"));
//! assert_ne!(first.task_id, second.task_id);
//! assert_eq!(driver.join().await?, StopReason::Stopped);
//! assert_eq!(master.launched().len(), 2);
//! assert!(master.frameworks().is_empty()); // torn down
//! # Ok(())
//! # }
//! # tokio::runtime::Runtime::new().unwrap().block_on(test()).unwrap();
//! ```
//!
//! In a crate of your own the body is a `#[tokio::test]`. If the order of calls matters, use a
//! [`Scenario`]: the test plays the master and checks each call. A larger example with both is
//! `examples/unit_test_your_scheduler.rs` in the repository.
//!
//! # Testing a failover
//! Start a scheduler with a [`Framework`](mesos_core::Framework) that has a failover timeout and a
//! store, stop it or drop its runtime, and start a second one with the same store and the same
//! master. The master repeats unacknowledged updates to the second one.
//!
//! Real agents repeat an update only after 10 s, and so does the fake master by default. Set
//! [`update_retry`](Builder::update_retry) to a few milliseconds, otherwise each such test takes
//! 10 s.
//!
//! To fail over the master instead, call [`FakeMaster::fail_over`]. To break the connection, use
//! [`Stream::cut`](wire::Stream::cut).
//!
//! # Simulating a cluster
//! [`Builder::simulate`] starts a [`FakeMaster`] without sockets, for tokio's paused time. A driver
//! with its [`backend`](FakeMaster::backend) then lives through days in a second, with the faults of a
//! [`Chaos`]. [`seeds`](seeds()) runs a simulation for each of many seeds, and names the seed that
//! fails; the same seed repeats the run. `examples/simulate_your_scheduler.rs` is a complete test.
//!
//! # Testing an executor
//! A [`FakeAgent`] launches tasks, receives their updates, crashes and recovers. See its page for a
//! complete test, and `examples/unit_test_your_executor.rs`.
//!
//! # Injecting failures
//! * [`react`](wire::Control::react) replaces the response to a request: an error status, a closed
//!   connection, or no response. [`hold`](wire::Control::hold) delays a request.
//! * [`Stream`] controls the events of a subscription: it cuts, mutes, delays and splits them.
//! * [`FaultProxy`] is a network that stalls, loses, garbles and cuts bytes.
//!
//! # Answering offers
//! [`answer_offers`] accepts and declines with a filter of zero seconds, so that tests on a real
//! Mesos do not wait for the next offers.
//!
//! # Waiting
//! Tests never need to sleep. The `expect` methods wait for the next request, launch, update or
//! event. After a timeout (10 s by default) they panic, and the message lists everything that has
//! arrived. Each call returns another entry: the next wait is for the next entry.

#![forbid(unsafe_code)]

pub mod agent;
mod answer;
pub mod events;
pub mod executor_events;
mod lock;
mod log;
mod master;
mod proxy;
mod recorder;
#[cfg(target_os = "linux")]
mod remote;
mod scenario;
mod seeds;
pub mod wire;

pub use agent::FakeAgent;
pub use answer::answer_offers;
pub use log::Transcript;
pub use master::{
    Agent, Behavior, Builder, Chaos, FakeMaster, InProcessBackend, MasterRole, Received, Stream,
    Trace, When,
};
pub use mesos_proto::v1;
pub use proxy::{Direction, Fault, FaultProxy, ProxyConnection, Recording};
pub use recorder::{
    ExecutorRecorder, Gate, Handler, Offered, Outcome, RecordedEvent, RecordedExecutorEvent,
    Recorder,
};
#[cfg(target_os = "linux")]
pub use remote::RemoteHost;
pub use scenario::Scenario;
pub use seeds::seeds;
pub use wire::{Encoding, Held, Reaction};
