//! The calls about roles, tasks, executors and the framework itself.

use bytes::Bytes;
use mesos_proto::v1::scheduler::{OfferConstraints, call};
use mesos_proto::v1::{AgentId, ExecutorId, FrameworkInfo, KillPolicy, Request, TaskId};

use super::SchedulerDriver;
use crate::capability::Capability;
use crate::error::{Error, ErrorKind, Result};
use crate::scheduler::calls;
use crate::scheduler::framework::OFFER_CONSTRAINTS;
use crate::version::MesosVersion;

/// The first release with UPDATE_FRAMEWORK (MESOS-7258 in the CHANGELOG of Mesos).
const UPDATE_FRAMEWORK: MesosVersion = MesosVersion::new(1, 9, 0);

/// Details of a kill, for [`SchedulerDriver::kill_with`].
///
/// ```
/// use mesos::scheduler::KillOptions;
/// use mesos::v1::KillPolicy;
///
/// let options = KillOptions::new().agent("agent-7").policy(KillPolicy::default());
/// # let _ = options;
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct KillOptions {
    pub(in crate::scheduler) agent_id: Option<AgentId>,
    pub(in crate::scheduler) policy: Option<KillPolicy>,
}

impl KillOptions {
    /// No details: the kill policy of the task applies.
    pub fn new() -> Self {
        Self::default()
    }

    /// The agent of the task. Helps the master right after a failover, when it does not know
    /// the task yet. The master ignores a kill that names the wrong agent
    /// (`Master::kill` in `src/master/master.cpp`). Backends that cannot send the agent
    /// leave the agent out.
    #[must_use]
    pub fn agent(mut self, agent_id: impl Into<AgentId>) -> Self {
        self.agent_id = Some(agent_id.into());
        self
    }

    /// The kill policy, which takes precedence over the policy of the task.
    #[must_use]
    pub fn policy(mut self, policy: KillPolicy) -> Self {
        self.policy = Some(policy);
        self
    }
}

