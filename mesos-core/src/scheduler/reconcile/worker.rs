//! Sends the requests of the tracker when they are due.

use std::iter;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use futures_util::{StreamExt as _, future, stream};
use mesos_proto::encoded;
use mesos_proto::v1::scheduler::Call;
use mesos_proto::v1::scheduler::call::{Kill, Type, reconcile};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::tracker::{Request, TrackedTask, Tracker};
use crate::backend::{Calls, SchedulerApi};
use crate::error::Result;
use crate::lock;
use crate::metrics::Meter;
use crate::runtime::{Background, deadline};
use crate::scheduler::calls;
use crate::scheduler::handle::Handle;
use crate::scheduler::shared::PendingCall;

/// The most tasks in one call. A master processes one call at a time.
const CHUNK_SIZE: usize = 1000;

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

    fn lock(&self) -> MutexGuard<'_, Tracker> {
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
    /// updates, of which only the last open answer concerns the worker.
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

    fn due(&self) -> Vec<Request> {
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
            for request in reconciler.due() {
                stream::iter(requested(request))
                    .map(|one| send(&handle, calls.as_ref(), one))
                    .buffered(MAX_UNANSWERED)
                    .for_each(|()| future::ready(()))
                    .await;
            }
            reconciler.wait(&mut changed).await;
        }
    })
}

/// A call to make.
enum Requested {
    /// A RECONCILE of these tasks, which is by far the largest call.
    Tasks(Vec<TrackedTask>),
    Other(Box<Call>),
}

/// Makes a call and waits for its answer. A failure is logged with the call, and the tracker
/// repeats the request.
async fn send(handle: &Handle, queue: &dyn Calls<SchedulerApi>, requested: Requested) {
    let answer = async {
        match requested {
            Requested::Tasks(tasks) => send_tasks(handle, queue, &tasks).await?.await,
            Requested::Other(mut call) => {
                call.framework_id = handle.framework_id();
                tracing::debug!(call = ?call.r#type(), "reconciling");
                handle.shared().enqueue(queue, *call).await?.await
            }
        }
    };
    let _ = answer.await;
}

fn send_tasks<'a>(
    handle: &Handle,
    queue: &'a dyn Calls<SchedulerApi>,
    tasks: &[TrackedTask],
) -> impl Future<Output = Result<PendingCall>> + Send + use<'a> {
    let call_type = Type::Reconcile;
    tracing::debug!(call = ?call_type, "reconciling");
    let framework_id = handle.framework_id();
    let encode = |encoding| {
        let framework_id = framework_id.as_ref().map_or("", |id| &id.value);
        let tasks = tasks.iter().map(TrackedTask::ids);
        Some(encoded::reconcile(encoding, framework_id, tasks))
    };
    let call = || {
        let task = |task: &TrackedTask| reconcile::Task {
            task_id: (*task.task_id).into(),
            agent_id: task.agent_id.as_deref().cloned(),
        };
        Call {
            framework_id: framework_id.clone(),
            ..calls::reconcile(tasks.iter().map(task).collect())
        }
    };
    handle
        .shared()
        .enqueue_encoded(queue, call_type, &encode, &call)
}

fn requested(request: Request) -> Box<dyn Iterator<Item = Requested> + Send> {
    let other = |call| Requested::Other(Box::new(call));
    match request {
        Request::Tasks(tasks) => Box::new(chunks(tasks).map(Requested::Tasks)),
        Request::Operations(operations) => {
            let calls = chunks(operations).map(calls::reconcile_operations);
            Box::new(calls.map(other))
        }
        Request::Kills(kills) => {
            let call = |kill: Kill| calls::kill(kill.task_id, kill.agent_id, kill.kill_policy);
            Box::new(kills.into_iter().map(call).map(other))
        }
        Request::AllTasks => Box::new(iter::once(other(calls::reconcile(Vec::new())))),
        Request::AllOperations => {
            Box::new(iter::once(other(calls::reconcile_operations(Vec::new()))))
        }
    }
}

/// Splits `items`. No chunk is empty, which would mean all tasks.
fn chunks<T>(items: Vec<T>) -> impl Iterator<Item = Vec<T>> {
    let mut items = items.into_iter();
    iter::from_fn(move || {
        let chunk: Vec<_> = items.by_ref().take(CHUNK_SIZE).collect();
        (!chunk.is_empty()).then_some(chunk)
    })
}
