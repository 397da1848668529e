//! A time limit that a suspended process does not use up.
//!
//! A process can be paused: by SIGSTOP, with its virtual machine, or by a blocked runtime. A clock
//! runs on meanwhile, so a deadline would pass before the process could do anything.

use std::pin::pin;
use std::time::Duration;

use tokio::time::{Instant, timeout};

/// The longest time that is counted at once.
const TICK: Duration = Duration::from_secs(1);

/// The time that is left. A pause of the process counts as at most one second.
#[derive(Debug)]
pub(crate) struct Budget(Duration);

impl Budget {
    pub(crate) fn new(limit: Duration) -> Self {
        Self(limit)
    }

    /// The result of `future`, if it completes in the time that is left. Cancel safe if `future`
    /// is.
    pub(crate) async fn run<F: Future>(&mut self, future: F) -> Option<F::Output> {
        let mut future = pin!(future);
        loop {
            let tick = self.0.min(TICK);
            let before = Instant::now();
            let result = timeout(tick, &mut future).await;
            self.0 -= before.elapsed().min(tick);
            match result {
                Ok(output) => return Some(output),
                Err(_) if self.0.is_zero() => return None,
                Err(_) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tokio::sync::oneshot;
    use tokio::time::{advance, sleep};

    use super::*;

    const DAY: Duration = Duration::from_secs(24 * 3600);

    #[tokio::test(start_paused = true)]
    async fn a_pause_of_the_process_uses_up_one_second_of_the_budget() {
        let (sender, receiver) = oneshot::channel();
        let waiting = tokio::spawn(async {
            let mut budget = Budget::new(Duration::from_secs(10));
            budget.run(receiver).await
        });
        for _ in 0..5 {
            tokio::task::yield_now().await;
            advance(DAY).await;
        }
        sender.send(1).unwrap();
        assert_eq!(waiting.await.unwrap(), Some(Ok(1)));
    }

    #[tokio::test(start_paused = true)]
    async fn the_budget_is_used_up_by_all_runs_together() {
        let begin = Instant::now();
        let mut budget = Budget::new(Duration::from_millis(3500));
        // sleep: the clock is virtual.
        assert_eq!(budget.run(sleep(Duration::from_secs(2))).await, Some(()));
        assert_eq!(budget.run(pending::<()>()).await, None);
        assert_eq!(begin.elapsed().as_millis() / 100, 35);
        assert_eq!(budget.run(pending::<()>()).await, None);
        assert_eq!(budget.run(async { 1 }).await, Some(1), "ready at once");
    }

    #[tokio::test(start_paused = true)]
    async fn an_unlimited_budget_is_not_used_up() {
        let mut budget = Budget::new(Duration::MAX);
        // sleep: the clock is virtual.
        assert_eq!(budget.run(sleep(DAY)).await, Some(()));
    }
}
