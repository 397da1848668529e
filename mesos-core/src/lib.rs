//! Traits, drivers and runtime of Mesos frameworks, independent of the backend.

#![forbid(unsafe_code)]

pub mod backend;
mod capability;
mod disconnected;
mod error;
pub mod executor;
pub mod resources;
mod runtime;
pub mod scheduler;
mod session;
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
