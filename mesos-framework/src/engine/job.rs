//! One job that has not ended.

use std::time::{Duration, SystemTime};

use mesos_proto::v1::TaskState;
use serde::{Deserialize, Serialize};

use super::attempt::{End, LastEnd};
use super::packed::Packed;
use super::unit::{Phase, Runs, Unit};
use crate::JobStatus;
use crate::outcome::{Outcome, exit_status};

/// What is stored about a job until it ends, in `live/job/NAME`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct JobRecord {
    pub(crate) spec: Packed,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) started: Option<SystemTime>,
    /// The launches that count as attempts and have ended.
    #[serde(default)]
    pub(crate) failures: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) limit: Option<Limit>,
    /// The end of the last attempt or launch that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) last_end: Option<LastEnd>,
    #[serde(default)]
    pub(crate) runs: Runs,
}

/// Why a job or an instance is to end before its task has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Stop {
    Killed,
    TimedOut,
}

/// How many jobs or instances of a group may run at once.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Limit {
    pub(crate) group: String,
    pub(crate) max: u32,
}

/// What is stored about a job that has ended, in `done/job/NAME`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct DoneRecord {
    pub(crate) spec: Packed,
    pub(crate) outcome: Outcome,
}

#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub(crate) record: JobRecord,
    /// When the timeout ends, once the job was launched.
    pub(crate) deadline: Option<Duration>,
}

impl Job {
    pub(crate) fn new(spec: Packed, limit: Option<Limit>) -> Self {
        Self {
            record: JobRecord {
                spec,
                started: None,
                failures: 0,
                limit,
                last_end: None,
                runs: Runs::default(),
            },
            deadline: None,
        }
    }

    /// The outcome of a job whose last attempt has ended with `end`, the end of its task `part`.
    pub(crate) fn outcome(&self, part: usize, end: &End, now: SystemTime) -> Outcome {
        let record = &self.record;
        let attempt = record.runs.attempt.as_ref();
        let stopped = record
            .runs
            .stop
            .filter(|_| end.state != TaskState::TaskFinished);
        let (state, message) = match stopped {
            Some(Stop::TimedOut) => (TaskState::TaskFailed, self.timeout_text()),
            Some(Stop::Killed) => (TaskState::TaskKilled, end.message.clone()),
            None => (end.state, end.message.clone()),
        };
        Outcome {
            name: record.spec.name.to_string(),
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
            name: self.record.spec.name.to_string(),
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

impl Unit {
    /// The state of the job.
    pub(crate) fn job_status(&self) -> JobStatus {
        let runs = self.runs();
        match (&runs.attempt, self.phase) {
            (Some(_), _) if runs.stop.is_some() => JobStatus::Killing,
            (Some(attempt), _) if attempt.is_unreachable() => {
                JobStatus::Unreachable(attempt.agent.clone())
            }
            (Some(attempt), _) if attempt.is_running() => JobStatus::Running(attempt.agent.clone()),
            (Some(attempt), _) => JobStatus::Launched(attempt.agent.clone()),
            (None, Phase::Blocked(_)) => JobStatus::Blocked,
            (None, Phase::Delayed(_)) => {
                let last = self.job().and_then(|job| job.record.last_end.as_ref());
                JobStatus::Delayed(last.map(LastEnd::to_string).unwrap_or_default())
            }
            (None, Phase::Ready { .. } | Phase::Launched) => JobStatus::Waiting,
        }
    }
}
