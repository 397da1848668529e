//! Shows the changes of jobs until all have ended, and then how they ended.

use std::collections::HashSet;
use std::num::NonZeroU32;
use std::time::Duration;

use mesos::framework::{JobFilter, JobSpec, JobState, JobStatus, Outcome, Runner};
use mesos::scheduler::SessionState;
use mesos::v1::{TaskState, TaskStatus};
use mesos::{ErrorKind, Result, error_chain};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::status::{INTERRUPTED, exit_code};
use crate::context::Context;
use crate::error::Error;
use crate::output::{BAD, Cell, Column, GOOD, Table, line, note, or_dash};
use crate::signals::Signals;

/// After this time without a change, the program says what the jobs wait for.
const QUIET: Duration = Duration::from_secs(10);

/// A job by its place in the file, and its new state.
type Change = (usize, Result<JobStatus>);

/// See the module.
pub(super) struct Progress {
    /// In the order of the file.
    jobs: Vec<(String, Option<JobStatus>)>,
    /// The number of jobs that have not ended.
    left: usize,
    /// The exit code of the first job that failed.
    code: u8,
    interrupted: bool,
    /// What the jobs wait for, as it was shown last.
    reason: String,
}

impl Progress {
    pub(super) fn new(specs: &[JobSpec]) -> Self {
        Self {
            jobs: specs.iter().map(|job| (job.name.clone(), None)).collect(),
            left: specs.len(),
            code: 0,
            interrupted: false,
            reason: String::new(),
        }
    }

    /// Returns the exit code when all jobs have ended.
    pub(super) async fn follow(
        &mut self,
        runner: &Runner,
        specs: Vec<JobSpec>,
        max_running: Option<NonZeroU32>,
        signals: &mut Signals,
    ) -> Result<u8> {
        self.refuse_others(runner).await?;
        let mut outcomes = runner.run_all(specs);
        if let Some(max) = max_running {
            outcomes = outcomes.max_running(max.get());
        }
        // The first poll submits the jobs, so that they can be watched.
        tokio::select! {
            biased;
            Some(Err(error)) = outcomes.next() => return Err(error),
            () = std::future::ready(()) => {}
        }
        let (sender, mut changes) = mpsc::channel(256);
        for (place, (name, _)) in self.jobs.iter().enumerate() {
            tokio::spawn(watch(runner.clone(), place, name.clone(), sender.clone()));
        }
        let mut state_failure = runner.state_failure();
        let mut quiet = Instant::now() + QUIET;
        while self.left > 0 {
            tokio::select! {
                biased;
                // An error that concerns all jobs. The outcomes also arrive as changes.
                Some(outcome) = outcomes.next() => drop(outcome?),
                Some((place, status)) = changes.recv() => {
                    self.change(place, status?);
                    quiet = Instant::now() + QUIET;
                }
                Ok(()) = state_failure.changed() => {
                    if let Some(why) = &*state_failure.borrow_and_update() {
                        note(&format!("the state cannot be written: {why}"));
                    }
                }
                () = sleep_until(quiet) => {
                    self.explain(runner).await?;
                    quiet = Instant::now() + QUIET;
                }
                _ = signals.next() => {
                    if self.interrupted {
                        return Ok(INTERRUPTED);
                    }
                    self.interrupted = true;
                    note("killing the jobs; press Ctrl-C again to leave at once");
                    self.kill(runner);
                }
            }
        }
        let killed = |(_, status): &(String, Option<JobStatus>)| {
            let outcome = status.as_ref().and_then(JobStatus::outcome);
            outcome.is_some_and(|outcome| outcome.state == TaskState::TaskKilled)
        };
        Ok(match self.interrupted && self.jobs.iter().any(killed) {
            true => INTERRUPTED,
            false => self.code,
        })
    }

    /// The end of this program removes the framework, and with it all jobs and services.
    async fn refuse_others(&self, runner: &Runner) -> Result<()> {
        let mut filter = JobFilter::default();
        filter.limit = usize::MAX;
        let jobs = runner.jobs(filter).await?.jobs;
        let services = runner.services().await?;
        let known: HashSet<&str> = self.jobs.iter().map(|(name, _)| name.as_str()).collect();
        let jobs = jobs.into_iter().map(|job| job.name);
        let mut others = jobs.chain(services.into_iter().map(|service| service.name));
        match others.find(|name| !known.contains(name.as_str())) {
            None => Ok(()),
            Some(name) => Err(mesos::Error::new(
                ErrorKind::Config,
                format!(
                    "the state has {name:?}, which has not ended and is not in the file with the \
                     jobs"
                ),
            )),
        }
    }

    fn change(&mut self, place: usize, status: JobStatus) {
        let (name, last) = &mut self.jobs[place];
        let first = last.is_none();
        if last.as_ref() == Some(&status) {
            return;
        }
        let waits = matches!(status.state(), JobState::Blocked | JobState::Waiting);
        if !(first && waits) {
            // The name is from a file, and the message from a cluster.
            note(line(&format!("{name}: {}", describe(&status))).trim_end());
        }
        if let Some(outcome) = status.outcome() {
            self.left -= 1;
            if self.code == 0 {
                self.code = code_of(outcome);
            }
        }
        *last = Some(status);
    }

