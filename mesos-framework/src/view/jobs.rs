//! Lists of jobs.

use std::collections::BinaryHeap;
use std::fmt;
use std::str::FromStr;
use std::time::SystemTime;

use mesos_placement::Unplaced;

use crate::engine::unit::Unit;
use crate::{JobSpec, JobStatus};

/// The state of a job, without its details. [`JobStatus`] has the details.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum JobState {
    /// The job waits for the end of other jobs.
    Blocked,
    /// The job waits for offers.
    Waiting,
    /// The job waits for the delay after a failed attempt.
    Delayed,
    /// A task was launched, and does not run yet.
    Launched,
    /// A task runs.
    Running,
    /// The agent of the task is unreachable.
    Unreachable,
    /// The job was killed, and its task has not ended yet.
    Killing,
    /// The job has ended.
    Ended,
}

impl JobState {
    /// All states, in the order in which a job can have them.
    pub const ALL: [Self; 8] = [
        Self::Blocked,
        Self::Waiting,
        Self::Delayed,
        Self::Launched,
        Self::Running,
        Self::Unreachable,
        Self::Killing,
        Self::Ended,
    ];

    /// The name of the state: lower case, one word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Blocked => "blocked",
            Self::Waiting => "waiting",
            Self::Delayed => "delayed",
            Self::Launched => "launched",
            Self::Running => "running",
            Self::Unreachable => "unreachable",
            Self::Killing => "killing",
            Self::Ended => "ended",
        }
    }
}

impl fmt::Display for JobState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for JobState {
    type Err = String;

    /// # Errors
    /// The text is not the name of a state.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut states = Self::ALL.into_iter();
        states
            .find(|state| state.as_str() == text)
            .ok_or_else(|| format!("{text:?} is not a state of a job"))
    }
}

/// Which jobs [`Runner::jobs`](crate::Runner::jobs) returns.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct JobFilter {
    /// Only jobs in this state.
    pub state: Option<JobState>,
    /// Only jobs whose name contains this text.
    pub contains: String,
    /// Only jobs whose name comes after this name in the order of the alphabet.
    pub after: String,
    /// How many jobs are returned at most; 100 by default.
    pub limit: usize,
}

impl Default for JobFilter {
    fn default() -> Self {
        Self {
            state: None,
            contains: String::new(),
            after: String::new(),
            limit: 100,
        }
    }
}

/// The number of jobs in each state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct JobCounts {
    /// Jobs that wait for other jobs.
    pub blocked: usize,
    /// Jobs that wait for offers.
    pub waiting: usize,
    /// Jobs that wait for the delay after a failed attempt.
    pub delayed: usize,
    /// Jobs whose task does not run yet.
    pub launched: usize,
    /// Jobs whose task runs.
    pub running: usize,
    /// Jobs whose task is on an unreachable agent.
    pub unreachable: usize,
    /// Jobs that were killed and have not ended.
    pub killing: usize,
    /// Jobs that ended well since the start of the runner.
    pub finished: u64,
    /// Jobs that ended otherwise since the start of the runner.
    pub failed: u64,
}

impl JobCounts {
    fn add(&mut self, state: JobState) {
        match state {
            JobState::Blocked => self.blocked += 1,
            JobState::Waiting => self.waiting += 1,
            JobState::Delayed => self.delayed += 1,
            JobState::Launched => self.launched += 1,
            JobState::Running => self.running += 1,
            JobState::Unreachable => self.unreachable += 1,
            JobState::Killing => self.killing += 1,
            // Ends are counted when they happen.
            JobState::Ended => {}
        }
    }

    /// The number of jobs that have not ended.
    pub fn live(&self) -> usize {
        self.blocked
            + self.waiting
            + self.delayed
            + self.launched
            + self.running
            + self.unreachable
            + self.killing
    }

    /// Each state with its number of jobs, without [`JobState::Ended`].
    pub fn by_state(&self) -> [(JobState, usize); 7] {
        [
            (JobState::Blocked, self.blocked),
            (JobState::Waiting, self.waiting),
            (JobState::Delayed, self.delayed),
            (JobState::Launched, self.launched),
            (JobState::Running, self.running),
            (JobState::Unreachable, self.unreachable),
            (JobState::Killing, self.killing),
        ]
    }
}

/// One job in a list.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct JobSummary {
    /// The name of the job.
    pub name: String,
    /// The state with its details.
    pub status: JobStatus,
    /// How many attempts have failed.
    pub failures: u32,
    /// The time of the first launch, by the clock of the scheduler.
    pub started: Option<SystemTime>,
    /// The ids of the tasks of the present attempt.
    pub tasks: Vec<String>,
}

