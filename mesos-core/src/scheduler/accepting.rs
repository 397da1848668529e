//! An ACCEPT that is under way, and what it means for reconciliation.

use mesos_proto::v1::scheduler::{Call, call};
use mesos_proto::v1::{AgentId, TaskId};

use super::shared::Shared;
use super::validate;
use crate::error::{Delivery, Error, Result};

type Operation = call::reconcile_operations::Operation;

/// An ACCEPT that is under way. If its result stays unknown, also because its future was
/// dropped, the driver reconciles its tasks and operations.
pub(super) struct Accepting<'a> {
    shared: &'a Shared,
    /// How many subscriptions there had been before it was sent.
    subscriptions: u64,
    tasks: Vec<(TaskId, Option<AgentId>)>,
    operations: Vec<Operation>,
}

impl<'a> Accepting<'a> {
    /// None if `call` launches nothing.
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
        // Before it is sent: the first update may be faster than the answer.
        let mut subscriptions = 0;
        shared.reconciler.note(|plan, _| {
            subscriptions = plan.subscriptions();
            for (id, agent) in &tasks {
                plan.launching(id, agent.as_ref());
            }
            for operation in &operations {
                plan.operating(operation);
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

    /// The span that it is made in, with one event for each task.
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
            Err(Delivery::NotSent | Delivery::Refused) => self.shared.reconciler.note(|plan, _| {
                for (id, _) in &tasks {
                    plan.not_launched(id);
                }
                for operation in &operations {
                    plan.not_operated(&operation.operation_id);
                }
                false
            }),
        }
    }
}

impl Drop for Accepting<'_> {
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
        self.shared.reconciler.change(|plan, now| {
            // Else the ACCEPT itself may still be on its way.
            let at_once = plan.subscriptions() != self.subscriptions;
            plan.ask_tasks(now, tasks, at_once);
            plan.ask_operations(now, operations, at_once);
        });
    }
}
