//! State shared by the driver's handles and its event loop.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use mesos_proto::encoded::Encoding;
use mesos_proto::v1::FrameworkId;
use mesos_proto::v1::scheduler::Call;
use mesos_proto::v1::scheduler::call::Type;

use super::Framework;
use super::ack_watch::AckWatch;
use super::health::Monitor;
use super::in_flight::{Entry, InFlight};
use super::ledger::Ledger;
use super::reconcile::{Reconciler, Tracker};
use super::subscribe_state::SubscribeState;
use crate::backend::{Answer, Backend, Calls, SchedulerApi};
use crate::capability::{Capabilities, Capability};
use crate::error::{Error, ErrorKind, Result};
use crate::lock;
use crate::metrics::{CallTimer, Meter};
use crate::runtime::Link;
use crate::version::MesosVersion;

/// See the module.
pub(super) struct Shared {
    pub(super) link: Link<SchedulerApi>,
    pub(super) ledger: Arc<Ledger>,
    pub(super) capabilities: Capabilities,
    pub(super) backend: &'static str,
    pub(super) reconciler: Reconciler,
    pub(super) monitor: Monitor,
    pub(super) ack_watch: AckWatch,
    pub(super) in_flight: Arc<InFlight>,
    /// Held by the first of the calls that wait for a subscription, so that they keep their order.
    pub(super) turn: tokio::sync::Mutex<()>,
    /// The program requests another subscription.
    pub(super) reconnect: tokio::sync::Notify,
    /// The release of the last master that granted a subscription.
    master_version: Mutex<Option<MesosVersion>>,
    framework_id: Mutex<Option<FrameworkId>>,
    subscribe_state: Mutex<SubscribeState>,
}

/// A call that is queued or under way. Its result is measured and logged.
#[derive(Debug)]
pub(super) struct PendingCall {
    name: &'static str,
    /// `None` once the call was answered.
    open: Option<Open>,
}

/// The parts of a call that was not answered yet.
#[derive(Debug)]
struct Open {
    answer: Answer,
    timer: CallTimer,
    entry: Entry,
}

impl Future for PendingCall {
    type Output = Result<()>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(open) = &mut self.open else {
            return Poll::Pending;
        };
        let result = ready!(Pin::new(&mut open.answer).poll(context));
        if let Some(open) = self.open.take() {
            finish(self.name, open.timer, &result);
        }
        Poll::Ready(result)
    }
}

impl Drop for PendingCall {
    fn drop(&mut self) {
        if let Some(open) = self.open.take() {
            open.entry.abandon(open.answer);
        }
    }
}

/// A call that was queued, unless `sent` is an error.
fn pending(
    name: &'static str,
    sent: Result<Answer>,
    timer: CallTimer,
    entry: Entry,
) -> Result<PendingCall> {
    match sent {
        Ok(answer) => Ok(PendingCall {
            name,
            open: Some(Open {
                answer,
                timer,
                entry,
            }),
        }),
        Err(error) => {
            finish(name, timer, &Err(error.clone()));
            Err(error)
        }
    }
}

fn finish(name: &'static str, timer: CallTimer, result: &Result<()>) {
    log_result(name, result);
    timer.finish(result);
}

/// Logs the result of a call in the current span.
pub(super) fn log_result(name: &'static str, result: &Result<()>) {
    match result {
        Ok(()) => tracing::debug!(call = name, "accepted"),
        Err(error) => {
            let delivery = error.delivery();
            tracing::debug!(call = name, ?delivery, error = %crate::error_chain(error), "failed");
        }
    }
}

impl Shared {
    pub(super) fn new(framework: &Framework, backend: &impl Backend<SchedulerApi>) -> Self {
        let capabilities = backend.capabilities();
        let meter = Meter::new(&framework.info.name);
        let operations = capabilities.contains(Capability::OperationFeedback);
        Self {
            reconciler: Reconciler::new(
                Tracker::new(framework.reconcile, operations),
                meter.clone(),
            ),
            link: Link::new(),
            ledger: Arc::new(Ledger::new(meter.clone())),
            capabilities,
            backend: backend.name(),
            ack_watch: AckWatch::default(),
            in_flight: Arc::default(),
            turn: tokio::sync::Mutex::default(),
            reconnect: tokio::sync::Notify::new(),
            master_version: Mutex::default(),
            framework_id: Mutex::new(framework.info.id.clone()),
            subscribe_state: Mutex::new(SubscribeState::new(framework)),
            monitor: Monitor::new(meter),
        }
    }

    /// Queues `call` and returns its pending answer. The result is measured, and logged in the
    /// caller's span.
    ///
    /// Not an `async fn`, because its future, and every future that awaits it, would be as
    /// large as a call.
    pub(super) fn enqueue<'a>(
        &self,
        queue: &'a dyn Calls<SchedulerApi>,
        call: Call,
    ) -> impl Future<Output = Result<PendingCall>> + Send + use<'a> {
        let name = call.r#type().as_str_name();
        let timer = self.monitor.meter().call(name);
        let entry = self.in_flight.enter();
        let sending = queue.send(call);
        async move { pending(name, sending.await, timer, entry) }
    }

    /// As [`enqueue`](Self::enqueue), for a call that `encode` encodes. `call` makes the message if the
    /// backend needs it.
    pub(super) fn enqueue_encoded<'a>(
        &self,
        queue: &'a dyn Calls<SchedulerApi>,
        call_type: Type,
        encode: &dyn Fn(Encoding) -> Option<Bytes>,
        call: &dyn Fn() -> Call,
    ) -> impl Future<Output = Result<PendingCall>> + Send + use<'a> {
        let name = call_type.as_str_name();
        let timer = self.monitor.meter().call(name);
        let entry = self.in_flight.enter();
        let (sender, answer) = Answer::channel();
        let refused = queue.try_send_encoded(call_type, encode, sender).is_some();
        let sending = refused.then(|| queue.send(call()));
        async move {
            let sent = match sending {
                Some(sending) => sending.await,
                None => Ok(answer),
            };
            pending(name, sent, timer, entry)
        }
    }

    /// The result of an acknowledgement.
    pub(super) fn acknowledged(&self, result: &Result<()>) {
        self.monitor.acknowledged(result.is_ok());
        self.ack_watch.finished(result);
    }

    pub(super) fn framework_id(&self) -> Option<FrameworkId> {
        lock(&self.framework_id).clone()
    }

    pub(super) fn set_framework_id(&self, id: Option<FrameworkId>) {
        *lock(&self.framework_id) = id;
    }

    pub(super) fn subscribe_state(&self) -> MutexGuard<'_, SubscribeState> {
        lock(&self.subscribe_state)
    }

    pub(super) fn set_master_version(&self, version: Option<MesosVersion>) {
        *lock(&self.master_version) = version;
    }

    /// Checks that the master is not older than `since`, the first release with `feature`. A
    /// master of an unknown release passes.
    pub(super) fn require_mesos(&self, feature: &str, since: MesosVersion) -> Result<()> {
        match *lock(&self.master_version) {
            Some(version) if version < since => {
                let text = format!(
                    "{feature} needs Mesos {since} or newer, but the master runs Mesos {version}"
                );
                Err(Error::new(ErrorKind::Unsupported, text))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn require(&self, capability: Capability) -> Result<()> {
        if self.capabilities.contains(capability) {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Unsupported,
            format!(
                "the {} backend does not support {capability:?}",
                self.backend
            ),
        ))
    }
}