impl<M: Send + 'static> SchedulerDriver<M> {
    /// Requests offers again for all roles of the framework: clears the filters of declined
    /// offers, and ends their suppression.
    ///
    /// # Errors
    /// Those of a call.
    #[doc(alias = "reviveOffers")]
    pub async fn revive(&self) -> Result<()> {
        self.call(calls::revive(Vec::new())).await
    }

    /// As [`revive`](Self::revive), for these roles only.
    ///
    /// # Errors
    /// Those of a call; [`Unsupported`](crate::ErrorKind::Unsupported);
    /// [`Config`](crate::ErrorKind::Config) without roles, which would mean all roles.
    #[doc(alias = "reviveOffers", alias = "ReviveWith")]
    pub async fn revive_roles(
        &self,
        roles: impl IntoIterator<Item = impl Into<String>>,
    ) -> Result<()> {
        let roles = self.some_roles("revive_roles", roles)?;
        self.call(calls::revive(roles)).await
    }

    /// Stops offers for all roles of the framework until [`revive`](Self::revive).
    ///
    /// # Errors
    /// Those of a call.
    #[doc(alias = "suppressOffers")]
    pub async fn suppress(&self) -> Result<()> {
        self.call(calls::suppress(Vec::new())).await
    }

    /// As [`suppress`](Self::suppress), for these roles only.
    ///
    /// # Errors
    /// Those of a call; [`Unsupported`](crate::ErrorKind::Unsupported);
    /// [`Config`](crate::ErrorKind::Config) without roles, which would mean all roles.
    #[doc(alias = "suppressOffers", alias = "SuppressWith")]
    pub async fn suppress_roles(
        &self,
        roles: impl IntoIterator<Item = impl Into<String>>,
    ) -> Result<()> {
        let roles = self.some_roles("suppress_roles", roles)?;
        self.call(calls::suppress(roles)).await
    }

    /// An empty list means all roles to Mesos, and is refused here.
    fn some_roles(
        &self,
        method: &str,
        roles: impl IntoIterator<Item = impl Into<String>>,
    ) -> Result<Vec<String>> {
        let roles: Vec<String> = roles.into_iter().map(Into::into).collect();
        if roles.is_empty() {
            let all = method.trim_end_matches("_roles");
            return Err(empty(format!(
                "{method} needs a role; {all}() means all roles"
            )));
        }
        self.shared().require(Capability::PerRoleSuppression)?;
        Ok(roles)
    }

    /// Kills a task. Best effort: watch for the terminal update of the task, and repeat the
    /// kill, or let [`kill_until_ended`](Self::kill_until_ended) do so. The master answers a
    /// kill of an unknown task like a [`reconcile`](Self::reconcile) of the task: with
    /// TASK_UNKNOWN, which is not a terminal state.
    ///
    /// # Errors
    /// Those of a call.
    #[doc(alias = "killTask")]
    pub async fn kill(&self, task_id: impl Into<TaskId>) -> Result<()> {
        self.kill_with(task_id, KillOptions::new()).await
    }

    /// As [`kill`](Self::kill), with details.
    ///
    /// # Errors
    /// Those of a call; [`Unsupported`](crate::ErrorKind::Unsupported) for a kill policy.
    #[doc(alias = "killTask")]
    pub async fn kill_with(&self, task_id: impl Into<TaskId>, options: KillOptions) -> Result<()> {
        let KillOptions { agent_id, policy } = self.checked(options)?;
        let call = calls::kill(task_id.into(), agent_id, policy);
        self.call(call).await
    }

    /// The options as far as the backend can send them. The agent is only a hint.
    pub(super) fn checked(&self, mut options: KillOptions) -> Result<KillOptions> {
        if options.policy.is_some() {
            self.shared().require(Capability::KillPolicy)?;
        }
        let capabilities = self.shared().capabilities;
        options.agent_id = options
            .agent_id
            .filter(|_| capabilities.contains(Capability::KillOnAgent));
        Ok(options)
    }

    /// Shuts an executor down, with its tasks.
    ///
    /// # Errors
    /// Those of a call; [`Unsupported`](crate::ErrorKind::Unsupported).
    #[doc(alias = "shutdownExecutor")]
    pub async fn shutdown(
        &self,
        agent_id: impl Into<AgentId>,
        executor_id: impl Into<ExecutorId>,
    ) -> Result<()> {
        self.shared().require(Capability::ShutdownExecutor)?;
        let call = calls::shutdown(agent_id.into(), executor_id.into());
        self.call(call).await
    }

    /// Requests the state of `tasks`. The answers are updates without uuid. Give the agent's
    /// id where you know it: without the agent's id the master cannot answer
    /// TASK_UNREACHABLE or TASK_GONE (`Master::reconcileTasks` in `src/master/master.cpp`).
    ///
    /// # Errors
    /// Those of a call; [`Config`](crate::ErrorKind::Config) without tasks, which would mean
    /// all tasks: see [`reconcile_all`](Self::reconcile_all).
    #[doc(alias = "reconcileTasks")]
    pub async fn reconcile(
        &self,
        tasks: impl IntoIterator<Item = (TaskId, Option<AgentId>)>,
    ) -> Result<()> {
        let task = |(task_id, agent_id)| call::reconcile::Task { task_id, agent_id };
        let tasks: Vec<_> = tasks.into_iter().map(task).collect();
        if tasks.is_empty() {
            let text = "reconcile needs a task; reconcile_all() means all tasks";
            return Err(empty(text));
        }
        self.call(calls::reconcile(tasks)).await
    }

    /// Requests the state of every task of the framework that the master knows. There is no
    /// mark after the last answer, and no answer at all if there are no tasks.
    ///
    /// # Errors
    /// Those of a call.
    #[doc(alias = "reconcileTasks")]
    pub async fn reconcile_all(&self) -> Result<()> {
        self.call(calls::reconcile(Vec::new())).await
    }

    /// Requests the state of `operations`.
    ///
    /// # Errors
    /// Those of a call; [`Unsupported`](crate::ErrorKind::Unsupported);
    /// [`Config`](crate::ErrorKind::Config) without operations, which would mean all of them:
    /// see [`reconcile_all_operations`](Self::reconcile_all_operations).
    #[doc(alias = "reconcileOperations")]
    pub async fn reconcile_operations(
        &self,
        operations: impl IntoIterator<Item = call::reconcile_operations::Operation>,
    ) -> Result<()> {
        self.shared().require(Capability::OperationFeedback)?;
        let operations: Vec<_> = operations.into_iter().collect();
        if operations.is_empty() {
            let text = "reconcile_operations needs an operation; reconcile_all_operations() \
                        means all operations";
            return Err(empty(text));
        }
        self.call(calls::reconcile_operations(operations)).await
    }

    /// Requests the state of every operation of the framework that the master knows.
    ///
    /// # Errors
    /// Those of a call; [`Unsupported`](crate::ErrorKind::Unsupported).
    pub async fn reconcile_all_operations(&self) -> Result<()> {
        self.shared().require(Capability::OperationFeedback)?;
        self.call(calls::reconcile_operations(Vec::new())).await
    }

    /// Sends bytes to an executor. Delivered at most once; may be lost.
    ///
    /// # Errors
    /// Those of a call.
    #[doc(alias = "sendFrameworkMessage")]
    pub async fn send_message(
        &self,
        agent_id: impl Into<AgentId>,
        executor_id: impl Into<ExecutorId>,
        data: impl Into<Bytes>,
    ) -> Result<()> {
        let call = calls::message(agent_id.into(), executor_id.into(), data.into());
        self.call(call).await
    }

    /// Requests particular resources. The allocator of Mesos ignores this call.
    ///
    /// # Errors
    /// Those of a call.
    #[doc(alias = "requestResources")]
    pub async fn request(&self, requests: impl IntoIterator<Item = Request>) -> Result<()> {
        let call = calls::request(requests.into_iter().collect());
        self.call(call).await
    }

    /// Replaces the framework's description, its suppressed roles and its offer constraints.
    /// Unlike other calls, this call is answered after it took effect. The framework's id is
    /// filled in, and its principal if `info` has no principal.
    ///
    /// # Errors
    /// Those of a call; [`Unsupported`](crate::ErrorKind::Unsupported), also if the master is too
    /// old: Mesos has this call since 1.9, and offer constraints since 1.11.
    #[doc(alias = "updateFramework")]
    pub async fn update_framework(
        &self,
        mut info: FrameworkInfo,
        suppressed_roles: impl IntoIterator<Item = String>,
        offer_constraints: Option<OfferConstraints>,
    ) -> Result<()> {
        self.shared().require(Capability::UpdateFramework)?;
        if offer_constraints.is_some() {
            self.shared().require(Capability::OfferConstraints)?;
            self.shared()
                .require_mesos("offer constraints", OFFER_CONSTRAINTS)?;
        }
        self.shared()
            .require_mesos("UPDATE_FRAMEWORK", UPDATE_FRAMEWORK)?;
        info.id = self.framework_id();
        if info.principal.is_none() {
            info.principal = self.shared().subscribe_state().principal();
        }
        let suppressed_roles = suppressed_roles.into_iter().collect();
        let call = calls::update_framework(info, suppressed_roles, offer_constraints);
        self.call(call).await
    }
}

fn empty(text: impl Into<String>) -> Error {
    Error::new(ErrorKind::Config, text)
}
