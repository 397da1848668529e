//! An ACCEPT that is under way, and its effect on reconciliation.

use mesos_proto::v1::scheduler::{Call, call};
use mesos_proto::v1::{AgentId, TaskId};

use super::shared::Shared;
use super::validate;
use crate::error::{Delivery, Error, Result};

type Operation = call::reconcile_operations::Operation;

/// An ACCEPT that is under way. If the result stays unknown, also because the future was
/// dropped, the driver reconciles the tasks and operations of the ACCEPT.
pub(super) struct PendingAccept<'a> {
    shared: &'a Shared,
    /// The number of subscriptions before the ACCEPT was sent.
    subscriptions: u64,
    tasks: Vec<(TaskId, Option<AgentId>)>,
    operations: Vec<Operation>,
}

impl<'a> PendingAccept<'a> {
    /// Tracks the tasks and operations of `call`; `None` if there are not any.
    pub(super) fn start(shared: &'a Shared, call: &Call, agent: Option<&AgentId>) -> Option<Self> {
        let body = call.accept.as_ref()?;
        let tasks = body.operations.iter().flat_map(validate::tasks);
        let tasks: Vec<_> = tasks
            .map(|task| (task.task_id.clone(), Some(task.agent_id.clone())))
            .collect();
        let ids = body.operations.iter().filter_map(|one| one.id.clone());
        let operations: Vec<_> = ids
            .map(|operation_id| Operation {
                operation_id,
                agent_id: agent.cloned(),
                resource_provider_id: None,
            })
            .collect();
        if tasks.is_empty() && operations.is_empty() {
            return None;
        }
        // Before the call is sent, because the first update may arrive before the answer.
        let mut subscriptions = 0;
        shared.reconciler.record(|tracker, _| {
            subscriptions = tracker.subscriptions();
            for (id, agent) in &tasks {
                tracker.track_task(id, agent.as_ref());
            }
            for operation in &operations {
                tracker.track_operation(operation);
            }
            false
        });
        Some(Self {
            shared,
            subscriptions,
            tasks,
            operations,
        })
    }

    /// The span of the ACCEPT, with one event for each task.
    pub(super) fn span(&self, call: &Call) -> tracing::Span {
        let ids = call.accept.iter().flat_map(|body| &body.offer_ids);
        let offer_ids: Vec<_> = ids.map(|id| id.value.as_str()).collect();
        let offer_ids = offer_ids.join(",");
        let span = tracing::info_span!("accept", offer_ids);
        span.in_scope(|| {
            for (task_id, agent_id) in &self.tasks {
                let agent_id = agent_id.as_ref().map(|id| id.value.as_str());
                tracing::debug!(task_id = %task_id.value, agent_id, offer_ids, "launching");
            }
        });
        span
    }

    /// The result of the call.
    pub(super) fn finish(mut self, result: &Result<()>) {
        let tasks = std::mem::take(&mut self.tasks);
        let operations = std::mem::take(&mut self.operations);
        match result.as_ref().map_err(Error::delivery) {
            Ok(()) => {}
            Err(Delivery::Unknown) => {
                self.tasks = tasks;
                self.operations = operations;
            }
            Err(Delivery::NotSent | Delivery::Refused) => {
                self.shared.reconciler.record(|tracker, _| {
                    for (id, _) in &tasks {
                        tracker.untrack_task(id);
                    }
                    for operation in &operations {
                        tracker.untrack_operation(&operation.operation_id);
                    }
                    false
                });
            }
        }
    }
}

impl Drop for PendingAccept<'_> {
    fn drop(&mut self) {
        let tasks = std::mem::take(&mut self.tasks);
        let operations = std::mem::take(&mut self.operations);
        if tasks.is_empty() && operations.is_empty() {
            return;
        }
        tracing::warn!(
            tasks = tasks.len(),
            operations = operations.len(),
            "the result of an ACCEPT is unknown; reconciling its tasks and operations"
        );
        self.shared.reconciler.change(|tracker, now| {
            // Over the same subscription the ACCEPT itself may still be on its way.
            let at_once = tracker.subscriptions() != self.subscriptions;
            tracker.request_tasks(now, tasks, at_once);
            tracker.request_operations(now, operations, at_once);
        });
    }
}
