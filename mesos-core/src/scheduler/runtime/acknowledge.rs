//! Queues acknowledgements, and reads their answers.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

use mesos_proto::v1::scheduler::call::{Acknowledge, Type};
use tokio::time::Instant;
use tracing::Instrument as _;
use tracing::instrument::Instrumented;

use super::Runtime;
use crate::backend::{Calls, SchedulerApi};
use crate::error::{Error, ErrorKind, Result};
use crate::scheduler::calls::{self, AckBody};
use crate::scheduler::shared::PendingCall;
use crate::scheduler::status::Status;

/// What an acknowledgement is for.
pub(super) enum Acknowledged {
    Task(Status),
    Operation(AckBody),
}

impl<S, B, M> Runtime<S, B, M> {
    /// Queues an acknowledgement. A failure loses nothing, because Mesos repeats an update that
    /// was not acknowledged. So an abort does not wait until the queue has room. Many failures in a
    /// row end the subscription, see `ack_watch`.
    pub(super) async fn queue_acknowledgement(
        &mut self,
        queue: &dyn Calls<SchedulerApi>,
        acknowledged: Acknowledged,
    ) {
        let aborted = || Error::new(ErrorKind::Closed, "the driver was aborted");
        if self.shared().link.is_aborted() {
            return self.shared().acknowledged(&Err(aborted()));
        }
        let mut call = match acknowledged {
            Acknowledged::Task(status) => match self.try_acknowledge(queue, &status) {
                None => return,
                Some(body) => body.into(),
            },
            Acknowledged::Operation(body) => body.into_call(),
        };
        let span = calls::span(&call);
        call.framework_id = self.handle.framework_id();
        let shared = self.handle.shared();
        let sending = shared.enqueue(queue, call).instrument(span.clone());
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
        queue: &dyn Calls<SchedulerApi>,
        status: &Status,
    ) -> Option<Acknowledge> {
        if !calls::needs_acknowledgement(status) {
            return None;
        }
        let call = &mut self.acknowledge;
        if call.framework_id.is_none() {
            call.framework_id = self.handle.framework_id();
        }
        let ids = || (status.task_id(), status.agent_id().unwrap_or_default());
        let mut answer = self.acknowledgements.open(calls::task_span(ids));
        if let Some(framework_id) = &call.framework_id {
            let encode = |encoding| Some(status.encode_acknowledge(encoding, &framework_id.value));
            answer = queue.try_send_encoded(Type::Acknowledge, &encode, answer)?;
        }
        let body = call.acknowledge.get_or_insert_default();
        status.acknowledge(body);
        let refused = queue.try_send(call, answer)?;
        self.acknowledgements.withdraw(refused);
        call.acknowledge.clone()
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
