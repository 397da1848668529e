//! Watches the results of acknowledgements. Mesos repeats an update until it is acknowledged, and
//! holds back the task's next update, so a subscription whose acknowledgements fail is useless
//! although its events arrive.

use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::error::{Delivery, Error, ErrorKind, Result};
use crate::lock;

/// This number of failures in a row ends the subscription.
const MAX_FAILURES: u32 = 5;

/// Failures within this time count once: one broken connection fails all calls on it.
const SAME_FAILURE: Duration = Duration::from_secs(1);

/// The time between two warnings.
const WARN_INTERVAL: Duration = Duration::from_secs(60);

/// See the module.
#[derive(Debug, Default)]
pub(super) struct AckWatch {
    state: Mutex<State>,
    failed: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// Failures since the last success, those of the same moment counted once.
    failures: u32,
    counted: Option<Instant>,
    error: Option<Error>,
    warned: Option<Instant>,
    /// Failures since the last warning.
    not_warned: u64,
}

impl AckWatch {
    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// A new subscription begins.
    pub(super) fn restart(&self) {
        let mut state = self.lock();
        state.failures = 0;
        state.counted = None;
    }

    /// The result of an acknowledgement.
    pub(super) fn finished(&self, result: &Result<()>) {
        let mut state = self.lock();
        let Err(error) = result else {
            state.failures = 0;
            return;
        };
        if is_disconnected(error) {
            return;
        }
        let now = Instant::now();
        state.warn(now, error);
        let since = |at: Instant| now.saturating_duration_since(at);
        if is_local(error) || state.counted.is_some_and(|at| since(at) < SAME_FAILURE) {
            return;
        }
        state.counted = Some(now);
        state.failures += 1;
        state.error = Some(error.clone());
        drop(state);
        self.failed.notify_one();
    }

    /// Failures in a row.
    pub(super) fn failures(&self) -> u32 {
        self.lock().failures
    }

    /// Completes when the subscription has to end. Cancel safe.
    pub(super) async fn too_many(&self) -> Error {
        loop {
            {
                let state = self.lock();
                if state.failures >= MAX_FAILURES
                    && let Some(last) = &state.error
                {
                    let text = format!(
                        "{} acknowledgements in a row failed, so Mesos repeats their updates",
                        state.failures
                    );
                    return Error::new(ErrorKind::Unavailable, text).with_source(last.clone());
                }
            }
            self.failed.notified().await;
        }
    }
}

impl State {
    fn warn(&mut self, now: Instant, error: &Error) {
        self.not_warned += 1;
        let since = |at: Instant| now.saturating_duration_since(at);
        if self.warned.is_some_and(|at| since(at) < WARN_INTERVAL) {
            return;
        }
        self.warned = Some(now);
        tracing::warn!(
            failures = self.not_warned,
            error = %crate::error_chain(error),
            "an acknowledgement failed; Mesos repeats the update"
        );
        self.not_warned = 0;
    }
}

/// There is no subscription, or it is about to end.
fn is_disconnected(error: &Error) -> bool {
    let lost = error.kind() == ErrorKind::NotSubscribed && error.delivery() != Delivery::Refused;
    lost || error.kind() == ErrorKind::Closed
}

/// A new subscription would not help.
fn is_local(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Config | ErrorKind::Unsupported)
}
