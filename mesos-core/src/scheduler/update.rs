//! Status updates and their acknowledgement.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mesos_proto::v1::{AgentId, OperationStatus, TaskId, TaskStatus, scheduler::Call};

use tracing::Instrument as _;

use super::SchedulerDriver;
use super::calls::{self, Acknowledged};
use crate::error::Result;

/// A task's state, as [`Scheduler::update`](super::Scheduler::update) gets it.
/// Its fields are those of the message [`TaskStatus`], reached by `Deref`.
#[derive(Debug)]
pub struct StatusUpdate {
    status: Box<TaskStatus>,
    pending: Option<Pending>,
}

/// An operation's state, as
/// [`Scheduler::operation_update`](super::Scheduler::operation_update) gets
/// it. Its fields are those of the message [`OperationStatus`].
#[derive(Debug)]
pub struct OperationUpdate {
    status: Box<OperationStatus>,
    pending: Option<Pending>,
}

impl StatusUpdate {
    /// The update, and what the runtime keeps to acknowledge it.
    pub(super) fn new(status: Box<TaskStatus>, driver: &SchedulerDriver) -> (Self, Option<Due>) {
        let (pending, due) = split(calls::acknowledge(&status), driver);
        (Self { status, pending }, due)
    }

    /// Whether Mesos waits for an acknowledgement. What the master made itself
    /// carries no uuid and wants none (`src/internal/evolve.cpp`).
    pub fn needs_acknowledgement(&self) -> bool {
        self.pending.is_some()
    }

    /// Takes the acknowledgement out of the runtime's hands: the update counts
    /// as handled when [`Acknowledgement::acknowledge`] is called, however long
    /// after the handler returned. `None` if there is nothing to acknowledge,
    /// or it was taken before.
    pub fn defer(&mut self) -> Option<Acknowledgement> {
        self.pending.take().map(Pending::defer)
    }

    /// The message.
    pub fn into_status(self) -> TaskStatus {
        *self.status
    }
}

impl OperationUpdate {
    pub(super) fn new(
        status: Box<OperationStatus>,
        driver: &SchedulerDriver,
    ) -> (Self, Option<Due>) {
        let (pending, due) = split(calls::acknowledge_operation(&status), driver);
        (Self { status, pending }, due)
    }

    /// Whether Mesos waits for an acknowledgement.
    pub fn needs_acknowledgement(&self) -> bool {
        self.pending.is_some()
    }

    /// As [`StatusUpdate::defer`].
    pub fn defer(&mut self) -> Option<Acknowledgement> {
        self.pending.take().map(Pending::defer)
    }

    /// The message.
    pub fn into_status(self) -> OperationStatus {
        *self.status
    }
}

impl Deref for StatusUpdate {
    type Target = TaskStatus;

    fn deref(&self) -> &TaskStatus {
        &self.status
    }
}

impl Deref for OperationUpdate {
    type Target = OperationStatus;

    fn deref(&self) -> &OperationStatus {
        &self.status
    }
}

/// The right to acknowledge one update, kept by a handler that returned
/// before the update was dealt with.
///
/// Dropping it leaves the update unacknowledged: the agent sends it again, and
/// holds back the task's next update until then.
#[must_use = "an update that is not acknowledged comes again"]
pub struct Acknowledgement {
    open: Arc<Open>,
    driver: SchedulerDriver,
    /// Whether the handler took it over.
    deferred: bool,
}

impl Acknowledgement {
    /// Tells Mesos that the update was dealt with. Also right after a
    /// reconnect: the agent matches the uuid, whoever carried it.
    ///
    /// # Errors
    /// Whatever a call can meet; the update then comes again, with a new
    /// chance to acknowledge it.
    pub async fn acknowledge(self) -> Result<()> {
        let call = into_call(Arc::clone(&self.open));
        let span = calls::span(&call);
        let result = self.driver.call(call).instrument(span).await;
        let monitor = &self.driver.shared().monitor;
        monitor.acknowledged(result.is_ok());
        result
    }
}

impl Drop for Acknowledgement {
    fn drop(&mut self) {
        if self.deferred {
            let monitor = &self.driver.shared().monitor;
            monitor.deferred(|count| count.saturating_sub(1));
        }
    }
}

impl fmt::Debug for Acknowledgement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acknowledgement").finish_non_exhaustive()
    }
}

/// The update's half of an acknowledgement that is not made yet.
struct Pending(Acknowledgement);

impl Pending {
    fn defer(mut self) -> Acknowledgement {
        self.0.open.deferred.store(true, Ordering::Release);
        self.0.deferred = true;
        let monitor = &self.0.driver.shared().monitor;
        monitor.deferred(|count| count + 1);
        self.0
    }
}

impl fmt::Debug for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pending")
    }
}

/// What both halves have: the one that acknowledges takes it.
struct Open {
    what: Acknowledged,
    deferred: AtomicBool,
}

/// The runtime's half.
pub(super) struct Due(Arc<Open>);

impl Due {
    /// The task that it is about, with its agent; none for an operation.
    pub(super) fn task(&self) -> Option<(&TaskId, &AgentId)> {
        match &self.0.what {
            Acknowledged::Task(body) => Some((&body.task_id, &body.agent_id)),
            Acknowledged::Operation(_) => None,
        }
    }

    /// The call to make after the handler returned `Ok`; none if it deferred.
    pub(super) fn into_call(self) -> Option<Call> {
        (!self.0.deferred.load(Ordering::Acquire)).then(|| into_call(self.0))
    }
}

/// Copied only if the other half is still held.
fn into_call(open: Arc<Open>) -> Call {
    Arc::try_unwrap(open)
        .map_or_else(|open| open.what.clone(), |open| open.what)
        .into_call()
}

fn split(what: Option<Acknowledged>, driver: &SchedulerDriver) -> (Option<Pending>, Option<Due>) {
    let Some(what) = what else {
        return (None, None);
    };
    let open = Arc::new(Open {
        what,
        deferred: AtomicBool::new(false),
    });
    let pending = Pending(Acknowledgement {
        open: Arc::clone(&open),
        driver: driver.clone(),
        deferred: false,
    });
    (Some(pending), Some(Due(open)))
}
