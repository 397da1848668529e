//! Runs one scheduler: subscribes, delivers events, acknowledges, reconnects.

use std::sync::Arc;

use mesos_proto::v1::FrameworkId;
use mesos_proto::v1::scheduler::Call;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::calls;
use super::update::{Due, OperationUpdate, StatusUpdate};
use super::{Event, Framework, Scheduler, SchedulerDriver, Subscribed};
use crate::End;
use crate::backend::{Backend, Calls, EventStream, Incoming, SchedulerApi, Subscription};
use crate::disconnected::Disconnected;
use crate::error::{Error, ErrorKind, Result};
use crate::runtime::{Backoff, Handled, Stop, guarded};

/// How long the last call, TEARDOWN, may take to be answered.
const TEARDOWN_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(10);

/// See the module.
pub(super) struct Runtime<S, B> {
    scheduler: S,
    framework: Framework,
    backend: B,
    driver: SchedulerDriver,
    backoff: Backoff,
    subscribed_before: bool,
}

/// Why the events of a subscription are no longer read.
enum Break {
    /// It was lost; try again.
    Lost(Error),
    /// The driver ends.
    End(Result<End>),
}

/// Tells those who wait in `join`, also when the task is dropped.
struct Finish(SchedulerDriver, Result<End>);

impl Drop for Finish {
    fn drop(&mut self) {
        self.0.shared().ledger.clear();
        self.0.shared().link.finish(self.1.clone());
    }
}

