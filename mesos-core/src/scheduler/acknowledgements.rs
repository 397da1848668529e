//! The acknowledgements that the driver has made over one subscription, and their results.
//!
//! A scheduler acknowledges thousands of updates per second, and nobody waits for an answer. So the
//! backend reports each result here, without a future and a channel for each.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::Notify;
use tracing::Span;

use super::handle::Handle;
use super::shared::log_result;
use crate::backend::{AnswerSender, Observed, Observer};
use crate::error::Result;
use crate::lock;
use crate::metrics::Meter;

/// The name of the calls.
const NAME: &str = "ACKNOWLEDGE";

/// See the module.
pub(super) struct Acknowledgements {
    handle: Handle,
    state: Mutex<State>,
    answered: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// The number of calls without a result.
    open: u64,
    /// Whether the subscription has ended. Later results do not count.
    ended: bool,
}

impl Acknowledgements {
    /// For one subscription.
    pub(super) fn new(handle: &Handle) -> Arc<Self> {
        Arc::new(Self {
            handle: handle.clone(),
            state: Mutex::default(),
            answered: Notify::new(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// A call is about to be made.
    pub(super) fn open(self: &Arc<Self>, span: Span) -> AnswerSender {
        self.lock().open += 1;
        let since = Meter::start();
        AnswerSender::observed(Arc::clone(self) as _, Observed { span, since })
    }

    /// The call of the last [`open`](Self::open) was not made.
    pub(super) fn withdraw(&self, answer: AnswerSender) {
        answer.discard();
        self.lock().open -= 1;
    }

    /// The subscription has ended. Calls without a result count as failed.
    pub(super) fn end(&self) {
        let mut state = self.lock();
        let open = std::mem::take(&mut state.open);
        state.ended = true;
        drop(state);
        for _ in 0..open {
            self.handle.shared().monitor.acknowledged(false);
        }
    }

    /// Waits until every call has a result. Cancel safe.
    pub(super) async fn flush(&self) {
        loop {
            let answered = self.answered.notified();
            if self.lock().open == 0 {
                return;
            }
            answered.await;
        }
    }
}

impl Observer for Acknowledgements {
    fn answered(&self, call: Observed, result: Result<()>) {
        let shared = self.handle.shared();
        call.span.in_scope(|| log_result(NAME, &result));
        let meter = shared.monitor.meter();
        meter.answered(NAME, call.since, &result);
        let mut state = self.lock();
        if state.ended {
            return;
        }
        state.open -= 1;
        let last = state.open == 0;
        drop(state);
        shared.acknowledged(&result);
        if last {
            self.answered.notify_waiters();
        }
    }
}

impl fmt::Debug for Acknowledgements {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acknowledgements")
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}
