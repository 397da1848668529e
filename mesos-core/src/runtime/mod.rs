//! What the scheduler's and the executor's runtimes share: the link between a
//! driver handle and its running loop, guarded handlers, and backoff.

mod backoff;
mod guard;
mod link;

pub(crate) use backoff::Backoff;
pub use backoff::BackoffPolicy;
pub(crate) use guard::{Finish, Handled, ended, guarded, in_handler};
pub(crate) use link::{Link, Stop};
