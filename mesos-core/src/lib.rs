//! Traits, drivers and runtime of Mesos frameworks, independent of the backend.
//!
//! # Watching a scheduler
//! * [`SchedulerDriver::health`] is a snapshot for a status page.
//! * [`metrics`] lists what is measured with the feature `metrics`.
//! * Spans and events of `tracing` follow a task by its id, from the offer to the
//!   acknowledgement of each update. What a handler logs is in its span, too.
//!
//! | span, at level info | fields | around |
//! |---|---|---|
//! | `accept` | `offer_ids` | an ACCEPT, until it is answered; with an event `launching` (debug) for each task, which has `task_id`, `agent_id` and `offer_ids` |
//! | `update` | `task_id`, `agent_id`, `state` | the handler of a task's update |
//! | `operation_update` | `operation_id`, `state` | the handler of an operation's update |
//! | `acknowledge` | `task_id` and `agent_id`, or `operation_id` | an acknowledgement, until it is answered; also one that a handler took over |
//!
//! What became of a call is an event at level debug, `taken` or `failed`, with
//! `call`, and `delivery` and `error` if it failed; it is in the span of its
//! `accept` or `acknowledge`. Changes of the session are events at level debug;
//! what an operator should know is at info, and what he should look at at warn.

#![forbid(unsafe_code)]

pub mod backend;
mod capability;
mod disconnected;
mod error;
pub mod executor;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
pub mod metrics;
pub mod resources;
mod runtime;
pub mod scheduler;
pub mod store;
mod unknown;

pub use capability::{Capabilities, Capability};
pub use disconnected::Disconnected;
pub use error::{BoxError, Delivery, Error, ErrorKind, Result, chain};
pub use executor::{Executor, ExecutorDriver};
pub use runtime::BackoffPolicy;
pub use scheduler::{Framework, Offer, Scheduler, SchedulerDriver, StatusUpdate};
pub use unknown::UnknownEvent;

/// What a handler returns. Any error fits, so `?` works on everything.
pub type HandlerResult = Result<(), BoxError>;

/// How a driver ended, when it ended as it was asked to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum End {
    /// Stopped. A scheduler's framework was torn down: its tasks are killed
    /// and its id cannot be used again.
    Stopped,
    /// A scheduler stopped for failover: its framework stays registered until
    /// its failover timeout passes.
    StoppedForFailover,
    /// Aborted: nothing more was sent. To Mesos it looks as if this process
    /// had died.
    Aborted,
    /// An executor was told to shut down by its agent, and did.
    ShutDown,
}
