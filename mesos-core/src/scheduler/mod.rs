//! Schedulers: the trait a framework implements, the driver it is run by, and
//! the values that pass between them.

mod ack_watch;
mod acknowledgements;
mod calls;
mod driver;
mod event;
mod framework;
mod handle;
mod health;
mod in_flight;
mod ledger;
mod offer;
mod pending_accept;
mod recent;
mod reconcile;
mod runtime;
mod session;
mod shared;
mod status;
mod subscribe_state;
mod update;
mod validate;

use async_trait::async_trait;
use bytes::Bytes;
use mesos_proto::v1::{AgentId, ExecutorId, FrameworkId, InverseOffer, MasterInfo, OfferId};

use crate::HandlerResult;
use crate::disconnected::Disconnected;
use crate::version::MesosVersion;
pub use driver::{KillOptions, SchedulerDriver};
pub use event::Event;
pub use framework::Framework;
pub use health::{Health, Transition, UpdateCounts};
pub use offer::Offer;
pub use reconcile::ReconcilePolicy;
pub use session::{RemovedPolicy, SessionState};
pub(crate) use subscribe_state::roles as roles_of;
pub use update::{Acknowledgement, OperationUpdate, StatusUpdate};
pub(crate) use validate::id as check_id;

/// The handlers of a framework for the events of Mesos.
///
/// The driver calls one handler at a time, in the order in which Mesos sent the events, on a
/// task of the tokio runtime that called [`SchedulerDriver::start`]. A handler may await any
/// call of the driver. While a handler runs, nothing else is delivered: a slow handler slows
/// the connection down, and costs no memory. A handler must not block its thread: use
/// [`tokio::task::spawn_blocking`](https://docs.rs/tokio/latest/tokio/task/fn.spawn_blocking.html)
/// for blocking work. The driver logs a warning about a handler that runs for more than 10 s.
///
/// The driver logs the error of a failed handler and continues, with two exceptions. An
/// [`update`](Self::update) that failed is not acknowledged, so the agent sends the update again
/// (first after 10 s, `src/slave/constants.hpp`). A failed [`subscribed`](Self::subscribed) ends
/// the driver, because the handler usually failed to store the framework's id. A handler that
/// panics ends the driver; [`SchedulerDriver::join`] then returns
/// [`ErrorKind::Panicked`](crate::ErrorKind::Panicked).
///
/// Every method has a default, so a scheduler implements only the methods that it needs.
///
/// `M` is the type of the program's own messages to its scheduler, which arrive in
/// [`input`](Self::input). A scheduler without such messages implements `Scheduler`, which means
/// `Scheduler<()>`.
///
/// # All handlers, to copy
/// The page shows the expanded form of each `async fn`. This is what you write:
///
/// ```
/// use mesos::scheduler::{Failure, OperationUpdate, Subscribed};
/// use mesos::v1::{AgentId, ExecutorId, InverseOffer, OfferId};
/// use mesos::{
///     Bytes, Disconnected, HandlerResult, Offer, Scheduler, SchedulerDriver, StatusUpdate,
///     UnknownEvent,
/// };
///
/// struct MyScheduler;
///
/// #[mesos::async_trait]
/// impl Scheduler for MyScheduler {
///     async fn subscribed(&mut self, driver: &SchedulerDriver, subscribed: Subscribed) -> HandlerResult {
///         # let _ = (driver, subscribed);
///         Ok(())
///     }
///     async fn disconnected(&mut self, driver: &SchedulerDriver, disconnected: Disconnected) -> HandlerResult {
///         # let _ = (driver, disconnected);
///         Ok(())
///     }
///     async fn offers(&mut self, driver: &SchedulerDriver, offers: Vec<Offer>) -> HandlerResult {
///         # let _ = (driver, offers);
///         Ok(())
///     }
///     async fn rescind(&mut self, driver: &SchedulerDriver, offer_id: OfferId) -> HandlerResult {
///         # let _ = (driver, offer_id);
///         Ok(())
///     }
///     async fn inverse_offers(&mut self, driver: &SchedulerDriver, inverse_offers: Vec<InverseOffer>) -> HandlerResult {
///         # let _ = (driver, inverse_offers);
///         Ok(())
///     }
///     async fn rescind_inverse_offer(&mut self, driver: &SchedulerDriver, inverse_offer_id: OfferId) -> HandlerResult {
///         # let _ = (driver, inverse_offer_id);
///         Ok(())
///     }
///     async fn update(&mut self, driver: &SchedulerDriver, update: &StatusUpdate) -> HandlerResult {
///         # let _ = (driver, update);
///         Ok(())
///     }
///     async fn operation_update(&mut self, driver: &SchedulerDriver, update: &OperationUpdate) -> HandlerResult {
///         # let _ = (driver, update);
///         Ok(())
///     }
///     async fn message(&mut self, driver: &SchedulerDriver, agent_id: AgentId, executor_id: ExecutorId, data: Bytes) -> HandlerResult {
///         # let _ = (driver, agent_id, executor_id, data);
///         Ok(())
///     }
///     async fn failure(&mut self, driver: &SchedulerDriver, failure: Failure) -> HandlerResult {
///         # let _ = (driver, failure);
///         Ok(())
///     }
///     async fn error(&mut self, driver: &SchedulerDriver, message: String) -> HandlerResult {
///         # let _ = (driver, message);
///         Ok(())
///     }
///     async fn input(&mut self, driver: &SchedulerDriver, input: ()) -> HandlerResult {
///         # let _ = (driver, input);
///         Ok(())
///     }
///     async fn unknown(&mut self, driver: &SchedulerDriver, event: UnknownEvent) -> HandlerResult {
///         # let _ = (driver, event);
///         Ok(())
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not implement `Scheduler<{M}>`",
    note = "write `#[mesos::async_trait] impl Scheduler for {Self} {{ … }}`, or `impl Scheduler<M>` \
            for a scheduler that receives inputs of type `M`"
)]
#[async_trait]
pub trait Scheduler<M: Send + 'static = ()>: Send {
    /// Mesos granted a subscription: the first one, and one after each reconnect. Offers of an
    /// earlier subscription are void. The framework's id is already in its
    /// [store](Framework::store). Without a store, a framework that is to survive this process
    /// has to save `subscribed.framework_id` before this handler returns.
    #[doc(alias = "registered", alias = "reregistered", alias = "SUBSCRIBED")]
    async fn subscribed(
        &mut self,
        driver: &SchedulerDriver<M>,
        subscribed: Subscribed,
    ) -> HandlerResult {
        let _ = (driver, subscribed);
        Ok(())
    }

    /// The subscription was lost, or an attempt to subscribe failed. The driver retries after
    /// `disconnected.retry_in`, indefinitely once it was subscribed
    /// ([`Framework::subscribe_timeout`]). Failures that a retry cannot resolve end the driver
    /// instead, see [`SchedulerDriver::join`]. Calls fail until the next
    /// [`subscribed`](Self::subscribed). To give up, call [`SchedulerDriver::abort`] here.
    async fn disconnected(
        &mut self,
        driver: &SchedulerDriver<M>,
        disconnected: Disconnected,
    ) -> HandlerResult {
        let _ = (driver, disconnected);
        Ok(())
    }

    /// Resources to use. An offer that is dropped without being accepted is declined, so the
    /// default declines everything. The declined resources are not offered again for 5 s.
    ///
    /// Do not rely on grouping: a large OFFERS event may be delivered in several calls.
    #[doc(alias = "resourceOffers", alias = "OFFERS")]
    async fn offers(&mut self, driver: &SchedulerDriver<M>, offers: Vec<Offer>) -> HandlerResult {
        let _ = (driver, offers);
        Ok(())
    }

    /// An offer is no longer valid. An [`Offer`] that the scheduler still holds is marked, too
    /// ([`Offer::is_alive`]).
    #[doc(alias = "offerRescinded", alias = "RESCIND")]
    async fn rescind(&mut self, driver: &SchedulerDriver<M>, offer_id: OfferId) -> HandlerResult {
        let _ = (driver, offer_id);
        Ok(())
    }

    /// Agents are scheduled for maintenance. The answer only informs the operator
    /// (`docs/maintenance.md` in Mesos).
    #[doc(alias = "inverseOffers", alias = "INVERSE_OFFERS")]
    async fn inverse_offers(
        &mut self,
        driver: &SchedulerDriver<M>,
        inverse_offers: Vec<InverseOffer>,
    ) -> HandlerResult {
        let _ = (driver, inverse_offers);
        Ok(())
    }

    /// An inverse offer is no longer valid.
    #[doc(alias = "inverseOfferRescinded")]
    async fn rescind_inverse_offer(
        &mut self,
        driver: &SchedulerDriver<M>,
        inverse_offer_id: OfferId,
    ) -> HandlerResult {
        let _ = (driver, inverse_offer_id);
        Ok(())
    }

    /// The state of a task. The driver acknowledges the update when this handler returns `Ok`,
    /// unless the handler took over the acknowledgement with [`StatusUpdate::defer`]. The same
    /// update can arrive more than once.
    ///
    /// If an acknowledgement fails, Mesos sends the update again. The driver logs a warning, at most
    /// one per minute. After five failures in a row, at least 1 s apart, the driver ends the
    /// subscription and subscribes again
    /// ([`Health::acknowledgements_failing`]).
    ///
    /// [`TaskStatus::fate`](mesos_proto::v1::TaskStatus::fate) reports whether the task still runs,
    /// whether a replacement can be launched, and whether the task may come back. Do not wait for
    /// a terminal state only: after a replacement of the cluster, the only answer is
    /// TASK_UNKNOWN, which is not terminal.
    #[doc(alias = "statusUpdate", alias = "UPDATE")]
    async fn update(
        &mut self,
        driver: &SchedulerDriver<M>,
        update: &StatusUpdate,
    ) -> HandlerResult {
        let _ = (driver, update);
        Ok(())
    }

    /// The state of an operation. The rules of [`update`](Self::update) apply.
    #[doc(alias = "operationStatusUpdate", alias = "UPDATE_OPERATION_STATUS")]
    async fn operation_update(
        &mut self,
        driver: &SchedulerDriver<M>,
        update: &OperationUpdate,
    ) -> HandlerResult {
        let _ = (driver, update);
        Ok(())
    }

    /// Bytes from an executor. Delivered at most once; may be lost.
    #[doc(alias = "frameworkMessage", alias = "MESSAGE")]
    async fn message(
        &mut self,
        driver: &SchedulerDriver<M>,
        agent_id: AgentId,
        executor_id: ExecutorId,
        data: Bytes,
    ) -> HandlerResult {
        let _ = (driver, agent_id, executor_id, data);
        Ok(())
    }

    /// An agent was lost, or an executor ended. A hint that may be missing: tasks are reported
    /// by [`update`](Self::update).
    #[doc(
        alias = "slaveLost",
        alias = "executorLost",
        alias = "agentLost",
        alias = "FAILURE"
    )]
    async fn failure(&mut self, driver: &SchedulerDriver<M>, failure: Failure) -> HandlerResult {
        let _ = (driver, failure);
        Ok(())
    }

    /// Mesos ended the subscription permanently. The driver ends after this handler.
    async fn error(&mut self, driver: &SchedulerDriver<M>, message: String) -> HandlerResult {
        let _ = (driver, message);
        Ok(())
    }

    /// A message of the program itself, sent with [`SchedulerDriver::send`]. Also delivered
    /// while the driver is not subscribed, when calls fail.
    async fn input(&mut self, driver: &SchedulerDriver<M>, input: M) -> HandlerResult {
        let _ = (driver, input);
        Ok(())
    }

    /// An event of a type that this version does not know.
    async fn unknown(&mut self, driver: &SchedulerDriver<M>, event: UnknownEvent) -> HandlerResult {
        let _ = (driver, event);
        Ok(())
    }
}

