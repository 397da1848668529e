//! Time limits that do not count the time in which this process was paused.
//!
//! A process can be paused: SIGSTOP, the freezer of a container, or a paused virtual machine. When
//! the process continues, its timers are due, but neither the process nor the tasks that were paused
//! with it had that time.

use std::future::poll_fn;
use std::pin::pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// A pause is noticed when a sleep of this length ends late by more than this length.
const SLICE: Duration = Duration::from_millis(500);

/// For how long this process was paused while the futures of [`during`](Self::during) ran.
///
/// A pause is noticed if it is longer than half a second to one second. A runtime whose threads are
/// all blocked counts as paused, too.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pauses(Duration);

impl Pauses {
    /// Runs `future`, and adds the pauses until it completes. Cancel safe if `future` is: pauses
    /// that were noticed before are kept.
    pub async fn during<F: Future>(&mut self, future: F) -> F::Output {
        let mut future = pin!(future);
        let mut slice_end = Instant::now() + SLICE;
        let mut timer = pin!(sleep_until(slice_end));
        poll_fn(|context: &mut Context<'_>| {
            loop {
                let now = Instant::now();
                if now >= slice_end {
                    let late = now.duration_since(slice_end);
                    if late > SLICE {
                        self.0 = self.0.saturating_add(late);
                    }
                    slice_end = now + SLICE;
                    timer.as_mut().reset(slice_end);
                }
                if timer.as_mut().poll(context).is_pending() {
                    break;
                }
            }
            future.as_mut().poll(context)
        })
        .await
    }

    /// The sum of the pauses.
    pub fn total(&self) -> Duration {
        self.0
    }
}

/// A time limit that starts when it is made, and that a pause of this process extends. Pauses are
/// noticed as by [`Pauses`], and only while [`passed`](Self::passed) is awaited.
#[derive(Clone, Copy, Debug)]
pub struct TimeLimit {
    began: Instant,
    limit: Duration,
    pauses: Pauses,
}

impl TimeLimit {
    /// A limit that starts now. A limit that is too long for a clock never passes.
    #[must_use]
    pub fn new(limit: Duration) -> Self {
        Self {
            began: Instant::now(),
            limit,
            pauses: Pauses::default(),
        }
    }

    /// A limit that never passes.
    #[must_use]
    pub fn never() -> Self {
        Self::new(Duration::MAX)
    }

    /// Shortens the limit, which still counts from its beginning. A longer `limit` changes nothing.
    pub fn shorten(&mut self, limit: Duration) {
        self.limit = self.limit.min(limit);
    }

    /// Waits until the limit has passed. Cancel safe.
    ///
    /// In a `select!` this has to be polled before branches that may be ready after a pause:
    /// otherwise the pause is not noticed.
    pub async fn passed(&mut self) {
        loop {
            let counted = self.limit.checked_add(self.pauses.total());
            match counted.and_then(|counted| self.began.checked_add(counted)) {
                Some(due) if due <= Instant::now() => return,
                Some(due) => self.pauses.during(sleep_until(due)).await,
                None => std::future::pending().await,
            }
        }
    }

    /// The output of `future`, or `None` if the limit passes first.
    pub async fn limit<F: Future>(mut self, future: F) -> Option<F::Output> {
        let (mut future, mut passed) = (pin!(future), pin!(self.passed()));
        poll_fn(|context| {
            // First, because a future that is ready after a pause was in time.
            if let Poll::Ready(output) = future.as_mut().poll(context) {
                return Poll::Ready(Some(output));
            }
            passed.as_mut().poll(context).map(|()| None)
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use tokio::time::{advance, sleep};

    use super::*;

    const LIMIT: Duration = Duration::from_secs(10);

    #[tokio::test(start_paused = true)]
    async fn a_limit_of_a_process_that_runs_passes_in_time() {
        for limit in [Duration::ZERO, Duration::from_millis(1), LIMIT] {
            let began = Instant::now();
            TimeLimit::new(limit).passed().await;
            let waited = began.elapsed();
            let most = limit + Duration::from_millis(1);
            assert!((limit..=most).contains(&waited), "{limit:?}: {waited:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_extends_a_limit() {
        for pause in [LIMIT / 4, LIMIT, 100 * LIMIT] {
            let mut limit = TimeLimit::new(LIMIT);
            let began = Instant::now();
            let before = LIMIT - Duration::from_millis(100);
            tokio::select! {
                () = limit.passed() => panic!("too early"),
                // sleep: until nearly the end, in virtual time. Then nothing runs.
                () = sleep(before) => {}
            }
            let mut rest = pin!(limit.passed());
            tokio::select! {
                biased;
                () = &mut rest => panic!("too early"),
                () = ready(()) => {}
            }
            advance(pause).await;
            rest.await;
            let waited = began.elapsed();
            // The slice in which the pause began counts.
            assert!(waited + SLICE >= LIMIT + pause, "{pause:?}: {waited:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_limit_counts_from_its_beginning_when_it_is_shortened() {
        let mut limit = TimeLimit::never();
        let began = Instant::now();
        let early = TimeLimit::new(LIMIT / 2).limit(limit.passed()).await;
        assert_eq!(early, None, "it never passes");
        limit.shorten(LIMIT);
        limit.shorten(2 * LIMIT);
        limit.passed().await;
        assert_eq!(began.elapsed().as_secs(), LIMIT.as_secs());
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_ready_after_a_pause_was_in_time() {
        // sleep: in virtual time.
        let sleeping = tokio::spawn(TimeLimit::new(LIMIT).limit(sleep(LIMIT / 2)));
        tokio::task::yield_now().await;
        advance(100 * LIMIT).await;
        assert_eq!(sleeping.await.expect("no panic"), Some(()));
        assert_eq!(TimeLimit::new(LIMIT).limit(pending::<()>()).await, None);
    }
}
