//! Schedulers: the trait a framework implements, the driver it is run by, and
//! the values that pass between them.

mod calls;
mod driver;
mod event;
mod framework;
mod health;
mod offer;
mod reconcile;
mod runtime;
mod session;
mod shared;
mod update;
mod validate;
mod wishes;

use async_trait::async_trait;
use bytes::Bytes;
use mesos_proto::v1::{AgentId, ExecutorId, FrameworkId, InverseOffer, MasterInfo, OfferId};

use crate::HandlerResult;
use crate::disconnected::Disconnected;
pub use driver::SchedulerDriver;
pub use event::Event;
pub use framework::Framework;
pub use health::{Health, Transition, UpdateCounts};
pub use offer::Offer;
pub use reconcile::ReconcilePolicy;
pub use session::{RemovedPolicy, SessionState};
pub use update::{Acknowledgement, OperationUpdate, StatusUpdate};
pub(crate) use validate::id as check_id;

/// What a framework does with what Mesos tells it.
///
/// Handlers are called one at a time, in the order in which Mesos sent the
/// events, on a task of the runtime that
/// [`SchedulerDriver::start`] was called in. A handler may await any driver
/// call. While it runs nothing else is delivered: a slow handler slows the
/// connection down and costs no memory.
///
/// A handler that returns an error: the error is logged and the driver goes
/// on, with two exceptions. An [`update`](Self::update) that failed is not
/// acknowledged, so the agent sends it again (first after 10 s,
/// `src/slave/constants.hpp`). A failed [`subscribed`](Self::subscribed) ends
/// the driver, because what it failed to do is usually to store the
/// framework's id. A handler that panics ends the driver; [`SchedulerDriver::join`]
/// then returns [`ErrorKind::Panicked`](crate::ErrorKind::Panicked).
///
/// Every method has a default, so a scheduler names only what it needs.
#[async_trait]
pub trait Scheduler: Send {
    /// Mesos accepted the subscription: first, and again after each reconnect.
    /// Offers of an earlier subscription are gone. The framework's id is in its
    /// [store](Framework::store) by now; without one, and if the framework is
    /// to survive this process, keep `subscribed.framework_id` before
    /// returning.
    async fn subscribed(
        &mut self,
        driver: &SchedulerDriver,
        subscribed: Subscribed,
    ) -> HandlerResult {
        let _ = (driver, subscribed);
        Ok(())
    }

    /// The subscription was lost, or an attempt to get one failed; the driver
    /// tries again after `disconnected.retry_in`, for ever. (What waiting cannot
    /// mend ends it instead, see [`SchedulerDriver::join`].) Calls fail until the
    /// next [`subscribed`](Self::subscribed). Call [`SchedulerDriver::abort`]
    /// here to give up.
    async fn disconnected(
        &mut self,
        driver: &SchedulerDriver,
        disconnected: Disconnected,
    ) -> HandlerResult {
        let _ = (driver, disconnected);
        Ok(())
    }

    /// Resources to use. What is not accepted until the value is dropped is
    /// declined, so the default declines everything.
    ///
    /// What is in one call belongs together no more than what is in two: a
    /// backend may hand an event of thousands of offers over in several calls.
    async fn offers(&mut self, driver: &SchedulerDriver, offers: Vec<Offer>) -> HandlerResult {
        let _ = (driver, offers);
        Ok(())
    }

    /// An offer is no longer valid. An [`Offer`] still held knows it too.
    async fn rescind(&mut self, driver: &SchedulerDriver, offer_id: OfferId) -> HandlerResult {
        let _ = (driver, offer_id);
        Ok(())
    }

    /// Agents are going to be taken away for maintenance. Answering only tells
    /// the operator what to expect (`docs/maintenance.md`).
    async fn inverse_offers(
        &mut self,
        driver: &SchedulerDriver,
        inverse_offers: Vec<InverseOffer>,
    ) -> HandlerResult {
        let _ = (driver, inverse_offers);
        Ok(())
    }

    /// An inverse offer is no longer valid.
    async fn rescind_inverse_offer(
        &mut self,
        driver: &SchedulerDriver,
        inverse_offer_id: OfferId,
    ) -> HandlerResult {
        let _ = (driver, inverse_offer_id);
        Ok(())
    }

    /// A task's state. Acknowledged when this returns `Ok`, unless the handler
    /// took that over with [`StatusUpdate::defer`]. The same update can come
    /// more than once.
    async fn update(&mut self, driver: &SchedulerDriver, update: StatusUpdate) -> HandlerResult {
        let _ = (driver, update);
        Ok(())
    }

    /// An operation's state; the rules of [`update`](Self::update) hold.
    async fn operation_update(
        &mut self,
        driver: &SchedulerDriver,
        update: OperationUpdate,
    ) -> HandlerResult {
        let _ = (driver, update);
        Ok(())
    }

    /// Bytes from an executor. Delivered at most once; may be lost.
    async fn message(
        &mut self,
        driver: &SchedulerDriver,
        agent_id: AgentId,
        executor_id: ExecutorId,
        data: Bytes,
    ) -> HandlerResult {
        let _ = (driver, agent_id, executor_id, data);
        Ok(())
    }

    /// An agent was lost, or an executor ended. A hint that may be missing:
    /// tasks are told about by [`update`](Self::update).
    async fn failure(&mut self, driver: &SchedulerDriver, failure: Failure) -> HandlerResult {
        let _ = (driver, failure);
        Ok(())
    }

    /// Mesos ended the subscription for good. The driver ends after this.
    async fn error(&mut self, driver: &SchedulerDriver, message: String) -> HandlerResult {
        let _ = (driver, message);
        Ok(())
    }

    /// An event of a type that this version does not know.
    async fn unknown(&mut self, driver: &SchedulerDriver, event: UnknownEvent) -> HandlerResult {
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
    /// Who granted it, if the master said so.
    pub master_info: Option<MasterInfo>,
    /// Seconds between heartbeats, if the master said so (15 in all releases).
    pub heartbeat_interval_seconds: Option<f64>,
    /// Whether this driver had been subscribed before.
    pub resubscribed: bool,
    /// The id that this one takes the place of, because Mesos had removed the
    /// framework and the policy is [`RemovedPolicy::StartAnew`]. Its tasks are
    /// dead or dying.
    pub replaced: Option<FrameworkId>,
}

/// Something failed that tasks may have depended on.
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
