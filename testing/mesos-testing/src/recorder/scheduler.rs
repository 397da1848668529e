//! A scheduler that records the events that it receives.

use std::fmt;
use std::panic::Location;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use mesos_core::scheduler::{Acknowledgement, Failure, OperationUpdate, StatusUpdate, Subscribed};
use mesos_core::{Disconnected, HandlerResult, Offer, Scheduler, SchedulerDriver, UnknownEvent};
use mesos_proto::v1::{
    self, AgentId, ExecutorId, InverseOffer, OfferId, OperationStatus, TaskState, TaskStatus,
};

use crate::Transcript;

use super::outcome::{Gate, Handler, Outcome, Recording};

/// A scheduler that records the events that it receives, for tests of drivers and backends. Clones
/// share the recording: pass one clone to the driver and keep another for the test.
///
/// The recorder holds offers, so that they are not declined, until the test [takes](Self::offers)
/// them and uses or drops them.
///
/// ```no_run
/// use mesos_core::backend::{Backend, SchedulerApi};
/// use mesos_core::{Framework, SchedulerDriver};
/// use mesos_testing::Recorder;
///
/// # async fn example(backend: impl Backend<SchedulerApi> + 'static) {
/// let recorder = Recorder::new();
/// let driver = SchedulerDriver::start(recorder.clone(), Framework::ephemeral("test"), backend);
/// let subscribed = recorder.subscribed().await;
/// assert!(!subscribed.resubscribed);
/// # drop(driver);
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Recorder(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    recording: Recording<RecordedEvent>,
    deferred: Mutex<Vec<Acknowledgement>>,
}

/// An event that a scheduler received.
#[derive(Clone, Debug)]
#[allow(missing_docs)] // they are the methods of Scheduler, with their arguments
#[non_exhaustive]
pub enum RecordedEvent {
    Subscribed(Subscribed),
    Disconnected(Disconnected),
    Offers(Offered),
    Rescind(OfferId),
    InverseOffers(Vec<InverseOffer>),
    RescindInverseOffer(OfferId),
    Update(TaskStatus),
    OperationUpdate(OperationStatus),
    Message {
        agent_id: AgentId,
        executor_id: ExecutorId,
        data: Bytes,
    },
    Failure(Failure),
    Error(String),
    Unknown(UnknownEvent),
}

/// Offers that arrived together. The offers can be taken once.
#[derive(Clone, Debug)]
pub struct Offered {
    /// The messages of the offers.
    pub messages: Vec<v1::Offer>,
    offers: Arc<Mutex<Vec<Offer>>>,
}

impl Offered {
    /// Takes the offers. Empty if they were taken before.
    pub fn take(&self) -> Vec<Offer> {
        let offers = self.offers.lock();
        std::mem::take(&mut *offers.unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Display for RecordedEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Subscribed(subscribed) => {
                write!(f, "subscribed as {}", subscribed.framework_id)
            }
            Self::Disconnected(lost) => {
                write!(f, "disconnected: {}", mesos_core::error_chain(&lost.error))
            }
            Self::Offers(offered) => {
                f.write_str("offers")?;
                offered
                    .messages
                    .iter()
                    .try_for_each(|offer| write!(f, " {}", offer.id))
            }
            Self::Rescind(id) => write!(f, "rescind {id}"),
            Self::InverseOffers(offers) => write!(f, "{} inverse offers", offers.len()),
            Self::RescindInverseOffer(id) => write!(f, "rescind inverse offer {id}"),
            Self::Update(status) => write!(f, "update {} {:?}", status.task_id, status.state()),
            Self::OperationUpdate(status) => {
                let id = status.operation_id.as_ref().map_or("", |id| id.as_str());
                write!(f, "operation update {id} {:?}", status.state())
            }
            Self::Message { data, .. } => write!(f, "message of {} bytes", data.len()),
            Self::Failure(failure) => write!(f, "{failure:?}"),
            Self::Error(message) => write!(f, "error: {message}"),
            Self::Unknown(event) => write!(f, "unknown event of type {}", event.type_number),
        }
    }
}

impl Default for Recorder {
    fn default() -> Self {
        Self::new()
    }
}

impl Recorder {
    /// Creates a recorder whose handlers succeed.
    pub fn new() -> Self {
        Self::of(Recording::new())
    }

