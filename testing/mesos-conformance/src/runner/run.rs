//! Runs several cases at a time.

use std::collections::VecDeque;
use std::sync::{Mutex, mpsc};
use std::time::{Duration, Instant};

use crate::lock::lock;
use crate::{Case, Harness, Verdict, World};

/// A case for one cell of the table.
#[derive(Clone, Debug)]
pub struct Job {
    /// The case.
    pub case: &'static Case,
    /// The backend and its encoding.
    pub harness: Harness,
    /// The world.
    pub world: World,
}

/// The result of a [`Job`].
#[derive(Debug)]
pub struct JobResult {
    /// The job.
    pub job: Job,
    /// The result.
    pub verdict: Verdict,
    /// The duration.
    pub time: Duration,
}

/// Runs all `jobs`, `at_a_time` of them concurrently. Calls `done` in this thread with each result.
pub fn run_jobs(jobs: Vec<Job>, at_a_time: usize, mut done: impl FnMut(JobResult)) {
    let waiting = Mutex::new(VecDeque::from(jobs));
    let next = || {
        let mut waiting = lock(&waiting);
        waiting.pop_front()
    };
    let (result, outcomes) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..at_a_time.max(1) {
            let (result, next) = (result.clone(), &next);
            scope.spawn(move || {
                while let Some(job) = next() {
                    let since = Instant::now();
                    let verdict = job.case.run(&job.harness, &job.world);
                    let time = since.elapsed();
                    // The receiver lives until the end of this function.
                    let _ = result.send(JobResult { job, verdict, time });
                }
            });
        }
        drop(result);
        outcomes.into_iter().for_each(&mut done);
    });
}
