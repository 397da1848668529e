//! Reconciliation and kills that the driver repeats.

use mesos_proto::v1::scheduler::call;
use mesos_proto::v1::{AgentId, TaskId};

use super::{KillOptions, SchedulerDriver};
use crate::capability::Capability;
use crate::error::{Error, ErrorKind, Result};
use crate::runtime::in_handler;
use crate::scheduler::validate;

type Operation = call::reconcile_operations::Operation;

impl<M: Send + 'static> SchedulerDriver<M> {
    /// Requests the state of `tasks` until the scheduler has handled an update of each: at
    /// once, then after growing waits
    /// ([`ReconcilePolicy`](crate::scheduler::ReconcilePolicy)), over any number of
    /// subscriptions. Returns at once; see [`reconciled`](Self::reconciled). Without tasks
    /// there is nothing to request. Answers arrive as [`update`](crate::Scheduler::update),
    /// without uuid. An answer whose handler failed does not count.
    ///
    /// A call has at most 1,000 tasks. While 8,000 tasks are unanswered, no more are requested, so
    /// that other events do not wait behind the answers about a million tasks. If no answer comes for
    /// a second, this limit does not apply: the master does not answer for tasks whose agents have
    /// not reregistered.
    ///
    /// After a restart of the scheduler, pass every task that is not in a terminal state, also
    /// tasks without any update so far, and the agent's id with each. Without the agent's id
    /// the master does not answer while any agent is missing, and cannot answer TASK_GONE or
    /// TASK_UNREACHABLE (`Master::reconcileTasks` in `src/master/master.cpp`).
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for an id that cannot exist; nothing is requested then.
    pub fn reconcile_until_answered(
        &self,
        tasks: impl IntoIterator<Item = (TaskId, Option<AgentId>)>,
    ) -> Result<()> {
        let tasks: Vec<_> = tasks.into_iter().collect();
        for (id, _) in &tasks {
            validate::id("task", &id.value)?;
        }
        let reconciler = &self.shared().reconciler;
        reconciler.change(|tracker, now| tracker.request_tasks(now, tasks, true));
        Ok(())
    }

    /// As [`reconcile_until_answered`](Self::reconcile_until_answered), for operations.
    /// OPERATION_RECOVERING does not count as an answer, because the agent is not back.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for an id that cannot exist; [`ErrorKind::Unsupported`].
    pub fn reconcile_operations_until_answered(
        &self,
        operations: impl IntoIterator<Item = Operation>,
    ) -> Result<()> {
        self.shared().require(Capability::OperationFeedback)?;
        let operations: Vec<_> = operations.into_iter().collect();
        for operation in &operations {
            validate::id("operation", &operation.operation_id.value)?;
        }
        let reconciler = &self.shared().reconciler;
        reconciler.change(|tracker, now| tracker.request_operations(now, operations, true));
        Ok(())
    }

    /// Waits until the driver is subscribed, the handler
    /// [`subscribed`](crate::Scheduler::subscribed) has returned, and every request of
    /// [`reconcile_until_answered`](Self::reconcile_until_answered) has been answered. After
    /// this, missing tasks can be launched. Cancel safe.
    ///
    /// The wait can take as long as `--agent_reregister_timeout` (10 min or more) after a
    /// change of the leading master.
    ///
    /// # Errors
    /// [`ErrorKind::Closed`] if the driver ends first. In a handler, which the answers would
    /// have to wait for, [`ErrorKind::Config`] at once: wait in a separate task.
    pub async fn reconciled(&self) -> Result<()> {
        let link = &self.shared().link;
        if in_handler(link) {
            let text = "a handler cannot wait for reconciled(), because answers are delivered \
                        only after the handler has returned; wait in a separate task";
            return Err(Error::new(ErrorKind::Config, text));
        }
        tokio::select! {
            biased;
            () = self.shared().reconciler.done() => Ok(()),
            () = link.ended() => Err(Error::new(ErrorKind::Closed, "the driver has ended")),
        }
    }

    /// Kills a task, and repeats the kill until the task has ended: at once, then after 5 s
    /// doubling to 60 s, over any number of subscriptions. Returns at once; the end arrives as
    /// [`update`](crate::Scheduler::update). A later call for the same task replaces the
    /// options.
    ///
    /// The driver repeats the kill until the scheduler has handled a terminal update of the
    /// task, or TASK_UNKNOWN, which means that the master does not know the task. An
    /// unreachable task is killed once its agent is back.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for an id that cannot exist;
    /// [`ErrorKind::Unsupported`] for a kill policy. Nothing is killed then.
    pub fn kill_until_ended(&self, task_id: impl Into<TaskId>, options: KillOptions) -> Result<()> {
        let task_id = task_id.into();
        validate::id("task", &task_id.value)?;
        let options = self.checked(options)?;
        let reconciler = &self.shared().reconciler;
        reconciler.change(|tracker, now| tracker.kills.add(now, task_id, options));
        Ok(())
    }
}
