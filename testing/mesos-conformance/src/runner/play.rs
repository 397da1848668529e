//! CaseFuture cases, several at a time.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};

use crate::{Case, Harness, Verdict, World};

/// A case for one place in the table.
#[derive(Clone, Debug)]
pub struct Job {
    /// The case.
    pub case: &'static Case,
    /// The backend and its encoding.
    pub harness: Harness,
    /// Where.
    pub world: World,
}

/// What came of a [`Job`].
#[derive(Debug)]
pub struct JobResult {
    /// What was played.
    pub job: Job,
    /// What came of it.
    pub verdict: Verdict,
    /// How long it took.
    pub time: Duration,
}

/// Plays all of `jobs`, so many at a time, and calls `told` in this thread with
/// each one's outcome when it is there.
pub fn play(jobs: Vec<Job>, at_a_time: usize, mut told: impl FnMut(JobResult)) {
    let waiting = Mutex::new(VecDeque::from(jobs));
    let next = || {
        let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.pop_front()
    };
    let (played, outcomes) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..at_a_time.max(1) {
            let (played, next) = (played.clone(), &next);
            scope.spawn(move || {
                while let Some(job) = next() {
                    let since = Instant::now();
                    let verdict = job.case.run(&job.harness, &job.world);
                    let time = since.elapsed();
                    // The receiver is in this function.
                    let _ = played.send(JobResult { job, verdict, time });
                }
            });
        }
        drop(played);
        outcomes.into_iter().for_each(&mut told);
    });
}
