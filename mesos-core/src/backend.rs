//! The interface of a backend: the part that differs between HTTP and libmesos.
//!
//! A backend opens subscriptions and sends calls. Handlers, offers and acknowledgements are
//! implemented once, in this crate, on top of it. The traits can be implemented outside, for a
//! third backend.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use async_trait::async_trait;
use bytes::Bytes;
use mesos_proto::encoded::{EncodedOffer, EncodedUpdate, Encoding};
use mesos_proto::v1;
use tokio::sync::oneshot;

pub use crate::blocking::blocking;
use crate::capability::Capabilities;
use crate::error::{Delivery, Error, ErrorKind, Result};

/// One of the two streaming APIs of Mesos. Only [`SchedulerApi`] and [`ExecutorApi`] implement
/// it.
pub trait Api: sealed::Sealed + Send + Sync + fmt::Debug + 'static {
    /// A message to Mesos.
    type Call: Clone + Send + fmt::Debug + 'static;
    /// A message from Mesos.
    type Event: Send + fmt::Debug + 'static;
    /// The type of a call.
    type CallType: Copy + Eq + fmt::Debug + Send + Sync + 'static;
    /// `scheduler` or `executor`, for messages.
    const NAME: &'static str;
    /// The type of the call that opens a subscription.
    const SUBSCRIBE: Self::CallType;

    /// The type of `call`.
    fn call_type(call: &Self::Call) -> Self::CallType;

    /// The name of a type in Mesos' schema, such as `SUBSCRIBE`.
    fn type_name(call_type: Self::CallType) -> &'static str;

    /// The name of the type of `call`.
    fn call_name(call: &Self::Call) -> &'static str {
        Self::type_name(Self::call_type(call))
    }
}

mod sealed {
    pub trait Sealed {}

    impl Sealed for super::SchedulerApi {}
    impl Sealed for super::ExecutorApi {}
}

/// The API between a scheduler and the master.
#[derive(Debug, Clone, Copy)]
pub struct SchedulerApi;

impl Api for SchedulerApi {
    type Call = v1::scheduler::Call;
    type Event = v1::scheduler::Event;
    type CallType = v1::scheduler::call::Type;
    const NAME: &'static str = "scheduler";
    const SUBSCRIBE: Self::CallType = Self::CallType::Subscribe;

    fn call_type(call: &Self::Call) -> Self::CallType {
        call.r#type()
    }

    fn type_name(call_type: Self::CallType) -> &'static str {
        call_type.as_str_name()
    }
}

/// The API between an executor and its agent.
#[derive(Debug, Clone, Copy)]
pub struct ExecutorApi;

impl Api for ExecutorApi {
    type Call = v1::executor::Call;
    type Event = v1::executor::Event;
    type CallType = v1::executor::call::Type;
    const NAME: &'static str = "executor";
    const SUBSCRIBE: Self::CallType = Self::CallType::Subscribe;

    fn call_type(call: &Self::Call) -> Self::CallType {
        call.r#type()
    }

    fn type_name(call_type: Self::CallType) -> &'static str {
        call_type.as_str_name()
    }
}

/// Opens subscriptions.
#[async_trait]
pub trait Backend<A: Api>: Send + Sync + fmt::Debug {
    /// The name for messages: `http`, `native`, ….
    fn name(&self) -> &'static str;

    /// The optional features that this backend supports.
    fn capabilities(&self) -> Capabilities;

    /// Connects, sends the SUBSCRIBE in `call`, and returns when the peer has accepted it for
    /// processing. The first event says whether the subscription is granted (SUBSCRIBED or ERROR).
    ///
    /// This is one attempt: the caller waits and retries. Dropping the future cancels the attempt
    /// and closes its connections.
    async fn subscribe(&self, call: A::Call) -> Result<Subscription<A>>;

    /// The principal of the credentials, if the backend has credentials with a principal. The
    /// driver compares it with the principal of the framework before the first SUBSCRIBE.
    ///
    /// The default is `None`: the principal is unknown.
    fn principal(&self) -> Option<&str> {
        None
    }