/// A subscription that Mesos granted.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Subscribed {
    /// The framework's id, assigned by the master the first time.
    pub framework_id: FrameworkId,
    /// The master that granted the subscription, if the master reported it. Its release is in
    /// [`mesos_version`](Self::mesos_version).
    pub master_info: Option<MasterInfo>,
    /// Seconds between heartbeats, if the master reported them (15 in all releases).
    pub heartbeat_interval_seconds: Option<f64>,
    /// Whether this driver had been subscribed before.
    pub resubscribed: bool,
    /// The id that the new id replaces, because Mesos had removed the framework and the policy
    /// is [`RemovedPolicy::NewFramework`]. Mesos kills the tasks of the old id.
    pub replaced: Option<FrameworkId>,
}

impl Subscribed {
    /// The release of the master; `None` if the master did not report it.
    pub fn mesos_version(&self) -> Option<MesosVersion> {
        version_of(self.master_info.as_ref())
    }
}

/// The release of the master with this description.
fn version_of(master: Option<&MasterInfo>) -> Option<MesosVersion> {
    master?.version.as_deref()?.parse().ok()
}

/// A failure that tasks may have depended on.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Failure {
    /// The agent was lost.
    Agent(AgentId),
    /// An executor ended.
    Executor {
        /// Its agent.
        agent_id: AgentId,
        /// The executor.
        executor_id: ExecutorId,
        /// Its raw `wait(2)` status, −1 where unknown.
        status: Option<i32>,
    },
}

pub use crate::unknown::UnknownEvent;
