//! Status updates and their acknowledgement.

use std::fmt;
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, Ordering};

use mesos_proto::v1::scheduler::Call;
use mesos_proto::v1::task_status::Reason;
use mesos_proto::v1::{OperationStatus, TaskState, TaskStatus, UnknownEnum};
use tracing::Instrument as _;

use super::calls::{self, AckBody};
use super::handle::Handle;
use super::status::Status;
use crate::error::Result;

/// A task's state, as [`Scheduler::update`](super::Scheduler::update) receives it.
/// The fields are those of the message [`TaskStatus`], reached by `Deref`.
///
/// A handler only borrows the update, because the driver acknowledges the update when the
/// handler returns `Ok`. To work on the update after the handler has returned, take a copy
/// with [`to_status`](Self::to_status), and the duty to acknowledge with
/// [`defer`](Self::defer).
#[derive(Debug)]
pub struct StatusUpdate(Update<Status>);

/// The task, its state and the message of the update, as in `web-1: TASK_FAILED: Command exited with
/// status 1`, for logs and terminals.
impl fmt::Display for StatusUpdate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.task_id)?;
        match self.task_state() {
            Ok(state) => f.write_str(state.as_str_name())?,
            Err(unknown) => write!(f, "{unknown}")?,
        }
        match self.message() {
            "" => Ok(()),
            message => write!(f, ": {message}"),
        }
    }
}

/// An operation's state, as
/// [`Scheduler::operation_update`](super::Scheduler::operation_update) receives it.
/// The fields are those of the message [`OperationStatus`], reached by `Deref`. The rules of
/// [`StatusUpdate`] apply.
#[derive(Debug)]
pub struct OperationUpdate(Update<Box<OperationStatus>>);

impl StatusUpdate {
    pub(super) fn new(status: Status, handle: &Handle) -> Self {
        let needed = calls::needs_acknowledgement(&status);
        Self(Update::new(status, needed, handle))
    }

    /// Whether Mesos waits for an acknowledgement. Updates that the master generates itself
    /// carry no uuid and need no acknowledgement (`src/internal/evolve.cpp`).
    pub fn needs_acknowledgement(&self) -> bool {
        self.0.is_open()
    }

    /// The state, or an error for a state that this version does not know; see
    /// [`TaskStatus::task_state`]. Like [`is_terminal`](Self::is_terminal), it costs less than the
    /// other fields: the first access to another field decodes the whole message.
    ///
    /// # Errors
    /// The state is unknown.
    pub fn task_state(&self) -> Result<TaskState, UnknownEnum> {
        TaskStatus::known_state(self.0.status.state())
    }

    /// Whether the state is terminal; see [`TaskStatus::is_terminal`].
    pub fn is_terminal(&self) -> bool {
        self.task_state().is_ok_and(TaskState::is_terminal)
    }

    /// Whether this update answers a RECONCILE call, so that it repeats a state instead of
    /// reporting a change. A task that was just launched can be reported as TASK_STAGING
    /// this way before its first real update.
    pub fn is_reconciliation(&self) -> bool {
        self.0.status.reason() == Some(Reason::Reconciliation as i32)
    }

    /// Takes over the acknowledgement from the driver: the update counts as handled once
    /// [`Acknowledgement::acknowledge`] is called, also long after the handler has returned.
    /// `None` if Mesos needs no acknowledgement, or if this was called before.
    ///
    /// ```
    /// use mesos::scheduler::Acknowledgement;
    /// use mesos::{HandlerResult, Scheduler, SchedulerDriver, StatusUpdate, v1};
    /// use tokio::sync::mpsc;
    ///
    /// struct Recorder {
    ///     database: mpsc::Sender<(v1::TaskStatus, Option<Acknowledgement>)>,
    /// }
    ///
    /// #[mesos::async_trait]
    /// impl Scheduler for Recorder {
    ///     async fn update(&mut self, _: &SchedulerDriver, update: &StatusUpdate) -> HandlerResult {
    ///         self.database.send((update.to_status(), update.defer())).await?;
    ///         Ok(())
    ///     }
    /// }
    /// ```
    #[doc(alias = "acknowledgeStatusUpdate", alias = "acknowledge")]
    pub fn defer(&self) -> Option<Acknowledgement> {
        self.0.defer(calls::acknowledge)
    }

