//! What the driver's handles and its running loop share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mesos_proto::v1::FrameworkId;

use super::Framework;
use super::health::Monitor;
use super::offer::Ledger;
use super::reconcile::{Plan, Reconciler};
use super::wishes::Wishes;
use crate::backend::{Backend, SchedulerApi};
use crate::capability::{Capabilities, Capability};
use crate::error::{Error, ErrorKind, Result};
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

impl Shared {
    pub(super) fn new(framework: &Framework, backend: &impl Backend<SchedulerApi>) -> Self {
        let capabilities = backend.capabilities();
        let operations = capabilities.contains(Capability::OperationFeedback);
        Self {
            reconciler: Reconciler::new(Plan::new(framework.reconcile, operations)),
            monitor: Monitor::new(),
            link: Link::new(),
            ledger: Arc::default(),
            capabilities,
            backend: backend.name(),
            turn: tokio::sync::Mutex::default(),
            framework_id: Mutex::new(framework.info.id.clone()),
            wishes: Mutex::new(Wishes::new(framework)),
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