    /// Creates a recorder whose methods wait at most this long.
    pub fn with_timeout(timeout: Duration) -> Self {
        Self::of(Recording::with_timeout(timeout))
    }

    fn of(recording: Recording<RecordedEvent>) -> Self {
        Self(Arc::new(Inner {
            recording,
            deferred: Mutex::default(),
        }))
    }

    /// Plans the outcome of the next call of this handler. Several planned outcomes apply in order.
    #[must_use]
    pub fn with(self, handler: Handler, outcome: Outcome) -> Self {
        self.plan(handler, outcome);
        self
    }

    /// As [`with`](Self::with), at any time.
    pub fn plan(&self, handler: Handler, outcome: Outcome) {
        self.0.recording.plan(handler, outcome);
    }

    /// Sets the outcome of this handler whenever no outcome is planned.
    pub fn always(&self, handler: Handler, outcome: Outcome) {
        self.0.recording.always(handler, outcome);
    }

    /// Makes the next call of this handler wait until the gate opens.
    #[must_use = "dropping the gate opens it"]
    pub fn hold(&self, handler: Handler) -> Gate {
        self.0.recording.hold(handler)
    }

    /// All events so far and from now on, as text.
    pub fn transcript(&self) -> Transcript {
        Transcript::new(&self.0.recording.events)
    }

    /// All events so far.
    pub fn events(&self) -> Vec<RecordedEvent> {
        self.0.recording.events.all()
    }

    /// The task ids and states of all updates so far.
    pub fn states(&self) -> Vec<(String, TaskState)> {
        self.events()
            .into_iter()
            .filter_map(|event| match event {
                RecordedEvent::Update(status) => {
                    Some((status.task_id.value.clone(), status.state()))
                }
                _ => None,
            })
            .collect()
    }

