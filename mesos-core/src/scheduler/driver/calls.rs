//! The calls about roles, tasks, executors and the framework itself.

use bytes::Bytes;
use mesos_proto::v1::scheduler::{OfferConstraints, call};
use mesos_proto::v1::{AgentId, ExecutorId, FrameworkInfo, KillPolicy, Request, TaskId};

use super::SchedulerDriver;
use crate::capability::Capability;
use crate::error::Result;
use crate::scheduler::calls;

impl SchedulerDriver {
    /// Asks for offers again: clears the filters of `roles` and unsuppresses
    /// them. No roles means all of the framework's.
    ///
    /// # Errors
    /// Those of a call; [`Unsupported`](crate::ErrorKind::Unsupported) for single roles.
    pub async fn revive(&self, roles: impl IntoIterator<Item = String>) -> Result<()> {
        let roles: Vec<String> = roles.into_iter().collect();
        if !roles.is_empty() {
            self.shared.require(Capability::PerRoleSuppression)?;
        }
        self.call(calls::revive(roles)).await
    }

    /// Asks for no more offers for `roles` until
    /// [`revive`](Self::revive). No roles means all of the framework's.
    ///
    /// # Errors
    /// Those of a call; [`Unsupported`](crate::ErrorKind::Unsupported) for single roles.
    pub async fn suppress(&self, roles: impl IntoIterator<Item = String>) -> Result<()> {
        let roles: Vec<String> = roles.into_iter().collect();
        if !roles.is_empty() {
            self.shared.require(Capability::PerRoleSuppression)?;
        }
        self.call(calls::suppress(roles)).await
    }

    /// Kills a task. Best effort: watch for its terminal update, and try
    /// again. With the wrong agent the master ignores the call; an unknown
    /// task is answered like a [`reconcile`](Self::reconcile) of it.
    ///
    /// # Errors
    /// Those of a call; [`Unsupported`](crate::ErrorKind::Unsupported) for the optional arguments.
    pub async fn kill(
        &self,
        task_id: impl Into<TaskId>,
        agent_id: Option<AgentId>,
        kill_policy: Option<KillPolicy>,
    ) -> Result<()> {
        if agent_id.is_some() {
            self.shared.require(Capability::KillOnAgent)?;
        }
        if kill_policy.is_some() {
            self.shared.require(Capability::KillPolicy)?;
        }
        let call = calls::kill(task_id.into(), agent_id, kill_policy);
        self.call(call).await
    }

    /// Shuts an executor down, with its tasks.
    ///
    /// # Errors
    /// Those of a call; [`Unsupported`](crate::ErrorKind::Unsupported).
    pub async fn shutdown(&self, executor_id: ExecutorId, agent_id: AgentId) -> Result<()> {
        self.shared.require(Capability::ShutdownExecutor)?;
        self.call(calls::shutdown(executor_id, agent_id)).await
    }

    /// Asks for the state of `tasks`; of all tasks that the master knows if
    /// there are none. The answers are updates without uuid. Give the agent's
    /// id where you know it: without it the master cannot say
    /// TASK_UNREACHABLE or TASK_GONE (`src/master/master.cpp`).
    ///
    /// # Errors
    /// Those of a call.
    pub async fn reconcile(
        &self,
        tasks: impl IntoIterator<Item = (TaskId, Option<AgentId>)>,
    ) -> Result<()> {
        let tasks = tasks
            .into_iter()
            .map(|(task_id, agent_id)| call::reconcile::Task { task_id, agent_id })
            .collect();
        self.call(calls::reconcile(tasks)).await
    }

    /// Asks for the state of operations; of all if there are none.
    ///
    /// # Errors
    /// Those of a call; [`Unsupported`](crate::ErrorKind::Unsupported).
    pub async fn reconcile_operations(
        &self,
        operations: impl IntoIterator<Item = call::reconcile_operations::Operation>,
    ) -> Result<()> {
        self.shared.require(Capability::OperationFeedback)?;
        let operations = operations.into_iter().collect();
        self.call(calls::reconcile_operations(operations)).await
    }

    /// Sends bytes to an executor. Delivered at most once; may be lost.
    ///
    /// # Errors
    /// Those of a call.
    pub async fn message(
        &self,
        executor_id: ExecutorId,
        agent_id: AgentId,
        data: impl Into<Bytes>,
    ) -> Result<()> {
        let call = calls::message(executor_id, agent_id, data.into());
        self.call(call).await
    }

    /// Asks for particular resources. Mesos' own allocator ignores this.
    ///
    /// # Errors
    /// Those of a call.
    pub async fn request(&self, requests: impl IntoIterator<Item = Request>) -> Result<()> {
        let call = calls::request(requests.into_iter().collect());
        self.call(call).await
    }

    /// Replaces the framework's description, its suppressed roles and its
    /// offer constraints. Unlike other calls this one is answered after it
    /// took effect. The principal must be given if the master knows one; the
    /// framework's id is filled in.
    ///
    /// # Errors
    /// Those of a call; [`Unsupported`](crate::ErrorKind::Unsupported).
    pub async fn update_framework(
        &self,
        mut info: FrameworkInfo,
        suppressed_roles: impl IntoIterator<Item = String>,
        offer_constraints: Option<OfferConstraints>,
    ) -> Result<()> {
        self.shared.require(Capability::UpdateFramework)?;
        if offer_constraints.is_some() {
            self.shared.require(Capability::OfferConstraints)?;
        }
        info.id = self.framework_id();
        let suppressed_roles = suppressed_roles.into_iter().collect();
        let call = calls::update_framework(info, suppressed_roles, offer_constraints);
        self.call(call).await
    }
}
