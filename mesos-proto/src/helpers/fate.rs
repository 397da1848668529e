//! What the state of a task means for the scheduler that launched the task.

use super::open_enum::UnknownEnum;
use crate::v1::task_status::Reason;
use crate::v1::{TaskState, TaskStatus};

/// What a status means for the scheduler: whether the task still runs, whether a replacement can
/// be launched, and whether the task may come back. [`TaskStatus::fate`] returns it.
///
/// | state | with reason | fate | [over](Self::is_over) | [may return](Self::may_return) |
/// |---|---|---|---|---|
/// | STAGING, STARTING, RUNNING, KILLING | any | [`Active`](Self::Active) | no | – |
/// | FINISHED, FAILED, KILLED, ERROR | any | [`Ended`](Self::Ended) | yes | no |
/// | DROPPED, GONE, GONE_BY_OPERATOR | any | [`Gone`](Self::Gone) | yes | no |
/// | LOST | INVALID_OFFERS, MASTER_DISCONNECTED, AGENT_RESTARTED: the task did not start | [`Gone`](Self::Gone) | yes | no |
/// | LOST | other or none | [`Lost`](Self::Lost) | yes | yes |
/// | UNREACHABLE | any | [`Unreachable`](Self::Unreachable) | no | yes |
/// | UNKNOWN | any | [`Unknown`](Self::Unknown) | yes | yes |
///
/// Frameworks without the capability PARTITION_AWARE receive LOST instead of DROPPED,
/// UNREACHABLE, GONE, GONE_BY_OPERATOR and UNKNOWN (`src/master/master.cpp`).
///
/// A scheduler that launches a replacement for a task that [may return](Self::may_return) should
/// kill the old task if a later update reports the old task as [`Active`](Self::Active).
///
/// ```
/// use mesos::TaskFate;
/// use mesos::v1::{TaskState, TaskStatus};
///
/// # fn example(status: &TaskStatus) -> Result<(), Box<dyn std::error::Error>> {
/// match status.fate()? {
///     TaskFate::Active => println!("the task exists"),
///     TaskFate::Ended => println!("the task has ended: record its result"),
///     TaskFate::Unreachable => println!("wait for the agent, or launch a replacement"),
///     TaskFate::Gone | TaskFate::Lost | TaskFate::Unknown => println!("launch a replacement"),
///     _ => {}
/// }
/// # Ok(())
/// # }
/// # example(&TaskStatus::new("t", TaskState::TaskRunning)).unwrap();
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TaskFate {
    /// The task exists: it is about to start, runs, or is being killed. Do not launch a
    /// replacement.
    Active,
    /// The task has ended, and its state is its result.
    Ended,
    /// The task did not start, or ended without a result. It does not come back.
    Gone,
    /// The task counts as ended, but may still run on an agent that the master lost. Since Mesos
    /// 1.5 such a task is reported again when its agent is back (`src/master/master.cpp`).
    Lost,
    /// The agent is unreachable, and the task may still run there. The scheduler decides how long
    /// to wait before it launches a replacement.
    Unreachable,
    /// The master does not know the task: the task never arrived, ended long ago, or belongs to
    /// an agent that the master does not know. Waiting for another update can last forever.
    Unknown,
}

impl TaskFate {
    /// Whether the scheduler can stop waiting for the task, and can launch a replacement.
    pub fn is_over(self) -> bool {
        match self {
            Self::Ended | Self::Gone | Self::Lost | Self::Unknown => true,
            Self::Active | Self::Unreachable => false,
        }
    }

    /// Whether a later update may report the task as [`Active`](Self::Active) although this
    /// status says that the task does not run.
    pub fn may_return(self) -> bool {
        match self {
            Self::Lost | Self::Unreachable | Self::Unknown => true,
            Self::Active | Self::Ended | Self::Gone => false,
        }
    }
}

impl TaskStatus {
    /// What the status means for the scheduler; see [`TaskFate`].
    ///
    /// Prefer this method to [`is_terminal`](Self::is_terminal) in a scheduler: TASK_UNKNOWN is
    /// not terminal, but no further update may follow.
    ///
    /// # Errors
    ///
    /// [`UnknownEnum`] for a state of a newer Mesos.
    pub fn fate(&self) -> Result<TaskFate, UnknownEnum> {
        Ok(match self.task_state()? {
            TaskState::TaskStaging
            | TaskState::TaskStarting
            | TaskState::TaskRunning
            | TaskState::TaskKilling => TaskFate::Active,
            TaskState::TaskFinished
            | TaskState::TaskFailed
            | TaskState::TaskKilled
            | TaskState::TaskError => TaskFate::Ended,
            TaskState::TaskDropped | TaskState::TaskGone | TaskState::TaskGoneByOperator => {
                TaskFate::Gone
            }
            TaskState::TaskLost => match self.task_reason() {
                Some(Ok(
                    Reason::InvalidOffers | Reason::MasterDisconnected | Reason::AgentRestarted,
                )) => TaskFate::Gone,
                _ => TaskFate::Lost,
            },
            TaskState::TaskUnreachable => TaskFate::Unreachable,
            TaskState::TaskUnknown => TaskFate::Unknown,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_state_has_the_fate_of_the_table() {
        use TaskFate::*;
        use TaskState::*;
        for (state, fate, over, may_return) in [
            (TaskStaging, Active, false, false),
            (TaskStarting, Active, false, false),
            (TaskRunning, Active, false, false),
            (TaskKilling, Active, false, false),
            (TaskFinished, Ended, true, false),
            (TaskFailed, Ended, true, false),
            (TaskKilled, Ended, true, false),
            (TaskError, Ended, true, false),
            (TaskDropped, Gone, true, false),
            (TaskGone, Gone, true, false),
            (TaskGoneByOperator, Gone, true, false),
            (TaskLost, Lost, true, true),
            (TaskUnreachable, Unreachable, false, true),
            (TaskUnknown, Unknown, true, true),
        ] {
            // The fate of all states but LOST is the same for each reason.
            for reason in [
                None,
                Some(Reason::Reconciliation),
                Some(Reason::AgentRemoved),
            ] {
                let mut status = TaskStatus::new("t", state);
                status.reason = reason.map(Into::into);
                let found = status.fate().unwrap();
                assert_eq!(found, fate, "{state:?} {reason:?}");
                assert_eq!((found.is_over(), found.may_return()), (over, may_return));
            }
        }
    }

    #[test]
    fn a_lost_task_that_did_not_start_does_not_return() {
        for reason in [
            Reason::InvalidOffers,
            Reason::MasterDisconnected,
            Reason::AgentRestarted,
        ] {
            let status = TaskStatus::new("t", TaskState::TaskLost).with_reason(reason);
            assert_eq!(status.fate(), Ok(TaskFate::Gone));
        }
    }

    #[test]
    fn a_state_of_a_newer_mesos_has_no_fate() {
        let mut status = TaskStatus::new("t", TaskState::TaskRunning);
        status.state = 99;
        assert_eq!(status.fate().unwrap_err().number(), 99);
    }
}
