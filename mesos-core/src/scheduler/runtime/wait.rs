//! Waits between two attempts to subscribe.

use std::pin::pin;
use std::sync::Arc;

use tokio::time::{Instant, sleep_until};

use super::Runtime;
use crate::StopReason;
use crate::backend::{Backend, SchedulerApi};
use crate::error::Result;
use crate::runtime::{Stop, deadline};
use crate::scheduler::Scheduler;
use crate::scheduler::session::{Input, Output};

/// Why the wait before the next attempt ended.
pub(super) enum Wait {
    Over,
    Stop(Stop),
    End(Result<StopReason>),
}

impl<S, B, M> Runtime<S, B, M>
where
    S: Scheduler<M> + 'static,
    B: Backend<SchedulerApi> + 'static,
    M: Send + 'static,
{
    /// Waits before the next attempt: until `until`, or less after a leader change. Inputs are
    /// delivered meanwhile.
    pub(super) async fn wait(&mut self, mut until: Instant) -> Wait {
        let handle = self.handle.clone();
        let backend = Arc::clone(&self.backend);
        let mut leader_changed = pin!(backend.leader_changed());
        let mut listening = true;
        loop {
            tokio::select! {
                biased;
                stop = handle.shared().link.stop_requested() => return Wait::Stop(stop),
                () = sleep_until(until) => return Wait::Over,
                () = handle.shared().reconnect.notified() => {
                    // As after a leader change, so that a program cannot cause a busy loop.
                    if let Output::RetrySooner(wait) = self.step(Input::LeaderChanged) {
                        tracing::debug!(?wait, "the program requested an attempt; retrying sooner");
                        until = deadline(Instant::now(), wait);
                    }
                }
                () = &mut leader_changed, if listening => {
                    // The next attempt uses the newest leader in any case.
                    listening = false;
                    if let Output::RetrySooner(wait) = self.step(Input::LeaderChanged) {
                        tracing::debug!(?wait, "the leader changed; retrying sooner");
                        until = deadline(Instant::now(), wait);
                    }
                }
                Some(input) = self.inputs.recv() => {
                    if let Some(end) = self.input(input).await {
                        return Wait::End(end);
                    }
                }
            }
        }
    }
}
