//! The handle through which a scheduler talks to Mesos.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use mesos_proto::v1::scheduler::{Call, OfferConstraints, call};
use mesos_proto::v1::{
    AgentId, ExecutorId, Filters, FrameworkId, FrameworkInfo, KillPolicy, OfferId, Request, TaskId,
    TaskInfo, offer::Operation, offer::operation,
};

use super::offer::Ledger;
use super::runtime::Runtime;
use super::{Framework, Offer, Scheduler, calls};
use crate::End;
use crate::backend::{Backend, SchedulerApi};
use crate::capability::{Capabilities, Capability};
use crate::error::{Error, ErrorKind, Result};
use crate::runtime::{Link, Stop};

/// A handle on a running scheduler driver: all calls of the scheduler API
/// under Mesos' own names. Cheap to clone; usable from any task, inside and
/// outside of handlers.
///
/// # Calls
/// A call resolves when Mesos has answered it. That means *queued* there, not
/// *done*: what came of it arrives as events, or not at all. Calls reach Mesos
/// in the order in which they were made. An error says whether Mesos may have
/// acted ([`Error::delivery`]) and whether trying again makes sense
/// ([`Error::is_retryable`]); without a subscription a call fails at once with
/// [`ErrorKind::NotSubscribed`]. Dropping a call's future once it was polled
/// does not take the call back.
///
/// # End
/// The driver runs until it is stopped or aborted, or until Mesos ends it; not
/// until its handles are dropped.
#[derive(Clone)]
pub struct SchedulerDriver(Arc<Shared>);

pub(super) struct Shared {
    pub(super) link: Link<SchedulerApi>,
    pub(super) ledger: Arc<Ledger>,
    framework_id: Mutex<Option<FrameworkId>>,
    capabilities: Capabilities,
    backend: &'static str,
}

impl SchedulerDriver {
    /// Starts `scheduler` as a task of the current tokio runtime and returns
    /// at once.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn start<S, B>(scheduler: S, framework: Framework, backend: B) -> Self
    where
        S: Scheduler + 'static,
        B: Backend<SchedulerApi> + 'static,
    {
        let driver = Self(Arc::new(Shared {
            link: Link::new(),
            ledger: Arc::default(),
            framework_id: Mutex::new(framework.info.id.clone()),
            capabilities: backend.capabilities(),
            backend: backend.name(),
        }));
        let runtime = Runtime::new(scheduler, framework, backend, driver.clone());
        tokio::spawn(runtime.run());
        driver
    }

    /// [`start`](Self::start), then [`join`](Self::join).
    pub async fn run<S, B>(scheduler: S, framework: Framework, backend: B) -> Result<End>
    where
        S: Scheduler + 'static,
        B: Backend<SchedulerApi> + 'static,
    {
        Self::start(scheduler, framework, backend).join().await
    }

    pub(super) fn shared(&self) -> &Shared {
        &self.0
    }

    /// Ends the driver in order, after the running handler has returned and
    /// its acknowledgement is on its way. Returns at once; wait with
    /// [`join`](Self::join).
    ///
    /// `failover` false tears the framework down: Mesos kills its tasks and
    /// forgets it. True only leaves, and the framework stays registered for
    /// its failover timeout.
    pub fn stop(&self, failover: bool) {
        self.0.link.request_stop(Stop::Stop { failover });
    }

    /// Ends the driver at once: a running handler is dropped at its next
    /// await, and nothing more is sent. Returns at once.
    pub fn abort(&self) {
        self.0.link.request_stop(Stop::Abort);
    }

    /// Waits for the driver's end and says what ended it. Any number of
    /// callers may wait. Cancel safe.
    ///
    /// # Errors
    /// What ended the driver, if it was not asked to end; among others
    /// [`ErrorKind::FrameworkRemoved`], [`ErrorKind::TakenOver`],
    /// [`ErrorKind::Unauthorized`], [`ErrorKind::Rejected`] and
    /// [`ErrorKind::Panicked`].
    pub async fn join(&self) -> Result<End> {
        self.0.link.join().await
    }

    /// What the backend can do.
    pub fn capabilities(&self) -> Capabilities {
        self.0.capabilities
    }

