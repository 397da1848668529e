//! What happened to jobs lately.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use mesos_proto::v1::TaskState;
use tokio::sync::watch;

use crate::engine::Name;
use crate::{JobStatus, Outcome};

/// The number of events, and of jobs that have ended, that a runner remembers.
const LENGTH: usize = 500;

/// Something that happened to a job.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct TimelineEvent {
    /// When, by the clock of the scheduler.
    pub at: SystemTime,
    /// The name of the job.
    pub job: Arc<str>,
    /// What happened.
    pub what: Happened,
}

/// What happened to a job.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Happened {
    /// A launch was recorded, and its ACCEPT is about to be sent.
    Launched {
        /// The host name of the agent.
        hostname: String,
    },
    /// An attempt has failed, and the next attempt waits for the end of a delay.
    Delayed {
        /// The failure, for people.
        failure: String,
    },
    /// The master cannot reach the agent of the task.
    Unreachable {
        /// The host name of the agent.
        hostname: String,
    },
    /// The job was killed or exceeded its timeout. Its task has not ended yet.
    Killing,
    /// The job has ended.
    Ended {
        /// The state, as in [`Outcome::state`].
        state: TaskState,
        /// What happened, for people.
        message: String,
    },
}

impl fmt::Display for Happened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Launched { hostname } => write!(f, "launched on {hostname}"),
            Self::Delayed { failure } => {
                write!(f, "failed; waits for the next attempt: {failure}")
            }
            Self::Unreachable { hostname } => write!(f, "{hostname} is unreachable"),
            Self::Killing => f.write_str("is being killed"),
            Self::Ended { state, message } => {
                f.write_str(state.as_str_name())?;
                match message.as_str() {
                    "" => Ok(()),
                    message => write!(f, ": {message}"),
                }
            }
        }
    }
}

/// Remembers the last events. Clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Timeline {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    record: Mutex<Record>,
    /// Changes with everything that is visible.
    activity: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Record {
    events: VecDeque<TimelineEvent>,
    ended: VecDeque<Arc<Outcome>>,
    finished: u64,
    failed: u64,
}

impl Timeline {
    /// No code panics while it has changed half of the record.
    fn lock(&self) -> MutexGuard<'_, Record> {
        let record = &self.shared.record;
        record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, job: Name, what: Happened) {
        let mut record = self.lock();
        if record.events.len() == LENGTH {
            record.events.pop_front();
        }
        let at = SystemTime::now();
        record.events.push_back(TimelineEvent { at, job, what });
    }

    pub(crate) fn launched(&self, job: &Name, hostname: &str) {
        let hostname = hostname.to_owned();
        self.push(job.clone(), Happened::Launched { hostname });
        self.changed();
    }

    /// The job is visible in another state.
    pub(crate) fn status(&self, job: &Name, status: &JobStatus) {
        let what = match status {
            JobStatus::Delayed(failure) => Some(Happened::Delayed {
                failure: failure.clone(),
            }),
            JobStatus::Killing => Some(Happened::Killing),
            JobStatus::Unreachable(agent) => Some(Happened::Unreachable {
                hostname: agent.hostname.clone(),
            }),
            // Launches and ends are recorded when they happen. The other states are not events.
            _ => None,
        };
        if let Some(what) = what {
            self.push(job.clone(), what);
        }
        self.changed();
    }

    pub(crate) fn ended(&self, outcome: &Arc<Outcome>) {
        let what = Happened::Ended {
            state: outcome.state,
            message: outcome.message.clone(),
        };
        self.push(outcome.name.as_str().into(), what);
        let mut record = self.lock();
        if record.ended.len() == LENGTH {
            record.ended.pop_front();
        }
        record.ended.push_back(Arc::clone(outcome));
        match outcome.is_success() {
            true => record.finished += 1,
            false => record.failed += 1,
        }
        drop(record);
        self.changed();
    }

    /// Something visible has changed.
    pub(crate) fn changed(&self) {
        self.shared.activity.send_modify(|count| *count += 1);
    }

    pub(crate) fn activity(&self) -> watch::Receiver<u64> {
        self.shared.activity.subscribe()
    }

    /// The last events, the newest first.
    pub(crate) fn events(&self) -> Vec<TimelineEvent> {
        self.lock().events.iter().rev().cloned().collect()
    }

    /// The last jobs that have ended, the newest first.
    pub(crate) fn ended_jobs(&self) -> Vec<Arc<Outcome>> {
        self.lock().ended.iter().rev().cloned().collect()
    }

    /// The number of jobs that ended well, and of those that ended otherwise.
    pub(crate) fn ends(&self) -> (u64, u64) {
        let record = self.lock();
        (record.finished, record.failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_500_events_are_kept_the_newest_first() {
        let timeline = Timeline::default();
        let mut activity = timeline.activity();
        for number in 0..600 {
            timeline.launched(&Name::from(format!("job-{number}")), "host");
        }
        assert!(activity.has_changed().unwrap());
        assert_eq!(*activity.borrow_and_update(), 600);
        let events = timeline.events();
        assert_eq!(events.len(), LENGTH);
        assert_eq!(&*events[0].job, "job-599");
        assert_eq!(&*events[LENGTH - 1].job, "job-100");
        assert_eq!(events[0].what.to_string(), "launched on host");
    }
}
