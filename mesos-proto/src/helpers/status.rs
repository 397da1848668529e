//! States and statuses of tasks and operations.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;

use super::open_enum::{UnknownEnum, known};
use super::uuids;
use crate::v1::task_status::{Reason, Source};
use crate::v1::{OperationState, OperationStatus, TaskId, TaskState, TaskStatus};

impl TaskState {
    /// Whether the state is terminal in Mesos (`src/common/protobuf_utils.cpp`): the resources of
    /// the task are free, and its executor sends no further state.
    ///
    /// Some states need care:
    ///
    /// * TASK_LOST is terminal. A framework without PARTITION_AWARE also gets it for a task on an
    ///   unreachable agent. Such a task can come back as TASK_RUNNING.
    /// * TASK_GONE_BY_OPERATOR is terminal. It is the statement of an operator that the agent is
    ///   gone permanently. The statement can be wrong.
    /// * TASK_UNREACHABLE is not terminal. The task may still run and come back, or never be
    ///   reported again. The framework decides when to start a replacement.
    /// * TASK_UNKNOWN is not terminal. It is the response of a master that does not know the task.
    pub fn is_terminal(self) -> bool {
        match self {
            Self::TaskFinished
            | Self::TaskFailed
            | Self::TaskKilled
            | Self::TaskError
            | Self::TaskLost
            | Self::TaskDropped
            | Self::TaskGone
            | Self::TaskGoneByOperator => true,
            Self::TaskStaging
            | Self::TaskStarting
            | Self::TaskRunning
            | Self::TaskKilling
            | Self::TaskUnreachable
            | Self::TaskUnknown => false,
        }
    }
}

impl OperationState {
    /// Whether the state is terminal in Mesos (`src/common/protobuf_utils.cpp`).
    ///
    /// OPERATION_UNREACHABLE, OPERATION_RECOVERING and OPERATION_UNKNOWN are not terminal: they
    /// describe what the master knows at the moment.
    pub fn is_terminal(self) -> bool {
        match self {
            Self::OperationFinished
            | Self::OperationFailed
            | Self::OperationError
            | Self::OperationDropped
            | Self::OperationGoneByOperator => true,
            Self::OperationUnsupported
            | Self::OperationPending
            | Self::OperationUnreachable
            | Self::OperationRecovering
            | Self::OperationUnknown => false,
        }
    }
}

/// The state of a task is [`task_state`](Self::task_state). It returns an error for a state that
/// this version does not know. To test for one state, compare the field: `status.state ==
/// TaskState::TaskRunning`. The generated getter `state()` returns TASK_STAGING for an unknown
/// state.
///
/// The `with_` methods are for executors. The executor driver sets the fields that every update
/// needs (`uuid`, `source`, `executor_id`, `timestamp`).
///
/// ```
/// use mesos::v1::{TaskState, TaskStatus};
///
/// let status = TaskStatus::new("t1", TaskState::TaskFailed).with_message("no space left");
/// assert!(status.is_terminal());
/// assert!(status.state == TaskState::TaskFailed);
/// assert!(!status.needs_acknowledgement());
/// ```
impl TaskStatus {
    /// A status with only a task and its state.
    pub fn new(task_id: impl Into<TaskId>, state: TaskState) -> Self {
        Self {
            task_id: task_id.into(),
            state: state.into(),
            ..Self::default()
        }
    }

    /// Sets a message for people to read.
    #[must_use]
    pub fn with_message(mut self, message: impl Into<String>) -> Self {
        self.message = Some(message.into());
        self
    }

    /// Sets why the task is in this state.
    #[must_use]
    pub fn with_reason(mut self, reason: Reason) -> Self {
        self.reason = Some(reason.into());
        self
    }

    /// Sets bytes for the scheduler, delivered as reliably as the update itself.
    #[must_use]
    pub fn with_data(mut self, data: impl Into<Bytes>) -> Self {
        self.data = Some(data.into());
        self
    }

    /// Sets the result of the task's health check.
    #[must_use]
    pub fn with_healthy(mut self, healthy: bool) -> Self {
        self.healthy = Some(healthy);
        self
    }

    /// Sets a new random `uuid`, which the acknowledgement of the update repeats.
    #[must_use]
    pub fn with_random_uuid(mut self) -> Self {
        self.uuid = Some(uuids::random_bytes());
        self
    }

    /// Sets the time of the status. The message stores seconds since 1970 in floating point, exact
    /// to about a microsecond.
    #[must_use]
    pub fn with_time(mut self, time: SystemTime) -> Self {
        self.timestamp = Some(match time.duration_since(UNIX_EPOCH) {
            Ok(since) => since.as_secs_f64(),
            Err(before) => -before.duration().as_secs_f64(),
        });
        self
    }

    /// The time of the status. Returns `None` if the time is unset or out of the range of
    /// `SystemTime`.
    pub fn time(&self) -> Option<SystemTime> {
        let seconds = self.timestamp?;
        let distance = Duration::try_from_secs_f64(seconds.abs()).ok()?;
        if seconds < 0.0 {
            UNIX_EPOCH.checked_sub(distance)
        } else {
            UNIX_EPOCH.checked_add(distance)
        }
    }

    /// The state of the task.
    ///
    /// Use this method instead of the generated getter `state`, which returns TASK_STAGING for a
    /// state that this version does not know.
    ///
    /// # Errors
    ///
    /// [`UnknownEnum`] for a state of a newer Mesos.
    pub fn task_state(&self) -> Result<TaskState, UnknownEnum> {
        Self::known_state(self.state)
    }