    /// The framework's id, once Mesos assigned it.
    pub fn framework_id(&self) -> Option<FrameworkId> {
        let id = self.0.framework_id.lock();
        id.unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set_framework_id(&self, id: FrameworkId) {
        let current = self.0.framework_id.lock();
        *current.unwrap_or_else(PoisonError::into_inner) = Some(id);
    }

    /// Makes any call. The framework's id is filled in.
    ///
    /// # Errors
    /// See the type's documentation.
    pub async fn call(&self, mut call: Call) -> Result<()> {
        if call.framework_id.is_none() {
            call.framework_id = self.framework_id();
        }
        self.0.link.calls()?.send(call).await?.await
    }

    fn require(&self, capability: Capability) -> Result<()> {
        if self.0.capabilities.contains(capability) {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Unsupported,
            format!("the {} backend has no {capability:?}", self.0.backend),
        ))
    }

    /// Runs `operations` on the resources of `offers`, which must be of one
    /// agent and one role. What they leave unused is declined with `filters`
    /// (`None`: 5 s). Without operations this is
    /// [`decline`](Self::decline).
    ///
    /// A task whose `agent_id` is empty gets that of the offer.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] without offers, or with offers that do not belong
    /// together; [`ErrorKind::OfferGone`] if one is void (Mesos would drop the
    /// whole call then). In both cases the other offers are declined.
    pub async fn accept(
        &self,
        offers: impl IntoIterator<Item = Offer>,
        operations: impl IntoIterator<Item = Operation>,
        filters: Option<Filters>,
    ) -> Result<()> {
        let call = {
            let offers: Vec<Offer> = offers.into_iter().collect();
            let agent_id = common_agent(&offers)?;
            let mut operations: Vec<Operation> = operations.into_iter().collect();
            for operation in &mut operations {
                self.check(operation)?;
                fill_agent_id(operation, &agent_id);
            }
            calls::accept(consume(&offers)?, operations, filters)
        };
        self.call(call).await
    }

    /// Launches `tasks` on one offer: [`accept`](Self::accept) with a single
    /// LAUNCH operation.
    ///
    /// # Errors
    /// Those of [`accept`](Self::accept).
    pub async fn launch(
        &self,
        offer: Offer,
        tasks: impl IntoIterator<Item = TaskInfo>,
    ) -> Result<()> {
        let launch = Operation {
            r#type: Some(operation::Type::Launch as i32),
            launch: Some(operation::Launch {
                task_infos: tasks.into_iter().collect(),
            }),
            ..Default::default()
        };
        self.accept([offer], [launch], None).await
    }

    fn check(&self, operation: &Operation) -> Result<()> {
        let Some(id) = &operation.id else {
            return Ok(());
        };
        // The master answers TASK_ERROR for each task of such a launch.
        if operation.launch.is_some() || operation.launch_group.is_some() {
            return Err(Error::new(
                ErrorKind::Config,
                format!(
                    "LAUNCH and LAUNCH_GROUP take no operation id, but have `{}`",
                    id.value
                ),
            ));
        }
        self.require(Capability::OperationFeedback)
    }

    /// Declines `offers`; their resources are not offered again for the time
    /// in `filters` (`None`: 5 s).
    ///
    /// # Errors
    /// [`ErrorKind::OfferGone`] if one is void; the others are declined.
    pub async fn decline(
        &self,
        offers: impl IntoIterator<Item = Offer>,
        filters: Option<Filters>,
    ) -> Result<()> {
        let call = {
            let offers: Vec<Offer> = offers.into_iter().collect();
            if offers.is_empty() {
                return Ok(());
            }
            calls::decline(consume(&offers)?, filters)
        };
        self.call(call).await
    }

    /// Tells the operator that the framework agrees to give up the resources.
    ///
    /// # Errors
    /// Those of a call; [`ErrorKind::Unsupported`].
    pub async fn accept_inverse_offers(
        &self,
        ids: impl IntoIterator<Item = OfferId>,
        filters: Option<Filters>,
    ) -> Result<()> {
        self.require(Capability::InverseOffers)?;
        let call = calls::accept_inverse_offers(ids.into_iter().collect(), filters);
        self.call(call).await
    }

    /// Tells the operator that the framework cannot give up the resources now.
    ///
    /// # Errors
    /// Those of a call; [`ErrorKind::Unsupported`].
    pub async fn decline_inverse_offers(
        &self,
        ids: impl IntoIterator<Item = OfferId>,
        filters: Option<Filters>,
    ) -> Result<()> {
        self.require(Capability::InverseOffers)?;
        let call = calls::decline_inverse_offers(ids.into_iter().collect(), filters);
        self.call(call).await
    }

    /// Asks for offers again: clears the filters of `roles` and unsuppresses
    /// them. No roles means all of the framework's.
    ///
    /// # Errors
    /// Those of a call; [`ErrorKind::Unsupported`] for single roles.
    pub async fn revive(&self, roles: impl IntoIterator<Item = String>) -> Result<()> {
        let roles: Vec<String> = roles.into_iter().collect();
        if !roles.is_empty() {
            self.require(Capability::PerRoleSuppression)?;
        }
        self.call(calls::revive(roles)).await
    }