impl<S, B> Runtime<S, B>
where
    S: Scheduler + 'static,
    B: Backend<SchedulerApi> + 'static,
{
    pub(super) fn new(
        scheduler: S,
        framework: Framework,
        backend: B,
        driver: SchedulerDriver,
    ) -> Self {
        Self {
            scheduler,
            backoff: Backoff::new(framework.backoff),
            framework,
            backend,
            driver,
            subscribed_before: false,
        }
    }

    pub(super) async fn run(mut self) {
        let gone = Error::new(
            ErrorKind::Closed,
            "the runtime that the driver ran in is gone",
        );
        let mut finish = Finish(self.driver.clone(), Err(gone));
        finish.1 = self.drive().await;
        tracing::info!(end = ?finish.1, "driver ended");
    }

    async fn drive(&mut self) -> Result<End> {
        let driver = self.driver.clone();
        let link = &driver.shared().link;
        loop {
            let call = calls::subscribe(&self.framework);
            let attempt = tokio::select! {
                biased;
                stop = link.stop_requested() => return end(&driver, stop, None).await,
                attempt = self.backend.subscribe(call) => attempt,
            };
            let lost = match attempt {
                Ok(subscription) => match self.serve(subscription).await {
                    Break::Lost(error) => error,
                    Break::End(end) => return end,
                },
                Err(error) if error.is_retryable() => error,
                Err(error) => return Err(error),
            };
            let attempts = self.backoff.attempts();
            let retry_in = self.backoff.next(fastrand::f64());
            tracing::warn!(
                error = %crate::chain(&lost), attempts, ?retry_in, "no subscription"
            );
            let disconnected = Disconnected {
                error: lost,
                attempts,
                retry_in,
            };
            let handler = self.scheduler.disconnected(&driver, disconnected);
            if let Some(end) = ended(guarded(link, "disconnected", handler).await) {
                return end;
            }
            tokio::select! {
                biased;
                stop = link.stop_requested() => return end(&driver, stop, None).await,
                () = sleep(retry_in) => {}
            }
        }
    }

    /// Reads the events of one subscription to its end.
    async fn serve(&mut self, subscription: Subscription<SchedulerApi>) -> Break {
        let Subscription {
            mut events,
            calls,
            peer,
        } = subscription;
        let driver = self.driver.clone();
        let shared = driver.shared();
        tracing::debug!(%peer, "subscribing");
        let _decliner = Decliner::start(&driver, &calls);
        let reason = loop {
            let incoming = tokio::select! {
                biased;
                stop = shared.link.stop_requested() => {
                    self.learn_id(stop, events.as_mut()).await;
                    break Break::End(end(&driver, stop, Some(calls.as_ref())).await);
                }
                incoming = events.next() => incoming,
            };
            let event = match incoming {
                Ok(Incoming::Event(event, record)) => Event::lift(event, record),
                Ok(Incoming::Disconnected(error)) => {
                    self.disconnected();
                    let disconnected = Disconnected {
                        error,
                        attempts: 0,
                        retry_in: std::time::Duration::ZERO,
                    };
                    let handler = self.scheduler.disconnected(&driver, disconnected);
                    match ended(guarded(&shared.link, "disconnected", handler).await) {
                        Some(end) => break Break::End(end),
                        None => continue,
                    }
                }
                Err(error) => break Break::Lost(error),
            };
            match event {
                Ok(event) => {
                    if let Some(reason) = self.deliver(event, &calls).await {
                        break reason;
                    }
                }
                Err(error) => break Break::Lost(error),
            }
        };
        self.disconnected();
        reason
    }

    /// A framework that asked for an id and stops before it heard of it would
    /// stay registered until its failover timeout. So wait for the id.
    async fn learn_id(&mut self, stop: Stop, events: &mut dyn EventStream<SchedulerApi>) {
        if stop != (Stop::Stop { failover: false }) || self.driver.framework_id().is_some() {
            return;
        }
        if let Ok(Ok(Incoming::Event(event, record))) =
            timeout(TEARDOWN_TIMEOUT, events.next()).await
            && let Ok(Event::Subscribed { framework_id, .. }) = Event::lift(event, record)
        {
            self.driver.set_framework_id(framework_id);
        }
    }

    fn disconnected(&self) {
        let shared = self.driver.shared();
        shared.link.disconnect();
        shared.ledger.clear();
    }

    /// Hands one event to its handler.
    async fn deliver(
        &mut self,
        event: Event,
        calls: &Arc<dyn Calls<SchedulerApi>>,
    ) -> Option<Break> {
        let driver = self.driver.clone();
        let shared = driver.shared();
        let link = &shared.link;
        let scheduler = &mut self.scheduler;
        tracing::trace!(?event, "event");
        let (name, handler) = match event {
            Event::Subscribed {
                framework_id,
                heartbeat_interval_seconds,
                master_info,
            } => {
                let subscribed = Subscribed {
                    framework_id,
                    master_info,
                    heartbeat_interval_seconds,
                    resubscribed: self.subscribed_before,
                };
                return self.subscribed(subscribed, calls).await;
            }
            Event::Update(status) => {
                let (update, due) = StatusUpdate::new(status, &driver);
                let span = tracing::debug_span!(
                    "update", task = %update.task_id.value, state = ?update.state
                );
                let handler = scheduler.update(&driver, update);
                let handler = tracing::Instrument::instrument(handler, span);
                let handled = guarded(link, "update", handler).await;
                return self.acknowledge(handled, due, calls.as_ref()).await;
            }
            Event::UpdateOperationStatus(status) => {
                let (update, due) = OperationUpdate::new(status, &driver);
                let handler = scheduler.operation_update(&driver, update);
                let handled = guarded(link, "operation_update", handler).await;
                return self.acknowledge(handled, due, calls.as_ref()).await;
            }
            Event::Error(message) => {
                link.disconnect();
                shared.ledger.clear();
                let handler = scheduler.error(&driver, message.clone());
                let handled = guarded(link, "error", handler).await;
                let end = ended(handled).unwrap_or_else(|| Err(terminal(message)));
                return Some(Break::End(end));
            }
            Event::Heartbeat => return None,
            Event::Offers(offers) => {
                let offers = shared.ledger.issue(offers);
                ("offers", scheduler.offers(&driver, offers))
            }
            Event::InverseOffers(offers) => {
                let handler = scheduler.inverse_offers(&driver, offers);
                ("inverse_offers", handler)
            }
            Event::Rescind(id) => {
                shared.ledger.remove(&id);
                ("rescind", scheduler.rescind(&driver, id))
            }
            Event::RescindInverseOffer(id) => (
                "rescind_inverse_offer",
                scheduler.rescind_inverse_offer(&driver, id),
            ),
            Event::Message {
                agent_id,
                executor_id,
                data,
            } => (
                "message",
                scheduler.message(&driver, agent_id, executor_id, data),
            ),
            Event::Failure(failure) => ("failure", scheduler.failure(&driver, failure)),
            Event::Unknown(event) => ("unknown", scheduler.unknown(&driver, event)),
        };
        ended(guarded(link, name, handler).await).map(Break::End)
    }

    async fn subscribed(
        &mut self,
        subscribed: Subscribed,
        calls: &Arc<dyn Calls<SchedulerApi>>,
    ) -> Option<Break> {
        let driver = self.driver.clone();
        let shared = driver.shared();
        if let Err(error) = self.adopt(&subscribed.framework_id) {
            return Some(Break::End(Err(error)));
        }
        tracing::info!(
            framework_id = %subscribed.framework_id.value,
            resubscribed = subscribed.resubscribed,
            "subscribed"
        );
        // Whatever was offered before is void, RESCIND or not.
        shared.ledger.clear();
        shared.link.connect(Arc::clone(calls));
        self.backoff.reset();
        self.subscribed_before = true;
        let handler = self.scheduler.subscribed(&driver, subscribed);
        match guarded(&shared.link, "subscribed", handler).await {
            Ok(Handled::Failed(text)) => Some(Break::End(Err(Error::new(
                ErrorKind::Handler,
                format!("the handler `subscribed` failed, so the driver stopped: {text}"),
            )))),
            handled => ended(handled).map(Break::End),
        }
    }

    /// From now on every call carries `id`, in both places.
    fn adopt(&mut self, id: &FrameworkId) -> Result<()> {
        if id.value.is_empty() {
            let text = "SUBSCRIBED carries no framework id; is the peer a Mesos master?";
            return Err(Error::new(ErrorKind::Protocol, text));
        }
        self.framework.info.id = Some(id.clone());
        self.driver.set_framework_id(id.clone());
        Ok(())
    }

    /// The contract's heart: acknowledged after the handler returned `Ok`.
    async fn acknowledge(
        &mut self,
        handled: Result<Handled>,
        due: Option<Due>,
        calls: &dyn Calls<SchedulerApi>,
    ) -> Option<Break> {
        if let Ok(Handled::Done) = handled
            && let Some(call) = due.and_then(Due::into_call)
        {
            send(&self.driver, calls, call).await;
        }
        ended(handled).map(Break::End)
    }
}

