//! Sends the requests of the tracker when they are due.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use futures_util::future::Either;
use futures_util::stream::FuturesOrdered;
use futures_util::{StreamExt as _, poll};
use mesos_proto::encoded;
use mesos_proto::v1::scheduler::Call;
use mesos_proto::v1::scheduler::call::{Type, reconcile};
use tokio::sync::watch;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep_until};

use super::chunk::Chunk;
use super::pace::Pace;
use super::requested::{Due, Requested};
use super::tracker::{Request, Tracker};
use crate::backend::{Calls, SchedulerApi};
use crate::error::Result;
use crate::lock;
use crate::metrics::Meter;
use crate::runtime::{Background, deadline};
use crate::scheduler::calls;
use crate::scheduler::handle::Handle;
use crate::scheduler::shared::PendingCall;

/// The most RECONCILE calls without an answer at the same time. More than one, so that the
/// master has work while an answer is on its way. Few, because a master processes the calls of
/// all frameworks in their order, and would process all of these first.
const MAX_UNANSWERED: usize = 4;

/// The tracker, shared by the driver's handles and its event loop.
#[derive(Debug)]
pub(in crate::scheduler) struct Reconciler {
    tracker: Mutex<Tracker>,
    meter: Meter,
    started: Instant,
    /// Counts the changes that the worker has to react to.
    changed: watch::Sender<u64>,
}

impl Reconciler {
    pub(in crate::scheduler) fn new(tracker: Tracker, meter: Meter) -> Self {
        Self {
            meter,
            tracker: Mutex::new(tracker),
            started: Instant::now(),
            changed: watch::Sender::new(0),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Tracker> {
        lock(&self.tracker)
    }

    /// Changes the tracker, and wakes the worker.
    pub(in crate::scheduler) fn change(&self, change: impl FnOnce(&mut Tracker, Duration)) {
        let mut tracker = self.lock();
        change(&mut tracker, self.started.elapsed());
        self.meter.reconciling(tracker.open());
        drop(tracker);
        self.changed.send_modify(|count| *count += 1);
    }

    /// Changes the tracker, and wakes the worker only if `record` returns true. Used for
    /// updates, few of which concern the worker.
    pub(in crate::scheduler) fn record(&self, record: impl FnOnce(&mut Tracker, Duration) -> bool) {
        self.record_at(Instant::now(), record);
    }

    /// As [`record`](Self::record), if the time is known to be `now`.
    pub(in crate::scheduler) fn record_at(
        &self,
        now: Instant,
        record: impl FnOnce(&mut Tracker, Duration) -> bool,
    ) {
        let mut tracker = self.lock();
        let last = record(&mut tracker, now.saturating_duration_since(self.started));
        self.meter.reconciling(tracker.open());
        drop(tracker);
        if last {
            self.changed.send_modify(|count| *count += 1);
        }
    }

    /// Completes when the driver is subscribed and every request was answered. Cancel safe.
    pub(in crate::scheduler) async fn done(&self) {
        let mut changed = self.changed.subscribe();
        while !self.lock().is_done() {
            // The sender is a field of `self`, so waiting cannot fail.
            let _ = changed.changed().await;
        }
    }

    pub(super) fn due(&self) -> Vec<Request> {
        self.lock().due(self.started.elapsed(), fastrand::f64())
    }

    /// Waits until requests are due or the tracker has changed. Cancel safe.
    async fn wait(&self, changed: &mut watch::Receiver<u64>) {
        let next = self.lock().next();
        match next.map(|at| deadline(self.started, at)) {
            Some(at) => tokio::select! {
                biased;
                () = sleep_until(at) => {}
                _ = changed.changed() => {}
            },
            None => {
                let _ = changed.changed().await;
            }
        }
    }
}

/// Starts the task that sends the requests over one subscription.
pub(in crate::scheduler) fn start(
    handle: &Handle,
    calls: &Arc<dyn Calls<SchedulerApi>>,
) -> Background {
    let handle = handle.clone();
    let calls = Arc::clone(calls);
    Background::start("reconciliation", async move {
        let reconciler = &handle.shared().reconciler;
        let mut changed = reconciler.changed.subscribe();
        loop {
            let mut unanswered = FuturesOrdered::new();
            let (mut due, mut pace) = (Due::new(reconciler), Pace::new(reconciler));
            loop {
                let room = unanswered.len() < MAX_UNANSWERED;
                if room && let Some(requested) = due.next(pace.is_full()) {
                    unanswered.push_back(send(&handle, calls.as_ref(), requested));
                    // The call leaves before the next one is prepared.
                    let _ = poll!(unanswered.next());
                    yield_now().await;
                    continue;
                }
                if unanswered.is_empty() && !due.has_tasks() {
                    break;
                }
                tokio::select! {
                    biased;
                    Some(()) = unanswered.next() => {}
                    () = pace.wait(&mut changed), if room && due.has_tasks() => {}
                }
            }
            reconciler.wait(&mut changed).await;
        }
    })
}

/// Makes a call and waits for its answer. A failure is logged with the call, and the tracker
/// repeats the request.
fn send<'a>(
    handle: &'a Handle,
    queue: &'a dyn Calls<SchedulerApi>,
    requested: Requested,
) -> impl Future<Output = ()> + Send + 'a {
    let sending = match requested {
        Requested::Tasks(tasks) => Either::Left(send_tasks(handle, queue, &tasks)),
        Requested::Other(mut call) => {
            call.framework_id = handle.framework_id();
            tracing::debug!(call = ?call.r#type(), "reconciling");
            Either::Right(handle.shared().enqueue(queue, *call))
        }
    };
    async {
        if let Ok(pending) = sending.await {
            let _ = pending.await;
        }
    }
}

fn send_tasks<'a>(
    handle: &Handle,
    queue: &'a dyn Calls<SchedulerApi>,
    tasks: &Chunk,
) -> impl Future<Output = Result<PendingCall>> + Send + use<'a> {
    let call_type = Type::Reconcile;
    tracing::debug!(call = ?call_type, "reconciling");
    let framework_id = handle.framework_id();
    let encode = |encoding| {
        let framework_id = framework_id.as_ref().map_or("", |id| &id.value);
        Some(encoded::reconcile(encoding, framework_id, tasks.ids()))
    };
    let call = || {
        let task = |(task_id, agent_id): (&str, Option<&str>)| reconcile::Task {
            task_id: task_id.into(),
            agent_id: agent_id.map(Into::into),
        };
        Call {
            framework_id: framework_id.clone(),
            ..calls::reconcile(tasks.ids().map(task).collect())
        }
    };
    handle
        .shared()
        .enqueue_encoded(queue, call_type, &encode, &call)
}
