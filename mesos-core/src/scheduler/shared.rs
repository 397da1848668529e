//! What the driver's handles and its running loop share.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use mesos_proto::v1::FrameworkId;
use mesos_proto::v1::scheduler::Call;

use super::Framework;
use super::health::Monitor;
use super::offer::Ledger;
use super::reconcile::{Plan, Reconciler};
use super::wishes::Wishes;
use crate::backend::{Answer, Backend, Calls, SchedulerApi};
use crate::capability::{Capabilities, Capability};
use crate::error::{Error, ErrorKind, Result};
use crate::metrics::{Measured, Meter};
use crate::runtime::Link;

/// See the module.
pub(super) struct Shared {
    pub(super) link: Link<SchedulerApi>,
    pub(super) ledger: Arc<Ledger>,
    pub(super) capabilities: Capabilities,
    pub(super) backend: &'static str,
    pub(super) reconciler: Reconciler,
    pub(super) monitor: Monitor,
    /// Whose turn it is among the calls that wait for a subscription.
    pub(super) turn: tokio::sync::Mutex<()>,
    framework_id: Mutex<Option<FrameworkId>>,
    wishes: Mutex<Wishes>,
}

/// The answer to a call that is in line, measured and logged when it is there.
#[derive(Debug)]
pub(super) struct Asked {
    answer: Answer,
    name: &'static str,
    /// Until it is answered.
    measured: Option<Measured>,
}

impl Future for Asked {
    type Output = Result<()>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let result = ready!(Pin::new(&mut self.answer).poll(context));
        if let Some(measured) = self.measured.take() {
            finish(self.name, measured, &result);
        }
        Poll::Ready(result)
    }
}

fn finish(name: &'static str, measured: Measured, result: &Result<()>) {
    match result {
        Ok(()) => tracing::debug!(call = name, "taken"),
        Err(error) => {
            let delivery = error.delivery();
            tracing::debug!(call = name, ?delivery, error = %crate::chain(error), "failed");
        }
    }
    measured.finish(result);
}

impl Shared {
    pub(super) fn new(framework: &Framework, backend: &impl Backend<SchedulerApi>) -> Self {
        let capabilities = backend.capabilities();
        let meter = Meter::new(&framework.info.name);
        let operations = capabilities.contains(Capability::OperationFeedback);
        Self {
            reconciler: Reconciler::new(Plan::new(framework.reconcile, operations), meter.clone()),
            link: Link::new(),
            ledger: Arc::new(Ledger::new(meter.clone())),
            capabilities,
            backend: backend.name(),
            turn: tokio::sync::Mutex::default(),
            framework_id: Mutex::new(framework.info.id.clone()),
            wishes: Mutex::new(Wishes::new(framework)),
            monitor: Monitor::new(meter),
        }
    }

    /// Puts `call` in line, and returns what becomes its answer. Its outcome is
    /// measured, and logged in the caller's span.
    ///
    /// Not an `async fn`: its future, and each that awaits it, would be as large
    /// as a call.
    pub(super) fn put<'a>(
        &self,
        line: &'a dyn Calls<SchedulerApi>,
        call: Call,
    ) -> impl Future<Output = Result<Asked>> + Send + use<'a> {
        let name = call.r#type().as_str_name();
        let measured = self.monitor.meter().call(name);
        let sending = line.send(call);
        async move {
            match sending.await {
                Ok(answer) => Ok(Asked {
                    answer,
                    name,
                    measured: Some(measured),
                }),
                Err(error) => {
                    finish(name, measured, &Err(error.clone()));
                    Err(error)
                }
            }
        }
    }

    pub(super) fn framework_id(&self) -> Option<FrameworkId> {
        lock(&self.framework_id).clone()
    }

    pub(super) fn set_framework_id(&self, id: Option<FrameworkId>) {
        *lock(&self.framework_id) = id;
    }

    pub(super) fn wishes(&self) -> MutexGuard<'_, Wishes> {
        lock(&self.wishes)
    }

    pub(super) fn require(&self, capability: Capability) -> Result<()> {
        if self.capabilities.contains(capability) {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Unsupported,
            format!("the {} backend has no {capability:?}", self.backend),
        ))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing under these locks can panic half way; a poisoned one is whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