    /// Asks for no more offers for `roles` until
    /// [`revive`](Self::revive). No roles means all of the framework's.
    ///
    /// # Errors
    /// Those of a call; [`ErrorKind::Unsupported`] for single roles.
    pub async fn suppress(&self, roles: impl IntoIterator<Item = String>) -> Result<()> {
        let roles: Vec<String> = roles.into_iter().collect();
        if !roles.is_empty() {
            self.require(Capability::PerRoleSuppression)?;
        }
        self.call(calls::suppress(roles)).await
    }

    /// Kills a task. Best effort: watch for its terminal update, and try
    /// again. With the wrong agent the master ignores the call; an unknown
    /// task is answered like a [`reconcile`](Self::reconcile) of it.
    ///
    /// # Errors
    /// Those of a call; [`ErrorKind::Unsupported`] for the optional arguments.
    pub async fn kill(
        &self,
        task_id: impl Into<TaskId>,
        agent_id: Option<AgentId>,
        kill_policy: Option<KillPolicy>,
    ) -> Result<()> {
        if agent_id.is_some() {
            self.require(Capability::KillOnAgent)?;
        }
        if kill_policy.is_some() {
            self.require(Capability::KillPolicy)?;
        }
        let call = calls::kill(task_id.into(), agent_id, kill_policy);
        self.call(call).await
    }

    /// Shuts an executor down, with its tasks.
    ///
    /// # Errors
    /// Those of a call; [`ErrorKind::Unsupported`].
    pub async fn shutdown(&self, executor_id: ExecutorId, agent_id: AgentId) -> Result<()> {
        self.require(Capability::ShutdownExecutor)?;
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
    /// Those of a call; [`ErrorKind::Unsupported`].
    pub async fn reconcile_operations(
        &self,
        operations: impl IntoIterator<Item = call::reconcile_operations::Operation>,
    ) -> Result<()> {
        self.require(Capability::OperationFeedback)?;
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
    /// Those of a call; [`ErrorKind::Unsupported`].
    pub async fn update_framework(
        &self,
        mut info: FrameworkInfo,
        suppressed_roles: impl IntoIterator<Item = String>,
        offer_constraints: Option<OfferConstraints>,
    ) -> Result<()> {
        self.require(Capability::UpdateFramework)?;
        if offer_constraints.is_some() {
            self.require(Capability::OfferConstraints)?;
        }
        info.id = self.framework_id();
        let suppressed_roles = suppressed_roles.into_iter().collect();
        let call = calls::update_framework(info, suppressed_roles, offer_constraints);
        self.call(call).await
    }
}

impl fmt::Debug for SchedulerDriver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SchedulerDriver")
            .field("backend", &self.0.backend)
            .field("framework_id", &self.framework_id())
            .field("link", &self.0.link)
            .finish()
    }
}

/// The agent of `offers`, after making sure that they may be used together.
fn common_agent(offers: &[Offer]) -> Result<AgentId> {
    let Some(first) = offers.first() else {
        return Err(Error::new(
            ErrorKind::Config,
            "ACCEPT needs an offer, got none",
        ));
    };
    for other in &offers[1..] {
        if other.agent_id != first.agent_id || other.role() != first.role() {
            return Err(Error::new(
                ErrorKind::Config,
                format!(
                    "offers accepted together must be of one agent and one role, but {} is of \
                     agent {} for role {} and {} of agent {} for role {}",
                    first.id.value,
                    first.agent_id.value,
                    first.role(),
                    other.id.value,
                    other.agent_id.value,
                    other.role()
                ),
            ));
        }
    }
    Ok(first.agent_id.clone())
}

fn consume(offers: &[Offer]) -> Result<Vec<OfferId>> {
    for offer in offers {
        offer.consume()?;
    }
    Ok(offers.iter().map(|offer| offer.id.clone()).collect())
}

fn fill_agent_id(operation: &mut Operation, agent_id: &AgentId) {
    let launch = operation.launch.iter_mut();
    let launch_group = operation.launch_group.iter_mut();
    let tasks = launch
        .flat_map(|launch| &mut launch.task_infos)
        .chain(launch_group.flat_map(|group| &mut group.task_group.tasks));
    for task in tasks {
        if task.agent_id.value.is_empty() {
            task.agent_id = agent_id.clone();
        }
    }
}