    /// Completes when a leader becomes known or changes, so that retrying early makes sense. A
    /// driver that waits before its next attempt then waits less, within the bounds of its backoff.
    /// Cancel safe.
    ///
    /// The default never completes: it suits a backend that learns nothing between attempts.
    async fn leader_changed(&self) {
        std::future::pending().await
    }
}

/// A backend that is selected at run time.
#[async_trait]
impl<A: Api> Backend<A> for Box<dyn Backend<A>> {
    fn name(&self) -> &'static str {
        (**self).name()
    }

    fn capabilities(&self) -> Capabilities {
        (**self).capabilities()
    }

    async fn subscribe(&self, call: A::Call) -> Result<Subscription<A>> {
        (**self).subscribe(call).await
    }

    fn principal(&self) -> Option<&str> {
        (**self).principal()
    }

    async fn leader_changed(&self) {
        (**self).leader_changed().await;
    }
}

/// An open subscription. Dropping `events` closes it; later calls through `calls` fail.
#[non_exhaustive]
pub struct Subscription<A: Api> {
    /// The events from Mesos, in the order in which Mesos sent them.
    pub events: Box<dyn EventStream<A>>,
    /// Sends calls that belong to this subscription.
    pub calls: Arc<dyn Calls<A>>,
    /// The peer, for messages: `http://10.0.0.1:5050/master`.
    pub peer: String,
}

impl<A: Api> Subscription<A> {
    /// A subscription of these parts; see the fields.
    pub fn new(
        events: impl EventStream<A> + 'static,
        calls: Arc<dyn Calls<A>>,
        peer: impl Into<String>,
    ) -> Self {
        Self {
            events: Box::new(events),
            calls,
            peer: peer.into(),
        }
    }
}

impl<A: Api> fmt::Debug for Subscription<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription")
            .field("api", &A::NAME)
            .field("peer", &self.peer)
            .finish_non_exhaustive()
    }
}

/// An item of an [`EventStream`]. A newer version may have more variants, which older programs
/// can ignore.
#[derive(Debug)]
#[non_exhaustive]
pub enum Incoming<A: Api> {
    /// An event, and the bytes that it was decoded from (empty if the backend does not have them).
    /// The bytes contain fields of a newer Mesos that this schema lacks.
    Event(Box<A::Event>, Bytes),
    /// The offers of an OFFERS event for a scheduler, which were checked and not decoded. Only
    /// [`EventStream::next_encoded`] returns it.
    Offers(Vec<EncodedOffer>),
    /// The update of an UPDATE event for a scheduler, as [`Offers`](Self::Offers).
    Update(EncodedUpdate),
    /// The connection is lost and the backend reconnects; the next event is a SUBSCRIBED. A
    /// backend that leaves reconnecting to the caller ends the stream instead.
    Disconnected(Error),
}

/// The events of one subscription.
#[async_trait]
pub trait EventStream<A: Api>: Send {
    /// The next event. An error ends the subscription, and says why.
    ///
    /// Any sign that the subscription is dead is reported here as an error, even if the sign was
    /// the response to a call, or a scheduler's call that got no response in time: the caller may
    /// have dropped the [`Answer`].
    ///
    /// Cancel safe: dropping the future loses no event. Poll the future when its task is woken, or drop
    /// it: a backend may read events and send calls in this future.
    async fn next(&mut self) -> Result<Incoming<A>>;

    /// As [`next`](Self::next), but offers and updates may be returned undecoded, as
    /// [`Incoming::Offers`] and [`Incoming::Update`]. Drivers call this method, because most of them
    /// are never read completely.
    ///
    /// The default decodes all events.
    async fn next_encoded(&mut self) -> Result<Incoming<A>> {
        self.next().await
    }

    /// As [`next_encoded`](Self::next_encoded) if that returns without waiting; `None` otherwise.
    /// Drivers call this method to handle several events before they check everything else that
    /// they wait for.
    ///
    /// The default returns `None`.
    fn next_ready(&mut self) -> Option<Result<Incoming<A>>> {
        None
    }

    /// The number of events that [`next`](Self::next) can return without waiting, for metrics and
    /// [`Health`](crate::scheduler::Health). The default returns 0.
    fn queued(&self) -> usize {
        0
    }
}

