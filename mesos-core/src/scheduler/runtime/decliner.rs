//! Declines offers that were dropped unused, or whose use failed, also while a handler runs.

use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use crate::backend::{Calls, SchedulerApi};
use crate::runtime::Background;
use crate::scheduler::calls;
use crate::scheduler::handle::Handle;
use crate::scheduler::ledger::Decline;
use crate::scheduler::offer::OfferKey;

/// Starts the task that declines, one for each subscription.
pub(super) fn start(handle: &Handle, calls: &Arc<dyn Calls<SchedulerApi>>) -> Background {
    let handle = handle.clone();
    let calls = Arc::clone(calls);
    Background::start("decliner", async move {
        let ledger = &handle.shared().ledger;
        let mut answers = FuturesUnordered::new();
        loop {
            tokio::select! {
                due = ledger.declines() => {
                    let sending = due.into_iter().map(|one| send(&handle, &calls, one));
                    answers.extend(sending);
                }
                Some(()) = answers.next() => {}
            }
        }
    })
}

/// Sends a DECLINE. After a failure the ledger repeats the DECLINE: otherwise its resources would
/// be lost for all frameworks until the subscription ends.
async fn send(handle: &Handle, calls: &Arc<dyn Calls<SchedulerApi>>, decline: Decline) {
    let shared = handle.shared();
    let offers = decline.ids.len();
    tracing::debug!(offers, "declining unused offers");
    let ids = decline.ids.iter().map(OfferKey::to_id).collect();
    let mut call = calls::decline(ids, decline.filters);
    call.framework_id = handle.framework_id();
    let answer = async { shared.enqueue(calls.as_ref(), call).await?.await };
    let result = answer.await;
    let retry_in = shared.ledger.declined(decline, &result);
    if let (Err(error), Some(retry_in)) = (result, retry_in) {
        let error = crate::error_chain(&error);
        tracing::warn!(offers, error, ?retry_in, "cannot decline offers; retrying");
    }
}
