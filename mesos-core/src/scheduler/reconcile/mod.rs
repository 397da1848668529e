//! Reconciliation: finding out what the master knows of tasks and operations,
//! until every one of them has been answered for.
//!
//! Updates are lost while a scheduler is disconnected, and a master that took
//! over knows nothing of a task until its agent has come back. So asking once
//! is not enough (`docs/reconciliation.md`): what was not answered is asked
//! again, after waits without any answer that grow into minutes, for ever; a
//! new subscription starts over; and never are two rounds under way at once. What the scheduler
//! itself does not know of is found by asking for everything at intervals.
//! That question has no end mark and, without tasks, no answer at all, so
//! nothing waits for it.
//!
//! `plan` says what to ask when, without a clock; `worker` asks.

mod kills;
mod plan;
mod worker;

#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::runtime::BackoffPolicy;
pub(super) use plan::{ObservedStatus, Plan};
pub(super) use worker::{Reconciler, Worker};

/// When to ask the master about tasks and operations; see
/// [`Framework::reconcile`](super::Framework::reconcile).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReconcilePolicy {
    /// How long nothing may be answered before what is left is asked again;
    /// an answer counts once its handler has returned. Default: 10 s doubling
    /// to 5 min. Agents may take `--agent_reregister_timeout`, at
    /// least 10 min, to come back after a change of masters, and until then
    /// there is no answer.
    pub retry: BackoffPolicy,
    /// How often to ask for everything that the master knows; zero means
    /// never. Default: 15 min. The first time is when everything known has
    /// been answered after a subscription.
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
