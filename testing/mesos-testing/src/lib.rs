//! What tests of Mesos frameworks need, without a Mesos.
//!
//! # Testing a scheduler
//! [`FakeMaster`] is a master in this process: a scheduler under test
//! subscribes to its [`url`](FakeMaster::url) with any driver, gets offers of
//! the agents that the test names, and its tasks live as the test says:
//!
//! ```
//! use mesos_core::{Framework, SchedulerDriver};
//! use mesos_http::HttpBackend;
//! use mesos_testing::v1::{CommandInfo, TaskInfo, TaskState};
//! use mesos_testing::{Agent, Behavior, FakeMaster, Recorder};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let master = FakeMaster::builder()
//!     .agent(Agent::new("a1").having("cpus:1;mem:128"))
//!     .tasks(|_| Behavior::fails("out of luck"))
//!     .start()
//!     .await?;
//!
//! let scheduler = Recorder::new(); // or your own
//! let backend = HttpBackend::new(master.url().parse()?);
//! let driver = SchedulerDriver::start(scheduler.clone(), Framework::ephemeral("test"), backend);
//!
//! let offer = scheduler.offers().await.remove(0);
//! let command = CommandInfo::sh("true");
//! let task = TaskInfo::builder("t1").command(command).cpus(0.5).mem(32.0).build();
//! driver.launch(offer, [task]).await?;
//! let failed = scheduler.update(TaskState::TaskFailed).await;
//! assert_eq!(failed.message.as_deref(), Some("out of luck"));
//! # Ok(())
//! # }
//! ```
//!
//! Where the test wants to say every word itself it starts a
//! [scripted](FakeMaster::scripted) master, alone or with a [`Scenario`], which
//! reads like the protocol. A larger example is
//! `examples/unit_test_your_scheduler.rs`.
//!
//! # Testing an executor
//! [`FakeAgent`] is the same for executors: it launches tasks, takes their
//! updates, goes away and comes back: `examples/unit_test_your_executor.rs`.
//!
//! # Testing a driver or a backend
//! [`Recorder`] and [`ExecutorRecorder`] write down what a driver tells them,
//! and fail, panic or dawdle as they are told. [`FaultProxy`] is a network that
//! loses, delays, garbles and cuts.
//!
//! # Waiting
//! Nothing here sleeps until something may have happened. What should come is
//! waited for, with a limit, and if it does not come the panic says what came
//! instead. Each thing that was waited for is taken: the next wait is for the
//! next one.

#![forbid(unsafe_code)]

pub mod agent;
pub mod events;
pub mod executor_events;
mod log;
mod master;
mod proxy;
mod recorder;
mod scenario;
pub mod wire;

pub use agent::FakeAgent;
pub use log::Transcript;
pub use master::{Agent, Behavior, Builder, FakeMaster, MasterRole, Received, Stream, When};
pub use mesos_proto::v1;
pub use proxy::{Direction, Fault, FaultProxy, ProxyConnection};
pub use recorder::{
    ExecutorRecorder, Gate, Handler, Offered, Outcome, RecordedEvent, RecordedExecutorEvent,
    Recorder,
};
pub use scenario::Scenario;
pub use wire::{Encoding, Held, Reaction};