/// Puts a call of the runtime's own in line. Its failure is no loss: an
/// unacknowledged update comes again, an offer not declined times out with
/// the subscription.
async fn send(driver: &SchedulerDriver, calls: &dyn Calls<SchedulerApi>, mut call: Call) {
    call.framework_id = driver.framework_id();
    match calls.send(call).await {
        Ok(answer) => drop(answer),
        Err(error) => tracing::debug!(error = %crate::chain(&error), "call not made"),
    }
}

/// Ends the driver as asked. `calls` is the subscription, if there is one.
async fn end(
    driver: &SchedulerDriver,
    stop: Stop,
    calls: Option<&dyn Calls<SchedulerApi>>,
) -> Result<End> {
    let failover = match stop {
        Stop::Abort => return Ok(End::Aborted),
        Stop::Stop { failover } => failover,
    };
    if failover {
        return Ok(End::StoppedForFailover);
    }
    let Some(framework_id) = driver.framework_id() else {
        // Never subscribed, so there is nothing to tear down.
        return Ok(End::Stopped);
    };
    let Some(calls) = calls else {
        return Err(Error::new(
            ErrorKind::NotSubscribed,
            format!(
                "stopped while disconnected, so framework {} could not be torn down; Mesos \
                 removes it when its failover timeout passes",
                framework_id.value
            ),
        )
        .with_delivery(crate::Delivery::NotSent));
    };
    let mut call = calls::teardown();
    call.framework_id = Some(framework_id);
    let teardown = async { calls.send(call).await?.await };
    timeout(TEARDOWN_TIMEOUT, teardown).await.map_err(|_| {
        let text = "TEARDOWN was not answered within 10 s";
        Error::new(ErrorKind::Timeout, text)
    })??;
    Ok(End::Stopped)
}

/// Declines offers as they are dropped, also while a handler runs.
struct Decliner(JoinHandle<()>);

impl Decliner {
    fn start(driver: &SchedulerDriver, calls: &Arc<dyn Calls<SchedulerApi>>) -> Self {
        let driver = driver.clone();
        let calls = Arc::clone(calls);
        Self(tokio::spawn(async move {
            loop {
                let ids = driver.shared().ledger.dropped().await;
                tracing::debug!(count = ids.len(), "declining unused offers");
                send(&driver, calls.as_ref(), calls::decline(ids, None)).await;
            }
        }))
    }
}

impl Drop for Decliner {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// What a handler's outcome means for the driver; `None` to go on.
fn ended(handled: Result<Handled>) -> Option<Result<End>> {
    match handled {
        Ok(Handled::Done | Handled::Failed(_)) => None,
        Ok(Handled::Aborted) => Some(Ok(End::Aborted)),
        Err(panicked) => Some(Err(panicked)),
    }
}

/// Sorts the text of an ERROR event. Mesos has no codes for it; the texts are
/// in `src/master/master.cpp`.
fn terminal(message: String) -> Error {
    let kind = match message.as_str() {
        "Framework has been removed" => ErrorKind::FrameworkRemoved,
        "Framework failed over" => ErrorKind::TakenOver,
        text if text.contains("not authorized") => ErrorKind::Forbidden,
        _ => ErrorKind::Rejected,
    };
    Error::new(kind, format!("Mesos ended the subscription: {message}"))
}
