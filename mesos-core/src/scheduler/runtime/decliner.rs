//! Declines offers that were dropped unused, also while a handler runs.

use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::task::JoinHandle;

use super::send;
use crate::backend::{Calls, SchedulerApi};
use crate::scheduler::calls;
use crate::scheduler::handle::Handle;

/// The task that declines, one for each subscription. Dropping this value ends the task.
pub(super) struct Decliner(JoinHandle<()>);

impl Decliner {
    pub(super) fn start(handle: &Handle, calls: &Arc<dyn Calls<SchedulerApi>>) -> Self {
        let handle = handle.clone();
        let calls = Arc::clone(calls);
        Self(tokio::spawn(async move {
            let shared = handle.shared();
            let mut answers = FuturesUnordered::new();
            loop {
                let ids = tokio::select! {
                    ids = shared.ledger.wait_for_unused() => ids,
                    // A failure loses nothing: an offer that was not declined becomes void
                    // when the subscription ends.
                    Some(_) = answers.next() => continue,
                };
                tracing::debug!(count = ids.len(), "declining unused offers");
                shared.monitor.meter().offers_unused(ids.len());
                let decline = calls::decline(ids, None);
                answers.extend(send(&handle, calls.as_ref(), decline).await);
            }
        }))
    }
}

impl Drop for Decliner {
    fn drop(&mut self) {
        self.0.abort();
    }
}
