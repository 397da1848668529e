//! The visible state of a job.

use std::sync::Arc;

use mesos_placement::Agent;

use crate::Outcome;
use crate::view::JobState;

/// The state of a job.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum JobStatus {
    /// The job waits for the end of other jobs.
    Blocked,
    /// The job waits for offers. [`Runner::reports`](crate::Runner::reports) says why none of them
    /// is used.
    Waiting,
    /// An attempt failed, and the delay before the next attempt is not over. The text is the
    /// failure, such as `TASK_FAILED: Command exited with status 1`.
    Delayed(String),
    /// A task was launched on this agent, and does not run yet.
    Launched(Agent),
    /// A task runs on this agent.
    Running(Agent),
    /// A task was launched on this agent, which the master cannot reach. The task may still run.
    Unreachable(Agent),
    /// The job was killed or exceeded its timeout, and its task has not ended yet.
    Killing,
    /// The job has ended.
    Ended(Arc<Outcome>),
}

impl JobStatus {
    /// The outcome, if the job has ended.
    pub fn outcome(&self) -> Option<&Outcome> {
        match self {
            Self::Ended(outcome) => Some(outcome),
            _ => None,
        }
    }

    /// Why the job is delayed.
    pub fn failure(&self) -> Option<&str> {
        match self {
            Self::Delayed(failure) => Some(failure),
            _ => None,
        }
    }

    /// The state without its details.
    pub fn state(&self) -> JobState {
        match self {
            Self::Blocked => JobState::Blocked,
            Self::Waiting => JobState::Waiting,
            Self::Delayed(_) => JobState::Delayed,
            Self::Launched(_) => JobState::Launched,
            Self::Running(_) => JobState::Running,
            Self::Unreachable(_) => JobState::Unreachable,
            Self::Killing => JobState::Killing,
            Self::Ended(_) => JobState::Ended,
        }
    }

    /// The agent of the present attempt, or of the last attempt of a job that has ended. `None` if
    /// the state does not say the agent.
    pub fn agent(&self) -> Option<&Agent> {
        match self {
            Self::Launched(agent) | Self::Running(agent) | Self::Unreachable(agent) => Some(agent),
            Self::Ended(outcome) => outcome.agent.as_ref(),
            Self::Blocked | Self::Waiting | Self::Delayed(_) | Self::Killing => None,
        }
    }
}
