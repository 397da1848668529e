//! Declines offers that were dropped unused, or whose use failed, also while a handler runs.

use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use mesos_proto::v1::scheduler::Call;
use mesos_proto::v1::{FrameworkId, OfferId};

use crate::backend::{Calls, SchedulerApi};
use crate::runtime::Background;
use crate::scheduler::calls;
use crate::scheduler::handle::Handle;
use crate::scheduler::ledger::Decline;

/// The number of ids whose memory is kept for the next call.
const MOST_KEPT: usize = 1024;

/// Starts the task that declines, one for each subscription.
pub(super) fn start(handle: &Handle, calls: &Arc<dyn Calls<SchedulerApi>>) -> Background {
    let handle = handle.clone();
    let calls = Arc::clone(calls);
    Background::start("decliner", async move {
        let ledger = &handle.shared().ledger;
        let mut answers = FuturesUnordered::new();
        let mut template = Template {
            call: calls::decline(Vec::new(), None),
            spare: Vec::new(),
        };
        loop {
            tokio::select! {
                due = ledger.declines() => {
                    for decline in due {
                        answers.push(send(&handle, &calls, decline, &mut template));
                    }
                }
                Some(()) = answers.next() => {}
            }
        }
    })
}

/// A DECLINE, whose memory is used for the next one.
struct Template {
    call: Call,
    /// The ids that the last call did not need.
    spare: Vec<OfferId>,
}

impl Template {
    fn fill(&mut self, framework_id: Option<FrameworkId>, decline: &Decline) {
        self.call.framework_id = framework_id;
        let body = self.call.decline.get_or_insert_default();
        body.filters = decline.filters;
        let offers = decline.ids.len();
        let unneeded = body.offer_ids.len().saturating_sub(offers);
        let unneeded = body.offer_ids.drain(..unneeded);
        self.spare.extend(unneeded);
        self.spare.truncate(MOST_KEPT);
        let spare = || self.spare.pop().unwrap_or_default();
        body.offer_ids.resize_with(offers, spare);
        for (id, key) in body.offer_ids.iter_mut().zip(&decline.ids) {
            id.value.clear();
            id.value.push_str(key.id());
        }
    }

    /// A large call does not keep its memory.
    fn used(&mut self) {
        if let Some(body) = &mut self.call.decline {
            body.offer_ids.truncate(MOST_KEPT);
            body.offer_ids.shrink_to(MOST_KEPT);
        }
    }
}

/// Sends a DECLINE. After a failure the ledger repeats the DECLINE: otherwise its resources would
/// be lost for all frameworks until the subscription ends.
fn send<'a>(
    handle: &'a Handle,
    calls: &'a Arc<dyn Calls<SchedulerApi>>,
    decline: Decline,
    template: &mut Template,
) -> impl Future<Output = ()> + Send + use<'a> {
    let shared = handle.shared();
    let offers = decline.ids.len();
    tracing::debug!(offers, "declining unused offers");
    template.fill(handle.framework_id(), &decline);
    let sending = shared.enqueue_copy(calls.as_ref(), &template.call);
    template.used();
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
