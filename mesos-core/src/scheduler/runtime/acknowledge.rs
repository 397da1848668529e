//! Queues acknowledgements, and reads their answers.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

use mesos_proto::v1::scheduler::call::Acknowledge;
use tokio::time::Instant;
use tracing::instrument::Instrumented;
use tracing::{Instrument as _, Span};

use super::Runtime;
use crate::backend::{Calls, SchedulerApi};
use crate::error::{Error, ErrorKind, Result};
use crate::scheduler::calls::AckBody;
use crate::scheduler::shared::PendingCall;

impl<S, B, M> Runtime<S, B, M> {
    /// Queues an acknowledgement. A failure loses nothing, because Mesos repeats an update that
    /// was not acknowledged. So an abort does not wait until the queue has room. Many failures in a
    /// row end the subscription, see `ack_watch`.
    pub(super) async fn queue_acknowledgement(
        &mut self,
        calls: &dyn Calls<SchedulerApi>,
        body: AckBody,
    ) {
        let span = body.span();
        let aborted = || Error::new(ErrorKind::Closed, "the driver was aborted");
        if self.shared().link.is_aborted() {
            return self.shared().acknowledged(&Err(aborted()));
        }
        let body = match body {
            AckBody::Task(body) => match self.try_acknowledge(calls, body, &span) {
                None => return,
                Some(body) => AckBody::Task(body),
            },
            operation => operation,
        };
        let mut call = body.into_call();
        call.framework_id = self.handle.framework_id();
        let shared = self.handle.shared();
        let sending = shared.enqueue(calls, call).instrument(span.clone());
        let sent = tokio::select! {
            biased;
            sent = sending => sent,
            () = shared.link.aborted() => Err(aborted()),
        };
        match sent {
            Ok(answer) => self.answers.push_back(answer.instrument(span)),
            Err(error) => shared.acknowledged(&Err(error)),
        }
        self.now = Instant::now();
    }

    /// Queues the acknowledgement of a task's update if the backend has room for it now. Returns the
    /// body otherwise.
    fn try_acknowledge(
        &mut self,
        calls: &dyn Calls<SchedulerApi>,
        body: Acknowledge,
        span: &Span,
    ) -> Option<Acknowledge> {
        let call = &mut self.acknowledge;
        if call.framework_id.is_none() {
            call.framework_id = self.handle.framework_id();
        }
        call.acknowledge = Some(body);
        let answer = self.acknowledgements.open(span.clone());
        let refused = calls.try_send(call, answer)?;
        self.acknowledgements.withdraw(refused);
        call.acknowledge.take()
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
