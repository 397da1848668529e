//! The calls to make now, each prepared when it is taken.

use std::collections::VecDeque;
use std::{iter, vec};

use mesos_proto::v1::scheduler::Call;
use mesos_proto::v1::scheduler::call::Kill;

use super::chunk::Chunk;
use super::intake::GROUP;
use super::items::Position;
use super::tracker::Request;
use super::worker::Reconciler;
use crate::scheduler::calls;

/// A call to make.
pub(super) enum Requested {
    /// A RECONCILE of these tasks, which is by far the largest call.
    Tasks(Chunk),
    Other(Box<Call>),
}

/// See the module.
pub(super) struct Due<'a> {
    reconciler: &'a Reconciler,
    requests: vec::IntoIter<Request>,
    tasks: VecDeque<Position>,
    others: Box<dyn Iterator<Item = Call> + Send>,
}

impl<'a> Due<'a> {
    pub(super) fn new(reconciler: &'a Reconciler) -> Self {
        Self {
            reconciler,
            requests: Vec::new().into_iter(),
            tasks: VecDeque::new(),
            others: Box::new(iter::empty()),
        }
    }

    /// Whether tasks are left, which were held back.
    pub(super) fn has_tasks(&self) -> bool {
        !self.tasks.is_empty()
    }

    /// The next call. `hold` holds tasks back, and nothing else.
    pub(super) fn next(&mut self, hold: bool) -> Option<Requested> {
        // Something may have become due since the last call: a kill does not wait for the tasks.
        let mut is_new = false;
        loop {
            if let Some(call) = self.others.next() {
                return Some(Requested::Other(Box::new(call)));
            }
            if let Some(request) = self.requests.next() {
                self.prepare(request);
            } else if !is_new {
                self.requests = self.reconciler.due().into_iter();
                is_new = true;
            } else if hold || self.tasks.is_empty() {
                return None;
            } else {
                let count = self.tasks.len().min(GROUP);
                let tasks: Vec<_> = self.tasks.drain(..count).collect();
                let chunk = self.reconciler.lock().chunk(&tasks);
                // No call is empty, which would mean all tasks.
                if !chunk.is_empty() {
                    return Some(Requested::Tasks(chunk));
                }
            }
        }
    }

    fn prepare(&mut self, request: Request) {
        self.others = match request {
            Request::Tasks(tasks) if self.tasks.is_empty() => return self.tasks = tasks.into(),
            Request::Tasks(tasks) => return self.tasks.extend(tasks),
            Request::Operations(operations) => {
                Box::new(groups(operations).map(calls::reconcile_operations))
            }
            Request::Kills(kills) => {
                let call = |kill: Kill| calls::kill(kill.task_id, kill.agent_id, kill.kill_policy);
                Box::new(kills.into_iter().map(call))
            }
            Request::AllTasks => Box::new(iter::once(calls::reconcile(Vec::new()))),
            Request::AllOperations => Box::new(iter::once(calls::reconcile_operations(Vec::new()))),
        };
    }
}

/// Splits `items`. No group is empty, which would mean all operations.
fn groups<T>(items: Vec<T>) -> impl Iterator<Item = Vec<T>> {
    let mut items = items.into_iter();
    iter::from_fn(move || {
        let group: Vec<_> = items.by_ref().take(GROUP).collect();
        (!group.is_empty()).then_some(group)
    })
}
