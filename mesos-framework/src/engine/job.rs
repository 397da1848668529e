//! One job that has not ended.

use std::time::{Duration, SystemTime};

use mesos_proto::v1::TaskState;
use serde::{Deserialize, Serialize};

use super::attempt::{Attempt, End};
use crate::outcome::{Outcome, exit_status};
use crate::{JobSpec, JobStatus};

/// What is stored about a job until it ends, in `live/job/NAME`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct JobRecord {
    pub(crate) spec: JobSpec,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) started: Option<SystemTime>,
    /// The number of the last launch. Numbers are never used again.
    #[serde(default)]
    pub(crate) number: u32,
    /// The launches that count as attempts and have ended.
    #[serde(default)]
    pub(crate) failures: u32,
    /// The agents of failed attempts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) avoid: Vec<String>,
    /// Why the job is to end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) stop: Option<Stop>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) limit: Option<Limit>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) attempt: Option<Attempt>,
}

/// Why a job is to end before its task has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Stop {
    Killed,
    TimedOut,
}

/// How many jobs of a group may run at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Limit {
    pub(crate) group: String,
    pub(crate) max: u32,
}

/// What is stored about a job that has ended, in `done/job/NAME`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct DoneRecord {
    pub(crate) spec: JobSpec,
    pub(crate) outcome: Outcome,
}

#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub(crate) record: JobRecord,
    pub(crate) phase: Phase,
    /// When the timeout ends, once the job was launched.
    pub(crate) deadline: Option<Duration>,
    /// Launches in a row that did not count.
    pub(crate) misses: u32,
}

/// What a job waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// For this number of other jobs.
    Blocked(usize),
    /// For the end of the delay after a failure.
    Delayed(Duration),
    /// For offers, since this time and with this place in the queue.
    Ready { since: Duration, place: u64 },
    /// For the end of its attempt.
    Launched,
}

impl Job {
    pub(crate) fn new(spec: JobSpec, limit: Option<Limit>) -> Self {
        Self {
            record: JobRecord {
                spec,
                started: None,
                number: 0,
                failures: 0,
                avoid: Vec::new(),
                stop: None,
                limit,
                attempt: None,
            },
            phase: Phase::Blocked(0),
            deadline: None,
            misses: 0,
        }
    }

    /// The outcome of a job whose last attempt has ended with `end`, the end of its task `part`.
    pub(crate) fn outcome(&self, part: usize, end: &End, now: SystemTime) -> Outcome {
        let record = &self.record;
        let attempt = record.attempt.as_ref();
        let stopped = record.stop.filter(|_| end.state != TaskState::TaskFinished);
        let (state, message) = match stopped {
            Some(Stop::TimedOut) => (TaskState::TaskFailed, self.timeout_text()),
            Some(Stop::Killed) => (TaskState::TaskKilled, end.message.clone()),
            None => (end.state, end.message.clone()),
        };
        Outcome {
            name: record.spec.name.clone(),
            state,
            reason: end.reason,
            exit_status: exit_status(end.state, &end.message),
            message,
            task_id: attempt
                .and_then(|attempt| attempt.parts.get(part))
                .map(|part| part.id.clone()),
            agent: attempt.map(|attempt| attempt.agent.clone()),
            container_id: end.container.clone(),
            attempts: record.failures,
            started: record.started,
            ended: now,
        }
    }

    /// The outcome of a job that ends without a task.
    pub(crate) fn ended(&self, state: TaskState, message: String, now: SystemTime) -> Outcome {
        Outcome {
            name: self.record.spec.name.clone(),
            state,
            reason: None,
            message,
            exit_status: None,
            task_id: None,
            agent: None,
            container_id: None,
            attempts: self.record.failures,
            started: self.record.started,
            ended: now,
        }
    }

    pub(crate) fn timeout_text(&self) -> String {
        let timeout = self.record.spec.timeout.unwrap_or_default();
        format!(
            "the job exceeded its timeout of {}",
            humantime::format_duration(timeout)
        )
    }
}

impl Job {
    pub(crate) fn status(&self) -> JobStatus {
        let record = &self.record;
        match (&record.attempt, self.phase) {
            (Some(_), _) if record.stop.is_some() => JobStatus::Killing,
            (Some(attempt), _) if attempt.is_unreachable() => {
                JobStatus::Unreachable(attempt.agent.clone())
            }
            (Some(attempt), _) if attempt.is_running() => JobStatus::Running(attempt.agent.clone()),
            (Some(attempt), _) => JobStatus::Launched(attempt.agent.clone()),
            (None, Phase::Blocked(_)) => JobStatus::Blocked,
            (None, Phase::Delayed(_)) => JobStatus::Delayed,
            (None, Phase::Ready { .. } | Phase::Launched) => JobStatus::Waiting,
        }
    }
}