    /// Says why nothing happens, if nothing runs.
    async fn explain(&mut self, runner: &Runner) -> Result<()> {
        let health = runner.health();
        let lost = health
            .transitions
            .last()
            .and_then(|last| last.reason.as_ref());
        let reason = match lost.filter(|_| health.state != SessionState::Subscribed) {
            Some(error) => format!("connection lost, reconnecting: {}", error_chain(error)),
            None if self.in_state(|state| state > JobState::Delayed).is_some() => return Ok(()),
            None => match self.in_state(|state| state == JobState::Waiting) {
                Some(name) => match runner.reports(name).await?.first() {
                    Some(report) => report.to_string(),
                    None => "waiting for offers".to_owned(),
                },
                None => return Ok(()),
            },
        };
        if self.reason != reason {
            note(&reason);
            self.reason = reason;
        }
        Ok(())
    }

    /// The first job that has not ended and has such a state.
    fn in_state(&self, matches: impl Fn(JobState) -> bool) -> Option<&str> {
        let mut jobs = self.jobs.iter();
        let job = jobs.find(|(_, status)| {
            let state = status.as_ref().map(JobStatus::state);
            state.is_some_and(|state| state != JobState::Ended && matches(state))
        });
        job.map(|(name, _)| name.as_str())
    }

    fn kill(&self, runner: &Runner) {
        for (name, _) in &self.jobs {
            let (runner, name) = (runner.clone(), name.clone());
            // The end of the job arrives as a change, and an error as that of the job.
            tokio::spawn(async move { runner.kill(name).await });
        }
    }

    /// Prints how the jobs ended. After a second Ctrl-C this is not known.
    pub(super) fn print(&self, context: &Context) -> Result<(), Error> {
        if self.left > 0 {
            return Ok(());
        }
        let mut table = Table::new([
            Column::text("NAME"),
            Column::text("STATE"),
            Column::number("EXIT"),
            Column::number("ATTEMPTS"),
            Column::text("AGENT"),
        ]);
        let mut objects = Vec::new();
        let jobs = self.jobs.iter().filter_map(|(_, status)| status.as_ref());
        for outcome in jobs.filter_map(JobStatus::outcome) {
            let style = if outcome.is_success() { GOOD } else { BAD };
            let exit = outcome.exit_status.map(|status| status.to_string());
            let agent = outcome.agent.as_ref().map(|agent| agent.hostname.as_str());
            let cells: [Cell; 5] = [
                outcome.name.as_str().into(),
                Cell::styled(outcome.state.as_str_name(), style),
                or_dash(exit.unwrap_or_default()).into(),
                outcome.attempts.to_string().into(),
                or_dash(agent.unwrap_or_default()).into(),
            ];
            table.row(&outcome.name, cells);
            objects.push(object(outcome));
        }
        context.out.list(&objects, &table)
    }
}

/// Reports the present state of a job and each change until its end.
async fn watch(runner: Runner, place: usize, name: String, changes: mpsc::Sender<Change>) {
    let mut job = match runner.job(name).await {
        Ok(job) => job,
        // The receiver has gone if the program is about to exit.
        Err(error) => return drop(changes.send((place, Err(error))).await),
    };
    let mut status = Ok(job.status());
    loop {
        let last = !matches!(&status, Ok(status) if status.outcome().is_none());
        if changes.send((place, status)).await.is_err() || last {
            return;
        }
        status = job.changed().await;
    }
}

fn describe(status: &JobStatus) -> String {
    let mut text = match status {
        JobStatus::Ended(outcome) => outcome.state.as_str_name().to_owned(),
        _ => status.state().to_string(),
    };
    if let Some(agent) = status.agent() {
        text.push_str(&format!(" on {}", agent.hostname));
    }
    let message = status.outcome().map(|outcome| outcome.message.as_str());
    match message.or(status.failure()) {
        None | Some("") => text,
        Some(message) => format!("{text}: {message}"),
    }
}

fn code_of(outcome: &Outcome) -> u8 {
    let status = TaskStatus::new("", outcome.state).with_message(&*outcome.message);
    // In a pod, a command that ended well can be the reason of a failure.
    match exit_code(&status) {
        0 if !outcome.is_success() => 1,
        code => code,
    }
}

fn object(outcome: &Outcome) -> Value {
    let time = |time| humantime::format_rfc3339_millis(time).to_string();
    let agent = outcome.agent.as_ref();
    json!({
        "name": outcome.name,
        "state": outcome.state.as_str_name(),
        "reason": outcome.reason.map(|reason| reason.as_str_name()),
        "message": outcome.message,
        "exit_status": outcome.exit_status,
        "attempts": outcome.attempts,
        "agent": agent.map(|agent| json!({"id": agent.id, "hostname": agent.hostname})),
        "task_id": outcome.task_id,
        "started": outcome.started.map(time),
        "ended": time(outcome.ended),
    })
}
