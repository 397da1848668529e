//! Declines offers that were dropped unused, or whose use failed, also while a handler runs.

use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use mesos_proto::encoded;
use mesos_proto::v1::scheduler::Call;
use mesos_proto::v1::scheduler::call::Type;

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
                biased;
                Some(()) = answers.next() => {}
                due = ledger.declines() => {
                    for decline in due {
                        answers.push(send(&handle, &calls, decline));
                    }
                }
            }
        }
    })
}

/// Sends a DECLINE. After a failure the ledger repeats the DECLINE: otherwise its resources would
/// be lost for all frameworks until the subscription ends.
fn send<'a>(
    handle: &'a Handle,
    calls: &'a Arc<dyn Calls<SchedulerApi>>,
    decline: Decline,
) -> impl Future<Output = ()> + Send + use<'a> {
    let shared = handle.shared();
    let offers = decline.ids.len();
    tracing::debug!(offers, "declining unused offers");
    let framework_id = handle.framework_id();
    let encode = |encoding| {
        let framework_id = framework_id.as_ref().map_or("", |id| &id.value);
        let ids = decline.ids.iter().map(OfferKey::id_bytes);
        encoded::decline(encoding, framework_id, ids, decline.filters.as_ref())
    };
    let call = || {
        let ids = decline.ids.iter().map(|key| key.id().into());
        Call {
            framework_id: framework_id.clone(),
            ..calls::decline(ids.collect(), decline.filters)
        }
    };
    let sending = shared.enqueue_encoded(calls.as_ref(), Type::Decline, &encode, &call);
    async move {
        let answer = async { sending.await?.await };
        let result = answer.await;
        let retry_in = shared.ledger.declined(decline, &result);
        if let (Err(error), Some(retry_in)) = (result, retry_in) {
            let error = crate::error_chain(&error);
            tracing::warn!(offers, error, ?retry_in, "cannot decline offers; retrying");
        }
    }
}
