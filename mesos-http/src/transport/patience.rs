//! Time limits that count only the time during which this process ran.
//!
//! A process can stand still: SIGSTOP, the freezer of a container, a paused virtual machine, or a
//! runtime whose threads are all blocked. The clock goes on. When the process continues, its timers
//! are due, but nothing was read in the meantime: the answer of the peer may be in the socket, in
//! another task of this process, or still on its way because the peer repeats lost packets with
//! growing delays. So a timer that is due says nothing about the peer.
//!
//! [`Patience`] divides its limit into slices. A slice that ends late by more than its own length
//! shows that the process stood still, and the limit starts again.

use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// The number of slices. A pause that is shorter than a slice counts as waiting.
const SLICES: u32 = 16;

/// A shorter one would be late on any busy machine; timers have a precision of 1 ms.
const SHORTEST_SLICE: Duration = Duration::from_millis(10);

/// How often the limit may start again without a [`Patience::reset`]. A process that stands still
/// again and again still notices a dead peer.
const RESTARTS: u32 = 8;

/// The longest limit: longer than any program runs, and short enough to be added to an `Instant`.
const FOREVER: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);

/// A time limit of which no time counts while this process stood still.
#[derive(Debug)]
pub(crate) struct Patience {
    limit: Duration,
    /// The start of the limit.
    since: Instant,
    /// The end of the present slice.
    slice_end: Instant,
    restarts: u32,
    /// Whether the limit starts again at the next poll.
    reset: bool,
    /// Set again only when it fires, so that a reset costs nothing.
    timer: Pin<Box<Sleep>>,
}

impl Patience {
    /// The limit starts now.
    pub(crate) fn new(limit: Duration) -> Self {
        let limit = limit.min(FOREVER);
        let since = Instant::now();
        let slice_end = since + slice(limit).min(limit);
        Self {
            limit,
            since,
            slice_end,
            restarts: 0,
            reset: false,
            timer: Box::pin(sleep_until(slice_end)),
        }
    }

    /// Sets the limit, which starts now if it is another one.
    pub(crate) fn set_limit(&mut self, limit: Duration) {
        if limit.min(FOREVER) != self.limit {
            *self = Self::new(limit);
        }
    }

    /// Starts the limit again at the next poll, because the peer was heard of. The clock is read
    /// once for all resets before a poll.
    pub(crate) fn reset(&mut self) {
        self.reset = true;
    }

    /// Completes when the limit has passed. Poll it after the source of the awaited bytes.
    pub(crate) fn poll_elapsed(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if std::mem::take(&mut self.reset) {
            self.since = Instant::now();
            self.restarts = 0;
        }
        loop {
            ready!(self.timer.as_mut().poll(context));
            let now = Instant::now();
            let late = now.saturating_duration_since(self.slice_end);
            if late > slice(self.limit) && self.restarts < RESTARTS {
                tracing::debug!(?late, "this process stood still; a time limit starts again");
                self.restarts += 1;
                self.since = now;
            }
            let deadline = self.since + self.limit;
            if deadline <= now {
                return Poll::Ready(());
            }
            self.slice_end = deadline.min(now + slice(self.limit));
            self.timer.as_mut().reset(self.slice_end);
        }
    }
}

fn slice(limit: Duration) -> Duration {
    (limit / SLICES).max(SHORTEST_SLICE)
}

/// The limit has passed.
#[derive(Debug)]
pub(crate) struct Elapsed;

/// Like [`tokio::time::timeout`], with [`Patience`].
pub(crate) async fn timeout<F: Future>(limit: Duration, future: F) -> Result<F::Output, Elapsed> {
    let mut patience = Patience::new(limit);
    within(&mut patience, future).await
}

/// The result of `future`, unless `patience` ends first.
pub(crate) async fn within<F: Future>(
    patience: &mut Patience,
    future: F,
) -> Result<F::Output, Elapsed> {
    let mut future = pin!(future);
    std::future::poll_fn(|context| {
        if let Poll::Ready(output) = future.as_mut().poll(context) {
            return Poll::Ready(Ok(output));
        }
        patience.poll_elapsed(context).map(|()| Err(Elapsed))
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tokio::time::{advance, sleep};

    use super::*;

    const LIMIT: Duration = Duration::from_secs(16);

    async fn elapsed(patience: &mut Patience) -> Duration {
        let start = Instant::now();
        let result: Result<(), Elapsed> = within(patience, pending()).await;
        assert!(result.is_err());
        start.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn a_process_that_runs_waits_for_the_limit() {
        for limit in [Duration::ZERO, Duration::from_millis(1), LIMIT] {
            let waited = elapsed(&mut Patience::new(limit)).await;
            let most = limit + Duration::from_millis(1);
            assert!((limit..=most).contains(&waited), "{limit:?}: {waited:?}");
        }
        let _ = Patience::new(Duration::MAX);
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_pause_of_the_process_the_limit_starts_again() {
        for pause in [LIMIT / 4, LIMIT, 100 * LIMIT] {
            let mut patience = Patience::new(LIMIT);
            // sleep: until the last slice, in virtual time. Then nothing runs.
            let start = within(&mut patience, sleep(LIMIT - LIMIT / 32)).await;
            start.expect("within the limit");
            advance(pause).await;
            let waited = elapsed(&mut patience).await;
            assert!(waited >= LIMIT, "{pause:?}: {waited:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_process_that_often_stands_still_gives_up_in_the_end() {
        let mut patience = Patience::new(LIMIT);
        let mut rounds = 0;
        // sleep: in virtual time.
        while within(&mut patience, sleep(LIMIT / 2)).await.is_ok() {
            advance(LIMIT / 2).await;
            rounds += 1;
            assert!(rounds <= 2 * RESTARTS + 2, "it never gives up");
        }
        assert!(rounds >= RESTARTS, "{rounds}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_reset_starts_the_limit_again() {
        let mut patience = Patience::new(LIMIT);
        for _ in 0..10 {
            // sleep: in virtual time.
            let rest = within(&mut patience, sleep(LIMIT - LIMIT / 16)).await;
            rest.expect("within the limit");
            patience.reset();
        }
        assert!(elapsed(&mut patience).await >= LIMIT);
    }
}
