//! The driver's handle without the type of its inputs: how a call is made.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use mesos_proto::v1::scheduler::Call;
use mesos_proto::v1::{AgentId, Filters, FrameworkId, OfferId};
use tokio::time::{Instant, sleep};
use tracing::{Instrument as _, Span};

use super::ledger::{Ledger, UsedOffers};
use super::pending_accept::PendingAccept;
use super::shared::{PendingCall, Shared};
use super::subscribe_state::{SubscribeState, Undo};
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
        if let Some((ids, filters)) = offers_used_by(&call) {
            let (route, used) = self.take(|ledger| ledger.take(ids, filters).map(Some))?;
            return self.make(&route, call, None, used).await;
        }
        match self.wait {
            Some(wait) if !names_inverse_offers(&call) && !in_handler(&self.shared.link) => {
                self.call_when_subscribed(call, wait).await
            }
            _ => self.make(&self.route()?, call, None, None).await,
        }
    }

    /// The subscription that a call would use now.
    fn route(&self) -> Result<Route> {
        self.shared.link.calls()
    }

    /// Takes offers for a call, which has to be made over the returned subscription.
    pub(super) fn take(
        &self,
        take: impl FnOnce(&Arc<Ledger>) -> Result<Option<UsedOffers>>,
    ) -> Result<(Route, Option<UsedOffers>)> {
        // First, so that the call cannot reach a later subscription than the offers'.
        let route = self.route()?;
        let used = take(&self.shared.ledger)?;
        Ok((route, used))
    }

    async fn call_when_subscribed(&self, call: Call, wait: Duration) -> Result<()> {
        let link = &self.shared.link;
        let mut unsubscribed = pin!(self.unsubscribed_for(wait));
        loop {
            let (route, queued) = tokio::select! {
                biased;
                queued = self.queue_when_subscribed(call.clone()) => queued?,
                () = &mut unsubscribed => return Err(no_subscription(wait)),
            };
            match self.answer(&route, queued).await {
                // The connection broke, and the driver has not noticed yet.
                Err(error) if never_left(&error) => tokio::select! {
                    biased;
                    () = link.left(&route) => {}
                    () = &mut unsubscribed => return Err(no_subscription(wait)),
                },
                result => return result,
            }
        }
    }

    /// Queues a call as soon as there is a subscription, after the other waiting calls. The turn
    /// ends when the call is queued, so the answers of many calls can be under way. Cancel safe:
    /// the call is not made then.
    async fn queue_when_subscribed(&self, call: Call) -> Result<(Route, Queued)> {
        let link = &self.shared.link;
        // Fair, so that waiting calls are queued in their order.
        let _turn = self.shared.turn.lock().await;
        loop {
            let route = link.connected().await?;
            match self.queue(&route, call.clone()).await {
                Ok(queued) => return Ok((route, queued)),
                Err(error) if never_left(&error) => link.left(&route).await,
                Err(error) => return Err(error),
            }
        }
    }

    /// Completes once this future has seen `wait` without a subscription in total. The time that a
    /// call waits for space in the queue is not included.
    async fn unsubscribed_for(&self, mut wait: Duration) {
        let link = &self.shared.link;
        loop {
            link.disconnected().await;
            let since = Instant::now();
            tokio::select! {
                biased;
                connected = link.connected() => if connected.is_err() {
                    // The driver has ended. The call fails with the reason.
                    std::future::pending().await
                },
                () = sleep(wait) => return,
            }
            wait = wait.saturating_sub(since.elapsed());
        }
    }

    /// Makes a validated call. `agent` is the agent of its offers, where known, and `used` are the
    /// offers that the call uses.
    pub(super) async fn make(
        &self,
        route: &Route,
        mut call: Call,
        agent: Option<AgentId>,
        mut used: Option<UsedOffers>,
    ) -> Result<()> {
        self.fill_framework_id(&mut call);
        let accept = PendingAccept::start(&self.shared, &call, agent.as_ref());
        let span = accept.as_ref().map(|accept| accept.span(&call));
        let made = async {
            let queued = self.queue(route, call).await?;
            if let Some(used) = &mut used {
                used.queued();
            }
            self.answer(route, queued).await
        };
        let result = made.instrument(span.unwrap_or_else(Span::none)).await;
        if let Some(accept) = accept {
            accept.finish(&result);
        }
        if let Some(used) = used {
            used.finish(&result);
        }
        result
    }

    fn fill_framework_id(&self, call: &mut Call) {
        if call.framework_id.is_none() {
            call.framework_id = self.framework_id();
        }
    }

    /// Queues a call.
    async fn queue(&self, route: &Route, mut call: Call) -> Result<Queued> {
        self.fill_framework_id(&mut call);
        let change = SubscribeState::is_changed_by(&call).then(|| call.clone());
        let answer = self.shared.enqueue(route.as_ref(), call).await?;
        let undo = change.and_then(|call| self.shared.subscribe_state().apply(&call));
        Ok(Queued { answer, undo })
    }

    /// Waits for the answer to a queued call.
    async fn answer(&self, route: &Route, queued: Queued) -> Result<()> {
        let Queued { answer, undo } = queued;
        let Some(undo) = undo else {
            return self.answered(route, answer).await;
        };
        // In a separate task: the next SUBSCRIBE must not repeat a refused change, also when
        // the caller no longer waits for the answer.
        let (driver, calls) = (self.clone(), Arc::clone(route));
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

/// A call in the queue of a subscription.
struct Queued {
    answer: PendingCall,
    /// Reverts the call's change of the next SUBSCRIBE.
    undo: Option<Undo>,
}

/// The subscription broke before the call was sent, so that the next subscription can have it.
fn never_left(error: &Error) -> bool {
    error.kind() == ErrorKind::NotSubscribed && error.delivery() == Delivery::NotSent
}

fn no_subscription(wait: Duration) -> Error {
    let text = format!("no subscription within {wait:?}");
    Error::new(ErrorKind::NotSubscribed, text).with_delivery(Delivery::NotSent)
}

/// The offers that `call` accepts or declines, and the filters of a DECLINE.
fn offers_used_by(call: &Call) -> Option<(Vec<OfferId>, Option<Filters>)> {
    if let Some(accept) = &call.accept {
        return Some((accept.offer_ids.clone(), None));
    }
    let decline = call.decline.as_ref()?;
    Some((decline.offer_ids.clone(), decline.filters))
}

/// Whether `call` names inverse offers, which do not outlive their subscription.
fn names_inverse_offers(call: &Call) -> bool {
    call.accept_inverse_offers.is_some() || call.decline_inverse_offers.is_some()
}