    /// Waits for the next event for which `wanted` returns true.
    ///
    /// # Panics
    /// If no such event arrives within 10 s, or the recorder's timeout; the message lists all
    /// events. All methods that wait panic like this.
    #[track_caller]
    pub fn expect<'a>(
        &'a self,
        what: &'a str,
        wanted: impl FnMut(&RecordedEvent) -> bool + Send + 'a,
    ) -> impl Future<Output = RecordedEvent> + Send + 'a {
        let at = Location::caller();
        async move { self.0.recording.events.expect(what, at, wanted).await }
    }

    async fn find<T: Send>(
        &self,
        what: &str,
        at: &'static Location<'static>,
        wanted: impl Fn(&RecordedEvent) -> Option<T> + Send + Sync,
    ) -> T {
        let matches = |event: &RecordedEvent| wanted(event).is_some();
        let event = self.0.recording.events.expect(what, at, matches).await;
        match wanted(&event) {
            Some(found) => found,
            None => unreachable!("it was just found"),
        }
    }

    /// Waits for the next subscription.
    #[track_caller]
    pub fn subscribed(&self) -> impl Future<Output = Subscribed> + Send + '_ {
        let at = Location::caller();
        self.find("subscribed", at, |event| match event {
            RecordedEvent::Subscribed(subscribed) => Some(subscribed.clone()),
            _ => None,
        })
    }

    /// Waits for the next end of a subscription, or failed attempt to subscribe.
    #[track_caller]
    pub fn disconnected(&self) -> impl Future<Output = Disconnected> + Send + '_ {
        let at = Location::caller();
        self.find("disconnected", at, |event| match event {
            RecordedEvent::Disconnected(disconnected) => Some(disconnected.clone()),
            _ => None,
        })
    }

    /// Waits for the next offers and takes them.
    #[track_caller]
    pub fn offers(&self) -> impl Future<Output = Vec<Offer>> + Send + '_ {
        let at = Location::caller();
        let offered = self.find("offers", at, |event| match event {
            RecordedEvent::Offers(offered) => Some(offered.clone()),
            _ => None,
        });
        async move { offered.await.take() }
    }

    /// Waits for the next update with this state, of any task.
    #[track_caller]
    pub fn update(&self, state: TaskState) -> impl Future<Output = TaskStatus> + Send + '_ {
        let at = Location::caller();
        self.find(state.as_str_name(), at, move |event| match event {
            RecordedEvent::Update(status) if status.task_state() == Ok(state) => {
                Some(status.clone())
            }
            _ => None,
        })
    }

    /// Waits for the next update of an operation.
    #[track_caller]
    pub fn operation_update(&self) -> impl Future<Output = OperationStatus> + Send + '_ {
        let at = Location::caller();
        self.find("an operation's update", at, |event| match event {
            RecordedEvent::OperationUpdate(status) => Some(status.clone()),
            _ => None,
        })
    }

    /// Takes the acknowledgements that were [deferred](Outcome::Defer), oldest first.
    pub fn deferred(&self) -> Vec<Acknowledgement> {
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Acknowledgement>> {
        self.0
            .deferred
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    async fn record(&self, handler: Handler, event: RecordedEvent) -> HandlerResult {
        self.0.recording.events.push(event);
        self.0.recording.end(handler, || {}).await
    }
}

#[async_trait]
impl Scheduler for Recorder {
    async fn subscribed(&mut self, _: &SchedulerDriver, subscribed: Subscribed) -> HandlerResult {
        self.record(Handler::Subscribed, RecordedEvent::Subscribed(subscribed))
            .await
    }

    async fn disconnected(
        &mut self,
        _: &SchedulerDriver,
        disconnected: Disconnected,
    ) -> HandlerResult {
        self.record(
            Handler::Disconnected,
            RecordedEvent::Disconnected(disconnected),
        )
        .await
    }

    async fn offers(&mut self, _: &SchedulerDriver, offers: Vec<Offer>) -> HandlerResult {
        let offered = Offered {
            messages: offers.iter().map(|offer| (**offer).clone()).collect(),
            offers: Arc::new(Mutex::new(offers)),
        };
        self.record(Handler::Offers, RecordedEvent::Offers(offered))
            .await
    }

    async fn rescind(&mut self, _: &SchedulerDriver, offer_id: OfferId) -> HandlerResult {
        self.record(Handler::Rescind, RecordedEvent::Rescind(offer_id))
            .await
    }

    async fn inverse_offers(
        &mut self,
        _: &SchedulerDriver,
        inverse_offers: Vec<InverseOffer>,
    ) -> HandlerResult {
        let event = RecordedEvent::InverseOffers(inverse_offers);
        self.record(Handler::InverseOffers, event).await
    }

    async fn rescind_inverse_offer(
        &mut self,
        _: &SchedulerDriver,
        inverse_offer_id: OfferId,
    ) -> HandlerResult {
        let event = RecordedEvent::RescindInverseOffer(inverse_offer_id);
        self.record(Handler::RescindInverseOffer, event).await
    }

    async fn update(&mut self, _: &SchedulerDriver, update: &StatusUpdate) -> HandlerResult {
        self.0
            .recording
            .events
            .push(RecordedEvent::Update(update.to_status()));
        let defer = || self.lock().extend(update.defer());
        self.0.recording.end(Handler::Update, defer).await
    }

    async fn operation_update(
        &mut self,
        _: &SchedulerDriver,
        update: &OperationUpdate,
    ) -> HandlerResult {
        let event = RecordedEvent::OperationUpdate(update.to_status());
        self.0.recording.events.push(event);
        let defer = || self.lock().extend(update.defer());
        self.0.recording.end(Handler::OperationUpdate, defer).await
    }

    async fn message(
        &mut self,
        _: &SchedulerDriver,
        agent_id: AgentId,
        executor_id: ExecutorId,
        data: Bytes,
    ) -> HandlerResult {
        let event = RecordedEvent::Message {
            agent_id,
            executor_id,
            data,
        };
        self.record(Handler::Message, event).await
    }

    async fn failure(&mut self, _: &SchedulerDriver, failure: Failure) -> HandlerResult {
        self.record(Handler::Failure, RecordedEvent::Failure(failure))
            .await
    }

    async fn error(&mut self, _: &SchedulerDriver, message: String) -> HandlerResult {
        self.record(Handler::Error, RecordedEvent::Error(message))
            .await
    }

    async fn unknown(&mut self, _: &SchedulerDriver, event: UnknownEvent) -> HandlerResult {
        self.record(Handler::Unknown, RecordedEvent::Unknown(event))
            .await
    }
}
