//! The states of a scheduler's session, and its policy for a removed framework.

use std::fmt;

/// The state of a scheduler driver's subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SessionState {
    /// The driver has not tried to subscribe yet. It loads the framework's id from the store.
    Idle,
    /// The backend detects the leading master, connects to it, and sends the
    /// SUBSCRIBE.
    Connecting,
    /// The master accepted the SUBSCRIBE, or the backend reconnects by itself. SUBSCRIBED or
    /// ERROR follows. Calls fail.
    Subscribing,
    /// Events arrive, and calls can be made.
    Subscribed,
    /// The last subscription was lost or the last attempt failed. The driver waits before the
    /// next attempt.
    BackingOff,
    /// The driver has ended; [`SchedulerDriver::join`](crate::SchedulerDriver::join) returns the
    /// reason.
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

/// What to do when Mesos reports that the framework was removed: an operator tore the framework
/// down, or its failover timeout passed. Mesos then kills its tasks, and the master no longer
/// accepts its id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RemovedPolicy {
    /// The driver ends with
    /// [`ErrorKind::FrameworkRemoved`](crate::ErrorKind::FrameworkRemoved) or
    /// [`ErrorKind::FailoverTimeout`](crate::ErrorKind::FailoverTimeout). The
    /// id stays in the store, so a restarted process ends in the same way until an operator
    /// clears the store.
    #[default]
    Fail,
    /// The driver clears the store and subscribes as a new framework. The
    /// scheduler receives the removal as [`disconnected`](crate::Scheduler::disconnected), and
    /// then the old id in [`Subscribed::replaced`](crate::scheduler::Subscribed): Mesos
    /// killed all tasks of the old id.
    NewFramework,
}
