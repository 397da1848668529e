//! One launch of a job, or one instance of a service: its tasks and what is known about them.

use std::fmt;

use mesos_placement::Agent;
use mesos_proto::v1::task_status::Reason;
use mesos_proto::v1::{AgentId, TaskId, TaskState, TaskStatus};
use mesos_proto::{TaskFate, UnknownEnum};
use serde::{Deserialize, Serialize};

use crate::outcome::{optional_reason, state};

/// What is recorded about a launch, from before its ACCEPT until after its end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Attempt {
    pub(crate) id: String,
    pub(crate) agent: Agent,
    pub(crate) parts: Vec<Part>,
    /// Whether the answer to the ACCEPT is missing. Until then nothing is known about the tasks.
    #[serde(skip)]
    pub(crate) in_flight: bool,
    /// Whether a task was seen by an executor.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) ran: bool,
}

/// One task of an attempt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Part {
    pub(crate) id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) end: Option<End>,
    #[serde(skip)]
    pub(crate) seen: Seen,
}

/// The last state of a task that has not ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) running: bool,
    pub(crate) unreachable: bool,
    /// The result of the health check; `None` without one.
    pub(crate) healthy: Option<bool>,
}

/// The end of a task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct End {
    #[serde(with = "state")]
    pub(crate) state: TaskState,
    /// Whether the task did not start or ended without a result.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) lost: bool,
    #[serde(
        default,
        with = "optional_reason",
        skip_serializing_if = "Option::is_none"
    )]
    pub(crate) reason: Option<Reason>,
    pub(crate) message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) container: Option<String>,
}

/// What is kept of an end when the attempt is forgotten.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct LastEnd {
    #[serde(with = "state")]
    pub(crate) state: TaskState,
    pub(crate) message: String,
}

impl From<&End> for LastEnd {
    fn from(end: &End) -> Self {
        Self {
            state: end.state,
            message: end.message.clone(),
        }
    }
}

impl fmt::Display for LastEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.state.as_str_name(), self.message)
    }
}

/// What an update changed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Verdict {
    /// Nothing that anyone waits for.
    Nothing,
    /// The attempt is visible in another state. This is not recorded.
    Changed,
    /// A task of the pod has ended, and others have not.
    PartEnded,
    /// All tasks have ended: with this result, of this part.
    Ended(usize, End),
    /// The attempt ended without a result, or did not start: a replacement is permitted.
    Lost(End),
}

impl Attempt {
    pub(crate) fn new(id: String, tasks: &[TaskId], agent: Agent) -> Self {
        let part = |task: &TaskId| Part {
            id: task.value.clone(),
            end: None,
            seen: Seen::default(),
        };
        Self {
            id,
            agent,
            parts: tasks.iter().map(part).collect(),
            in_flight: true,
            ran: false,
        }
    }

    pub(crate) fn agent_id(&self) -> AgentId {
        self.agent.id.as_str().into()
    }

    /// The tasks that may still run.
    pub(crate) fn open(&self) -> impl Iterator<Item = TaskId> {
        let open = self.parts.iter().filter(|part| part.end.is_none());
        open.map(|part| part.id.as_str().into())
    }

    pub(crate) fn is_running(&self) -> bool {
        self.parts
            .iter()
            .all(|part| part.end.is_none() && part.seen.running)
    }

    pub(crate) fn is_unreachable(&self) -> bool {
        self.parts.iter().any(|part| part.seen.unreachable)
    }

    /// Applies an update of one of the tasks.
    pub(crate) fn apply(&mut self, status: &TaskStatus) -> Result<Verdict, UnknownEnum> {
        let (state, fate) = (status.task_state()?, status.fate()?);
        let Some(part) = self.parts.iter_mut().find(|p| status.task_id == p.id) else {
            return Ok(Verdict::Nothing);
        };
        if part.end.is_some() {
            return Ok(Verdict::Nothing);
        }
        if matches!(fate, TaskFate::Active | TaskFate::Unreachable) {
            // STAGING is also an answer of a master that has no update of the task yet.
            let running = matches!(state, TaskState::TaskRunning | TaskState::TaskKilling);
            self.ran |= running || state == TaskState::TaskStarting;
            let seen = Seen {
                running: running || (part.seen.running && fate == TaskFate::Unreachable),
                unreachable: fate == TaskFate::Unreachable,
                healthy: status.healthy.or(part.seen.healthy),
            };
            let changed = part.seen != seen;
            part.seen = seen;
            return Ok(match changed {
                true => Verdict::Changed,
                false => Verdict::Nothing,
            });
        }
        if self.in_flight && fate == TaskFate::Unknown {
            // The ACCEPT may still be on its way. Its answer decides.
            return Ok(Verdict::Nothing);
        }
        let container = status.container_status.as_ref();
        part.end = Some(End {
            state,
            lost: fate != TaskFate::Ended,
            reason: status.task_reason().and_then(Result::ok),
            message: status.message.clone().unwrap_or_default(),
            container: container
                .and_then(|container| container.container_id.as_ref())
                .map(|id| id.value.clone()),
        });
        Ok(self.verdict().unwrap_or(Verdict::PartEnded))
    }

    /// The result, once all tasks have ended. What failed decides, then what was lost.
    fn verdict(&self) -> Option<Verdict> {
        let ends: Option<Vec<&End>> = self.parts.iter().map(|part| part.end.as_ref()).collect();
        let (at, end) = ends?
            .into_iter()
            .enumerate()
            .min_by_key(|(_, end)| rank(end))?;
        Some(match end.lost {
            true => Verdict::Lost(end.clone()),
            false => Verdict::Ended(at, end.clone()),
        })
    }
}

fn rank(end: &End) -> u8 {
    match end.state {
        TaskState::TaskFailed | TaskState::TaskError => 0,
        _ if end.lost => 1,
        TaskState::TaskFinished => 3,
        _ => 2,
    }
}
