//! The background task that keeps the state current.

use std::future::pending;
use std::pin::Pin;
use std::time::Duration;

use mesos_core::{Error, Result};
use mesos_proto::v1::TaskState;
use mesos_proto::v1::task_status::Reason;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::refresh::{Refreshed, Wanted};
use super::snapshot::{ClusterSnapshot, Touched};
use crate::operator::{ClusterEvent, MasterClient, Watch};

/// The number of events that are applied in one step, if they have arrived.
const BATCH: usize = 256;

/// A request in progress.
type Request = Pin<Box<dyn Future<Output = Result<Refreshed>> + Send>>;

pub(super) struct Reflector {
    master: MasterClient,
    events: Watch,
    state: watch::Sender<ClusterSnapshot>,
    interval: Duration,
    /// What has to be requested before the interval is over.
    wanted: Wanted,
    /// What the request in progress requests.
    requested: Wanted,
    request: Option<Request>,
    /// Changed by events since the request began.
    touched: Touched,
    /// When the next request for `wanted` may begin.
    not_before: Instant,
    last_full: Instant,
    /// The end of the events.
    ended: Option<Error>,
}

impl Reflector {
    pub(super) fn new(
        master: &MasterClient,
        state: watch::Sender<ClusterSnapshot>,
        interval: Duration,
    ) -> Self {
        let now = Instant::now();
        Self {
            // The next request is the retry.
            master: master.clone().retry_for(Duration::ZERO),
            events: master.watch(),
            state,
            interval,
            wanted: Wanted::default(),
            requested: Wanted::default(),
            request: None,
            touched: Touched::default(),
            not_before: now,
            last_full: now,
            ended: None,
        }
    }

    pub(super) async fn run(mut self) {
        loop {
            if let Some(error) = self.ended.take() {
                return self.end(error);
            }
            let idle = self.request.is_none() && self.state.borrow().is_current();
            let due = self.due();
            let request = async {
                match &mut self.request {
                    Some(request) => request.await,
                    None => pending().await,
                }
            };
            tokio::select! {
                event = self.events.next() => match event {
                    Some(Ok(event)) => self.apply(event),
                    Some(Err(error)) => return self.end(error),
                    None => return,
                },
                answer = request => self.answered(answer),
                () = sleep_until(due), if idle => self.start(),
            }
        }
    }

    /// When the next request begins.
    fn due(&self) -> Instant {
        let full = self.last_full + self.interval;
        if self.wanted.is_any() {
            full.min(self.not_before)
        } else {
            full
        }
    }

    fn start(&mut self) {
        let now = Instant::now();
        if now >= self.last_full + self.interval {
            self.wanted = Wanted::ALL;
            self.last_full = now;
        }
        self.not_before = now + self.interval / 10;
        self.requested = std::mem::take(&mut self.wanted);
        self.touched = Touched::default();
        let request = Refreshed::request(self.master.clone(), self.requested);
        self.request = Some(Box::pin(request));
    }

    fn answered(&mut self, answer: Result<Refreshed>) {
        match answer {
            Ok(refreshed) => self.replace(|state, touched| state.refresh(refreshed, touched)),
            Err(error) => {
                tracing::debug!(%error, "cannot refresh the state of the cluster");
                self.wanted = self.wanted.or(self.requested);
            }
        }
        self.request = None;
    }

    /// Applies `event` and the events that have arrived after it.
    fn apply(&mut self, event: ClusterEvent) {
        let mut batch = vec![event];
        while batch.len() < BATCH
            && let Some(next) = self.events.try_next()
        {
            match next {
                Ok(event) => batch.push(event),
                Err(error) => {
                    self.ended = Some(error);
                    break;
                }
            }
        }
        for event in &batch {
            self.want(event);
        }
        if self.request.is_none() {
            self.touched = Touched::default();
        }
        let is_snapshot = |event| matches!(event, &ClusterEvent::Snapshot(_));
        let large = batch.iter().any(is_snapshot);
        let apply = |state: &mut ClusterSnapshot, touched: &mut Touched| {
            for event in batch {
                state.apply(event, touched);
            }
        };
        if large {
            self.replace(apply);
        } else {
            let touched = &mut self.touched;
            self.state.send_modify(|state| {
                apply(state, touched);
                state.advance();
            });
        }
    }

    /// Decides what has to be requested because of `event`.
    fn want(&mut self, event: &ClusterEvent) {
        match event {
            ClusterEvent::Snapshot(_) => {
                // The answer to an earlier request is older.
                self.request = None;
                self.last_full = Instant::now();
                self.not_before = self.last_full;
                self.wanted.roles = true;
            }
            // The answer may come from another master than the events.
            ClusterEvent::Disconnected { .. } => self.request = None,
            ClusterEvent::FrameworkAdded(_)
            | ClusterEvent::FrameworkUpdated(_)
            | ClusterEvent::FrameworkRemoved(_) => self.wanted.roles = true,
            ClusterEvent::TaskUpdated(update) => {
                let agent_lost = matches!(
                    update.status.reason.map(Reason::try_from),
                    Some(Ok(Reason::AgentRemoved | Reason::AgentRemovedByOperator))
                );
                self.wanted.agents |= agent_lost || update.state == TaskState::TaskUnreachable;
            }
            _ => {}
        }
    }

    /// Applies a large change to a copy, so that readers do not wait for it.
    fn replace(&mut self, change: impl FnOnce(&mut ClusterSnapshot, &mut Touched)) {
        let mut next = self.state.borrow().clone();
        change(&mut next, &mut self.touched);
        next.advance();
        self.state.send_replace(next);
    }

    fn end(self, error: Error) {
        self.state.send_modify(|state| {
            state.end(error);
            state.advance();
        });
    }
}
