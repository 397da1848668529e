//! How the tasks of a fake cluster behave.

use std::time::Duration;

use bytes::Bytes;
use mesos_proto::v1::task_status::Reason;
use mesos_proto::v1::{TaskState, TaskStatus};

/// The life of a task: the states that its executor reports, and the effect of a KILL. Passed to
/// [`Builder::tasks`](crate::Builder::tasks).
///
/// ```
/// use std::time::Duration;
/// use mesos_testing::Behavior;
/// use mesos_testing::v1::{TaskState, task_status::Reason};
///
/// let crashes = Behavior::runs()
///     .after(Duration::from_millis(20))
///     .then(TaskState::TaskFailed)
///     .because(Reason::ContainerLimitationMemory)
///     .saying("out of memory");
/// # let _ = crashes;
/// ```
#[derive(Clone, Debug)]
pub struct Behavior {
    pub(crate) steps: Vec<Step>,
    pub(crate) kill: Kill,
    delay: Duration,
}

/// One status update, and the delay before it.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) after: Duration,
    pub(crate) status: TaskStatus,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kill {
    /// TASK_KILLING if the framework supports it, then TASK_KILLED after the delay.
    Obeyed(Duration),
    Ignored,
}

impl Behavior {
    /// Reports nothing: the task stays in TASK_STAGING.
    pub fn stays_silent() -> Self {
        Self {
            steps: Vec::new(),
            kill: Kill::Obeyed(Duration::ZERO),
            delay: Duration::ZERO,
        }
    }

    /// Reports TASK_STARTING, then TASK_RUNNING until the task is killed.
    pub fn runs() -> Self {
        Self::stays_silent()
            .then(TaskState::TaskStarting)
            .then(TaskState::TaskRunning)
    }

    /// As [`runs`](Self::runs), then TASK_FINISHED.
    pub fn finishes() -> Self {
        Self::runs().then(TaskState::TaskFinished)
    }

    /// As [`runs`](Self::runs), then TASK_FAILED with this message.
    pub fn fails(message: impl Into<String>) -> Self {
        Self::runs().then(TaskState::TaskFailed).saying(message)
    }

    /// Waits before the next state. Updates of a task are sent one at a time, so a state also waits
    /// for the acknowledgement of the previous state.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Adds a state.
    #[must_use]
    pub fn then(mut self, state: TaskState) -> Self {
        self.steps.push(Step {
            after: std::mem::take(&mut self.delay),
            status: TaskStatus::new("", state),
        });
        self
    }

    /// Sets the reason of the last state.
    #[must_use]
    pub fn because(self, reason: Reason) -> Self {
        self.last(|status| status.reason = Some(reason as i32))
    }

    /// Sets the message of the last state.
    #[must_use]
    pub fn saying(self, message: impl Into<String>) -> Self {
        self.last(|status| status.message = Some(message.into()))
    }

    /// Sets the data of the last state.
    #[must_use]
    pub fn with_data(self, data: impl Into<Bytes>) -> Self {
        self.last(|status| status.data = Some(data.into()))
    }

    fn last(mut self, change: impl FnOnce(&mut TaskStatus)) -> Self {
        if let Some(step) = self.steps.last_mut() {
            change(&mut step.status);
        }
        self
    }

    /// Sets how long a KILL takes: TASK_KILLING at once if the framework has the capability
    /// TASK_KILLING_STATE, and TASK_KILLED after this time. Default: 0.
    #[must_use]
    pub fn dying_for(mut self, grace: Duration) -> Self {
        self.kill = Kill::Obeyed(grace);
        self
    }

    /// Ignores KILL.
    #[must_use]
    pub fn surviving_kills(mut self) -> Self {
        self.kill = Kill::Ignored;
        self
    }
}