/// The calls of one subscription.
#[async_trait]
pub trait Calls<A: Api>: Send + Sync {
    /// Queues `call` and returns the future of its answer. Waits only while the queue is full.
    ///
    /// Calls reach Mesos in the order in which these futures complete. If the future is dropped
    /// before it completes, the call is not made. Dropping the [`Answer`] does not cancel the call.
    async fn send(&self, call: A::Call) -> Result<Answer>;

    /// As [`send`](Self::send), without waiting. The result goes to `answer`, so a driver can make
    /// many calls for whose results no future waits.
    ///
    /// Returns `answer` if the queue is full. The default always returns it: the caller then uses
    /// [`send`](Self::send).
    fn try_send(&self, call: &A::Call, answer: AnswerSender) -> Option<AnswerSender> {
        let _ = call;
        Some(answer)
    }

    /// As [`try_send`](Self::try_send), for a call of the type `call_type` that `encode` encodes, if
    /// the encoding can represent it. Drivers call this method for the most frequent calls, so that
    /// they need not make a message.
    ///
    /// Returns `answer` if the queue is full, or if the call was not encoded. The default always
    /// returns it.
    fn try_send_encoded(
        &self,
        call_type: A::CallType,
        encode: &dyn Fn(Encoding) -> Option<Bytes>,
        answer: AnswerSender,
    ) -> Option<AnswerSender> {
        let _ = (call_type, encode);
        Some(answer)
    }
}

/// The answer to a queued call.
#[derive(Debug)]
#[must_use = "the answer may be a refusal"]
pub struct Answer(oneshot::Receiver<Result<()>>);

/// The backend's half of an [`Answer`].
#[derive(Debug)]
pub struct AnswerSender(Receiver);

/// Where a result goes.
#[derive(Debug)]
enum Receiver {
    Answer(oneshot::Sender<Result<()>>),
    Observer(Arc<dyn Observer>, Observed),
    /// The result was sent.
    Done,
}

/// Receives the results of many calls of one kind, for which no future waits.
pub(crate) trait Observer: fmt::Debug + Send + Sync {
    /// The result of one call. Called once for each call, on the thread that has the result.
    fn answered(&self, call: Observed, result: Result<()>);
}

/// What an [`Observer`] needs to know about a call.
#[derive(Debug)]
pub(crate) struct Observed {
    pub(crate) span: tracing::Span,
    /// When the call was made, if it is measured.
    pub(crate) since: Option<tokio::time::Instant>,
}

impl Answer {
    /// An answer, and the sender that completes it.
    pub fn channel() -> (AnswerSender, Self) {
        let (sender, receiver) = oneshot::channel();
        (AnswerSender(Receiver::Answer(sender)), Self(receiver))
    }

    /// An answer that is complete.
    pub fn ready(result: Result<()>) -> Self {
        let (sender, answer) = Self::channel();
        sender.send(result);
        answer
    }
}

impl AnswerSender {
    /// Reports the result of a call to `observer`.
    pub(crate) fn observed(observer: Arc<dyn Observer>, call: Observed) -> Self {
        Self(Receiver::Observer(observer, call))
    }

    /// Completes the answer. It has no effect if the [`Answer`] was dropped.
    pub fn send(mut self, result: Result<()>) {
        self.complete(result);
    }

    /// The call was not made, and nobody has to know.
    pub(crate) fn discard(mut self) {
        self.0 = Receiver::Done;
    }

    fn complete(&mut self, result: Result<()>) {
        match std::mem::replace(&mut self.0, Receiver::Done) {
            Receiver::Answer(sender) => drop(sender.send(result)),
            Receiver::Observer(observer, call) => observer.answered(call, result),
            Receiver::Done => {}
        }
    }
}

/// A call without a result was lost with its subscription.
impl Drop for AnswerSender {
    fn drop(&mut self) {
        if let Receiver::Observer(..) = self.0 {
            self.complete(Err(unanswered()));
        }
    }
}

fn unanswered() -> Error {
    let text = "the subscription ended before the call was answered";
    Error::new(ErrorKind::NotSubscribed, text).with_delivery(Delivery::Unknown)
}

impl Future for Answer {
    type Output = Result<()>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = Pin::new(&mut self.0).poll(context);
        answer.map(|answer| answer.unwrap_or_else(|_| Err(unanswered())))
    }
}
