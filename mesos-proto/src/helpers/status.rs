//! What became of a task or an operation.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;

use super::open_enum::{UnknownEnum, known};
use super::uuids;
use crate::v1::task_status::{Reason, Source};
use crate::v1::{OperationState, OperationStatus, TaskId, TaskState, TaskStatus};

impl TaskState {
    /// Whether the task is over, as Mesos counts it
    /// (`src/common/protobuf_utils.cpp`): its resources are free again, and its
    /// executor sends no further state.
    ///
    /// Two states are less final than they look. TASK_LOST is what a framework
    /// without PARTITION_AWARE sees also for a task whose agent is merely out
    /// of reach: it may come back as TASK_RUNNING. TASK_GONE_BY_OPERATOR is the
    /// promise of an operator that the agent is gone for good, which can be
    /// wrong. And TASK_UNREACHABLE is not terminal: the task may still run and
    /// come back, or never be heard of again, so it is for the framework to
    /// decide when to start a replacement. TASK_UNKNOWN is no end either, but
    /// the master's answer that it does not know the task.
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
    /// Whether the operation is over, as Mesos counts it
    /// (`src/common/protobuf_utils.cpp`).
    ///
    /// OPERATION_UNREACHABLE, OPERATION_RECOVERING and OPERATION_UNKNOWN are no
    /// ends: they say what the master can see at the moment.
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

/// The `with_` methods are for executors; the executor driver fills in what
/// every update has to have (`uuid`, `source`, `executor_id`, `timestamp`).
///
/// ```
/// use mesos_proto::v1::{TaskState, TaskStatus};
///
/// let status = TaskStatus::new("t1", TaskState::TaskFailed).with_message("no space left");
/// assert!(status.is_terminal());
/// assert!(!status.needs_acknowledgement());
/// ```
impl TaskStatus {
    /// The state of a task, and nothing else.
    pub fn new(task_id: impl Into<TaskId>, state: TaskState) -> Self {
        Self {
            task_id: task_id.into(),
            state: state.into(),
            ..Self::default()
        }
    }

    /// Words for people to read.
    #[must_use]
    pub fn with_message(mut self, message: impl Into<String>) -> Self {
        self.message = Some(message.into());
        self
    }

    /// Why the task is in this state.
    #[must_use]
    pub fn with_reason(mut self, reason: Reason) -> Self {
        self.reason = Some(reason.into());
        self
    }

    /// Bytes for the scheduler, delivered as reliably as the update itself.
    #[must_use]
    pub fn with_data(mut self, data: impl Into<Bytes>) -> Self {
        self.data = Some(data.into());
        self
    }

    /// What the task's health check found.
    #[must_use]
    pub fn with_healthy(mut self, healthy: bool) -> Self {
        self.healthy = Some(healthy);
        self
    }

    /// A new random `uuid`, by which the update is acknowledged.
    #[must_use]
    pub fn with_random_uuid(mut self) -> Self {
        self.uuid = Some(uuids::random_bytes());
        self
    }

    /// When the status was true. The message holds it as seconds since 1970 in
    /// floating point, exact to about a microsecond.
    #[must_use]
    pub fn with_time(mut self, time: SystemTime) -> Self {
        self.timestamp = Some(match time.duration_since(UNIX_EPOCH) {
            Ok(since) => since.as_secs_f64(),
            Err(before) => -before.duration().as_secs_f64(),
        });
        self
    }

    /// When the status was true; none where it does not say, or says what no
    /// clock can hold.
    pub fn time(&self) -> Option<SystemTime> {
        let seconds = self.timestamp?;
        let distance = Duration::try_from_secs_f64(seconds.abs()).ok()?;
        if seconds < 0.0 {
            UNIX_EPOCH.checked_sub(distance)
        } else {
            UNIX_EPOCH.checked_add(distance)
        }
    }

    /// The state. Use it in place of the getter `state`, which takes a state
    /// that this version does not know for TASK_STAGING.
    ///
    /// # Errors
    ///
    /// [`UnknownEnum`] for a state of a newer Mesos.
    pub fn task_state(&self) -> Result<TaskState, UnknownEnum> {
        known(self.state)
    }

    /// Whether the task is over, see [`TaskState::is_terminal`]. A state that
    /// this version does not know is taken for no end.
    pub fn is_terminal(&self) -> bool {
        self.task_state().is_ok_and(TaskState::is_terminal)
    }

    /// Why the task is in this state, where the status says so. Use it in place
    /// of the getter `reason`, which takes an unset or unknown one for
    /// REASON_COMMAND_EXECUTOR_FAILED.
    pub fn task_reason(&self) -> Option<Result<Reason, UnknownEnum>> {
        self.reason.map(known)
    }

    /// Who made the status, where it says so. Use it in place of the getter
    /// `source`, which takes an unset or unknown one for SOURCE_MASTER.
    pub fn task_source(&self) -> Option<Result<Source, UnknownEnum>> {
        self.source.map(known)
    }

    /// Whether the agent waits for an acknowledgement of this update: only
    /// where it has a `uuid`. Updates that the master makes, and answers to
    /// reconciliation, have none and must not be acknowledged
    /// (`src/internal/evolve.cpp`).
    pub fn needs_acknowledgement(&self) -> bool {
        self.uuid.as_ref().is_some_and(|uuid| !uuid.is_empty())
    }
}

impl OperationStatus {
    /// The state. Use it in place of the getter `state`, which takes a state
    /// that this version does not know for OPERATION_UNSUPPORTED.
    ///
    /// # Errors
    ///
    /// [`UnknownEnum`] for a state of a newer Mesos.
    pub fn operation_state(&self) -> Result<OperationState, UnknownEnum> {
        known(self.state)
    }

    /// Whether the operation is over, see [`OperationState::is_terminal`]. A
    /// state that this version does not know is taken for no end.
    pub fn is_terminal(&self) -> bool {
        self.operation_state()
            .is_ok_and(OperationState::is_terminal)
    }

    /// Whether this update has to be acknowledged: only where it has a `uuid`.
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
    fn a_state_of_a_newer_mesos_is_neither_staging_nor_an_end() {
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
    fn eight_task_states_and_five_operation_states_are_ends() {
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
    fn a_timestamp_that_is_no_time_is_none() {
        for timestamp in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX] {
            let status = TaskStatus {
                timestamp: Some(timestamp),
                ..TaskStatus::default()
            };
            assert_eq!(status.time(), None, "{timestamp}");
        }
    }
}