impl JobSummary {
    pub(crate) fn new(name: &str, unit: &Unit) -> Self {
        let parts = unit.attempt().map_or(&[][..], |attempt| &attempt.parts);
        let record = unit.job().map(|job| &job.record);
        Self {
            name: name.to_owned(),
            status: unit.job_status(),
            failures: record.map_or(0, |record| record.failures),
            started: record.and_then(|record| record.started),
            tasks: parts.iter().map(|part| part.id.clone()).collect(),
        }
    }

    /// A job that has ended.
    pub(crate) fn ended(outcome: crate::Outcome) -> Self {
        Self {
            name: outcome.name.clone(),
            failures: outcome
                .attempts
                .saturating_sub(u32::from(outcome.is_success())),
            started: outcome.started,
            tasks: outcome.task_id.iter().cloned().collect(),
            status: JobStatus::Ended(outcome.into()),
        }
    }
}

/// One job with all that is known about it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct JobDetails {
    /// The job, as in a list.
    pub summary: JobSummary,
    /// The specification of the job.
    pub spec: JobSpec,
    /// Why the job is not placed: the last reports, the newest first.
    pub reports: Vec<Unplaced>,
}

/// Jobs that have not ended.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct JobList {
    /// The number of all jobs in each state, whatever the filter is.
    pub counts: JobCounts,
    /// The jobs that match the filter, by name, at most as many as the filter permits.
    pub jobs: Vec<JobSummary>,
    /// Whether more jobs match.
    pub more: bool,
}

impl JobList {
    /// The time grows with the number of jobs, and little more than that, so that the event loop
    /// of the runner can do this.
    pub(crate) fn select<'a>(
        jobs: impl Iterator<Item = (&'a str, &'a Unit)>,
        filter: &JobFilter,
    ) -> Self {
        let mut counts = JobCounts::default();
        let mut first: BinaryHeap<Entry<'a>> = BinaryHeap::new();
        let mut more = false;
        for (name, job) in jobs {
            let state = job.job_status().state();
            counts.add(state);
            let matches = filter.state.is_none_or(|wanted| wanted == state)
                && name > filter.after.as_str()
                && name.contains(&filter.contains);
            if !matches {
                continue;
            }
            first.push(Entry(name, job));
            if first.len() > filter.limit {
                first.pop();
                more = true;
            }
        }
        let jobs = first.into_sorted_vec();
        Self {
            counts,
            jobs: jobs
                .into_iter()
                .map(|Entry(name, job)| JobSummary::new(name, job))
                .collect(),
            more,
        }
    }
}

/// Ordered by the name.
struct Entry<'a>(&'a str, &'a Unit);

impl PartialEq for Entry<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for Entry<'_> {}

impl PartialOrd for Entry<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry<'_> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(other.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TaskSpec;
    use crate::engine::job::Job;
    use crate::engine::packed::Packed;
    use crate::engine::unit::Kind;

    #[test]
    fn a_list_has_the_first_names_of_a_filter_and_counts_all_jobs() {
        let spec = Packed::new(&TaskSpec::shell("any", "true").into());
        let job = Job::new(spec.expect("a specification"), None);
        let job = Unit::new(Kind::Job(Box::new(job)), 1);
        let names = ["d", "a1", "c", "a2", "b", "a3"];
        let list = |filter: &JobFilter| {
            let list = JobList::select(names.iter().map(|name| (*name, &job)), filter);
            assert_eq!(list.counts.live(), 6);
            assert_eq!(list.counts.blocked, 6);
            let names: Vec<_> = list.jobs.iter().map(|job| job.name.clone()).collect();
            (names.join(" "), list.more)
        };
        let mut filter = JobFilter::default();
        assert_eq!(list(&filter), ("a1 a2 a3 b c d".into(), false));
        filter.limit = 2;
        assert_eq!(list(&filter), ("a1 a2".into(), true));
        filter.after = "a2".into();
        assert_eq!(list(&filter), ("a3 b".into(), true));
        filter.contains = "a".into();
        assert_eq!(list(&filter), ("a3".into(), false));
        filter.limit = 0;
        assert_eq!(list(&filter), (String::new(), true));
        filter.state = Some(JobState::Running);
        assert_eq!(list(&filter), (String::new(), false));
    }

    #[test]
    fn each_state_has_a_name_that_is_read_back() {
        for state in JobState::ALL {
            assert_eq!(state.as_str().parse(), Ok(state));
        }
        let error = "runing".parse::<JobState>().unwrap_err();
        assert_eq!(error, "\"runing\" is not a state of a job");
    }
}
