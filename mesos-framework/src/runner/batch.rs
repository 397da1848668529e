//! Several jobs at once.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use futures_core::Stream;
use mesos_core::Result;
use tokio::sync::mpsc;

use super::Runner;
use super::job::KillOnDrop;
use crate::engine::job::Limit;
use crate::runtime::Command;
use crate::runtime::listener::Counts;
use crate::{JobSpec, Outcome};

/// A stream of the outcomes of several jobs. Made by [`Runner::run_all`].
///
/// The stream ends after an outcome for each job, or after an error. Errors are those of
/// [`Runner::submit`]. Dropping the stream detaches: the jobs continue, unless
/// [`cancel_on_drop`](Self::cancel_on_drop) was called.
#[must_use = "nothing happens before the stream is polled"]
pub struct RunAll {
    runner: Runner,
    jobs: Vec<JobSpec>,
    limit: Option<u32>,
    cancel: bool,
    total: usize,
    counts: Arc<Counts>,
    state: State,
}

enum State {
    New,
    Running {
        outcomes: mpsc::UnboundedReceiver<Result<Outcome>>,
        left: usize,
        guard: Option<KillOnDrop>,
    },
    /// A job is invalid, or the runner has ended early. The future finds the reason.
    Failing(Pin<Box<dyn Future<Output = mesos_core::Error> + Send>>),
    Ended,
}

/// How far the jobs of a [`RunAll`] are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// All jobs.
    pub total: usize,
    /// The jobs whose tasks run now.
    pub running: usize,
    /// The jobs that ended well.
    pub finished: usize,
    /// The jobs that ended otherwise.
    pub failed: usize,
}

impl RunAll {
    pub(super) fn new(runner: Runner, jobs: Vec<JobSpec>) -> Self {
        Self {
            runner,
            limit: None,
            cancel: false,
            total: jobs.len(),
            jobs,
            counts: Arc::default(),
            state: State::New,
        }
    }

    /// Launches at most this number of the jobs at once, from 1. Without this setting all jobs are
    /// launched as soon as there are offers.
    ///
    /// The limit is stored with the jobs, so it also holds after a restart of the program.
    pub fn max_running(mut self, max: u32) -> Self {
        self.limit = Some(max.max(1));
        self
    }

    /// Kills the jobs that have not ended when the stream is dropped.
    pub fn cancel_on_drop(mut self) -> Self {
        self.cancel = true;
        self
    }

    /// How far the jobs are now.
    pub fn progress(&self) -> Progress {
        Progress {
            total: self.total,
            running: self.counts.running.load(Ordering::Relaxed),
            finished: self.counts.finished.load(Ordering::Relaxed),
            failed: self.counts.failed.load(Ordering::Relaxed),
        }
    }

    /// Waits for the next outcome; `None` after the last one. Cancel safe. This is `next` of the
    /// extension traits for streams.
    pub async fn next(&mut self) -> Option<Result<Outcome>> {
        std::future::poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }

    fn start(&mut self) -> State {
        let jobs = std::mem::take(&mut self.jobs);
        if let Err(error) = jobs.iter().try_for_each(|job| self.runner.validate(job)) {
            return State::Failing(Box::pin(async move { error }));
        }
        let names = jobs.iter().map(|job| job.name.clone());
        let guard = self.cancel.then(|| KillOnDrop::new(&self.runner, names));
        let limit = self.limit.map(|max| Limit {
            group: format!("{:016x}", fastrand::u64(..)),
            max,
        });
        let (listener, outcomes) = mpsc::unbounded_channel();
        let left = jobs.len();
        let submit = Command::SubmitAll(jobs, limit, listener, Arc::clone(&self.counts));
        // Without a runner, the channel is closed, which is noticed next.
        let _ = self.runner.send(submit);
        State::Running {
            outcomes,
            left,
            guard,
        }
    }
}

impl Stream for RunAll {
    type Item = Result<Outcome>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            let this = &mut *self;
            match &mut this.state {
                State::New => this.state = this.start(),
                State::Ended => return Poll::Ready(None),
                State::Running { left: 0, guard, .. } => {
                    if let Some(guard) = guard.take() {
                        guard.disarm();
                    }
                    this.state = State::Ended;
                }
                State::Running {
                    outcomes,
                    left,
                    guard,
                } => match outcomes.poll_recv(context) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(Some(Ok(outcome))) => {
                        *left -= 1;
                        return Poll::Ready(Some(Ok(outcome)));
                    }
                    Poll::Ready(Some(Err(error))) => {
                        // None of the jobs was submitted. Jobs of these names are of others.
                        if let Some(guard) = guard.take() {
                            guard.disarm();
                        }
                        this.state = State::Ended;
                        return Poll::Ready(Some(Err(error)));
                    }
                    Poll::Ready(None) => {
                        let runner = this.runner.clone();
                        this.state = State::Failing(Box::pin(async move { runner.ended().await }));
                    }
                },
                State::Failing(reason) => {
                    let Poll::Ready(error) = reason.as_mut().poll(context) else {
                        return Poll::Pending;
                    };
                    this.state = State::Ended;
                    return Poll::Ready(Some(Err(error)));
                }
            }
        }
    }
}

impl std::fmt::Debug for RunAll {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RunAll")
            .field("progress", &self.progress())
            .finish_non_exhaustive()
    }
}
