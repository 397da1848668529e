//! What handles offer of reconciliation, and what an ACCEPT means for it.

use mesos_proto::v1::scheduler::{Call, call};
use mesos_proto::v1::{AgentId, TaskId};

use super::SchedulerDriver;
use crate::capability::Capability;
use crate::error::{Delivery, Error, ErrorKind, Result};
use crate::runtime::in_handler;
use crate::scheduler::shared::Shared;
use crate::scheduler::validate;

type Operation = call::reconcile_operations::Operation;

impl SchedulerDriver {
    /// Asks for the state of `tasks` until the scheduler has dealt with an
    /// update of each: at once, then after growing waits
    /// ([`ReconcilePolicy`](crate::scheduler::ReconcilePolicy)), over as many
    /// subscriptions as it takes. Returns at once; see
    /// [`reconciled`](Self::reconciled). Answers arrive as
    /// [`update`](crate::Scheduler::update), without uuid; one whose handler
    /// failed does not count.
    ///
    /// Give all of your tasks that are not in a terminal state after a restart
    /// of the scheduler, those that were never heard of too, and the agent's
    /// id with each: without it the master does not answer while any agent is
    /// missing, and cannot tell TASK_GONE or TASK_UNREACHABLE
    /// (`src/master/master.cpp`).
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for an id that cannot exist; nothing is asked
    /// then.
    pub fn reconcile_until_answered(
        &self,
        tasks: impl IntoIterator<Item = (TaskId, Option<AgentId>)>,
    ) -> Result<()> {
        let tasks: Vec<_> = tasks.into_iter().collect();
        for (id, _) in &tasks {
            validate::id("task", &id.value)?;
        }
        let reconciler = &self.shared.reconciler;
        reconciler.change(|plan, now| plan.ask_tasks(now, tasks, true));
        Ok(())
    }

    /// As [`reconcile_until_answered`](Self::reconcile_until_answered), for
    /// operations. OPERATION_RECOVERING is no answer: the agent is not back.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for an id that cannot exist;
    /// [`ErrorKind::Unsupported`].
    pub fn reconcile_operations_until_answered(
        &self,
        operations: impl IntoIterator<Item = Operation>,
    ) -> Result<()> {
        self.shared.require(Capability::OperationFeedback)?;
        let operations: Vec<_> = operations.into_iter().collect();
        for operation in &operations {
            validate::id("operation", &operation.operation_id.value)?;
        }
        let reconciler = &self.shared.reconciler;
        reconciler.change(|plan, now| plan.ask_operations(now, operations, true));
        Ok(())
    }

    /// Waits until there is a subscription, its
    /// [`subscribed`](crate::Scheduler::subscribed) has returned, and
    /// everything asked for has been answered. The moment to launch what seems
    /// to be missing. Cancel safe.
    ///
    /// It can take as long as `--agent_reregister_timeout` (10 min or more)
    /// after a change of masters.
    ///
    /// # Errors
    /// [`ErrorKind::Closed`] if the driver ends first. In a handler, which the
    /// answers would have to wait for, [`ErrorKind::Config`] at once: wait in
    /// a task of its own.
    pub async fn reconciled(&self) -> Result<()> {
        let link = &self.shared.link;
        if in_handler(link) {
            let text = "a handler cannot wait for reconciled(): answers are delivered only \
                        after it has returned; wait in a task of its own";
            return Err(Error::new(ErrorKind::Config, text));
        }
        tokio::select! {
            biased;
            () = self.shared.reconciler.done() => Ok(()),
            () = link.ended() => Err(Error::new(ErrorKind::Closed, "the driver has stopped")),
        }
    }
}

/// An ACCEPT under way. If it is not known what became of it, be it that its
/// future was dropped, its tasks and operations are asked for.
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

    /// What became of it.
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
            "an ACCEPT of unknown fate; asking for what it launched"
        );
        self.shared.reconciler.change(|plan, now| {
            // Else the ACCEPT itself may still be on its way.
            let at_once = plan.subscriptions() != self.subscriptions;
            plan.ask_tasks(now, tasks, at_once);
            plan.ask_operations(now, operations, at_once);
        });
    }
}
