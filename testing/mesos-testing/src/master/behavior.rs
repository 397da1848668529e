//! What becomes of a task that a fake agent was told to launch.

use std::time::Duration;

use bytes::Bytes;
use mesos_proto::v1::task_status::Reason;
use mesos_proto::v1::{TaskState, TaskStatus};

/// The life of a task: the states that its executor reports, and what a KILL
/// does. Given to [`Builder::tasks`](crate::Builder::tasks).
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

/// One status update, and the wait before it.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) after: Duration,
    pub(crate) status: TaskStatus,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kill {
    /// TASK_KILLING, where the framework wants it, then TASK_KILLED.
    Obeyed(Duration),
    Ignored,
}

impl Behavior {
    /// Nothing at all is reported: the task stays in TASK_STAGING.
    pub fn stays_silent() -> Self {
        Self {
            steps: Vec::new(),
            kill: Kill::Obeyed(Duration::ZERO),
            delay: Duration::ZERO,
        }
    }

    /// TASK_STARTING, then TASK_RUNNING until it is killed.
    pub fn runs() -> Self {
        Self::stays_silent()
            .then(TaskState::TaskStarting)
            .then(TaskState::TaskRunning)
    }

    /// [`runs`](Self::runs), then TASK_FINISHED.
    pub fn finishes() -> Self {
        Self::runs().then(TaskState::TaskFinished)
    }

    /// [`runs`](Self::runs), then TASK_FAILED with the message.
    pub fn fails(message: impl Into<String>) -> Self {
        Self::runs().then(TaskState::TaskFailed).saying(message)
    }

    /// Waits this long before the next state. Updates are sent one at a time,
    /// so a state can also wait for the acknowledgement of the one before it.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Reports this state.
    #[must_use]
    pub fn then(mut self, state: TaskState) -> Self {
        self.steps.push(Step {
            after: std::mem::take(&mut self.delay),
            status: TaskStatus::new("", state),
        });
        self
    }

    /// The last state has this reason.
    #[must_use]
    pub fn because(self, reason: Reason) -> Self {
        self.last(|status| status.reason = Some(reason as i32))
    }

    /// The last state has this message.
    #[must_use]
    pub fn saying(self, message: impl Into<String>) -> Self {
        self.last(|status| status.message = Some(message.into()))
    }

    /// The last state carries these bytes.
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

    /// A KILL takes this long: TASK_KILLING at once if the framework has the
    /// capability TASK_KILLING_STATE, TASK_KILLED after it. At first 0.
    #[must_use]
    pub fn dying_for(mut self, grace: Duration) -> Self {
        self.kill = Kill::Obeyed(grace);
        self
    }

    /// A KILL is ignored.
    #[must_use]
    pub fn surviving_kills(mut self) -> Self {
        self.kill = Kill::Ignored;
        self
    }
}
