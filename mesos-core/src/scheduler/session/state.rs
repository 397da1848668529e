//! The states that a scheduler's session can be in, and its one policy.

use std::fmt;

/// Where a scheduler driver is with its subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SessionState {
    /// Nothing was tried yet: the framework's id is being loaded.
    Idle,
    /// The backend looks for the leading master, connects to it, and sends the
    /// SUBSCRIBE.
    Connecting,
    /// The master took the SUBSCRIBE, or the backend connects anew by itself;
    /// SUBSCRIBED or ERROR is to come. Calls fail.
    Subscribing,
    /// Events come and calls go.
    Subscribed,
    /// The last subscription was lost or the last attempt failed; the next one
    /// waits for its time.
    BackingOff,
    /// Over, and nothing follows:
    /// [`SchedulerDriver::join`](crate::SchedulerDriver::join) has the reason.
    Ended,
}

impl fmt::Display for SessionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Idle => "idle",
            Self::Connecting => "connecting",
            Self::Subscribing => "subscribing",
            Self::Subscribed => "subscribed",
            Self::BackingOff => "backing off",
            Self::Ended => "ended",
        })
    }
}

/// What to do when Mesos says that the framework was removed: an operator tore
/// it down, or its failover timeout passed. Its tasks are dead or dying then,
/// and the master takes its id no more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RemovedPolicy {
    /// The driver ends with
    /// [`ErrorKind::FrameworkRemoved`](crate::ErrorKind::FrameworkRemoved) or
    /// [`ErrorKind::FailoverTimeout`](crate::ErrorKind::FailoverTimeout). The
    /// id stays in the store, so a restarted process ends likewise until
    /// somebody decides.
    #[default]
    Fail,
    /// The driver clears the store and subscribes as a new framework. The
    /// scheduler gets the removal as
    /// [`disconnected`](crate::Scheduler::disconnected), and then the id that
    /// is no more in [`Subscribed::replaced`](crate::scheduler::Subscribed):
    /// what it knew of its tasks is void.
    StartAnew,
}
