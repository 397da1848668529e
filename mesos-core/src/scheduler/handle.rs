//! The driver's handle without the type of its inputs: how a call is made.

use std::sync::Arc;
use std::time::Duration;

use mesos_proto::v1::scheduler::Call;
use mesos_proto::v1::{AgentId, FrameworkId};
use tokio::time::{Instant, sleep, timeout_at};
use tracing::Instrument as _;

use super::pending_accept::PendingAccept;
use super::shared::Shared;
use super::subscribe_state::SubscribeState;
use super::validate;
use crate::backend::{Calls, SchedulerApi};
use crate::error::{Delivery, Error, ErrorKind, Result};
use crate::runtime::in_handler;

/// How long a call may still be answered after its subscription was lost. Longer than backends
/// take to report the result of the call themselves.
const ANSWER_GRACE: Duration = Duration::from_secs(5);

/// The subscription that a call is sent over.
pub(super) type Route = Arc<dyn Calls<SchedulerApi>>;

/// See the module.
#[derive(Clone)]
pub(super) struct Handle {
    shared: Arc<Shared>,
    /// How long a call waits for a subscription.
    wait: Option<Duration>,
}

impl Handle {
    pub(super) fn new(shared: Shared) -> Self {
        Self {
            shared: Arc::new(shared),
            wait: None,
        }
    }

    /// The same handle, whose calls wait for a subscription.
    pub(super) fn waiting(&self, wait: Duration) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            wait: Some(wait),
        }
    }

    pub(super) fn shared(&self) -> &Shared {
        &self.shared
    }

    pub(super) fn framework_id(&self) -> Option<FrameworkId> {
        self.shared.framework_id()
    }

    /// Makes any call. The framework's id is filled in.
    pub(super) async fn call(&self, call: Call) -> Result<()> {
        validate::call(&call, || self.shared.subscribe_state().roles())?;
        match self.wait {
            Some(wait) if !names_offers(&call) && !in_handler(&self.shared.link) => {
                self.call_when_subscribed(call, wait).await
            }
            _ => self.make(&self.route()?, call, None).await,
        }
    }

    /// The subscription that a call would use now.
    pub(super) fn route(&self) -> Result<Route> {
        self.shared.link.calls()
    }

    async fn call_when_subscribed(&self, call: Call, wait: Duration) -> Result<()> {
        let link = &self.shared.link;
        let until = Instant::now() + wait;
        let timed_out = |_| {
            let text = format!("no subscription within {wait:?}");
            Error::new(ErrorKind::NotSubscribed, text).with_delivery(Delivery::NotSent)
        };
        // Fair, so that waiting calls are made in their order.
        let turn = timeout_at(until, self.shared.turn.lock()).await;
        let _turn = turn.map_err(timed_out)?;
        loop {
            timeout_at(until, link.connected())
                .await
                .map_err(timed_out)??;
            let Ok(route) = self.route() else { continue };
            match self.make(&route, call.clone(), None).await {
                // The connection broke, and the driver has not noticed yet.
                Err(error)
                    if error.kind() == ErrorKind::NotSubscribed
                        && error.delivery() == Delivery::NotSent =>
                {
                    timeout_at(until, link.left(&route))
                        .await
                        .map_err(timed_out)?;
                }
                result => return result,
            }
        }
    }

    /// Makes a validated call. `agent` is the agent of its offers, where known.
    pub(super) async fn make(
        &self,
        route: &Route,
        mut call: Call,
        agent: Option<AgentId>,
    ) -> Result<()> {
        if call.framework_id.is_none() {
            call.framework_id = self.framework_id();
        }
        let change = SubscribeState::is_changed_by(&call).then(|| call.clone());
        let accept = PendingAccept::start(&self.shared, &call, agent.as_ref());
        let Some(accept) = accept else {
            return self.send(route, call, change).await;
        };
        let span = accept.span(&call);
        let result = self.send(route, call, change).instrument(span).await;
        accept.finish(&result);
        result
    }

    async fn send(&self, calls: &Route, call: Call, change: Option<Call>) -> Result<()> {
        let answer = self.shared.enqueue(calls.as_ref(), call).await?;
        let Some(undo) = change.and_then(|call| self.shared.subscribe_state().apply(&call)) else {
            return self.answered(calls, answer).await;
        };
        // In a separate task: the next SUBSCRIBE must not repeat a refused change, also when
        // the caller no longer waits for the answer.
        let (driver, calls) = (self.clone(), Arc::clone(calls));
        let settled = tokio::spawn(async move {
            let result = driver.answered(&calls, answer).await;
            if let Err(error) = &result
                && error.delivery() != Delivery::Unknown
            {
                driver.shared.subscribe_state().undo(undo);
            }
            result
        });
        settled.await.unwrap_or_else(|end| {
            let text = "the tokio runtime of the call has shut down";
            Err(Error::new(ErrorKind::Closed, text)
                .with_delivery(Delivery::Unknown)
                .with_source(end))
        })
    }

    /// Waits for the answer to a call on `calls`, or for the loss of its subscription.
    async fn answered(
        &self,
        calls: &Route,
        answer: impl Future<Output = Result<()>>,
    ) -> Result<()> {
        let lost = async {
            self.shared.link.left(calls).await;
            sleep(ANSWER_GRACE).await;
        };
        tokio::select! {
            biased;
            result = answer => result,
            () = lost => {
                let text = "the subscription was lost before the call was answered";
                Err(Error::new(ErrorKind::NotSubscribed, text).with_delivery(Delivery::Unknown))
            }
        }
    }
}

/// Whether `call` names offers, which do not outlive their subscription.
fn names_offers(call: &Call) -> bool {
    call.accept.is_some()
        || call.decline.is_some()
        || call.accept_inverse_offers.is_some()
        || call.decline_inverse_offers.is_some()
}
