//! Traits, drivers and event loops of Mesos frameworks, independent of the backend.
//!
//! Programs use this crate through the crate `mesos`, which re-exports it.
//!
//! # Watching a scheduler
//! * [`SchedulerDriver::health`] is a snapshot for a status page.
//! * [`metrics`] lists the metrics of the feature `metrics`.
//! * Spans and events of `tracing` follow a task by its id, from the offer to the
//!   acknowledgement of each update. Log lines of a handler are inside of its span.
//!
//! | span, at level info | fields | covers |
//! |---|---|---|
//! | `accept` | `offer_ids` | an ACCEPT until its answer; with an event `launching` (debug) for each task, which has `task_id`, `agent_id` and `offer_ids` |
//! | `update` | `task_id`, `agent_id`, `state` | the handler of a task's update |
//! | `operation_update` | `operation_id`, `state` | the handler of an operation's update |
//! | `acknowledge` | `task_id` and `agent_id`, or `operation_id` | an acknowledgement until its answer, also an acknowledgement that a handler took over |
//!
//! The result of a call is an event at level debug, `accepted` or `failed`, with `call`, and
//! with `delivery` and `error` if the call failed. The event is inside of the span of its
//! `accept` or `acknowledge`. State changes of the session are events at level debug.
//! Information for operators is at level info, and problems that need their attention at
//! level warn or error.

#![forbid(unsafe_code)]

pub mod address;
pub mod backend;
mod blocking;
mod capability;
mod disconnected;
mod driver;
mod error;
pub mod executor;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
pub mod lint;
pub mod metrics;
pub mod middleware;
pub mod resources;
mod runtime;
pub mod scheduler;
pub mod store;
mod unknown;
mod version;

use std::sync::{Mutex, MutexGuard, PoisonError};

pub use address::{AddressError, AddressErrorKind, Endpoint, Master, Scheme};
pub use capability::{Capabilities, Capability};
pub use disconnected::Disconnected;
pub use driver::{Driver, Running};
pub use error::{BoxError, Delivery, Error, ErrorKind, Result, error_chain};
pub use executor::{Executor, ExecutorDriver};
pub use runtime::{BackoffPolicy, Timer};
pub use scheduler::{Framework, Offer, Scheduler, SchedulerDriver, StatusUpdate};
pub use unknown::UnknownEvent;
pub use version::MesosVersion;

/// The result of a handler. Any error fits, so `?` works on everything.
pub type HandlerResult = Result<(), BoxError>;

/// Why a driver ended that ended without a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StopReason {
    /// Stopped. A scheduler's framework was torn down: Mesos kills its tasks, and the
    /// framework's id cannot be used again.
    Stopped,
    /// A scheduler stopped for failover: its framework stays registered until its failover
    /// timeout passes.
    StoppedForFailover,
    /// Aborted: nothing more was sent. To Mesos this looks like a crash of the process.
    Aborted,
    /// An executor shut down because its agent requested it.
    ShutDown,
}

/// Locks `mutex`, also after a panic of another holder. No code of this crate panics while it
/// has changed half of a value under a lock, so a poisoned value is complete.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
