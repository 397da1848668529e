//! Asks what the plan says when it says so.

use std::iter;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::{StreamExt as _, future, stream};
use mesos_proto::v1::scheduler::Call;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

use super::plan::{Plan, Question};
use crate::backend::{Calls, SchedulerApi};
use crate::metrics::Meter;
use crate::scheduler::calls;
use crate::scheduler::handle::Handle;

/// The most tasks in one call: a master works through one at a time.
const CHUNK: usize = 1000;

/// How many such calls may wait for their answers. More than one, so that the
/// master has work while an answer is on its way; few, since a master serves
/// all frameworks in turn, and would serve all that waits before any other.
const AHEAD: usize = 4;

/// The plan, where handles and the running driver reach it.
#[derive(Debug)]
pub(in crate::scheduler) struct Reconciler {
    plan: Mutex<Plan>,
    meter: Meter,
    started: Instant,
    /// Counts the changes of the plan.
    changed: watch::Sender<u64>,
}

impl Reconciler {
    pub(in crate::scheduler) fn new(plan: Plan, meter: Meter) -> Self {
        Self {
            meter,
            plan: Mutex::new(plan),
            started: Instant::now(),
            changed: watch::Sender::new(0),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Plan> {
        // Nothing under this lock can panic half way; a poisoned one is whole.
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the plan, and lets the worker look at it again.
    pub(in crate::scheduler) fn change(&self, change: impl FnOnce(&mut Plan, Duration)) {
        let mut plan = self.lock();
        change(&mut plan, self.started.elapsed());
        self.meter.reconciling(plan.open());
        drop(plan);
        self.changed.send_modify(|count| *count += 1);
    }

    /// Tells the plan of an update; only the last answer is news.
    pub(in crate::scheduler) fn note(&self, note: impl FnOnce(&mut Plan, Duration) -> bool) {
        let mut plan = self.lock();
        let last = note(&mut plan, self.started.elapsed());
        self.meter.reconciling(plan.open());
        drop(plan);
        if last {
            self.changed.send_modify(|count| *count += 1);
        }
    }

    /// Completes when there is a subscription and nothing is left to be
    /// answered. Cancel safe.
    pub(in crate::scheduler) async fn done(&self) {
        let mut changed = self.changed.subscribe();
        while !self.lock().is_done() {
            // The sender lives in self, so waiting cannot fail.
            let _ = changed.changed().await;
        }
    }

    fn due(&self) -> Vec<Question> {
        self.lock().due(self.started.elapsed(), fastrand::f64())
    }

    /// Waits until the plan says something else than before. Cancel safe.
    async fn wait(&self, changed: &mut watch::Receiver<u64>) {
        let next = self.lock().next();
        match next.map(|at| self.started + at) {
            Some(at) => tokio::select! {
                () = sleep_until(at) => {}
                _ = changed.changed() => {}
            },
            None => {
                let _ = changed.changed().await;
            }
        }
    }
}

/// Asks over one subscription, and ends with it.
pub(in crate::scheduler) struct Worker(JoinHandle<()>);

impl Worker {
    pub(in crate::scheduler) fn start(
        handle: &Handle,
        calls: &Arc<dyn Calls<SchedulerApi>>,
    ) -> Self {
        let handle = handle.clone();
        let calls = Arc::clone(calls);
        Self(tokio::spawn(async move {
            let reconciler = &handle.shared().reconciler;
            let mut changed = reconciler.changed.subscribe();
            loop {
                for question in reconciler.due() {
                    stream::iter(to_calls(question))
                        .map(|call| ask(&handle, calls.as_ref(), call))
                        .buffered(AHEAD)
                        .for_each(|()| future::ready(()))
                        .await;
                }
                reconciler.wait(&mut changed).await;
            }
        }))
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A question that fails is asked again by the plan, and logged with its call.
async fn ask(handle: &Handle, queue: &dyn Calls<SchedulerApi>, mut call: Call) {
    let shared = handle.shared();
    call.framework_id = handle.framework_id();
    tracing::debug!(call = ?call.r#type(), "reconciling");
    let asked = async { shared.enqueue(queue, call).await?.await };
    let _ = asked.await;
}

fn to_calls(question: Question) -> Box<dyn Iterator<Item = Call> + Send> {
    match question {
        Question::Tasks(tasks) => Box::new(chunks(tasks).map(calls::reconcile)),
        Question::Operations(operations) => {
            Box::new(chunks(operations).map(calls::reconcile_operations))
        }
        Question::Kills(kills) => Box::new(
            kills
                .into_iter()
                .map(|kill| calls::kill(kill.task_id, kill.agent_id, kill.kill_policy)),
        ),
        Question::AllTasks => Box::new(iter::once(calls::reconcile(Vec::new()))),
        Question::AllOperations => Box::new(iter::once(calls::reconcile_operations(Vec::new()))),
    }
}

/// Never an empty one, which would mean all.
fn chunks<T>(things: Vec<T>) -> impl Iterator<Item = Vec<T>> {
    let mut things = things.into_iter();
    iter::from_fn(move || {
        let chunk: Vec<_> = things.by_ref().take(CHUNK).collect();
        (!chunk.is_empty()).then_some(chunk)
    })
}