    /// A copy of the message.
    pub fn to_status(&self) -> TaskStatus {
        self.0.status.message().clone()
    }

    /// What identifies the update, for logs.
    pub(super) fn status(&self) -> &Status {
        &self.0.status
    }

    /// Called once the handler has returned: the status, and whether the driver has to
    /// acknowledge it.
    pub(super) fn into_parts(self) -> (Status, bool) {
        self.0.into_parts()
    }
}

impl OperationUpdate {
    pub(super) fn new(status: Box<OperationStatus>, handle: &Handle) -> Self {
        let needed = calls::operation_needs_acknowledgement(&status);
        Self(Update::new(status, needed, handle))
    }

    /// As [`StatusUpdate::needs_acknowledgement`].
    pub fn needs_acknowledgement(&self) -> bool {
        self.0.is_open()
    }

    /// As [`StatusUpdate::defer`].
    pub fn defer(&self) -> Option<Acknowledgement> {
        self.0
            .defer(|status| calls::acknowledge_operation((**status).clone()))
    }

    /// A copy of the message.
    pub fn to_status(&self) -> OperationStatus {
        (*self.0.status).clone()
    }

    pub(super) fn into_parts(self) -> (Box<OperationStatus>, bool) {
        self.0.into_parts()
    }
}

impl Deref for StatusUpdate {
    type Target = TaskStatus;

    fn deref(&self) -> &TaskStatus {
        self.0.status.message()
    }
}

impl Deref for OperationUpdate {
    type Target = OperationStatus;

    fn deref(&self) -> &OperationStatus {
        &self.0.status
    }
}

/// The common part of the updates of tasks and of operations.
struct Update<T> {
    status: T,
    /// Whether Mesos needs an acknowledgement that no handler has taken over.
    open: AtomicBool,
    handle: Handle,
}

impl<T> Update<T> {
    fn new(status: T, needed: bool, handle: &Handle) -> Self {
        Self {
            status,
            open: AtomicBool::new(needed),
            handle: handle.clone(),
        }
    }

    fn is_open(&self) -> bool {
        self.open.load(Ordering::Acquire)
    }

    fn defer(&self, body: impl FnOnce(&T) -> Option<AckBody>) -> Option<Acknowledgement> {
        if !self.open.swap(false, Ordering::AcqRel) {
            return None;
        }
        let call = body(&self.status)?.into_call();
        let monitor = &self.handle.shared().monitor;
        monitor.count_deferred(|count| count + 1);
        Some(Acknowledgement {
            call: Some(call),
            handle: self.handle.clone(),
        })
    }

    fn into_parts(self) -> (T, bool) {
        (self.status, self.open.into_inner())
    }
}

impl<T: fmt::Debug> fmt::Debug for Update<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Update")
            .field("status", &self.status)
            .field("needs_acknowledgement", &self.is_open())
            .finish_non_exhaustive()
    }
}

/// The duty to acknowledge one update, taken over from the driver by
/// [`StatusUpdate::defer`].
///
/// Dropping this value leaves the update unacknowledged. The agent then sends the update
/// again, and holds back the task's next update until the acknowledgement arrives.
#[must_use = "an update that is not acknowledged is sent again"]
pub struct Acknowledgement {
    /// `None` once the call was made.
    call: Option<Call>,
    handle: Handle,
}

impl Acknowledgement {
    /// Acknowledges the update. This also works after a reconnect, because the agent matches
    /// the uuid and not the connection.
    ///
    /// # Errors
    /// Those of any call. Mesos then sends the update again, which gives another chance to
    /// acknowledge it.
    pub async fn acknowledge(mut self) -> Result<()> {
        let Some(call) = self.call.take() else {
            return Ok(());
        };
        let span = calls::span(&call);
        let result = self.handle.call(call).instrument(span).await;
        self.handle.shared().acknowledged(&result);
        result
    }
}

impl Drop for Acknowledgement {
    fn drop(&mut self) {
        let monitor = &self.handle.shared().monitor;
        monitor.count_deferred(|count| count.saturating_sub(1));
    }
}

impl fmt::Debug for Acknowledgement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acknowledgement").finish_non_exhaustive()
    }
}
