//! Reconciliation: requests the states of tasks and operations from the master until each of
//! them was answered.
//!
//! Updates are lost while a scheduler is disconnected, and a new leading master does not know a
//! task until its agent has reregistered. So one request is not enough
//! (`docs/reconciliation.md` in Mesos). The driver repeats the request for everything that was
//! not answered. It waits until no answer has arrived for a while. The waits grow to minutes,
//! and the driver never gives up. A new subscription starts over. Requests of different times
//! have waits of their own (`rounds`).
//!
//! Tasks that the scheduler does not know are found by requesting the states of all tasks at
//! intervals. That request has no last answer, and no answer at all if there are no tasks, so
//! nothing waits for its answers.
//!
//! `tracker` decides what to request and when, without a clock; `worker` sends the requests. `table`
//! has the items, and `rounds` their waits. Of many tasks that are requested at once, the first are
//! sent while the others wait in the `intake`. `pace` holds requests back while many answers are on
//! their way.

mod agents;
mod chunk;
mod intake;
mod items;
mod kills;
mod pace;
mod requested;
mod rounds;
mod table;
mod tracker;
mod worker;

#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::runtime::BackoffPolicy;
pub(super) use tracker::{ObservedStatus, Tracker};
pub(super) use worker::{Reconciler, start};

/// When to request the states of tasks and operations from the master; see
/// [`Framework::reconcile`](super::Framework::reconcile).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReconcilePolicy {
    /// How long to wait after the last answer before unanswered requests are repeated. An
    /// answer counts once its handler has returned. Default: 10 s doubling to 5 min. After a
    /// change of the leading master, agents may take `--agent_reregister_timeout` (at least
    /// 10 min) to reregister; until then the master does not answer.
    pub retry: BackoffPolicy,
    /// How often to request the states of all tasks and operations that the master knows; zero
    /// means never. Default: 15 min. After a subscription, the first such request is sent when
    /// everything known has been answered.
    pub interval: Duration,
}

impl Default for ReconcilePolicy {
    fn default() -> Self {
        let minute = Duration::from_secs(60);
        Self {
            retry: BackoffPolicy::new(Duration::from_secs(10), 5 * minute),
            interval: 15 * minute,
        }
    }
}

impl ReconcilePolicy {
    /// Sets [`retry`](Self::retry).
    #[must_use]
    pub fn retry(mut self, retry: BackoffPolicy) -> Self {
        self.retry = retry;
        self
    }

    /// Sets [`interval`](Self::interval).
    #[must_use]
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }
}
