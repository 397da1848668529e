//! Holds requests back while many answers are on their way.
//!
//! All events of a subscription come over one connection. So behind the answers about a million tasks
//! an offer would wait until each of them was handled, and the master would have to keep what the
//! scheduler does not read.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::worker::Reconciler;

/// After this time without an answer, requests are not held back any more. The master does not answer
/// for tasks whose agents have not reregistered.
const NO_ANSWER: Duration = Duration::from_secs(1);

/// See the module.
pub(super) struct Pace<'a> {
    reconciler: &'a Reconciler,
    /// When to look for progress, and the number of answers that were missing before.
    check: Option<(Instant, usize)>,
    /// No answer came for a while: those that are missing may come in minutes, or never.
    given_up: bool,
}

impl<'a> Pace<'a> {
    /// For requests that are sent one after the other from now on.
    pub(super) fn new(reconciler: &'a Reconciler) -> Self {
        reconciler.lock().forget_awaited();
        Self {
            reconciler,
            check: None,
            given_up: false,
        }
    }

    /// Whether no tasks should be requested now.
    pub(super) fn is_full(&mut self) -> bool {
        let full = !self.given_up && self.reconciler.lock().is_full();
        if !full {
            self.check = None;
        }
        full
    }

    /// Waits until the tracker has changed, or no answer has come for a while. Completes at once if
    /// tasks can be requested. Cancel safe.
    pub(super) async fn wait(&mut self, changed: &mut watch::Receiver<u64>) {
        if !self.is_full() {
            return;
        }
        let missing = self.reconciler.lock().awaited();
        let check = (Instant::now() + NO_ANSWER, missing);
        let (until, before) = *self.check.get_or_insert(check);
        tokio::select! {
            biased;
            _ = changed.changed() => {}
            () = sleep_until(until) => {
                self.check = None;
                self.given_up = self.reconciler.lock().awaited() >= before;
            }
        }
    }
}
