//! Queues acknowledgements, and reads their answers.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

use mesos_proto::v1::scheduler::Call;
use tracing::Instrument as _;
use tracing::instrument::Instrumented;

use super::Runtime;
use crate::backend::{Calls, SchedulerApi};
use crate::error::{Error, ErrorKind, Result};
use crate::scheduler::calls;
use crate::scheduler::shared::PendingCall;

impl<S, B, M> Runtime<S, B, M> {
    /// Queues an acknowledgement. A failure loses nothing, because Mesos repeats an update that
    /// was not acknowledged. So an abort does not wait until the queue has room. Many failures in a
    /// row end the subscription, see `ack_watch`.
    pub(super) async fn queue_acknowledgement(
        &mut self,
        calls: &dyn Calls<SchedulerApi>,
        mut call: Call,
    ) {
        let span = calls::span(&call);
        call.framework_id = self.handle.framework_id();
        let shared = self.handle.shared();
        let sending = shared.enqueue(calls, call).instrument(span.clone());
        let aborted = || Err(Error::new(ErrorKind::Closed, "the driver was aborted"));
        let sent = async {
            tokio::select! {
                biased;
                sent = sending => sent,
                () = shared.link.aborted() => aborted(),
            }
        };
        let sent = if shared.link.is_aborted() {
            aborted()
        } else {
            sent.await
        };
        match sent {
            Ok(answer) => self.answers.push_back(answer.instrument(span)),
            Err(error) => shared.acknowledged(&Err(error)),
        }
    }

    pub(super) fn acknowledgement_answered(&mut self, answer: Result<()>) {
        self.shared().acknowledged(&answer);
    }
}

/// Waits for the oldest answer. The calls of one queue are answered in their order, so the other
/// answers need no polling. Cancel safe.
pub(super) async fn answered(answers: &mut VecDeque<Instrumented<PendingCall>>) -> Result<()> {
    let answer = poll_fn(|context| match answers.front_mut() {
        Some(answer) => Pin::new(answer).poll(context),
        None => Poll::Pending,
    });
    let answer = answer.await;
    answers.pop_front();
    answer
}