    /// The state with a number, as [`task_state`](Self::task_state).
    ///
    /// # Errors
    /// This version does not know the state.
    #[doc(hidden)]
    pub fn known_state(number: i32) -> Result<TaskState, UnknownEnum> {
        known(number)
    }

    /// Whether the state is terminal; see [`TaskState::is_terminal`]. A state that this version
    /// does not know counts as not terminal.
    pub fn is_terminal(&self) -> bool {
        self.task_state().is_ok_and(TaskState::is_terminal)
    }

    /// Why the task is in this state. Returns `None` if the reason is unset.
    ///
    /// Use this method instead of the generated getter `reason`, which returns
    /// REASON_COMMAND_EXECUTOR_FAILED for an unset or unknown reason.
    pub fn task_reason(&self) -> Option<Result<Reason, UnknownEnum>> {
        self.reason.map(known)
    }

    /// The component that made the status. Returns `None` if the source is unset.
    ///
    /// Use this method instead of the generated getter `source`, which returns SOURCE_MASTER for an
    /// unset or unknown source.
    pub fn task_source(&self) -> Option<Result<Source, UnknownEnum>> {
        self.source.map(known)
    }

    /// Whether the agent waits for an acknowledgement of this update, which is the case if it has a
    /// `uuid`. Updates made by the master and responses to reconciliation do not have a `uuid` and
    /// must not be acknowledged (`src/internal/evolve.cpp`).
    pub fn needs_acknowledgement(&self) -> bool {
        self.uuid.as_ref().is_some_and(|uuid| !uuid.is_empty())
    }
}

impl OperationStatus {
    /// The state of the operation.
    ///
    /// Use this method instead of the generated getter `state`, which returns OPERATION_UNSUPPORTED
    /// for a state that this version does not know.
    ///
    /// # Errors
    ///
    /// [`UnknownEnum`] for a state of a newer Mesos.
    pub fn operation_state(&self) -> Result<OperationState, UnknownEnum> {
        known(self.state)
    }

    /// Whether the state is terminal; see [`OperationState::is_terminal`]. A state that this
    /// version does not know counts as not terminal.
    pub fn is_terminal(&self) -> bool {
        self.operation_state()
            .is_ok_and(OperationState::is_terminal)
    }

    /// Whether this update needs an acknowledgement, which is the case if it has a `uuid`.
    pub fn needs_acknowledgement(&self) -> bool {
        self.uuid
            .as_ref()
            .is_some_and(|uuid| !uuid.value.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v1::Uuid;

    #[test]
    fn a_state_of_a_newer_mesos_is_neither_staging_nor_terminal() {
        let mut status = TaskStatus::new("t", TaskState::TaskFinished);
        assert_eq!(status.task_state(), Ok(TaskState::TaskFinished));
        assert!(status.is_terminal());
        status.state = 99;
        assert_eq!(status.task_state().unwrap_err().number(), 99);
        assert!(!status.is_terminal());
    }

    #[test]
    fn an_unset_reason_and_source_are_none() {
        let status = TaskStatus::new("t", TaskState::TaskRunning);
        assert_eq!((status.task_reason(), status.task_source()), (None, None));
        let status = status.with_reason(Reason::TaskInvalid);
        assert_eq!(status.task_reason(), Some(Ok(Reason::TaskInvalid)));
    }

    #[test]
    fn eight_task_states_and_five_operation_states_are_terminal() {
        let states: Vec<_> = (0..=13).map(|n| TaskState::try_from(n).unwrap()).collect();
        let open: Vec<_> = states
            .into_iter()
            .filter(|state| !state.is_terminal())
            .collect();
        assert_eq!(
            open,
            [
                TaskState::TaskStarting,
                TaskState::TaskRunning,
                TaskState::TaskStaging,
                TaskState::TaskKilling,
                TaskState::TaskUnreachable,
                TaskState::TaskUnknown,
            ]
        );
        let ends: Vec<_> = (0..=9)
            .filter(|n| OperationState::try_from(*n).unwrap().is_terminal())
            .collect();
        assert_eq!(ends, [2, 3, 4, 5, 7]);
    }

    #[test]
    fn only_an_update_with_a_uuid_needs_an_acknowledgement() {
        let status = TaskStatus::new("t", TaskState::TaskRunning);
        assert!(!status.needs_acknowledgement());
        let empty = TaskStatus {
            uuid: Some(Bytes::new()),
            ..status.clone()
        };
        assert!(!empty.needs_acknowledgement());
        assert!(status.with_random_uuid().needs_acknowledgement());

        let mut operation = OperationStatus::default();
        assert!(!operation.needs_acknowledgement());
        operation.uuid = Some(Uuid::random());
        assert!(operation.needs_acknowledgement());
    }

    #[test]
    fn a_time_survives_to_the_microsecond() {
        let time = UNIX_EPOCH + Duration::new(1_700_000_000, 250_000_000);
        let status = TaskStatus::new("t", TaskState::TaskRunning).with_time(time);
        assert_eq!(status.timestamp, Some(1_700_000_000.25));
        assert_eq!(status.time(), Some(time));
    }

    #[test]
    fn a_timestamp_out_of_range_returns_none() {
        for timestamp in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX] {
            let status = TaskStatus {
                timestamp: Some(timestamp),
                ..TaskStatus::default()
            };
            assert_eq!(status.time(), None, "{timestamp}");
        }
    }
}
